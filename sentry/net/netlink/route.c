/* route.c - NETLINK_ROUTE: which request goes where (rtnetlink(7)).
 *
 * LINUX    net/core/rtnetlink.c rtnetlink_rcv_msg(). Same: whatever is not a question takes CAP_NET_ADMIN, before anybody
 *          looks at what it is.
 * MISSING  Further interfaces, routes, rules and neighbours than a network with lo alone has; changing lo otherwise than up,
 *          down and by addresses; traffic control: EOPNOTSUPP. Notifications about routes. */
#include "sentry/net/netlink/route.h"

#include <linux/capability.h>
#include <linux/if_addr.h>

#ifndef NLM_F_BULK
#define NLM_F_BULK 0x200                  /* Linux 5.19 */
#endif

static int dump_nothing(struct nl_request *r)
{
	return nl_dump_start(r, nl_fill_none, NULL, 0, 0);
}

static int get_neighbour(struct nl_request *r)
{
	struct ndmsg nd;
	if (!nl_head(r, &nd, sizeof(nd)))
		return -EINVAL;
	return -ENOENT;
}

static const struct route_handler {
	int type;
	int (*one)(struct nl_request *r);
	int (*dump)(struct nl_request *r);
} handlers[] = {
	{ RTM_GETLINK, route_link_get, route_link_dump },
	{ RTM_NEWLINK, route_link_new, NULL },
	{ RTM_SETLINK, route_link_new, NULL },
	{ RTM_DELLINK, route_link_del, NULL },
	{ RTM_GETADDR, NULL, route_addr_dump },
	{ RTM_NEWADDR, route_addr_new, NULL },
	{ RTM_DELADDR, route_addr_del, NULL },
	{ RTM_GETROUTE, route_get, route_dump },
	{ RTM_GETRULE, NULL, route_rule_dump },
	{ RTM_GETNEIGH, get_neighbour, dump_nothing },
	{ RTM_GETQDISC, NULL, route_qdisc_dump },
	{ RTM_GETTCLASS, NULL, dump_nothing },
	{ RTM_GETTFILTER, NULL, dump_nothing },
	{ RTM_GETNEXTHOP, NULL, dump_nothing },
};

int route_handle(struct nl_request *r)
{
	int type = r->h.nlmsg_type;
	bool question = ((type - RTM_BASE) & 3) == 2;
	if (type > RTM_MAX)
		return -EOPNOTSUPP;
	if (r->len < sizeof(struct rtgenmsg))
		return 0;
	if (!question && !nl_capable(r, CAP_NET_ADMIN))
		return -EPERM;
	if (((type - RTM_BASE) & 3) == 1 && (r->h.nlmsg_flags & NLM_F_BULK)) {
		r->why = "Bulk delete is not supported";
		return -EOPNOTSUPP;
	}
	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
		const struct route_handler *h = &handlers[i];
		if (h->type != type)
			continue;
		int (*fn)(struct nl_request *) = question && (r->h.nlmsg_flags & NLM_F_DUMP) ? h->dump : h->one;
		return fn ? fn(r) : -EOPNOTSUPP;
	}
	return -EOPNOTSUPP;
}
