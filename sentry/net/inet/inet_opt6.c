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

static const struct inet_option options[] = {
	INET_FLAG(IPV6_V6ONLY, v6only),
	INET_FLAG(IPV6_RECVPKTINFO, pktinfo6),
	INET_FLAG(IPV6_2292PKTINFO, pktinfo6),
	INET_FLAG(IPV6_RECVHOPLIMIT, recvhops),
	INET_FLAG(IPV6_2292HOPLIMIT, recvhops),
	INET_FLAG(IPV6_RECVTCLASS, recvtclass),
	INET_FLAG(IPV6_RECVPATHMTU, recvpathmtu),
	INET_FLAG(IPV6_RECVORIGDSTADDR, recvorigdst6),
	INET_FLAG(IPV6_RECVFRAGSIZE, recvfragsize6),
	INET_FLAG(IPV6_RECVERR, recverr6),
	INET_BOOL(IPV6_RECVERR_RFC4884_OPT, recverr6_rfc4884),
	INET_BOOL(IPV6_MULTICAST_LOOP, mc_loop6),
	INET_BOOL(IPV6_MULTICAST_ALL_OPT, mc_all6),
	INET_FLAG(IPV6_FREEBIND, freebind),
	INET_FLAG(IPV6_TRANSPARENT, transparent),
	INET_FLAG(IPV6_DONTFRAG, dontfrag),
	INET_FLAG(IPV6_AUTOFLOWLABEL, autoflow),
	INET_FLAG(IPV6_FLOWINFO_SEND_OPT, flowinfo_send),
	INET_NUMBER(IPV6_MINHOPCOUNT, minhops, 0, 255),
	INET_NUMBER(IPV6_MTU_DISCOVER, pmtudisc6, IPV6_PMTUDISC_DONT, IPV6_PMTUDISC_OMIT),
};

int inet6_getsockopt(struct task *t, struct inet_sock *in, int name, void *value, socklen_t *len)
{
	(void)t;
	const struct inet_option *o = inet_option_find(options, ARRAY_SIZE(options), name);
	if (o)
		return sockopt_put_int(value, len, inet_option_get(in, o));
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
	case IPV6_MTU:
		return in->remote.port ? sockopt_put_int(value, len, in->net->lo_mtu) : -ENOTCONN;
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

static int set_option(struct task *t, struct inet_sock *in, const struct inet_option *o, int v)
{
	if (o->name == IPV6_V6ONLY && in->bucket)
		return -EINVAL;
	if (o->name == IPV6_TRANSPARENT && v && !inet_may(t, in, CAP_NET_RAW) && !inet_may(t, in, CAP_NET_ADMIN))
		return -EPERM;
	if (o->name == IPV6_RECVERR && !v)
		inet_error_purge(in);
	return inet_option_set(in, o, v);
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
	if (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP)
		return membership(in, name, value, len);
	if (name >= MCAST_JOIN_GROUP && name <= MCAST_LEAVE_SOURCE_GROUP)
		return inet_group_option(in, name, value, len);
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	const struct inet_option *o = inet_option_find(options, ARRAY_SIZE(options), name);
	if (o)
		return set_option(t, in, o, v);
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
	case IPV6_MTU:
		if (v && v < 1280)
			return -EINVAL;
		in->mtu6 = v;
		return 0;
	case IPV6_ADDR_PREFERENCES_OPT:
		in->addr_prefs = v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
