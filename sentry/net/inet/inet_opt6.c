/* inet_opt6.c - options of level SOL_IPV6 (ipv6(7), RFC 3542).
 *
 * LINUX    net/ipv6/ipv6_sockglue.c. As for IPv4, options without a meaning here are checked, kept and told.
 * MISSING  Extension headers (sticky options: ENOPROTOOPT), flow labels, IPSEC policies, ip6tables. */
#include <linux/capability.h>
#include <string.h>

#include "sentry/net/inet/inet_impl.h"

#define IPV6_RECVERR_RFC4884_OPT 31
#define IPV6_MULTICAST_ALL_OPT 29
#define IPV6_FLOWINFO_SEND_OPT 33
#define IPV6_ADDR_PREFERENCES_OPT 72
#define HOPS_DEFAULT 64

static bool *flag_find(struct inet_sock *in, int name)
{
	switch (name) {
	case IPV6_V6ONLY:
		return &in->v6only;
	case IPV6_RECVPKTINFO:
	case IPV6_2292PKTINFO:
		return &in->pktinfo6;
	case IPV6_RECVHOPLIMIT:
	case IPV6_2292HOPLIMIT:
		return &in->recvhops;
	case IPV6_RECVTCLASS:
		return &in->recvtclass;
	case IPV6_RECVPATHMTU:
		return &in->recvpathmtu;
	case IPV6_RECVORIGDSTADDR:
		return &in->recvorigdst6;
	case IPV6_RECVFRAGSIZE:
		return &in->recvfragsize6;
	case IPV6_RECVERR:
		return &in->recverr6;
	case IPV6_RECVERR_RFC4884_OPT:
		return &in->recverr6_rfc4884;
	case IPV6_MULTICAST_LOOP:
		return &in->mc_loop6;
	case IPV6_MULTICAST_ALL_OPT:
		return &in->mc_all6;
	case IPV6_FREEBIND:
		return &in->freebind;
	case IPV6_TRANSPARENT:
		return &in->transparent;
	case IPV6_DONTFRAG:
		return &in->dontfrag;
	case IPV6_AUTOFLOWLABEL:
		return &in->autoflow;
	case IPV6_FLOWINFO_SEND_OPT:
		return &in->flowinfo_send;
	default:
		return NULL;
	}
}

int inet6_getsockopt(struct task *t, struct inet_sock *in, int name, void *value, socklen_t *len)
{
	(void)t;
	const bool *flag = flag_find(in, name);
	if (flag)
		return sockopt_put_int(value, len, *flag);
	switch (name) {
	case IPV6_UNICAST_HOPS:
		return sockopt_put_int(value, len, in->hops < 0 ? HOPS_DEFAULT : in->hops);
	case IPV6_MULTICAST_HOPS:
		return sockopt_put_int(value, len, in->mc_hops < 0 ? 1 : in->mc_hops);
	case IPV6_MULTICAST_IF:
		return sockopt_put_int(value, len, in->mc_if6);
	case IPV6_UNICAST_IF:
		return sockopt_put_int(value, len, (int)htonl((uint32_t)in->unicast_if6));
	case IPV6_TCLASS:
		return sockopt_put_int(value, len, in->tclass);
	case IPV6_MTU_DISCOVER:
		return sockopt_put_int(value, len, in->pmtudisc6 < 0 ? IPV6_PMTUDISC_WANT : in->pmtudisc6);
	case IPV6_MTU:
		return in->remote.port ? sockopt_put_int(value, len, NET_LO_MTU) : -ENOTCONN;
	case IPV6_MINHOPCOUNT:
		return sockopt_put_int(value, len, in->minhops);
	case IPV6_ADDR_PREFERENCES_OPT:
		return sockopt_put_int(value, len, in->addr_prefs ? in->addr_prefs : 0x500);
	default:
		return -ENOPROTOOPT;
	}
}

static int membership(struct inet_sock *in, int name, const void *value, socklen_t len)
{
	struct ipv6_mreq r;
	if (len < sizeof(r))
		return -EINVAL;
	if (in->sock.type == SOCK_STREAM)
		return -EPROTO;
	memcpy(&r, value, sizeof(r));
	if (!IN6_IS_ADDR_MULTICAST(&r.ipv6mr_multiaddr))
		return -EINVAL;
	return name == IPV6_JOIN_GROUP ? inet_mcast_join(in, &r.ipv6mr_multiaddr, (int)r.ipv6mr_interface) :
					 inet_mcast_leave(in, &r.ipv6mr_multiaddr, (int)r.ipv6mr_interface);
}

static int set_flag(struct task *t, struct inet_sock *in, int name, bool *flag, int v)
{
	if (name == IPV6_V6ONLY && in->bucket)
		return -EINVAL;
	if (name == IPV6_TRANSPARENT && v && !inet_may(t, in, CAP_NET_RAW) && !inet_may(t, in, CAP_NET_ADMIN))
		return -EPERM;
	if ((name == IPV6_MULTICAST_LOOP || name == IPV6_MULTICAST_ALL_OPT || name == IPV6_RECVERR_RFC4884_OPT) && v != !!v)
		return -EINVAL;
	*flag = v != 0;
	if (name == IPV6_RECVERR && !v)
		inet_error_purge(in);
	return 0;
}

/* IPV6_ADDRFORM: a socket that talks IPv4 becomes one of AF_INET. */
static int become_v4(struct inet_sock *in, int family)
{
	if (family != AF_INET)
		return -EINVAL;
	if (in->sock.type == SOCK_RAW)
		return -ENOPROTOOPT;
	if (!in->remote.port)
		return -ENOTCONN;
	if (in->v6only || !ip_is_v4(&in->remote.ip))
		return -EADDRNOTAVAIL;
	in->sock.family = AF_INET;
	if (!ip_is_v4(&in->local.ip))
		in->local.ip = ip_from_v4(INADDR_ANY);
	return 0;
}

int inet6_setsockopt(struct task *t, struct inet_sock *in, int name, const void *value, socklen_t len)
{
	int v;
	switch (name) {
	case IPV6_JOIN_GROUP:
	case IPV6_LEAVE_GROUP:
		return membership(in, name, value, len);
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		return inet_group_option(in, name, value, len);
	default:
		break;
	}
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	bool *flag = flag_find(in, name);
	if (flag)
		return set_flag(t, in, name, flag, v);
	switch (name) {
	case IPV6_ADDRFORM:
		return become_v4(in, v);
	case IPV6_UNICAST_HOPS:
	case IPV6_MULTICAST_HOPS:
		if (v < -1 || v > 255 || (name == IPV6_MULTICAST_HOPS && in->sock.type == SOCK_STREAM))
			return -EINVAL;
		*(name == IPV6_UNICAST_HOPS ? &in->hops : &in->mc_hops) = v;
		return 0;
	case IPV6_MULTICAST_IF:
		if (in->sock.type == SOCK_STREAM)
			return -ENOPROTOOPT;
		if (v && v != NET_LO_IFINDEX)
			return v < 0 ? -EINVAL : -ENODEV;
		in->mc_if6 = v;
		return 0;
	case IPV6_UNICAST_IF:
		if (v && ntohl((uint32_t)v) != NET_LO_IFINDEX)
			return -EADDRNOTAVAIL;
		in->unicast_if6 = (int)ntohl((uint32_t)v);
		return 0;
	case IPV6_TCLASS:
		if (v < -1 || v > 255)
			return -EINVAL;
		in->tclass = v < 0 ? 0 : v;
		return 0;
	case IPV6_MTU_DISCOVER:
		if (v < IPV6_PMTUDISC_DONT || v > IPV6_PMTUDISC_OMIT)
			return -EINVAL;
		in->pmtudisc6 = v;
		return 0;
	case IPV6_MTU:
		if (v && v < 1280)
			return -EINVAL;
		in->mtu6 = v;
		return 0;
	case IPV6_MINHOPCOUNT:
		if (v < 0 || v > 255)
			return -EINVAL;
		in->minhops = v;
		return 0;
	case IPV6_ADDR_PREFERENCES_OPT:
		in->addr_prefs = v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
