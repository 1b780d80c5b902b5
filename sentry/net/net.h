/* net.h - a network namespace (network_namespaces(7)): what the sockets of one network share.
 *
 * There is one interface, the loopback: 127.0.0.0/8 and ::1 are everything that can be reached. A task has a reference on
 * its namespace (task->net), a socket on the one it was made in. */
#pragma once

#include <sys/queue.h>

#include "platform/base/base.h"
#include "sentry/kernel/ns.h"

#define NET_LO_IFINDEX 1
#define NET_LO_MTU 65536

struct afpacket_sock;
struct inet_bucket;
struct inet_sock;
struct lo_addr;
struct netlink_sock;
struct tcp_conn;
struct unix_sock;

struct net {
	int refs;
	struct ns_id id;
	bool lo_up;                               /* down: nothing can be reached, as in a fresh Linux namespace */
	int lo_mtu;
	unsigned lo_more_flags;                   /* IFF_*: remembered only; lo.h */
	bool lo_was_up;                           /* at some time: it has a queue */
	TAILQ_HEAD(, lo_addr) lo_addrs;
	unsigned lo_naddrs;
	uint64_t lo_packets, lo_bytes;            /* of lo: what was sent is what was received */
	int port_first, port_last;                /* net.ipv4.ip_local_port_range */
	int somaxconn;                            /* net.core.somaxconn */
	uint32_t ping_first, ping_last;           /* net.ipv4.ping_group_range: the sandbox's group ids; first > last: nobody */
	int port_unprivileged;                    /* net.ipv4.ip_unprivileged_port_start */

	/* sentry/net/inet's own. */
	struct inet_bucket *buckets;              /* who is bound where, by protocol and port */
	struct tcp_conn *conns;                   /* connections by both ends' addresses */
	TAILQ_HEAD(, inet_sock) socks;            /* all of them */
	unsigned ntime_wait;

	/* sentry/net/netlink's and sentry/net/unix's: all of them. */
	struct netlink_sock *netlink_ports;       /* those who have a port id, by protocol and port id */
	TAILQ_HEAD(, netlink_sock) netlinks;
	TAILQ_HEAD(, unix_sock) unixes;
	TAILQ_HEAD(, afpacket_sock) packets;      /* sentry/net/packet's */
};

/* lo_up: as configured in the sandbox's first namespace; Linux makes further ones with lo down. refs = 1. */
struct net *net_new(bool lo_up);
struct net *net_get(struct net *n);
void net_put(struct net *n);
DEFINE_AUTO(net_put, struct net *)

/* SIOCGIF…: net_ioctl.c. -ENOTTY: not one of these, or not for sockets of the family. net may be NULL. */
struct task;
int net_ioctl(struct task *t, struct net *net, int family, unsigned cmd, uint64_t arg);
