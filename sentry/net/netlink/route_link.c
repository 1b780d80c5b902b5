/* route_link.c - NETLINK_ROUTE: lo as an interface.
 *
 * LINUX    net/core/rtnetlink.c rtnl_fill_ifinfo(), do_setlink(). Same: ifi_change 0 means all flags; a dump of another family
 *          than AF_UNSPEC lists the same.
 * MISSING  IFLA_AF_SPEC (settings of the IP families), IFLA_STATS (the 32-bit counters' successor is there), renaming, MTU. */
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <string.h>

#include "sentry/net/netlink/route.h"

#define OPER_UNKNOWN 0                    /* IF_OPER_*, of a header that does not go with <net/if.h> */
#define OPER_DOWN 2
#define GSO_SIZE 65536
#define GSO_SEGS 65535
#define LOWER_UP (1U << 16)               /* IFF_LOWER_UP, which <net/if.h> lacks */

static void put_stats(struct nl_buf *b, const struct net *net)
{
	struct rtnl_link_stats64 st = { .rx_packets = net->lo_packets, .tx_packets = net->lo_packets, .rx_bytes = net->lo_bytes,
					.tx_bytes = net->lo_bytes };
	nl_put(b, IFLA_STATS64, &st, sizeof(st));
}

static struct ifinfomsg head(const struct net *net, unsigned change)
{
	return (struct ifinfomsg){ .ifi_type = ARPHRD_LOOPBACK, .ifi_index = NET_LO_IFINDEX, .ifi_change = change,
				   .ifi_flags = lo_flags(net) | (net->lo_up ? LOWER_UP : 0) };
}

static void put_link(struct nl_buf *b, const struct net *net, bool stats)
{
	static const char no_address[6];
	nl_put_string(b, IFLA_IFNAME, "lo");
	nl_put_u32(b, IFLA_TXQLEN, LO_TXQLEN);
	nl_put_u8(b, IFLA_OPERSTATE, net->lo_up ? OPER_UNKNOWN : OPER_DOWN);
	nl_put_u8(b, IFLA_LINKMODE, 0);
	nl_put_u32(b, IFLA_MTU, (uint32_t)net->lo_mtu);
	nl_put_u32(b, IFLA_MIN_MTU, 0);
	nl_put_u32(b, IFLA_MAX_MTU, 0);
	nl_put_u32(b, IFLA_GROUP, 0);
	nl_put_u32(b, IFLA_PROMISCUITY, !!(net->lo_more_flags & IFF_PROMISC));
	nl_put_u32(b, IFLA_NUM_TX_QUEUES, 1);
	nl_put_u32(b, IFLA_GSO_MAX_SEGS, GSO_SEGS);
	nl_put_u32(b, IFLA_GSO_MAX_SIZE, GSO_SIZE);
	nl_put_u32(b, IFLA_NUM_RX_QUEUES, 1);
	nl_put_u8(b, IFLA_CARRIER, 1);
	nl_put_u32(b, IFLA_CARRIER_CHANGES, 0);
	nl_put_u8(b, IFLA_PROTO_DOWN, 0);
	nl_put(b, IFLA_ADDRESS, no_address, sizeof(no_address));
	nl_put(b, IFLA_BROADCAST, no_address, sizeof(no_address));
	if (stats)
		put_stats(b, net);
	nl_put_string(b, IFLA_QDISC, net->lo_was_up ? "noqueue" : "noop");
}

static bool wants_stats(const struct nl_attr *tb)
{
	uint32_t mask = 0;
	(void)nl_attr_u32(&tb[IFLA_EXT_MASK], &mask);
	return !(mask & RTEXT_FILTER_SKIP_STATS);
}

static bool names_lo(const struct nl_attr *tb)
{
	return nl_attr_is(&tb[IFLA_IFNAME], "lo");
}

/* Is it about lo? 0, -ENODEV; -EINVAL: about none at all. */
static int about(const struct ifinfomsg *h, const struct nl_attr *tb)
{
	if (h->ifi_index > 0)
		return h->ifi_index == NET_LO_IFINDEX ? 0 : -ENODEV;
	if (tb[IFLA_IFNAME].data)
		return names_lo(tb) ? 0 : -ENODEV;
	return tb[IFLA_ALT_IFNAME].data ? -ENODEV : -EINVAL;
}

/* A request's header and attributes, and whether they are about lo, as about() says. False: it has no header. */
static bool asked(const struct nl_request *r, struct ifinfomsg *h, struct nl_attr *tb, int *out_about)
{
	if (!nl_head(r, h, sizeof(*h)))
		return false;
	nl_attrs(r, sizeof(*h), tb, IFLA_MAX);
	*out_about = about(h, tb);
	return true;
}

int route_link_get(struct nl_request *r)
{
	struct ifinfomsg h;
	struct nl_attr tb[IFLA_MAX + 1];
	int err;
	if (!asked(r, &h, tb, &err))
		return -EINVAL;
	if (err)
		return err;
	h = head(r->net, 0);
	struct nl_buf *b = nl_buf_new(ROUTE_REPLY_MAX);
	nl_begin(b, RTM_NEWLINK, 0, r->h.nlmsg_seq, r->nlk->port.id, &h, sizeof(h));
	put_link(b, r->net, wants_stats(tb));
	(void)nl_end(b);
	nl_reply(r, b);
	return 0;
}

struct link_args { bool stats, none; };

static void fill_links(struct nl_dump *d)
{
	const struct link_args *args = (const void *)d->args;
	struct ifinfomsg h = head(d->nlk->net, 0);
	if (args->none || !nl_dump_begin(d, RTM_NEWLINK, &h, sizeof(h)))
		return;
	put_link(d->buf, d->nlk->net, args->stats);
	nl_dump_end(d);
}

int route_link_dump(struct nl_request *r)
{
	struct ifinfomsg h;
	struct nl_attr tb[IFLA_MAX + 1] = { 0 };
	if (nl_head(r, &h, sizeof(h)))
		nl_attrs(r, sizeof(h), tb, IFLA_MAX);
	else if (nl_strict(r))
		return -EINVAL;
	/* lo has no master and isn't of a kind: who asks for those of one finds none. A bridge's ports are none either. */
	struct link_args args = { .stats = wants_stats(tb), .none = tb[IFLA_MASTER].data || tb[IFLA_LINKINFO].data ||
								   *(const uint8_t *)r->body == AF_BRIDGE };
	return nl_dump_start(r, fill_links, &args, sizeof(args), tb[IFLA_MASTER].data || tb[IFLA_LINKINFO].data ? NLM_F_DUMP_FILTERED : 0);
}

/* Attributes that may come along, for they ask for nothing, or for what is so anyway. */
static bool changes_nothing(int type, const struct nl_attr *a)
{
	uint32_t v;
	switch (type) {
	case IFLA_EXT_MASK:
	case IFLA_MTU:                    /* route_link_new() sees to it */
		return true;
	case IFLA_IFNAME:
		return nl_attr_is(a, "lo");
	case IFLA_TXQLEN:
		return nl_attr_u32(a, &v) && v == LO_TXQLEN;
	case IFLA_GROUP:
		return nl_attr_u32(a, &v) && v == 0;
	default:
		return false;
	}
}

int route_link_new(struct nl_request *r)
{
	struct ifinfomsg h;
	struct nl_attr tb[IFLA_MAX + 1];
	int err;
	if (!asked(r, &h, tb, &err))
		return -EINVAL;
	if (r->h.nlmsg_type == RTM_NEWLINK && err) {
		if (!(r->h.nlmsg_flags & NLM_F_CREATE))
			return -ENODEV;
		r->why = "Unknown device type";
		return -EOPNOTSUPP;
	}
	if (err)
		return err;
	if (r->h.nlmsg_type == RTM_NEWLINK && (r->h.nlmsg_flags & NLM_F_EXCL))
		return -EEXIST;
	if (r->h.nlmsg_type == RTM_NEWLINK && (r->h.nlmsg_flags & NLM_F_REPLACE))
		return -EOPNOTSUPP;
	if (tb[IFLA_NET_NS_FD].data || tb[IFLA_NET_NS_PID].data) {
		r->why = "The interface netns is immutable";
		return -EINVAL;
	}
	for (int i = 1; i <= IFLA_MAX; i++)
		if (tb[i].data && !changes_nothing(i, &tb[i]))
			return -EOPNOTSUPP;
	uint32_t mtu;
	if (tb[IFLA_MTU].data) {
		err = nl_attr_u32(&tb[IFLA_MTU], &mtu) ? lo_set_mtu(r->net, (int)mtu, r) : -EINVAL;
		if (err)
			return err;
	}
	if (h.ifi_flags || h.ifi_change) {
		unsigned change = h.ifi_change ? h.ifi_change : ~0U;
		lo_set_flags(r->net, (h.ifi_flags & change) | (lo_flags(r->net) & ~change), r);
	}
	return 0;
}

int route_link_del(struct nl_request *r)
{
	struct ifinfomsg h;
	struct nl_attr tb[IFLA_MAX + 1];
	int err;
	if (!asked(r, &h, tb, &err))
		return -EINVAL;
	return err ? err : -EOPNOTSUPP;
}

void netlink_tell_link(struct net *net, unsigned change, const struct nl_request *why)
{
	struct ifinfomsg h = head(net, change);
	struct nl_buf *b = nl_buf_new(ROUTE_REPLY_MAX);
	nl_begin(b, RTM_NEWLINK, 0, why ? why->h.nlmsg_seq : 0, why ? why->nlk->port.id : 0, &h, sizeof(h));
	put_link(b, net, true);
	(void)nl_end(b);
	nl_notify(net, NETLINK_ROUTE, RTNLGRP_LINK, b, why);
}
