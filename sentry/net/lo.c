/* lo.c - see lo.h.
 *
 * LINUX    net/ipv4/devinet.c inetdev_event(), inet_insert_ifa(); net/ipv6/addrconf.c init_loopback(), addrconf_ifdown();
 *          net/core/dev.c __dev_change_flags(). Same: IPv4 addresses outlive lo's being down, IPv6 ones don't.
 * MISSING  An MTU that splits packets, or that is too small for a protocol. Addresses that expire, and
 *          that are promoted when their network's first one goes. */
#include "sentry/net/lo.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "sentry/net/netlink/netlink.h"

#define CHANGEABLE (IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_DYNAMIC | IFF_MULTICAST | IFF_PORTSEL | IFF_AUTOMEDIA | \
		    IFF_PROMISC | IFF_ALLMULTI)

unsigned lo_flags(const struct net *net)
{
	return IFF_LOOPBACK | net->lo_more_flags | (net->lo_up ? IFF_UP | IFF_RUNNING : 0);
}

static void add_loopback(struct net *net, int family, const struct nl_request *why)
{
	struct lo_addr a = { .family = family, .flags = IFA_F_PERMANENT, .scope = RT_SCOPE_HOST };
	if (family == AF_INET) {
		a.ip = (struct in6_addr){ .s6_addr32 = { 0, 0, htonl(0xffff), htonl(INADDR_LOOPBACK) } };
		a.prefix = 8;
		memcpy(a.label, "lo", 3);
	} else {
		a.ip = in6addr_loopback;
		a.prefix = 128;
		a.proto = 1;              /* IFAPROT_KERNEL_LO */
	}
	int err = lo_addr_add(net, &a, why);
	(void)err;                        /* it has that one, or as many as it may have */
}

static bool has_family(const struct net *net, int family)
{
	const struct lo_addr *a;
	TAILQ_FOREACH(a, &net->lo_addrs, link)
		if (a->family == family)
			return true;
	return false;
}

static void set_up(struct net *net, bool up, const struct nl_request *why)
{
	struct lo_addr *a, *next;
	net->lo_up = up;
	if (up) {
		net->lo_was_up = true;
		if (!has_family(net, AF_INET))
			add_loopback(net, AF_INET, why);
		add_loopback(net, AF_INET6, why);
		return;
	}
	for (a = TAILQ_FIRST(&net->lo_addrs); a; a = next) {
		next = TAILQ_NEXT(a, link);
		if (a->family == AF_INET6)
			lo_addr_del(net, a, why);
	}
}

void lo_set_flags(struct net *net, unsigned flags, const struct nl_request *why)
{
	unsigned old = lo_flags(net);
	net->lo_more_flags = flags & CHANGEABLE;
	if (net->lo_up != !!(flags & IFF_UP))
		set_up(net, flags & IFF_UP, why);
	if (lo_flags(net) != old)
		netlink_tell_link(net, old ^ lo_flags(net), why);
}

int lo_set_mtu(struct net *net, int mtu, const struct nl_request *why)
{
	if (mtu < 0)
		return -EINVAL;
	if (mtu != net->lo_mtu) {
		net->lo_mtu = mtu;
		netlink_tell_link(net, 0, why);
	}
	return 0;
}

void lo_init(struct net *net)
{
	net->lo_mtu = NET_LO_MTU;
	TAILQ_INIT(&net->lo_addrs);
	if (net->lo_up)
		set_up(net, true, NULL);
}

void lo_fini(struct net *net)
{
	struct lo_addr *a;
	while ((a = TAILQ_FIRST(&net->lo_addrs))) {
		TAILQ_REMOVE(&net->lo_addrs, a, link);
		free(a);
	}
}

static bool same_network(const struct lo_addr *a, const struct lo_addr *b)
{
	return a->family == AF_INET && b->family == AF_INET && a->prefix == b->prefix &&
	       !((lo_addr_v4(a) ^ lo_addr_v4(b)) & lo_addr_mask(a));
}

static int reach(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_LOOPBACK(ip) ? 0 : IN6_IS_ADDR_LINKLOCAL(ip) ? 1 : IN6_IS_ADDR_SITELOCAL(ip) ? 2 : 3;
}

/* Dumps show them in this order: of IPv4 those of a smaller RT_SCOPE_* last, and what shares a network last of all; of IPv6
 * those that reach furthest first, and of them the youngest. */
static void insert(struct net *net, struct lo_addr *a)
{
	struct lo_addr *b, *before = NULL, *after = NULL;
	TAILQ_FOREACH(b, &net->lo_addrs, link) {
		if (a->family == AF_INET6 && b->family == AF_INET6 && !before && reach(&a->ip) >= reach(&b->ip))
			before = b;
		if (a->family == AF_INET && b->family == AF_INET && !(b->flags & IFA_F_SECONDARY) && a->scope <= b->scope)
			after = b;
	}
	if (a->family == AF_INET6 && before)
		TAILQ_INSERT_BEFORE(before, a, link);
	else if (a->family == AF_INET6 || (a->flags & IFA_F_SECONDARY))
		TAILQ_INSERT_TAIL(&net->lo_addrs, a, link);
	else if (after)
		TAILQ_INSERT_AFTER(&net->lo_addrs, after, a, link);
	else
		TAILQ_INSERT_HEAD(&net->lo_addrs, a, link);
}

int lo_addr_add(struct net *net, const struct lo_addr *a, const struct nl_request *why)
{
	struct lo_addr *b;
	uint32_t flags = a->flags & ~(uint32_t)IFA_F_SECONDARY;
	TAILQ_FOREACH(b, &net->lo_addrs, link) {
		if (IN6_ARE_ADDR_EQUAL(&a->ip, &b->ip) && (a->family == AF_INET6 || a->prefix == b->prefix))
			return -EEXIST;
		if (same_network(a, b))
			flags |= IFA_F_SECONDARY;
	}
	if (net->lo_naddrs >= LO_ADDRS_MAX)
		return -ENOBUFS;
	b = NEW(struct lo_addr);
	*b = *a;
	b->flags = flags;
	b->since_ns = now_mono_ns();
	insert(net, b);
	net->lo_naddrs++;
	netlink_tell_addr(net, RTM_NEWADDR, b, why);
	return 0;
}

static void addr_end(struct net *net, struct lo_addr *a, const struct nl_request *why)
{
	TAILQ_REMOVE(&net->lo_addrs, a, link);
	net->lo_naddrs--;
	netlink_tell_addr(net, RTM_DELADDR, a, why);
	free(a);
}

void lo_addr_del(struct net *net, struct lo_addr *a, const struct nl_request *why)
{
	struct lo_addr *b = NULL, *next;
	if (a->family == AF_INET && !(a->flags & IFA_F_SECONDARY))
		b = TAILQ_FIRST(&net->lo_addrs);
	for (; b; b = next) {
		next = TAILQ_NEXT(b, link);
		if (b != a && same_network(a, b))
			addr_end(net, b, why);
	}
	addr_end(net, a, why);
}

struct lo_addr *lo_addr_find(const struct net *net, const struct in6_addr *ip, int prefix)
{
	struct lo_addr *a;
	TAILQ_FOREACH(a, &net->lo_addrs, link)
		if (IN6_ARE_ADDR_EQUAL(&a->ip, ip) && (prefix < 0 || a->prefix == prefix))
			return a;
	return NULL;
}

const struct lo_addr *lo_addr_match(const struct net *net, const struct in6_addr *ip)
{
	const struct lo_addr *a, *found = NULL;
	if (!net->lo_up)
		return NULL;
	bool v4 = IN6_IS_ADDR_V4MAPPED(ip);
	TAILQ_FOREACH(a, &net->lo_addrs, link) {
		if (IN6_ARE_ADDR_EQUAL(&a->ip, ip))
			return a;
		if (v4 && a->family == AF_INET && !((lo_addr_v4(a) ^ ntohl(ip->s6_addr32[3])) & lo_addr_mask(a)) &&
		    (!found || found->prefix < a->prefix))
			found = a;
	}
	return found;
}
