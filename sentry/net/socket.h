/* socket.h - sockets (socket(7)): what every family has, and what one implements.
 *
 * A family embeds struct socket and fills in struct socket_ops; it registers in net/family.c. As with files, no op blocks:
 * -EAGAIN means "not now", and the verbs below wait on s->wq, deciding MSG_DONTWAIT, time-outs and signals once. */
#pragma once

#include <linux/socket.h>
#include <sys/socket.h>

#include "sentry/kernel/task.h"
#include "sentry/net/scm.h"

struct socket;
struct socket_filter;

/* Control messages of the family's own on their way to the receiver (recvmsg(2)). */
struct socket_cmsgs {
	size_t used;
	char bytes[1024];                 /* struct cmsghdr with its data, aligned, one after the other */
};

/* A message on its way: from the sender's arguments, or into the receiver's. */
struct socket_msg {
	struct uio *data;
	struct sockaddr_storage name;     /* send: where to; recv: out, from whom */
	socklen_t name_len;               /* 0: none */
	struct scm scm;                   /* send: what goes along (the op may take files over); recv: out, references */
	const char *control;              /* send: all control messages, their headers checked; what scm has is not for the op */
	size_t control_len;
	struct socket_cmsgs *cmsgs;       /* recv: NULL: nobody wants any */
	uint64_t stamp_ns;                /* recv: when it came, by CLOCK_REALTIME; 0: not known */
	int flags;                        /* MSG_* as given */
	size_t got;                       /* recv: what earlier calls of the op got for the same recvmsg(2) */
	int out_flags;                    /* recv: MSG_TRUNC, MSG_EOR … */
	bool stop;                        /* recv: MSG_WAITALL must not go on behind this (a boundary) */
};

/* Whose name: one's own; the peer's; the peer's of a connection just accepted, which may have ended meanwhile. */
enum socket_end { SOCKET_SELF, SOCKET_PEER, SOCKET_ACCEPTED };

struct socket_ops {
	/* Addresses are complete structs, address family checked by the op. */
	int (*bind)(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len);      /* sleeps */
	int (*listen)(struct task *t, struct socket *s, int backlog);
	int (*accept)(struct socket *s, struct socket **out);              /* -EAGAIN; *out: the reference on its file */
	/* -EAGAIN, -EINPROGRESS, -EALREADY: try again when woken; what the first call said is what a non-blocking connect(2) tells.
	 * sleeps */
	int (*connect)(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len);
	int (*getname)(struct socket *s, enum socket_end end, struct sockaddr_storage *out, socklen_t *out_len);
	int (*shutdown)(struct socket *s, int how);                        /* SHUT_RD, SHUT_WR, SHUT_RDWR */
	/* t: NULL if nobody in particular (sendfile). May take less than all of a stream. sleeps */
	ssize_t (*send)(struct task *t, struct socket *s, struct socket_msg *m);
	ssize_t (*recv)(struct task *t, struct socket *s, struct socket_msg *m);
	uint32_t (*poll)(struct socket *s);
	int (*ioctl)(struct task *t, struct socket *s, unsigned cmd, uint64_t arg);                           /* empty: ENOTTY */
	/* What socket.c does not know. Empty or -ENOPROTOOPT: not known here either. value: *len bytes in, out. */
	int (*getsockopt)(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len);
	int (*setsockopt)(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len);
	/* What mmap(2) of [off, off+len) gets; a mapping has come or gone. As file_ops'. Empty: ENODEV; nothing. */
	int (*mmap)(struct socket *s, uint64_t off, uint64_t len, struct mmap_source *out);
	void (*mapped)(struct socket *s, int change);
	/* The last close(2), by a task that goes on: waits as SO_LINGER says, if it is set. Empty: nothing. sleeps */
	void (*linger)(struct task *t, struct socket *s);
	/* The file is gone: end it, and free it when nobody needs it. sleeps */
	void (*release)(struct socket *s);
};

struct socket {
	struct file file;
	const struct socket_ops *ops;
	struct waitq wq;                  /* file.wq */
	int family, type, protocol;
	int error;                        /* SO_ERROR: told once, positive */
	bool listening;
	bool passcred, passpidfd, passsec;     /* SO_PASSCRED …; the last only remembered */
	bool can_peek_off;                /* the family's: it has SO_PEEK_OFF */
	int peek_off;                     /* SO_PEEK_OFF: where MSG_PEEK begins; negative: at the first byte, and stays there */
	unsigned sndbuf, rcvbuf;          /* bytes */
	unsigned buf_lock;                /* SOCK_SNDBUF_LOCK, SOCK_RCVBUF_LOCK: set by the guest */
	int rcvlowat;                     /* SO_RCVLOWAT */
	bool reuseaddr, reuseport, keepalive, broadcast, oobinline, zerocopy;     /* the family's business */
	enum { STAMP_NONE, STAMP_US, STAMP_NS } stamp;                            /* SO_TIMESTAMP, SO_TIMESTAMPNS */
	bool stamp_new;                   /* … in its _NEW form */
	unsigned stamping;                /* SO_TIMESTAMPING: SOF_TIMESTAMPING_* */
	bool rxq_ovfl;                    /* SO_RXQ_OVFL */
	uint32_t drops;                   /* messages there was no room for */
	struct socket_filter *filter;     /* SO_ATTACH_FILTER, or NULL: filter.h */
	bool lock_filter;                 /* SO_LOCK_FILTER: for good */
	bool debug, dontroute, no_check, wifi_status, nofcs, select_err_queue;      /* remembered only */
	bool prefer_busy_poll, rcvmark;
	int priority, busy_poll, incoming_cpu, bound_if, txrehash;
	uint32_t mark;
	uint64_t max_pacing;
	struct linger linger;
	struct scm_creds peer;            /* SO_PEERCRED; pid 0: none */
};

struct socket_family {
	int family;
	/* type and protocol unchecked. *out: made with socket_init(); its file has one reference. */
	int (*create)(struct task *t, int type, int protocol, struct socket **out);
	int (*pair)(struct task *t, struct socket *a, struct socket *b);                   /* socketpair(2); empty: EOPNOTSUPP */
};
/* family.c. -EAFNOSUPPORT. type may hold SOCK_NONBLOCK. */
int socket_new(struct task *t, int family, int type, int protocol, struct socket **out) MUST_CHECK;
int socket_pair(struct task *t, int family, int type, int protocol, struct socket *out[2]) MUST_CHECK;

/* For families: the embedded base. type without flags. */
int socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol) MUST_CHECK;
struct socket *socket_of(struct file *f);                              /* NULL: not a socket */
/* After a read of t's descriptor fd, f, a socket, that returned n: see kernel/empties.c. */
void socket_learn_empty(struct task *t, struct file *f, int fd, ssize_t n);
/* recv: how many bytes a read leaves out at the front (SO_PEEK_OFF), and what is to be done when it has got some. */
static inline size_t socket_peek_from(const struct socket *s, const struct socket_msg *m)
{
	return (m->flags & MSG_PEEK) && s->peek_off > 0 ? (size_t)s->peek_off : 0;
}
void socket_peeked(struct socket *s, const struct socket_msg *m, size_t bytes);
int socket_take_error(struct socket *s);                               /* 0 or -error */

/* recv: adds a control message, if anybody wants it and there is room. */
void socket_cmsg_add(struct socket_msg *m, int level, int type, const void *data, size_t bytes);
/* send: the next control message behind *at (0 at first), its data and their length. False: there is none. */
bool socket_cmsg_next(const struct socket_msg *m, size_t *at, int *level, int *type, const void **data, size_t *bytes);

/* The verbs; they sleep. -ERESTARTSYS, -EINTR. */
int socket_accept(struct task *t, struct socket *s, struct socket **out) MUST_CHECK;
int socket_connect(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len) MUST_CHECK;
ssize_t socket_send(struct task *t, struct socket *s, struct socket_msg *m) MUST_CHECK;
ssize_t socket_recv(struct task *t, struct socket *s, struct socket_msg *m) MUST_CHECK;

/* sockopt.c: value holds *len bytes, and room for SOCKOPT_MAX. */
#define SOCKOPT_MAX 256
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SO_INQ
#define SO_INQ 84                         /* and SCM_INQ */
#endif
int socket_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len) MUST_CHECK;
int socket_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len) MUST_CHECK;
/* For families: tells a value, cut at the room there is; 0. */
int sockopt_put(void *value, socklen_t *len, const void *v, size_t bytes);
int sockopt_put_int(void *value, socklen_t *len, int v);
