/* net_ioctl.c - ioctls about interfaces, which every socket has (netdevice(7)): there is lo.
 *
 * LINUX    net/core/dev_ioctl.c, net/ipv4/devinet.c. Same: changing anything takes CAP_NET_ADMIN; an unknown name is ENODEV.
 * MISSING  Changing anything but lo's being up; the routing and ARP tables (SIOCADDRT, SIOCGARP …). */
#include <linux/capability.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "sentry/kernel/task.h"
#include "sentry/net/net.h"

static short lo_flags(const struct net *net)
{
	return net->lo_up ? IFF_UP | IFF_LOOPBACK | IFF_RUNNING : IFF_LOOPBACK;
}

static void put_address(struct ifreq *r, uint32_t v4)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(v4) };
	memcpy(&r->ifr_addr, &sa, sizeof(r->ifr_addr));
}

static int get_conf(struct task *t, const struct net *net, uptr_t arg)
{
	struct ifconf c;
	struct ifreq r = { .ifr_name = "lo" };
	if (get_user(t, &c, arg))
		return -EFAULT;
	put_address(&r, INADDR_LOOPBACK);
	uptr_t to = UPTR(c.ifc_buf);
	int room = c.ifc_len;
	c.ifc_len = 0;
	if (net->lo_up && (uptr_null(to) || room >= (int)sizeof(r))) {
		if (!uptr_null(to) && put_user(t, to, &r))
			return -EFAULT;
		c.ifc_len = sizeof(r);
	}
	return put_user(t, arg, &c);
}

static int set_flags(struct task *t, struct net *net, const struct ifreq *r)
{
	if (!cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_ADMIN))
		return -EPERM;
	net->lo_up = r->ifr_flags & IFF_UP;
	return 0;
}

int net_ioctl(struct task *t, struct net *net, unsigned cmd, uint64_t arg)
{
	struct ifreq r;
	if (net && cmd == SIOCGIFCONF)
		return get_conf(t, net, UPTR(arg));
	if (!net || cmd < SIOCGIFNAME || cmd > SIOCSIFTXQLEN)
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
	r.ifr_name[strcspn(r.ifr_name, ":")] = 0;        /* an alias */
	if (strcmp(r.ifr_name, "lo") != 0)
		return -ENODEV;
	switch (cmd) {
	case SIOCGIFINDEX:
		r.ifr_ifindex = NET_LO_IFINDEX;
		break;
	case SIOCGIFFLAGS:
		r.ifr_flags = lo_flags(net);
		break;
	case SIOCSIFFLAGS:
		return set_flags(t, net, &r);
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
		if (!net->lo_up)
			return -EADDRNOTAVAIL;
		put_address(&r, INADDR_LOOPBACK);
		break;
	case SIOCGIFBRDADDR:
		put_address(&r, INADDR_ANY);
		break;
	case SIOCGIFNETMASK:
		put_address(&r, IN_CLASSA_NET);
		break;
	case SIOCGIFMTU:
		r.ifr_mtu = NET_LO_MTU;
		break;
	case SIOCGIFMETRIC:
		r.ifr_metric = 0;
		break;
	case SIOCGIFTXQLEN:
		r.ifr_qlen = 1000;
		break;
	case SIOCGIFHWADDR:
		memset(&r.ifr_hwaddr, 0, sizeof(r.ifr_hwaddr));
		r.ifr_hwaddr.sa_family = ARPHRD_LOOPBACK;
		break;
	case SIOCGIFMAP:
		memset(&r.ifr_map, 0, sizeof(r.ifr_map));
		break;
	default:
		return cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
	}
	return put_user(t, UPTR(arg), &r);
}
