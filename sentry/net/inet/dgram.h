/* dgram.h - sockets that move messages: UDP, raw, ICMP echo. */
#pragma once

#include <netinet/udp.h>

#include "sentry/net/inet/inet_impl.h"

/* A message in a receiver's queue. */
struct dgram {
	TAILQ_ENTRY(dgram) link;
	struct inet_addr from, to;
	uint64_t stamp_ns;
	uint8_t ttl, tos;
	bool peeked;
	uint16_t gro_size;                /* UDP_GRO: of one of several put together; 0: one */
	size_t len, charge;
	char data[];
};


enum { DGRAM_RCV_SHUTDOWN = 1, DGRAM_SEND_SHUTDOWN = 2 };

struct dgram_sock {
	struct inet_sock in;
	TAILQ_HEAD(, dgram) queue;
	size_t queued_bytes, queued_charge;
	bool connected;
	unsigned shutdown;
	/* UDP_CORK, MSG_MORE: what has been gathered of the next datagram, and where it goes. */
	bool cork, gro;
	uint32_t zerocopy_id;
	int gso_size, encap;
	bool no_check6_tx, no_check6_rx;
	char *corked;
	size_t corked_bytes;
	struct inet_addr corked_to;
	/* Raw. */
	uint32_t icmp_filter;             /* ICMP_FILTER: bit set: type is not wanted */
	uint32_t icmp6_filter[8];
	int checksum_at;                  /* IPV6_CHECKSUM; -1: off */
};
#define to_dgram(s) container_of(to_inet(s), struct dgram_sock, in)
#define dgram_of(i) container_of(i, struct dgram_sock, in)

/* Where a message goes, and how: from the arguments of send, its control messages, and the socket. */
struct dgram_way {
	struct inet_addr from, to;
	enum inet_route route;
	int ttl, tos, gso_size;
};

/* dgram.c. -EDESTADDRREQ, -EINVAL, -ENETUNREACH …; port: does it need one? */
int dgram_way(struct dgram_sock *d, struct socket_msg *m, bool port, struct dgram_way *out) MUST_CHECK;
/* Copies the message's bytes: *out of *len bytes is the caller's. -EFAULT, -ENOBUFS */
int dgram_drain(struct socket_msg *m, char **out, size_t *len) MUST_CHECK;
/* Puts a copy into to's queue, or counts it as dropped. head comes before data (raw sockets' IP header). */
void dgram_deliver(struct dgram_sock *to, const struct dgram_way *way, const void *head, size_t head_bytes, const void *data,
		   size_t bytes);
/* Does `in` receive what comes for this address from that one? 0: no; more: fits better. */
int dgram_score(const struct inet_sock *in, const struct inet_addr *to, const struct inet_addr *from);
int dgram_check_send(struct dgram_sock *d, const struct socket_msg *m) MUST_CHECK;

/* udp.c */
void udp_drop_corked(struct dgram_sock *d);
ssize_t udp_send(struct task *t, struct socket *s, struct socket_msg *m);
int udp_getsockopt(struct dgram_sock *d, int name, void *value, socklen_t *len);
int udp_setsockopt(struct dgram_sock *d, int name, const void *value, socklen_t len);

/* icmp.c: raw sockets, and echo requests of SOCK_DGRAM. */
ssize_t raw_send(struct task *t, struct socket *s, struct socket_msg *m);
ssize_t ping_send(struct task *t, struct socket *s, struct socket_msg *m);
int raw_getsockopt(struct dgram_sock *d, int level, int name, void *value, socklen_t *len);
int raw_setsockopt(struct dgram_sock *d, int level, int name, const void *value, socklen_t len);
