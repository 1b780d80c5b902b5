/* net_ioctl.c - ioctls about interfaces, which every socket has (netdevice(7)): there is lo.
 *
 * LINUX    net/core/dev_ioctl.c, net/ipv4/devinet.c. Same: changing anything takes CAP_NET_ADMIN; an unknown name is ENODEV.
 * MISSING  Changing anything but lo's flags and MTU (NETLINK_ROUTE changes its addresses);
 *          the routing and ARP tables (SIOCADDRT, SIOCGARP …). */
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "sentry/kernel/task.h"
#include "sentry/net/lo.h"

static void put_address(struct ifreq *r, uint32_t v4)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(v4) };
	memcpy(&r->ifr_addr, &sa, sizeof(r->ifr_addr));
}

/* The IPv4 address of that name: "lo", or the label that a further address was given. */
static const struct lo_addr *addr_of(const struct net *net, const char *label)
{
	const struct lo_addr *a;
	TAILQ_FOREACH(a, &net->lo_addrs, link)
		if (a->family == AF_INET && strcmp(a->label, label) == 0)
			return a;
	return NULL;
}

static int get_conf(struct task *t, const struct net *net, uptr_t arg)
{
	struct ifconf c;
	const struct lo_addr *a;
	if (get_user(t, &c, arg))
		return -EFAULT;
	uptr_t to = UPTR(c.ifc_buf);
	int room = c.ifc_len;
	c.ifc_len = 0;
	TAILQ_FOREACH(a, &net->lo_addrs, link) {
		struct ifreq r = { 0 };
		if (a->family != AF_INET || (!uptr_null(to) && room - c.ifc_len < (int)sizeof(r)))
			continue;
		memcpy(r.ifr_name, a->label, sizeof(r.ifr_name));
		put_address(&r, lo_addr_v4(a));
		if (!uptr_null(to) && copy_to_user(t, uptr_add(to, (uint64_t)c.ifc_len), &r, sizeof(r)))
			return -EFAULT;
		c.ifc_len += (int)sizeof(r);
	}
	return put_user(t, arg, &c);
}

static bool may_change(const struct task *t, const struct net *net)
{
	return cred_ns_cap(t->cred, net->id.owner, CAP_NET_ADMIN);
}

static int set_flags(struct task *t, struct net *net, const struct ifreq *r)
{
	if (!may_change(t, net))
		return -EPERM;
	lo_set_flags(net, (unsigned short)r->ifr_flags, NULL);
	return 0;
}

/* What lo answers of ethtool(8)'s questions. */
static int ethtool(struct task *t, uptr_t arg)
{
	uint32_t cmd;
	if (get_user(t, &cmd, arg))
		return -EFAULT;
	if (cmd == ETHTOOL_GLINK) {
		struct ethtool_value v = { .cmd = cmd, .data = 1 };
		return put_user(t, arg, &v);
	}
	if (cmd == ETHTOOL_GET_TS_INFO) {
		struct ethtool_ts_info v = { .cmd = cmd, .phc_index = -1 };
		v.so_timestamping = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
		return put_user(t, arg, &v);
	}
	return -EOPNOTSUPP;
}

/* About IPv4: sockets of other families don't have them. */
static bool is_ipv4(unsigned cmd)
{
	return cmd >= SIOCGIFADDR && cmd <= SIOCSIFNETMASK;
}

int net_ioctl(struct task *t, struct net *net, int family, unsigned cmd, uint64_t arg)
{
	struct ifreq r;
	const struct lo_addr *a;
	char label[IFNAMSIZ];
	if (net && cmd == SIOCGIFCONF)
		return get_conf(t, net, UPTR(arg));
	if (!net || cmd < SIOCGIFNAME || (cmd > SIOCSIFTXQLEN && cmd != SIOCETHTOOL) || (is_ipv4(cmd) && family != AF_INET))
		return -ENOTTY;
	if (get_user(t, &r, UPTR(arg)))
		return -EFAULT;
	r.ifr_name[IFNAMSIZ - 1] = 0;
	if (cmd == SIOCGIFNAME) {
		if (r.ifr_ifindex != NET_LO_IFINDEX)
			return -ENODEV;
		memset(r.ifr_name, 0, sizeof(r.ifr_name));
		memcpy(r.ifr_name, "lo", 2);
		return put_user(t, UPTR(arg), &r);
	}
	memcpy(label, r.ifr_name, sizeof(label));
	r.ifr_name[strcspn(r.ifr_name, ":")] = 0;        /* an alias */
	if (strcmp(r.ifr_name, "lo") != 0)
		return -ENODEV;
	switch (cmd) {
	case SIOCETHTOOL:
		return ethtool(t, UPTR(r.ifr_data));
	case SIOCGIFINDEX:
		r.ifr_ifindex = NET_LO_IFINDEX;
		break;
	case SIOCGIFFLAGS:
		r.ifr_flags = (short)lo_flags(net);
		break;
	case SIOCSIFFLAGS:
		return set_flags(t, net, &r);
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
		a = addr_of(net, label);
		if (!a)
			return -EADDRNOTAVAIL;
		put_address(&r, cmd == SIOCGIFNETMASK ? lo_addr_mask(a) : cmd == SIOCGIFBRDADDR ? a->broadcast : lo_addr_v4(a));
		break;
	case SIOCGIFMTU:
		r.ifr_mtu = net->lo_mtu;
		break;
	case SIOCSIFMTU:
		return may_change(t, net) ? lo_set_mtu(net, r.ifr_mtu, NULL) : -EPERM;
	case SIOCGIFMETRIC:
		r.ifr_metric = 0;
		break;
	case SIOCGIFTXQLEN:
		r.ifr_qlen = LO_TXQLEN;
		break;
	case SIOCGIFHWADDR:
		memset(&r.ifr_hwaddr, 0, sizeof(r.ifr_hwaddr));
		r.ifr_hwaddr.sa_family = ARPHRD_LOOPBACK;
		break;
	case SIOCGIFMAP:
		memset(&r.ifr_map, 0, sizeof(r.ifr_map));
		break;
	default:
		return may_change(t, net) ? -EOPNOTSUPP : -EPERM;
	}
	return put_user(t, UPTR(arg), &r);
}
