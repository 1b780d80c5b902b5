/* proc_net.c - /proc/PID/net: lo, its addresses and routes; sockets that have no columns of their own (proc_net_socks.c).
 *
 * LINUX    net/core/net-procfs.c, net/ipv6/addrconf.c if6_seq_show(), net/netlink/af_netlink.c netlink_native_seq_show().
 * MISSING  Statistics (snmp, netstat, sockstat), groups that were joined (igmp), fib_trie. */
#include <inttypes.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/net/lo.h"
#include "sentry/net/netlink/netlink.h"

static int show_dev(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct net *n = i->task->net;
	(void)viewer;
	seq_puts(s, "Inter-|   Receive                                                |  Transmit\n"
		    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier "
		    "compressed\n");
	if (n)
		seq_printf(s, "%6s: %7" PRIu64 " %7" PRIu64 " %4d %4d %4d %5d %10d %9d %8" PRIu64 " %7" PRIu64
			      " %4d %4d %4d %5d %7d %10d\n", "lo", n->lo_bytes, n->lo_packets, 0, 0, 0, 0, 0, 0, n->lo_bytes,
			   n->lo_packets, 0, 0, 0, 0, 0, 0);
	return 0;
}

static unsigned scope_v6(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_LOOPBACK(ip) ? 0x10 : IN6_IS_ADDR_LINKLOCAL(ip) ? 0x20 : IN6_IS_ADDR_SITELOCAL(ip) ? 0x40 : 0;
}

static void put_ip6(struct seq *s, const struct in6_addr *ip)
{
	for (int b = 0; b < 16; b++)
		seq_printf(s, "%02x", ip->s6_addr[b]);
}

static int show_if_inet6(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct net *n = i->task->net;
	const struct lo_addr *a;
	(void)viewer;
	if (!n)
		return 0;
	TAILQ_FOREACH(a, &n->lo_addrs, link) {
		if (a->family != AF_INET6)
			continue;
		put_ip6(s, &a->ip);
		seq_printf(s, " %02x %02x %02x %02x %8s\n", NET_LO_IFINDEX, a->prefix, scope_v6(&a->ip), a->flags & 0xff, "lo");
	}
	return 0;
}

static void put_route6(struct seq *s, const struct in6_addr *to, int prefix, unsigned metric, unsigned flags)
{
	put_ip6(s, to);
	seq_printf(s, " %02x %032d 00 %032d %08x %08x %08x %08x %8s\n", prefix, 0, 0, metric, 1, 0, flags, "lo");
}

static int show_ipv6_route(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	enum { UP = 1, REJECT = 0x200, NONEXTHOP = 0x200000, LOCAL = 0x80000000 };
	const struct net *n = i->task->net;
	const struct lo_addr *a;
	(void)viewer;
	if (!n)
		return 0;
	TAILQ_FOREACH(a, &n->lo_addrs, link)
		if (a->family == AF_INET6)
			put_route6(s, &a->ip, 128, 0, LOCAL | NONEXTHOP | UP);
	put_route6(s, &in6addr_any, 0, UINT32_MAX, NONEXTHOP | REJECT);
	return 0;
}

static void put_netlink(void *arg, const struct netlink_info *n)
{
	const struct inode *inode = n->sock->file.inode;
	seq_printf(arg, "%016d %-3d %-10u %08x %-8zu %-8d %-5d %-8d %-8u %-8" PRIu64 "\n", 0, n->sock->protocol, n->port,
		   (uint32_t)n->groups, n->rmem, 0, n->dumping, 2, n->sock->drops, inode ? inode->ino : 0);
}

static int show_netlink(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_puts(s, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
	if (i->task->net)
		netlink_each(i->task->net, put_netlink, s);
	return 0;
}

/* Columns end at the same width, headings too. */
static int show_padded(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%-*s\n", (int)i->entry->arg, (const char *)i->entry->ptr);
	return 0;
}

const struct pseudo_entry proc_net_entries[] = {
	PSEUDO_STRING("arp", 0444, "IP address       HW type     Flags       HW address            Mask     Device"),
	PSEUDO_FILE("dev", 0444, .show = show_dev),
	PSEUDO_FILE("if_inet6", 0444, .show = show_if_inet6),
	PSEUDO_FILE("ipv6_route", 0444, .show = show_ipv6_route),
	PSEUDO_FILE("netlink", 0444, .show = show_netlink),
	PSEUDO_STRING("packet", 0444, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode"),
	PSEUDO_FILE("raw", 0444, .show = proc_net_inet, .arg = PROC_NET_RAW),
	PSEUDO_FILE("raw6", 0444, .show = proc_net_inet, .arg = PROC_NET_RAW | PROC_NET_IPV6),
	PSEUDO_FILE("route", 0444, .show = show_padded, .arg = 127,
		    .ptr = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"),
	PSEUDO_FILE("tcp", 0444, .show = proc_net_inet, .arg = PROC_NET_TCP),
	PSEUDO_FILE("tcp6", 0444, .show = proc_net_inet, .arg = PROC_NET_TCP | PROC_NET_IPV6),
	PSEUDO_FILE("udp", 0444, .show = proc_net_inet, .arg = PROC_NET_UDP),
	PSEUDO_FILE("udp6", 0444, .show = proc_net_inet, .arg = PROC_NET_UDP | PROC_NET_IPV6),
	PSEUDO_FILE("unix", 0444, .show = proc_net_unix),
	{ 0 },
};
