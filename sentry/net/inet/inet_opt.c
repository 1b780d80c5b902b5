/* inet_opt.c - options of level SOL_IP, and those of SOL_SOCKET that only IP sockets have (ip(7)).
 *
 * LINUX    net/ipv4/ip_sockglue.c do_ip_setsockopt(), do_ip_getsockopt(). Options that steer what a loopback without packets
 *          doesn't have are checked, kept and told, and have no effect.
 * MISSING  IP_OPTIONS (only none can be set), IP_MSFILTER, MCAST_MSFILTER, IPSEC policies, iptables. */
#include <linux/capability.h>
#include <net/if.h>
#include <string.h>

#include "sentry/net/inet/inet_impl.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif
#define IP_PROTOCOL_OPT 52                /* IP_PROTOCOL */
#define IP_RECVERR_RFC4884_OPT 26
#define TTL_DEFAULT 64
#define MTU_MAX 0xffff                    /* of IPv4 */

static const struct inet_option options[] = {
	INET_FLAG(IP_PKTINFO, pktinfo),
	INET_FLAG(IP_RECVTTL, recvttl),
	INET_FLAG(IP_RECVTOS, recvtos),
	INET_FLAG(IP_RECVOPTS, recvopts),
	INET_FLAG(IP_RETOPTS, retopts),
	INET_FLAG(IP_RECVERR, recverr),
	INET_BOOL(IP_RECVERR_RFC4884_OPT, recverr_rfc4884),
	INET_FLAG(IP_RECVORIGDSTADDR, recvorigdst),
	INET_FLAG(IP_PASSSEC, passsec),
	INET_FLAG(IP_FREEBIND, freebind),
	INET_FLAG(IP_TRANSPARENT, transparent),
	INET_FLAG(IP_NODEFRAG, nodefrag),
	INET_FLAG(IP_BIND_ADDRESS_NO_PORT, no_port),
	INET_FLAG(IP_MULTICAST_LOOP, mc_loop),
	INET_BOOL(IP_MULTICAST_ALL, mc_all),
	INET_FLAG(IP_CHECKSUM, checksum),
	INET_FLAG(IP_RECVFRAGSIZE, recvfragsize),
	INET_FLAG(IP_HDRINCL, hdrincl),
	INET_NUMBER(IP_MINTTL, minttl, 0, 255),
	INET_NUMBER(IP_MTU_DISCOVER, pmtudisc, IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT),
};

const struct inet_option *inet_option_find(const struct inet_option *list, size_t n, int name)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].name == name)
			return &list[i];
	return NULL;
}

int inet_option_get(const struct inet_sock *in, const struct inet_option *o)
{
	const char *at = (const char *)in + o->offset;
	return o->kind == INET_OPTION_NUMBER ? *(const int *)at : *(const bool *)at;
}

int inet_option_set(struct inet_sock *in, const struct inet_option *o, int v)
{
	char *at = (char *)in + o->offset;
	if (o->kind != INET_OPTION_FLAG && (v < o->min || v > o->max))
		return -EINVAL;
	if (o->kind == INET_OPTION_NUMBER)
		*(int *)at = v;
	else
		*(bool *)at = v != 0;
	return 0;
}

/* IP_HDRINCL is only known to raw sockets. */
static const struct inet_option *option_find(const struct inet_sock *in, int name)
{
	if (name == IP_HDRINCL && in->sock.type != SOCK_RAW)
		return NULL;
	return inet_option_find(options, ARRAY_SIZE(options), name);
}

/* Small numbers may be told as one byte. */
static int put_small(void *value, socklen_t *len, int v)
{
	unsigned char byte = (unsigned char)v;
	if (*len < sizeof(v) && *len > 0 && v >= 0 && v <= 255)
		return sockopt_put(value, len, &byte, sizeof(byte));
	return sockopt_put_int(value, len, v);
}

static int socket_level_get(struct inet_sock *in, int name, void *value, socklen_t *len)
{
	switch (name) {
	case SO_BINDTODEVICE:
		if (!in->sock.bound_if) {
			*len = 0;
			return 0;
		}
		return *len < IFNAMSIZ ? -EINVAL : sockopt_put(value, len, "lo", 3);
	case SO_BINDTOIFINDEX:
		return sockopt_put_int(value, len, in->sock.bound_if);
	case SO_ZEROCOPY:
		return sockopt_put_int(value, len, in->sock.zerocopy);
	case SO_PEERCRED: {
		struct ucred none = { 0, (uid_t)-1, (gid_t)-1 };
		return sockopt_put(value, len, &none, sizeof(none));
	}
	case SO_PEERNAME: {
		struct sockaddr_storage sa;
		socklen_t n;
		int err = in->sock.ops->getname(&in->sock, SOCKET_ACCEPTED, &sa, &n);
		if (err)
			return -ENOTCONN;
		return *len > n ? -EINVAL : sockopt_put(value, len, &sa, n);
	}
	default:
		return -ENOPROTOOPT;
	}
}

int inet_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	struct inet_sock *in = to_inet(s);
	if (level == SOL_SOCKET)
		return socket_level_get(in, name, value, len);
	if (level == SOL_IPV6 && inet_is_v6(in))
		return inet6_getsockopt(t, in, name, value, len);
	if (level != SOL_IP)
		return inet_is_v6(in) ? -ENOPROTOOPT : -EOPNOTSUPP;
	const struct inet_option *o = option_find(in, name);
	if (o)
		return put_small(value, len, inet_option_get(in, o));
	switch (name) {
	case IP_TOS:
		return put_small(value, len, in->tos);
	case IP_TTL:
		return put_small(value, len, in->ttl < 0 ? TTL_DEFAULT : in->ttl);
	case IP_MTU:
		return in->remote.port ? sockopt_put_int(value, len, MIN(in->net->lo_mtu, MTU_MAX)) : -ENOTCONN;
	case IP_MULTICAST_TTL:
		return put_small(value, len, in->mc_ttl);
	case IP_MULTICAST_IF:
		return sockopt_put(value, len, &in->mc_addr, sizeof(in->mc_addr));
	case IP_UNICAST_IF:
		return sockopt_put_int(value, len, (int)htonl((uint32_t)in->unicast_if));
	case IP_LOCAL_PORT_RANGE:
		return sockopt_put(value, len, &in->port_range, sizeof(in->port_range));
	case IP_PROTOCOL_OPT:
		return sockopt_put_int(value, len, s->protocol);
	case IP_ROUTER_ALERT:
		return put_small(value, len, in->router_alert);
	case IP_OPTIONS:
		*len = 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* The interface of a struct ip_mreqn; 0: none is meant; -ENODEV, -EADDRNOTAVAIL as `missing` says. */
static int mreq_ifindex(const struct ip_mreqn *r, int missing)
{
	if (r->imr_ifindex)
		return r->imr_ifindex == NET_LO_IFINDEX ? NET_LO_IFINDEX : missing;
	if (!r->imr_address.s_addr)
		return 0;
	return ntohl(r->imr_address.s_addr) >> 24 == IN_LOOPBACKNET ? NET_LO_IFINDEX : missing;
}

static int membership(struct inet_sock *in, int name, const void *value, socklen_t len)
{
	struct ip_mreqn r = { 0 };
	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(&r, value, len >= sizeof(r) ? sizeof(r) : sizeof(struct ip_mreq));
	struct in6_addr group = ip_from_v4(ntohl(r.imr_multiaddr.s_addr));
	int ifindex = mreq_ifindex(&r, -ENODEV);
	return name == IP_ADD_MEMBERSHIP ? inet_mcast_join(in, &group, ifindex) : inet_mcast_leave(in, &group, ifindex);
}

static int source_membership(struct inet_sock *in, int name, const void *value, socklen_t len)
{
	struct ip_mreq_source r;
	if (len != sizeof(r))
		return -EINVAL;
	memcpy(&r, value, sizeof(r));
	struct ip_mreqn where = { .imr_address = r.imr_interface };
	struct in6_addr group = ip_from_v4(ntohl(r.imr_multiaddr.s_addr));
	struct in6_addr source = ip_from_v4(ntohl(r.imr_sourceaddr.s_addr));
	enum inet_source_op op = name == IP_ADD_SOURCE_MEMBERSHIP ? SOURCE_JOIN : name == IP_DROP_SOURCE_MEMBERSHIP ? SOURCE_LEAVE :
				 name == IP_BLOCK_SOURCE ? SOURCE_BLOCK : SOURCE_UNBLOCK;
	return inet_mcast_source(in, op, &group, &source, mreq_ifindex(&where, -ENODEV));
}

static int group_ip(const struct sockaddr_storage *sa, struct in6_addr *out)
{
	if (sa->ss_family == AF_INET)
		*out = ip_from_v4(ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr));
	else if (sa->ss_family == AF_INET6)
		*out = ((const struct sockaddr_in6 *)sa)->sin6_addr;
	else
		return -EADDRNOTAVAIL;
	return 0;
}

/* RFC 3678's options, the same for both families. */
int inet_group_option(struct inet_sock *in, int name, const void *value, socklen_t len)
{
	struct in6_addr group, source;
	if (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP) {
		struct group_req r;
		if (len < sizeof(r))
			return -EINVAL;
		memcpy(&r, value, sizeof(r));
		int err = group_ip(&r.gr_group, &group);
		if (err)
			return err;
		return name == MCAST_JOIN_GROUP ? inet_mcast_join(in, &group, (int)r.gr_interface) :
						  inet_mcast_leave(in, &group, (int)r.gr_interface);
	}
	struct group_source_req r;
	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, value, sizeof(r));
	int err = group_ip(&r.gsr_group, &group);
	if (!err)
		err = group_ip(&r.gsr_source, &source);
	if (err)
		return err;
	enum inet_source_op op = name == MCAST_JOIN_SOURCE_GROUP ? SOURCE_JOIN : name == MCAST_LEAVE_SOURCE_GROUP ? SOURCE_LEAVE :
				 name == MCAST_BLOCK_SOURCE ? SOURCE_BLOCK : SOURCE_UNBLOCK;
	return inet_mcast_source(in, op, &group, &source, (int)r.gsr_interface);
}

static int multicast_if(struct inet_sock *in, const void *value, socklen_t len)
{
	struct ip_mreqn r = { 0 };
	if (in->sock.type == SOCK_STREAM)
		return -EINVAL;
	if (len < sizeof(struct in_addr))
		return -EINVAL;
	if (len >= sizeof(struct ip_mreqn))
		memcpy(&r, value, sizeof(r));
	else if (len >= sizeof(struct ip_mreq))
		memcpy(&r, value, sizeof(struct ip_mreq));
	else
		memcpy(&r.imr_address, value, sizeof(r.imr_address));
	int ifindex = mreq_ifindex(&r, -EADDRNOTAVAIL);
	if (ifindex < 0)
		return ifindex;
	in->mc_if = ifindex;
	in->mc_addr = r.imr_address;
	return 0;
}

static int bind_to_device(struct task *t, struct inet_sock *in, const char *value, socklen_t len)
{
	char name[IFNAMSIZ] = { 0 };
	memcpy(name, value, MIN((size_t)len, sizeof(name) - 1));
	if (in->sock.bound_if && !inet_may(t, in, CAP_NET_RAW))
		return -EPERM;
	if (name[0] && strcmp(name, "lo") != 0)
		return -ENODEV;
	in->sock.bound_if = name[0] ? NET_LO_IFINDEX : 0;
	return 0;
}

static int socket_level_set(struct task *t, struct inet_sock *in, int name, const void *value, socklen_t len)
{
	int v = 0;
	if (name == SO_BINDTODEVICE)
		return bind_to_device(t, in, value, len);
	memcpy(&v, value, sizeof(v));            /* socket_setsockopt() has looked at len */
	switch (name) {
	case SO_ATTACH_REUSEPORT_CBPF:
		return inet_group_attach(t, in, value, len);
	case SO_DETACH_REUSEPORT_BPF:
		return inet_group_detach(in);
	case SO_BINDTOIFINDEX:
		if (v && v != NET_LO_IFINDEX)
			return v < 0 ? -EINVAL : -ENODEV;
		in->sock.bound_if = v;
		return 0;
	case SO_ZEROCOPY:
		if (in->sock.type == SOCK_RAW)
			return -524;             /* ENOTSUPP */
		if (v < 0 || v > 1)
			return -EINVAL;
		in->sock.zerocopy = v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_option(struct task *t, struct inet_sock *in, const struct inet_option *o, int v)
{
	if (o->name == IP_TRANSPARENT && v && !inet_may(t, in, CAP_NET_RAW) && !inet_may(t, in, CAP_NET_ADMIN))
		return -EPERM;
	if (o->name == IP_NODEFRAG && in->sock.type != SOCK_RAW)
		return -ENOPROTOOPT;
	if (o->name == IP_RECVERR && !v)
		inet_error_purge(in);
	return inet_option_set(in, o, v);
}

int inet_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len)
{
	struct inet_sock *in = to_inet(s);
	if (level == SOL_SOCKET)
		return socket_level_set(t, in, name, value, len);
	if (level == SOL_IPV6 && inet_is_v6(in))
		return inet6_setsockopt(t, in, name, value, len);
	if (level != SOL_IP)
		return -ENOPROTOOPT;
	switch (name) {
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
		return s->type == SOCK_STREAM ? -EPROTO : membership(in, name, value, len);
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP:
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
		return source_membership(in, name, value, len);
	case IP_MULTICAST_IF:
		return multicast_if(in, value, len);
	case IP_OPTIONS:
		return len ? -EINVAL : 0;
	default:
		break;
	}
	if (name >= MCAST_JOIN_GROUP && name <= MCAST_LEAVE_SOURCE_GROUP)
		return inet_group_option(in, name, value, len);
	int v = 0;
	if (len >= sizeof(v))
		memcpy(&v, value, sizeof(v));
	else if (len >= 1)
		v = *(const unsigned char *)value;
	else if (name != IP_LOCAL_PORT_RANGE)
		return -EINVAL;
	const struct inet_option *o = option_find(in, name);
	if (o)
		return set_option(t, in, o, v);
	switch (name) {
	case IP_TOS:
		in->tos = v & 0xff;
		return 0;
	case IP_TTL:
		if (v != -1 && (v < 1 || v > 255))
			return -EINVAL;
		in->ttl = v;
		return 0;
	case IP_MULTICAST_TTL:
		if (s->type == SOCK_STREAM || v < -1 || v > 255)
			return -EINVAL;
		in->mc_ttl = v == -1 ? 1 : v;
		return 0;
	case IP_UNICAST_IF:
		if (v && ntohl((uint32_t)v) != NET_LO_IFINDEX)
			return -EADDRNOTAVAIL;
		in->unicast_if = (int)ntohl((uint32_t)v);
		return 0;
	case IP_LOCAL_PORT_RANGE:
		if (len != sizeof(uint32_t) || ((uint32_t)v >> 16 && ((uint32_t)v & 0xffff) > (uint32_t)v >> 16))
			return -EINVAL;
		in->port_range = (uint32_t)v;
		return 0;
	case IP_ROUTER_ALERT:
		if (s->type != SOCK_RAW)
			return -EINVAL;
		in->router_alert = v != 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
