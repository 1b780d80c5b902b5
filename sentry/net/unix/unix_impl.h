/* unix_impl.h - what the files of this folder share. */
#pragma once

#include <sys/un.h>
#include <uthash.h>

#include "sentry/net/unix/unix.h"
#include "sentry/vfs/path.h"

struct unix_sock;

/* A name somebody is bound to. Sockets that were accepted share their listener's. */
struct unix_addr {
	int refs;
	socklen_t len;                    /* of name, as getsockname(2) tells it */
	struct sockaddr_un name;
};

/* What one send put into a queue. */
struct unix_buf {
	TAILQ_ENTRY(unix_buf) link;
	struct unix_sock *from;           /* a reference: it is charged for it */
	struct scm scm;                   /* its tg: a reference, where a descriptor may be asked for */
	size_t len, off;                  /* off: taken already (streams) */
	size_t charge;
	bool peeked;
	char data[];
};

enum unix_state { UNIX_CLOSED, UNIX_LISTEN, UNIX_CONNECTED };
enum { RCV_SHUTDOWN = 1, SEND_SHUTDOWN = 2, SHUTDOWN_ALL = 3 };

struct unix_sock {
	struct socket sock;
	int refs;                         /* its file, peers, and buffers it sent */
	bool dead;                        /* the file is gone */
	bool embryo;                      /* connected, not accepted yet */
	enum unix_state state;
	unsigned shutdown;
	struct unix_sock *peer;           /* a reference; stays when the peer dies */
	struct thread_group *peer_tg;     /* SO_PEERPIDFD: a reference, or NULL */
	struct cred *peer_cred;           /* SO_PEERGROUPS: likewise */
	struct unix_addr *addr;           /* a reference, or NULL: unbound */
	struct net *net;                  /* a reference: abstract names are the network namespace's */
	TAILQ_ENTRY(unix_sock) net_link;  /* until it is dead */
	struct unix_key { const struct net *net; int type; socklen_t len; char name[108]; } key;      /* abstract: in the table of names */
	UT_hash_handle hh;
	struct path path;                 /* bound to a file: pins its name, so that it is found again by it */
	struct inode *inode;              /* whose ->sock we are; a reference */

	/* unix_gc.c: on how many messages' way its file is. */
	unsigned flying;
	TAILQ_ENTRY(unix_sock) flying_link, gc_link;
	unsigned gc_refs;
	bool gc_candidate;

	TAILQ_HEAD(unix_bufs, unix_buf) recvq;
	struct unix_buf *oob;             /* the urgent byte in recvq, or NULL */
	unsigned recvq_count;
	bool inq, no_rights;              /* SO_INQ; SO_PASSRIGHTS is off */
	size_t recvq_bytes, wmem;         /* wmem: charge of what we sent and nobody has taken */

	TAILQ_HEAD(, unix_sock) acceptq;  /* embryos: the references on their files */
	TAILQ_ENTRY(unix_sock) accept_link;
	unsigned acceptq_count, backlog;

	struct waitq room_q;              /* who found our queue full */
	struct waiter full_w;             /* us, on the room_q of one whose queue we found full */
};
#define to_unix(s) container_of(s, struct unix_sock, sock)

/* unix_sock.c */
struct unix_sock *unix_get(struct unix_sock *u);
void unix_put(struct unix_sock *u);
DEFINE_AUTO(unix_put, struct unix_sock *)
int unix_make(struct net *net, int type, struct unix_sock **out) MUST_CHECK;
bool unix_writable(const struct unix_sock *u);
/* u's queue is full: wakes `who` when there is room, or u dies. */
void unix_wait_room(struct unix_sock *who, struct unix_sock *u);

/* unix_addr.c */
struct unix_addr *unix_addr_get(struct unix_addr *a);
void unix_addr_put(struct unix_addr *a);
int unix_bind(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len);
int unix_autobind(struct unix_sock *u);
void unix_unbind(struct unix_sock *u);            /* sleeps */
/* Who is bound to that name: a reference. -ECONNREFUSED, -ENOENT, -EACCES, -EPROTOTYPE. Sleeps. */
int unix_find(struct task *t, const struct unix_sock *from, const struct sockaddr_storage *addr, socklen_t len,
	      struct unix_sock **out) MUST_CHECK;
void unix_addr_copy(const struct unix_addr *a, struct sockaddr_storage *out, socklen_t *out_len);

/* unix_connect.c */
int unix_listen(struct task *t, struct socket *s, int backlog);
int unix_accept(struct socket *s, struct socket **out);
int unix_connect(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len);
int unix_pair(struct task *t, struct socket *a, struct socket *b);
bool unix_may_send(const struct unix_sock *u, const struct unix_sock *other);

/* unix_msg.c */
ssize_t unix_send(struct task *t, struct socket *s, struct socket_msg *m);
ssize_t unix_recv(struct task *t, struct socket *s, struct socket_msg *m);
void unix_purge(struct unix_sock *u);             /* drops what it has received */
/* Takes a message out of the queue, and frees one that is in none. */
void unix_buf_unlink(struct unix_sock *u, struct unix_buf *b);
void unix_buf_free(struct unix_buf *b);
bool unix_recvq_full(const struct unix_sock *u);

/* unix_oob.c */
void unix_oob_sent(struct unix_sock *other, struct unix_buf *b);                 /* b is the last of other's queue */
ssize_t unix_oob_recv(struct unix_sock *u, struct socket_msg *m);                /* MSG_OOB. -EINVAL, -EFAULT */
/* Where a read that has come to b goes on; some: it has got bytes. NULL: it ends here, for want of more or before the mark. */
struct unix_buf *unix_oob_pass(struct unix_sock *u, struct unix_buf *b, bool peek, bool some);
bool unix_oob_at_mark(const struct unix_sock *u);                                /* SIOCATMARK */

/* unix_opt.c */
void unix_set_peer_of(struct unix_sock *u, struct thread_group *tg, const struct cred *cred);    /* who sock.peer is; or NULLs */
int unix_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len);
int unix_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len);

/* unix_gc.c: sockets that only messages hold which nobody can receive. */
void unix_fly(const struct scm_files *files);     /* they are in a queue now */
void unix_land(const struct scm_files *files);    /* … and not any more */
void unix_gc(void);
