/* unix_diag.h - the AF_UNIX sockets there are: for /proc/net/unix and sock_diag(7). */
#pragma once

#include <sys/un.h>

#include "sentry/net/socket.h"

struct net;

struct unix_diag {
	const struct socket *sock;
	int state;                        /* TCP_ESTABLISHED, TCP_CLOSE, TCP_LISTEN */
	uint64_t ino, peer_ino;           /* 0: not accepted yet, none */
	const struct sockaddr_un *name;   /* NULL: none. With name_len as getsockname(2) tells it */
	socklen_t name_len;
	uint64_t file_ino, file_dev;      /* bound to a file */
	unsigned shutdown;                /* RCV_SHUTDOWN 1, SEND_SHUTDOWN 2 */
	uint64_t rx, tx;                  /* bytes queued; of listeners how many wait, and the limit */
	int refs;
	uint32_t uid;
};

/* Calls fn for each of the namespace, oldest first, until it returns false. It must not sleep. */
void unix_diag_each(struct net *net, bool (*fn)(void *arg, const struct unix_diag *d), void *arg);
/* Of a listener: the peers of those who wait to be accepted, up to max; how many. */
unsigned unix_diag_waiting(const struct socket *s, uint32_t *inos, unsigned max);
