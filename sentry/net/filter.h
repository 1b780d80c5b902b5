/* filter.h - socket filters: which messages a socket receives, and how much of each (SO_ATTACH_FILTER, socket(7)). */
#pragma once

#include "sentry/mm/uaccess.h"
#include "sentry/net/socket.h"

struct ethhdr;

/* A message as filters see it: offset 0 is its transport header, or its first byte where there is none (AF_UNIX); of AF_PACKET
 * sockets its Ethernet or network header. */
struct filter_packet {
	int protocol;                     /* ETH_P_* of machine's order; 0: not of the IP families */
	struct filter_part { const void *at; size_t bytes; } net, transport, data;       /* net: the IP header */
	const struct ethhdr *link;        /* NULL: one without addresses */
	enum { FILTER_FROM_TRANSPORT, FILTER_FROM_NET, FILTER_FROM_LINK } from;          /* what offset 0 is */
	uint8_t pkttype;                  /* PACKET_HOST … */
};

/* Does the socket's filter let it in (it has one)? *keep: how many bytes, from offset 0; never less than the transport header. */
bool filter_run(const struct socket *s, const struct filter_packet *p, size_t *keep) MUST_CHECK;
/* … a message that is nothing but bytes: *bytes may become less. True if there is no filter. */
bool filter_run_bytes(const struct socket *s, const void *data, size_t *bytes) MUST_CHECK;

/* A program by itself, from a struct sock_fprog, with filter_attach()'s errors; it runs over bytes. */
int filter_new(struct task *t, const struct socket *s, const void *value, socklen_t len, struct socket_filter **out) MUST_CHECK;
uint32_t filter_result(const struct socket_filter *f, const void *data, size_t bytes);
void filter_put(struct socket_filter *f);

/* The socket options. value: struct sock_fprog. -EPERM: SO_LOCK_FILTER; -EINVAL, -EFAULT, -ENOENT, -ENOBUFS */
int filter_attach(struct task *t, struct socket *s, const void *value, socklen_t len) MUST_CHECK;
int filter_detach(struct socket *s) MUST_CHECK;
/* SO_GET_FILTER counts instructions: room for *count of them at `to`; out: how many there are. */
int filter_get(struct task *t, const struct socket *s, uptr_t to, socklen_t *count) MUST_CHECK;
/* A connection has its listener's. */
void filter_inherit(struct socket *s, const struct socket *from);
void filter_free(struct socket *s);
