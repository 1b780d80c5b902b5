/* socket.h - sockets (socket(7)): what every family has, and what one implements.
 *
 * A family embeds struct socket and fills in struct socket_ops; it registers in net/family.c. As with files, no op blocks:
 * -EAGAIN means "not now", and the verbs below wait on s->wq, deciding MSG_DONTWAIT, time-outs and signals once. */
#pragma once

#include <sys/socket.h>

#include "sentry/kernel/task.h"
#include "sentry/net/scm.h"

struct socket;

/* A message on its way: from the sender's arguments, or into the receiver's. */
struct socket_msg {
	struct uio *data;
	struct sockaddr_storage name;     /* send: where to; recv: out, from whom */
	socklen_t name_len;               /* 0: none */
	struct scm scm;                   /* send: what goes along (the op may take files over); recv: out */
	int flags;                        /* MSG_* as given */
	int out_flags;                    /* recv: MSG_TRUNC, MSG_EOR … */
	bool stop;                        /* recv: MSG_WAITALL must not go on behind this (a boundary) */
};

struct socket_ops {
	/* Addresses are complete structs, address family checked by the op. */
	int (*bind)(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len);      /* sleeps */
	int (*listen)(struct task *t, struct socket *s, int backlog);
	int (*accept)(struct socket *s, struct socket **out);              /* -EAGAIN; *out: the reference on its file */
	/* -EAGAIN: try again when woken. sleeps */
	int (*connect)(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len);
	int (*getname)(struct socket *s, bool peer, struct sockaddr_storage *out, socklen_t *out_len);
	int (*shutdown)(struct socket *s, int how);                        /* SHUT_RD, SHUT_WR, SHUT_RDWR */
	/* t: NULL if nobody in particular (sendfile). May take less than all of a stream. sleeps */
	ssize_t (*send)(struct task *t, struct socket *s, struct socket_msg *m);
	ssize_t (*recv)(struct task *t, struct socket *s, struct socket_msg *m);
	uint32_t (*poll)(struct socket *s);
	int (*ioctl)(struct task *t, struct socket *s, unsigned cmd, uint64_t arg);                           /* empty: ENOTTY */
	/* What socket.c does not know. Empty or -ENOPROTOOPT: not known here either. value: *len bytes in, out. */
	int (*getsockopt)(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len);
	int (*setsockopt)(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len);
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
	bool passcred;                    /* SO_PASSCRED */
	unsigned sndbuf, rcvbuf;          /* bytes */
	bool reuseaddr, keepalive, broadcast;     /* remembered only */
	struct linger linger;
	struct scm_creds peer;            /* SO_PEERCRED; pid 0: none */
};

struct socket_family {
	int family;
	/* type and protocol unchecked. *out: made with socket_init(); its file has one reference. */
	int (*create)(struct task *t, int type, int protocol, struct socket **out);
	int (*pair)(struct socket *a, struct socket *b);                   /* socketpair(2); empty: EOPNOTSUPP */
};
/* family.c. -EAFNOSUPPORT. type may hold SOCK_NONBLOCK. */
int socket_new(struct task *t, int family, int type, int protocol, struct socket **out) MUST_CHECK;
int socket_pair(struct task *t, int family, int type, int protocol, struct socket *out[2]) MUST_CHECK;

/* For families: the embedded base. type without flags. */
int socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol) MUST_CHECK;
struct socket *socket_of(struct file *f);                              /* NULL: not a socket */
int socket_take_error(struct socket *s);                               /* 0 or -error */

/* The verbs; they sleep. -ERESTARTSYS, -EINTR. */
int socket_accept(struct task *t, struct socket *s, struct socket **out) MUST_CHECK;
int socket_connect(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len) MUST_CHECK;
ssize_t socket_send(struct task *t, struct socket *s, struct socket_msg *m) MUST_CHECK;
ssize_t socket_recv(struct task *t, struct socket *s, struct socket_msg *m) MUST_CHECK;

/* sockopt.c: value holds *len bytes, and room for SOCKOPT_MAX. */
#define SOCKOPT_MAX 256
int socket_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len) MUST_CHECK;
int socket_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len) MUST_CHECK;
