/* netlink_impl.h - what the files of this folder share. */
#pragma once

#include <linux/netlink.h>
#include <uthash.h>

#include "sentry/net/netlink/netlink.h"

struct nl_request;
struct nl_dump;

/* A datagram on its way to a socket: one or several messages, being made or made. */
struct nl_buf {
	TAILQ_ENTRY(nl_buf) link;
	struct scm_creds creds;           /* pid 0: the kernel */
	uint32_t from_port;
	unsigned group;                   /* it came through this one; 0: to us alone */
	size_t len, cap, charge;
	size_t begun;                     /* where the message being made starts */
	bool full;                        /* … and it does not fit */
	char data[];
};

/* A protocol (NETLINK_*). */
struct nl_proto {
	int protocol;
	unsigned groups;                  /* that there are */
	bool anyone_sends;                /* to others than the kernel, without CAP_NET_ADMIN */
	/* A message that is a request. 0; -errno: told to the sender; -EINTR: nothing is told (a dump answers). Empty: nobody
	 * is there to read: ECONNREFUSED. */
	int (*handle)(struct nl_request *r);
};

/* What is answered in pieces, as the reader reads them. fill() goes through everything there is, in the same order each
 * time; nl_dump_begin() skips what has been told. */
#define NL_DUMP_ARGS 256
struct nl_dump {
	bool running, stopped;
	struct netlink_sock *nlk;
	struct nlmsghdr h;                /* the request's */
	void (*fill)(struct nl_dump *d);
	uint64_t args[NL_DUMP_ARGS / 8];  /* fill()'s own */
	uint16_t more_flags;              /* of every message: NLM_F_DUMP_FILTERED */
	size_t told, at;                  /* objects told already; the one that fill() is at */
	struct nl_buf *buf;
};

enum { NL_EXT_ACK = 1, NL_CAP_ACK = 2, NL_STRICT = 4, NL_PKTINFO = 8, NL_NO_ENOBUFS = 16, NL_BROADCAST_ERROR = 32, NL_ALL_NSID = 64 };

struct netlink_sock {
	struct socket sock;
	struct net *net;                  /* a reference */
	struct cred *cred;                /* a reference: who made it may do less than who uses it */
	const struct nl_proto *proto;
	TAILQ_ENTRY(netlink_sock) net_link;
	struct nl_port { int protocol; uint32_t id; } port;      /* id 0: none yet */
	UT_hash_handle hh;                /* net->netlink_ports */
	uint32_t dst_port;                /* connect(2) */
	unsigned dst_group;
	uint64_t groups;                  /* it listens to: bit group - 1 */
	unsigned options;                 /* NL_* */
	TAILQ_HEAD(, nl_buf) queue;
	size_t rmem, max_recv;            /* max_recv: the largest buffer it read with */
	bool congested;
	struct nl_dump dump;
	struct waitq room_q;              /* who found our queue full */
	struct waiter full_w;             /* us, on the room_q of one whose queue we found full */
};
#define to_netlink(s) container_of(s, struct netlink_sock, sock)

/* A message to the kernel. */
struct nl_request {
	struct task *t;
	struct netlink_sock *nlk;
	struct net *net;
	struct nlmsghdr h;
	const char *body;                 /* what follows the header */
	size_t len;
	bool addressed;                   /* the sender named its receiver: then only who it is now counts */
	const char *why;                  /* out: an error in words, for those who asked (NETLINK_EXT_ACK) */
};
/* A capability over the socket's network: of who sends, and of who made the socket. */
bool nl_capable(const struct nl_request *r, int cap);
/* The fixed part of the message; false: it is shorter. Then what follows it. */
bool nl_head(const struct nl_request *r, void *head, size_t bytes) MUST_CHECK;

/* Attributes by type, up to max; data NULL: not there. What does not parse ends it, as in Linux's lenient parser. */
struct nl_attr { const void *data; size_t len; };
void nl_attrs(const struct nl_request *r, size_t head_bytes, struct nl_attr *out, unsigned max);
bool nl_attr_u32(const struct nl_attr *a, uint32_t *out);
bool nl_attr_copy(const struct nl_attr *a, void *out, size_t bytes);             /* false: missing or shorter */
bool nl_attr_is(const struct nl_attr *a, const char *text);                      /* a string, NUL or not */

/* Making messages: nl_msg.c. */
struct nl_buf *nl_buf_new(size_t cap);
void nl_begin(struct nl_buf *b, int type, int flags, uint32_t seq, uint32_t port, const void *head, size_t bytes);
bool nl_end(struct nl_buf *b);            /* false: it didn't fit and is gone */
void nl_put(struct nl_buf *b, int type, const void *data, size_t bytes);
void nl_put_u8(struct nl_buf *b, int type, uint8_t v);
void nl_put_u16(struct nl_buf *b, int type, uint16_t v);
void nl_put_u32(struct nl_buf *b, int type, uint32_t v);
void nl_put_string(struct nl_buf *b, int type, const char *text);
size_t nl_nest(struct nl_buf *b, int type);
void nl_nest_end(struct nl_buf *b, size_t at);

/* netlink_send.c */
ssize_t netlink_send(struct task *t, struct socket *s, struct socket_msg *m);
/* Takes b over. False: there was no room, which the receiver learns as ENOBUFS. */
bool nl_deliver(struct netlink_sock *to, struct nl_buf *b);
/* Answers a request with one message that `build` puts into a buffer. 0 */
void nl_reply(struct nl_request *r, struct nl_buf *b);
/* Copies go to those who listen to the group, but not to the port `except`. Takes b over. */
void nl_broadcast(struct net *net, int protocol, unsigned group, struct nl_buf *b, uint32_t except);
/* … about something that changed because of `why` (or NULL), who gets one itself if it asked (NLM_F_ECHO). */
void nl_notify(struct net *net, int protocol, unsigned group, struct nl_buf *b, const struct nl_request *why);

/* netlink_recv.c */
ssize_t netlink_recv(struct task *t, struct socket *s, struct socket_msg *m);
/* Starts a dump: -EINTR, so that a handler returns it; -EBUSY, -ENOBUFS. */
int nl_dump_start(struct nl_request *r, void (*fill)(struct nl_dump *d), const void *args, size_t bytes, int more_flags);
bool nl_dump_begin(struct nl_dump *d, int type, const void *head, size_t bytes) MUST_CHECK;      /* false: not this one */
void nl_dump_end(struct nl_dump *d);
void nl_purge(struct netlink_sock *nlk);
void nl_fill_none(struct nl_dump *d);

/* netlink_sock.c */
int nl_autobind(struct netlink_sock *nlk, const struct task *t) MUST_CHECK;
struct netlink_sock *nl_port_find(const struct net *net, int protocol, uint32_t port);
/* netlink_opt.c */
int netlink_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len);
int netlink_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len);

/* The protocols' handlers. */
int route_handle(struct nl_request *r);
int diag_handle(struct nl_request *r);
int genl_handle(struct nl_request *r);
