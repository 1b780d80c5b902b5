/* inet_diag.h - the sockets there are: for /proc/net/tcp and its kin, and sock_diag(7). */
#pragma once

#include <netinet/in.h>

#include "sentry/net/net.h"

struct socket;

struct inet_diag {
	const struct socket *sock;        /* NULL: a connection in TIME_WAIT. Its file's inode is NULL when it was closed */
	int family, type, protocol;
	int state;                        /* TCP_*; datagram sockets: connected TCP_ESTABLISHED, else TCP_CLOSE */
	struct in6_addr local, remote;    /* IPv4 as ::ffff:a.b.c.d, for sockets of AF_INET too */
	uint16_t local_port, remote_port; /* raw sockets: local_port is the protocol */
	uint32_t uid;
	uint64_t tx_bytes, rx_bytes;      /* queued; of listeners rx_bytes is how many wait, tx_bytes the limit */
	uint64_t time_left_ns;            /* TIME_WAIT */
	uint32_t drops;
};

/* Calls fn for each of the namespace, oldest first, until it returns false. It must not sleep. */
void inet_diag_each(struct net *net, bool (*fn)(void *arg, const struct inet_diag *d), void *arg);
