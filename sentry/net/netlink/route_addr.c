/* route_addr.c - NETLINK_ROUTE: the addresses of lo.
 *
 * LINUX    net/ipv4/devinet.c inet_rtm_newaddr(), inet_fill_ifaddr(); net/ipv6/addrconf.c inet6_rtm_newaddr(),
 *          inet6_fill_ifaddr(). Same: an IPv6 address of lo has the scope its bits say, ::1 that of the host.
 * MISSING  Lifetimes, metrics, peers of IPv4 addresses: EOPNOTSUPP. */
#include <linux/if_addr.h>
#include <string.h>

#include "sentry/net/netlink/route.h"

static struct in6_addr mapped(uint32_t v4_net)
{
	return (struct in6_addr){ .s6_addr32 = { 0, 0, htonl(0xffff), v4_net } };
}

static struct ifaddrmsg head(const struct lo_addr *a)
{
	return (struct ifaddrmsg){ .ifa_family = (uint8_t)a->family, .ifa_prefixlen = a->prefix, .ifa_flags = (uint8_t)a->flags,
				   .ifa_scope = a->scope, .ifa_index = NET_LO_IFINDEX };
}

static void put_addr(struct nl_buf *b, const struct lo_addr *a)
{
	uint32_t hundredths = (uint32_t)(a->since_ns / (NS_PER_SEC / 100));
	struct ifa_cacheinfo ci = { .ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX, .cstamp = hundredths, .tstamp = hundredths };
	if (a->family == AF_INET) {
		nl_put_u32(b, IFA_ADDRESS, a->ip.s6_addr32[3]);
		nl_put_u32(b, IFA_LOCAL, a->ip.s6_addr32[3]);
		if (a->broadcast)
			nl_put_u32(b, IFA_BROADCAST, htonl(a->broadcast));
		nl_put_string(b, IFA_LABEL, a->label);
	} else {
		nl_put(b, IFA_ADDRESS, &a->ip, sizeof(a->ip));
	}
	nl_put_u32(b, IFA_FLAGS, a->flags);
	nl_put(b, IFA_CACHEINFO, &ci, sizeof(ci));
	if (a->proto)
		nl_put_u8(b, IFA_PROTO, a->proto);
}

struct addr_args { int family; };

static void fill_family(struct nl_dump *d, int family)
{
	const struct lo_addr *a;
	TAILQ_FOREACH(a, &d->nlk->net->lo_addrs, link) {
		struct ifaddrmsg h = head(a);
		if (a->family != family || !nl_dump_begin(d, RTM_NEWADDR, &h, sizeof(h)))
			continue;
		put_addr(d->buf, a);
		nl_dump_end(d);
	}
}

static void fill_addrs(struct nl_dump *d)
{
	const struct addr_args *args = (const void *)d->args;
	if (args->family != AF_INET6)
		fill_family(d, AF_INET);
	if (args->family != AF_INET)
		fill_family(d, AF_INET6);
}

int route_addr_dump(struct nl_request *r)
{
	struct ifaddrmsg h;
	struct addr_args args = { .family = *(const uint8_t *)r->body };
	int filtered = 0;
	if (args.family != AF_INET && args.family != AF_INET6)
		args.family = AF_UNSPEC;
	if (nl_strict(r)) {
		if (!nl_head(r, &h, sizeof(h)) || h.ifa_prefixlen || h.ifa_flags || h.ifa_scope)
			return -EINVAL;
		if (h.ifa_index && h.ifa_index != NET_LO_IFINDEX)
			return -ENODEV;
		filtered = h.ifa_index ? NLM_F_DUMP_FILTERED : 0;
	}
	return nl_dump_start(r, fill_addrs, &args, sizeof(args), filtered);
}

/* The address of a request. Without a prefix length it is that of its own. */
static int parse(const struct nl_request *r, struct lo_addr *out, struct nl_attr tb[IFA_MAX + 1])
{
	struct ifaddrmsg h;
	if (!nl_head(r, &h, sizeof(h)))
		return -EINVAL;
	if (h.ifa_family != AF_INET && h.ifa_family != AF_INET6)
		return -EOPNOTSUPP;
	nl_attrs(r, sizeof(h), tb, IFA_MAX);
	*out = (struct lo_addr){ .family = h.ifa_family, .prefix = h.ifa_prefixlen, .scope = h.ifa_scope, .flags = h.ifa_flags };
	(void)nl_attr_u32(&tb[IFA_FLAGS], &out->flags);
	if (h.ifa_prefixlen > (h.ifa_family == AF_INET ? 32 : 128))
		return -EINVAL;
	if (h.ifa_family == AF_INET) {
		uint32_t v4;
		if (!nl_attr_u32(&tb[IFA_LOCAL], &v4))
			return -EINVAL;
		out->ip = mapped(v4);
	} else if (!nl_attr_copy(&tb[IFA_LOCAL], &out->ip, sizeof(out->ip)) &&
		   !nl_attr_copy(&tb[IFA_ADDRESS], &out->ip, sizeof(out->ip))) {
		return -EINVAL;
	}
	return h.ifa_index == NET_LO_IFINDEX ? 0 : -ENODEV;
}

static int finish_v4(struct lo_addr *a, const struct nl_attr tb[IFA_MAX + 1])
{
	uint32_t peer, broadcast;
	if (nl_attr_u32(&tb[IFA_ADDRESS], &peer) && peer != a->ip.s6_addr32[3])
		return -EOPNOTSUPP;
	if (nl_attr_u32(&tb[IFA_BROADCAST], &broadcast))
		a->broadcast = ntohl(broadcast);
	memcpy(a->label, "lo", 3);
	if (tb[IFA_LABEL].data) {
		size_t len = strnlen(tb[IFA_LABEL].data, tb[IFA_LABEL].len);
		if (len >= sizeof(a->label))
			return -EINVAL;
		memset(a->label, 0, sizeof(a->label));
		memcpy(a->label, tb[IFA_LABEL].data, len);
	}
	return 0;
}

static int finish_v6(struct lo_addr *a)
{
	if (IN6_IS_ADDR_UNSPECIFIED(&a->ip) || IN6_IS_ADDR_MULTICAST(&a->ip))
		return -EADDRNOTAVAIL;
	a->scope = IN6_IS_ADDR_LOOPBACK(&a->ip) ? RT_SCOPE_HOST : IN6_IS_ADDR_LINKLOCAL(&a->ip) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	return IN6_IS_ADDR_V4MAPPED(&a->ip) ? -EOPNOTSUPP : 0;
}

/* For ever is what they last. */
static int check_lifetime(const struct nl_attr *a)
{
	struct ifa_cacheinfo ci;
	if (!nl_attr_copy(a, &ci, sizeof(ci)))
		return 0;
	if (!ci.ifa_valid || ci.ifa_prefered > ci.ifa_valid)
		return -EINVAL;
	return ci.ifa_valid == UINT32_MAX && ci.ifa_prefered == UINT32_MAX ? 0 : -EOPNOTSUPP;
}

int route_addr_new(struct nl_request *r)
{
	struct lo_addr a;
	struct nl_attr tb[IFA_MAX + 1];
	int err = parse(r, &a, tb);
	if (!err)
		err = check_lifetime(&tb[IFA_CACHEINFO]);
	if (!err && tb[IFA_RT_PRIORITY].data)
		err = -EOPNOTSUPP;
	if (!err)
		err = a.family == AF_INET ? finish_v4(&a, tb) : finish_v6(&a);
	if (err)
		return err;
	a.flags = IFA_F_PERMANENT | (a.flags & IFA_F_NODAD);
	bool replace = (r->h.nlmsg_flags & (NLM_F_REPLACE | NLM_F_EXCL)) == NLM_F_REPLACE;
	if (replace && lo_addr_find(r->net, &a.ip, a.family == AF_INET ? a.prefix : -1))
		return 0;
	err = lo_addr_add(r->net, &a, r);
	if (err == -EEXIST)
		r->why = a.family == AF_INET ? "ipv4: Address already assigned" : "ipv6: address already assigned";
	return err;
}

int route_addr_del(struct nl_request *r)
{
	struct lo_addr a;
	struct nl_attr tb[IFA_MAX + 1];
	int err = parse(r, &a, tb);
	if (err)
		return err;
	struct lo_addr *found = lo_addr_find(r->net, &a.ip, a.family == AF_INET6 || tb[IFA_ADDRESS].data ? a.prefix : -1);
	if (!found) {
		r->why = a.family == AF_INET ? "ipv4: Address not found" : "ipv6: address not found";
		return -EADDRNOTAVAIL;
	}
	lo_addr_del(r->net, found, r);
	return 0;
}

void netlink_tell_addr(struct net *net, int type, const struct lo_addr *a, const struct nl_request *why)
{
	struct ifaddrmsg h = head(a);
	struct nl_buf *b = nl_buf_new(ROUTE_REPLY_MAX);
	nl_begin(b, type, 0, why ? why->h.nlmsg_seq : 0, why ? why->nlk->port.id : 0, &h, sizeof(h));
	put_addr(b, a);
	(void)nl_end(b);
	nl_notify(net, NETLINK_ROUTE, a->family == AF_INET ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR, b, why);
}
