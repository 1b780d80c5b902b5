/* route_table.c - NETLINK_ROUTE: the routes, rules and queues of a network that has lo alone.
 *
 * HOW      Routes are made of lo's addresses when somebody asks: the local table has each one's own, its network's and its
 *          broadcast address's; the main table is empty.
 * LINUX    net/ipv4/fib_frontend.c fib_add_ifaddr(), net/ipv4/route.c inet_rtm_getroute(), net/core/fib_rules.c. */
#include <linux/fib_rules.h>
#include <linux/pkt_sched.h>
#include <string.h>

#include "sentry/net/netlink/route.h"

struct one_route {
	int family, dst_len, type, scope;
	struct in6_addr dst;              /* as lo_addr.ip */
	const struct in6_addr *src;       /* IPv4 */
};

struct route_args { int family; uint32_t table; int type, protocol; };

static size_t put_ip(struct nl_buf *b, int type, int family, const struct in6_addr *ip)
{
	size_t bytes = family == AF_INET ? 4 : 16;
	nl_put(b, type, (const char *)ip + 16 - bytes, bytes);
	return bytes;
}

static bool wanted(const struct route_args *a, const struct one_route *r)
{
	return (!a->table || a->table == RT_TABLE_LOCAL) && (!a->type || a->type == r->type) &&
	       (!a->protocol || a->protocol == RTPROT_KERNEL);
}

static void tell_route(struct nl_dump *d, const struct one_route *r)
{
	struct rtmsg h = { .rtm_family = (uint8_t)r->family, .rtm_dst_len = (uint8_t)r->dst_len, .rtm_table = RT_TABLE_LOCAL,
			   .rtm_protocol = RTPROT_KERNEL, .rtm_scope = (uint8_t)r->scope, .rtm_type = (uint8_t)r->type };
	if (!wanted((const void *)d->args, r) || !nl_dump_begin(d, RTM_NEWROUTE, &h, sizeof(h)))
		return;
	struct nl_buf *b = d->buf;
	nl_put_u32(b, RTA_TABLE, RT_TABLE_LOCAL);
	put_ip(b, RTA_DST, r->family, &r->dst);
	if (r->src)
		put_ip(b, RTA_PREFSRC, r->family, r->src);
	if (r->family == AF_INET6)
		nl_put_u32(b, RTA_PRIORITY, 0);
	nl_put_u32(b, RTA_OIF, NET_LO_IFINDEX);
	if (r->family == AF_INET6) {
		struct rta_cacheinfo ci = { 0 };
		nl_put(b, RTA_CACHEINFO, &ci, sizeof(ci));
		nl_put_u8(b, RTA_PREF, 0);
	}
	nl_dump_end(d);
}

/* All routes of an address: how many (up to 3). */
static size_t routes_of(const struct lo_addr *a, struct one_route *out)
{
	size_t n = 0;
	struct one_route r = { .family = a->family, .dst = a->ip, .dst_len = 128, .type = RTN_LOCAL };
	if (a->family == AF_INET6) {
		out[n++] = r;
		return n;
	}
	uint32_t v4 = lo_addr_v4(a), mask = lo_addr_mask(a);
	bool whole = a->prefix < 32 && !(a->flags & IFA_F_SECONDARY);
	r.src = &a->ip;
	r.dst_len = 32;
	r.scope = RT_SCOPE_HOST;
	out[n++] = r;
	if (whole) {
		r.dst_len = a->prefix;
		r.dst.s6_addr32[3] = htonl(v4 & mask);
		out[n++] = r;
	}
	if (whole && a->prefix < 31) {
		r.dst_len = 32;
		r.dst.s6_addr32[3] = htonl(v4 | ~mask);
		r.type = RTN_BROADCAST;
		r.scope = RT_SCOPE_LINK;
		out[n++] = r;
	}
	return n;
}

/* As Linux's tries have them: by address, the more specific first. */
static int compare(const void *pa, const void *pb)
{
	const struct one_route *a = pa, *b = pb;
	int v6 = (a->family == AF_INET6) - (b->family == AF_INET6);
	int ip = memcmp(&a->dst, &b->dst, sizeof(a->dst));
	return v6 ? v6 : ip ? ip : b->dst_len - a->dst_len;
}

static void fill_routes(struct nl_dump *d)
{
	const struct route_args *args = (const void *)d->args;
	const struct net *net = d->nlk->net;
	const struct lo_addr *a;
	size_t n = 0;
	if (!net->lo_up)
		return;
	struct one_route *all = xzalloc((net->lo_naddrs + 1) * 3 * sizeof(*all));
	TAILQ_FOREACH(a, &net->lo_addrs, link)
		if ((args->family != AF_INET && args->family != AF_INET6) || args->family == a->family)
			n += routes_of(a, all + n);
	qsort(all, n, sizeof(*all), compare);
	for (size_t i = 0; i < n; i++)
		tell_route(d, &all[i]);
	free(all);
}

int route_dump(struct nl_request *r)
{
	struct rtmsg h;
	struct nl_attr tb[RTA_MAX + 1];
	struct route_args args = { .family = *(const uint8_t *)r->body };
	if (!nl_strict(r))
		return nl_dump_start(r, fill_routes, &args, sizeof(args), 0);
	if (!nl_head(r, &h, sizeof(h)) || h.rtm_dst_len || h.rtm_src_len || h.rtm_tos)
		return -EINVAL;
	nl_attrs(r, sizeof(h), tb, RTA_MAX);
	args.table = h.rtm_table;
	args.type = h.rtm_type;
	args.protocol = h.rtm_protocol;
	(void)nl_attr_u32(&tb[RTA_TABLE], &args.table);
	uint32_t oif = 0;
	if (nl_attr_u32(&tb[RTA_OIF], &oif) && oif != NET_LO_IFINDEX)
		return -ENODEV;
	if (args.table && args.table != RT_TABLE_LOCAL && args.table != RT_TABLE_MAIN) {
		r->why = "ipv4: FIB table does not exist";
		return -ENOENT;
	}
	return nl_dump_start(r, fill_routes, &args, sizeof(args), NLM_F_DUMP_FILTERED);
}

int route_get(struct nl_request *r)
{
	struct rtmsg h;
	struct nl_attr tb[RTA_MAX + 1];
	if (!nl_head(r, &h, sizeof(h)))
		return -EINVAL;
	int family = h.rtm_family;
	if (family != AF_INET && family != AF_INET6)
		return -EOPNOTSUPP;
	nl_attrs(r, sizeof(h), tb, RTA_MAX);
	size_t bytes = family == AF_INET ? 4 : 16;
	struct in6_addr to = { .s6_addr32 = { 0, 0, family == AF_INET ? htonl(0xffff) : 0, 0 } };
	(void)nl_attr_copy(&tb[RTA_DST], (char *)&to + 16 - bytes, bytes);
	const struct lo_addr *a = lo_addr_match(r->net, &to);
	if (!a)
		return -ENETUNREACH;
	bool broadcast = family == AF_INET && a->prefix < 31 && ntohl(to.s6_addr32[3]) == (lo_addr_v4(a) | ~lo_addr_mask(a));
	struct rta_cacheinfo ci = { 0 };
	h = (struct rtmsg){ .rtm_family = (uint8_t)family, .rtm_dst_len = (uint8_t)(bytes * 8), .rtm_table = RT_TABLE_LOCAL,
			    .rtm_type = broadcast ? RTN_BROADCAST : RTN_LOCAL, .rtm_flags = RTM_F_CLONED };
	struct nl_buf *b = nl_buf_new(ROUTE_REPLY_MAX);
	nl_begin(b, RTM_NEWROUTE, 0, r->h.nlmsg_seq, r->nlk->port.id, &h, sizeof(h));
	nl_put_u32(b, RTA_TABLE, RT_TABLE_LOCAL);
	put_ip(b, RTA_DST, family, &to);
	nl_put_u32(b, RTA_OIF, NET_LO_IFINDEX);
	put_ip(b, RTA_PREFSRC, family, &a->ip);
	nl_put(b, RTA_CACHEINFO, &ci, sizeof(ci));
	(void)nl_end(b);
	nl_reply(r, b);
	return 0;
}

static void tell_rule(struct nl_dump *d, int family, uint32_t priority, uint8_t table)
{
	struct fib_rule_hdr h = { .family = (uint8_t)family, .table = table, .action = FR_ACT_TO_TBL };
	if (!nl_dump_begin(d, RTM_NEWRULE, &h, sizeof(h)))
		return;
	nl_put_u32(d->buf, FRA_TABLE, table);
	nl_put_u32(d->buf, FRA_SUPPRESS_PREFIXLEN, UINT32_MAX);
	nl_put_u8(d->buf, FRA_PROTOCOL, RTPROT_KERNEL);
	if (priority)
		nl_put_u32(d->buf, FRA_PRIORITY, priority);
	nl_dump_end(d);
}

static void fill_rules(struct nl_dump *d)
{
	const struct route_args *args = (const void *)d->args;
	for (int i = 0; i < 2; i++) {
		int family = i == 0 ? AF_INET : AF_INET6;
		if (args->family && args->family != family)
			continue;
		tell_rule(d, family, 0, RT_TABLE_LOCAL);
		tell_rule(d, family, 32766, RT_TABLE_MAIN);
		if (family == AF_INET)
			tell_rule(d, family, 32767, RT_TABLE_DEFAULT);
	}
}

int route_rule_dump(struct nl_request *r)
{
	struct route_args args = { .family = *(const uint8_t *)r->body };
	if (args.family && args.family != AF_INET && args.family != AF_INET6)
		return -EAFNOSUPPORT;
	return nl_dump_start(r, fill_rules, &args, sizeof(args), 0);
}

static void fill_qdiscs(struct nl_dump *d)
{
	struct tcmsg h = { .tcm_ifindex = NET_LO_IFINDEX, .tcm_parent = TC_H_ROOT, .tcm_info = 2 };
	if (!d->nlk->net->lo_up || !nl_dump_begin(d, RTM_NEWQDISC, &h, sizeof(h)))
		return;
	nl_put_string(d->buf, TCA_KIND, "noqueue");
	nl_put_u8(d->buf, TCA_HW_OFFLOAD, 0);
	nl_dump_end(d);
}

int route_qdisc_dump(struct nl_request *r)
{
	return nl_dump_start(r, fill_qdiscs, NULL, 0, 0);
}
