/* lo.h - the one interface of a network, and the addresses it has.
 *
 * The first IPv4 address comes when lo is first set up, ::1 whenever it is set up; it goes again when lo is set down. Whatever
 * is in an IPv4 address's network is local (lo has no neighbours to ask). Changes are told to those who listen (NETLINK_ROUTE). */
#pragma once

#include <net/if.h>
#include <netinet/in.h>

#include "sentry/net/net.h"

struct nl_request;

#define LO_ADDRS_MAX 256
#define LO_TXQLEN 1000

struct lo_addr {
	TAILQ_ENTRY(lo_addr) link;
	int family;
	struct in6_addr ip;               /* IPv4 as ::ffff:a.b.c.d */
	uint32_t broadcast;               /* IPv4, of the machine's byte order; 0: none */
	uint8_t prefix, scope, proto;     /* prefix: of its own family's bits; RT_SCOPE_*; IFAPROT_* */
	uint32_t flags;                   /* IFA_F_* */
	char label[IFNAMSIZ];             /* IPv4 */
	uint64_t since_ns;
};

unsigned lo_flags(const struct net *net);                              /* IFF_* */
/* why: the request that asked for it, or NULL. Only bits that may be changed do. */
void lo_set_flags(struct net *net, unsigned flags, const struct nl_request *why);
int lo_set_mtu(struct net *net, int mtu, const struct nl_request *why) MUST_CHECK;       /* -EINVAL */

void lo_init(struct net *net);
void lo_fini(struct net *net);

/* Takes a copy. -EEXIST, -ENOBUFS. */
int lo_addr_add(struct net *net, const struct lo_addr *a, const struct nl_request *why) MUST_CHECK;
/* Ends *a; and with an IPv4 address those of the same network that came later. */
void lo_addr_del(struct net *net, struct lo_addr *a, const struct nl_request *why);
struct lo_addr *lo_addr_find(const struct net *net, const struct in6_addr *ip, int prefix);      /* prefix -1: any */
/* Whose network `ip` is in; NULL: it is not local. Nothing is while lo is down. */
const struct lo_addr *lo_addr_match(const struct net *net, const struct in6_addr *ip);
static inline uint32_t lo_addr_mask(const struct lo_addr *a) { return a->prefix ? ~0U << (32 - a->prefix) : 0; }
static inline uint32_t lo_addr_v4(const struct lo_addr *a) { return ntohl(a->ip.s6_addr32[3]); }
