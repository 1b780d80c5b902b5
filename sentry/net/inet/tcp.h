/* tcp.h - TCP inside the sentry: what the tcp_*.c files share.
 *
 * Two connected sockets point at each other. What one sends lies in the other's rcvq as far as its window (SO_RCVBUF)
 * goes, and the rest in its own sndq until the other reads. A socket outlives its file while its peer needs it: it is
 * "dead" then, and an orphan to whom everything sent is answered with a reset. */
#pragma once

#include "platform/base/loop.h"
#include "sentry/net/bufq.h"
#include "sentry/net/inet/inet_impl.h"

/* As TCP_INFO and /proc/net/tcp show them. */
enum tcp_state {
	TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_TIME_WAIT, TCP_CLOSE, TCP_CLOSE_WAIT,
	TCP_LAST_ACK, TCP_LISTEN, TCP_CLOSING,
};
enum { RCV_SHUTDOWN = 1, SEND_SHUTDOWN = 2, SHUTDOWN_ALL = 3 };

#define TCP_SNDBUF_CONNECTED 2626560      /* what autotuning makes of SO_SNDBUF for such segments */
#define TCP_CM_INQ_TYPE 36                /* TCP_CM_INQ */
#define TIME_WAIT_NS (60 * NS_PER_SEC)
#define TCP_MSS 65483                     /* of lo, with time stamps */

/* Both ends' addresses: no two connections of a namespace have the same. */
struct tcp_key {
	struct in6_addr local, remote;
	uint16_t local_port, remote_port;
};
struct tcp_conn {                         /* what is in net->conns: a socket's, or of a connection in TIME_WAIT */
	struct tcp_key key;
	bool time_wait;
	UT_hash_handle hh;
};
struct time_wait {
	struct tcp_conn conn;
	struct net *net;
	struct inet_bucket *bucket;
	TAILQ_ENTRY(time_wait) bucket_link, age_link;
	bool reuseaddr, reuseport;
	uint64_t since_ns;
};

struct tcp_sock {
	struct inet_sock in;
	int refs;                         /* its file, its peer */
	bool dead;                        /* the file is gone */
	bool outside;                     /* its program is outside of the sandbox (net/publish): guests don't see it */
	enum tcp_state state;
	/* socket(7)'s own idea of it (Linux: socket->state): what connect(2) answers. */
	enum { SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED, SS_DISCONNECTING } ss;
	unsigned shutdown;
	bool done;                        /* the peer's FIN was seen: no error is told by recv any more */
	bool fin_queued;                  /* ours waits behind sndq */
	struct tcp_sock *peer;            /* a reference, and one back; or itself */
	struct tcp_conn conn;
	bool hashed;                      /* conn is in net->conns */
	struct bufq rcvq, sndq;
	bool nospace;                     /* somebody has found sndq full: tell when it isn't any more */
	struct ktimer timer;              /* SYN_SENT, deferred accept, FIN_WAIT2, cork: by state */

	/* Listeners. */
	TAILQ_HEAD(, tcp_sock) acceptq;   /* established: the references on their files */
	TAILQ_HEAD(, tcp_sock) synq;      /* clients that wait for room: in SYN_SENT; no references */
	TAILQ_HEAD(, tcp_sock) deferred;  /* TCP_DEFER_ACCEPT: the references on their files */
	TAILQ_ENTRY(tcp_sock) queue_link;
	struct tcp_sock *listener;        /* in whose synq or deferred we are */
	unsigned acceptq_count, backlog;

	/* Urgent data. Positions in the stream that we receive. */
	uint64_t rcv_pos, urg_pos;        /* of the next byte to read, of the urgent one */
	enum { URG_NONE, URG_VALID, URG_READ } urg;
	char urg_byte;
	bool urg_queued;                  /* ours: the byte at snd_urg of what we sent is urgent, and still in sndq */
	uint64_t snd_pos, snd_urg;        /* how much we have handed to the peer, ever; the urgent byte */

	/* Options. */
	bool nodelay, cork, quickack, inq, save_syn, fastopen_connect, thin_linear, thin_dupack;
	int maxseg, keepidle, keepintvl, keepcnt, syncnt, linger2, defer_accept, window_clamp, user_timeout, notsent_lowat,
		fastopen, rto_max_ms;
	char congestion[16];
	uint32_t zerocopy_id;
	uint64_t bytes_in, bytes_out, segs_in, segs_out, last_send_ns, last_recv_ns, since_ns;
	uint64_t tx_delay;
};
#define to_tcp(s) container_of(to_inet(s), struct tcp_sock, in)

/* tcp_sock.c */
struct tcp_sock *tcp_get(struct tcp_sock *s);
void tcp_put(struct tcp_sock *s);
DEFINE_AUTO(tcp_put, struct tcp_sock *)
int tcp_make(struct net *net, int family, uint32_t euid, struct tcp_sock **out) MUST_CHECK;
void tcp_wake(struct tcp_sock *s, uint32_t events);
void tcp_copy_options(struct tcp_sock *to, const struct tcp_sock *from);
bool tcp_writable(const struct tcp_sock *s);

/* tcp_table.c: connections by address. */
struct tcp_key tcp_key_of(const struct inet_addr *local, const struct inet_addr *remote);
struct tcp_conn *tcp_conn_find(struct net *net, const struct tcp_key *key);
void tcp_hash(struct tcp_sock *s);
void tcp_unhash(struct tcp_sock *s);
void tcp_time_wait_add(struct tcp_sock *s);               /* s's addresses stay taken for a minute */
bool tcp_time_wait_reuse(struct tcp_conn *c);             /* a connect(2) may have its addresses: forgets it */
void tcp_time_wait_forget(struct tcp_conn *c);            /* a new connection from there comes */
struct tcp_sock *tcp_listener_find(struct net *net, const struct inet_addr *to, const struct inet_addr *from);

/* tcp_connect.c */
int tcp_listen(struct task *t, struct socket *s, int backlog);
int tcp_accept(struct socket *s, struct socket **out);
int tcp_connect(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len);
/* A new socket, outside, connects to `to`, or waits for that in SYN_SENT, or has been refused; what sock.wq has to tell, it tells.
 * -EADDRINUSE: there is such a connection. */
int tcp_connect_from(struct net *net, const struct inet_addr *from, const struct inet_addr *to, struct tcp_sock **out) MUST_CHECK;
void tcp_unlisten(struct tcp_sock *s);                    /* those in its queues are reset. Sleeps */
void tcp_undefer(struct tcp_sock *child);                 /* its first data has come */
void tcp_leave_synq(struct tcp_sock *s);

/* tcp_data.c */
ssize_t tcp_send(struct task *t, struct socket *s, struct socket_msg *m);
ssize_t tcp_recv(struct task *t, struct socket *s, struct socket_msg *m);
void tcp_push(struct tcp_sock *s, bool all);              /* moves from sndq to the peer what its window and TCP_CORK allow */
/* For those outside, whose bytes are no guest's. get() puts up to the peer's window into a buffer: what it returned; -EAGAIN: no
 * window, EPOLLOUT will tell; -ENOBUFS, -EPIPE, -ECONNRESET. */
ssize_t tcp_send_from(struct tcp_sock *s, bufq_get_fn *get, void *arg) MUST_CHECK;
bool tcp_has_window(struct tcp_sock *s);                  /* false: EPOLLOUT will tell */
void tcp_took(struct tcp_sock *s, size_t bytes);          /* of rcvq */
size_t tcp_readable(const struct tcp_sock *s);
bool tcp_at_mark(const struct tcp_sock *s);
/* tcp_filter.c: moves a segment of s's sndq to p as far as p's filter wants it, adding to *moved. False: it was dropped, and
 * comes again later. */
bool tcp_filter_segment(struct tcp_sock *s, struct tcp_sock *p, size_t room, size_t *moved) MUST_CHECK;

/* tcp_close.c */
int tcp_shutdown(struct socket *s, int how);
void tcp_release(struct socket *s);
void tcp_linger(struct task *t, struct socket *s);
void tcp_reset(struct tcp_sock *s, int error);            /* a RST has come (0: was sent): the connection is over */
void tcp_abort(struct tcp_sock *s);                       /* sends a RST */
void tcp_fin_try(struct tcp_sock *s);                     /* sndq may be empty: then our FIN goes */
void tcp_disconnect(struct tcp_sock *s);                  /* as good as new; keeps what bind(2) chose. May sleep (listeners) */
void tcp_timer(struct ktimer *kt);

/* tcp_opt.c */
int tcp_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len);
int tcp_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len);
