/* inet_addr.c - IP addresses: what is local, what can be reached, and their forms in arguments.
 *
 * LINUX    With lo alone up the only routes are its addresses' networks (127.0.0.0/8, ::1), their broadcast addresses, and
 *          multicast for those who name an interface. Everything else is ENETUNREACH (net/ipv4/route.c, net/ipv6/datagram.c). */
#include <string.h>

#include "sentry/net/inet/inet_impl.h"
#include "sentry/net/lo.h"

struct in6_addr ip_from_v4(uint32_t v4)
{
	struct in6_addr ip = { .s6_addr32 = { 0, 0, htonl(0xffff), htonl(v4) } };
	return ip;
}

enum inet_route inet_route(const struct net *net, const struct in6_addr *ip)
{
	if (!ip_is_v4(ip)) {
		if (IN6_IS_ADDR_MULTICAST(ip))
			return ROUTE_MULTICAST;
		return lo_addr_match(net, ip) ? ROUTE_LOCAL : ROUTE_NONE;
	}
	uint32_t v4 = ip_v4(ip);
	if (IN_MULTICAST(v4))
		return ROUTE_MULTICAST;
	const struct lo_addr *a = lo_addr_match(net, ip);
	if (!a)
		return ROUTE_NONE;
	return a->prefix < 31 && v4 == (lo_addr_v4(a) | ~lo_addr_mask(a)) ? ROUTE_BROADCAST : ROUTE_LOCAL;
}

struct in6_addr inet_source_for(const struct net *net, const struct in6_addr *to)
{
	const struct lo_addr *a = lo_addr_match(net, to);
	if (a)
		return a->ip;
	return ip_is_v4(to) ? ip_from_v4(INADDR_LOOPBACK) : in6addr_loopback;
}

int inet_addr_get(const struct inet_sock *in, const struct sockaddr_storage *sa, socklen_t len, struct inet_addr *out,
		  uint32_t *scope)
{
	memset(out, 0, sizeof(*out));
	if (scope)
		*scope = 0;
	if (len < sizeof(sa_family_t))
		return -EINVAL;
	if (sa->ss_family == AF_INET || !inet_is_v6(in)) {
		struct sockaddr_in v4;
		if (len < sizeof(v4))
			return -EINVAL;
		if (sa->ss_family != AF_INET || (inet_is_v6(in) && in->v6only))
			return -EAFNOSUPPORT;
		memcpy(&v4, sa, sizeof(v4));
		out->ip = ip_from_v4(ntohl(v4.sin_addr.s_addr));
		out->port = ntohs(v4.sin_port);
		return 0;
	}
	struct sockaddr_in6 v6 = { 0 };
	if (len < offsetof(struct sockaddr_in6, sin6_scope_id))          /* RFC 2133 had no scope */
		return -EINVAL;
	if (sa->ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(&v6, sa, MIN((size_t)len, sizeof(v6)));
	out->ip = v6.sin6_addr;
	out->port = ntohs(v6.sin6_port);
	if (scope)
		*scope = v6.sin6_scope_id;
	return 0;
}

void inet_addr_put(const struct inet_sock *in, const struct inet_addr *a, struct sockaddr_storage *out, socklen_t *len)
{
	memset(out, 0, sizeof(*out));
	if (!inet_is_v6(in)) {
		struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port),
					  .sin_addr.s_addr = a->ip.s6_addr32[3] };
		memcpy(out, &v4, sizeof(v4));
		*len = sizeof(v4);
		return;
	}
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_addr = a->ip };
	if (IN6_IS_ADDR_LINKLOCAL(&a->ip) || IN6_IS_ADDR_MC_LINKLOCAL(&a->ip))
		v6.sin6_scope_id = NET_LO_IFINDEX;
	memcpy(out, &v6, sizeof(v6));
	*len = sizeof(v6);
}

/* A link-local address means nothing without an interface. */
static bool needs_scope(const struct in6_addr *ip)
{
	return !ip_is_v4(ip) && (IN6_IS_ADDR_LINKLOCAL(ip) || IN6_IS_ADDR_MC_LINKLOCAL(ip) || IN6_IS_ADDR_MC_NODELOCAL(ip));
}

int inet_reach(const struct inet_sock *in, struct inet_addr *to, uint32_t scope, bool stream, enum inet_route *out)
{
	bool v4 = ip_is_v4(&to->ip);
	if (inet_is_v6(in) && v4 && in->v6only)
		return -ENETUNREACH;
	if (inet_is_v6(in) && !v4 && ip_is_v4(&in->local.ip))
		return IN6_IS_ADDR_UNSPECIFIED(&to->ip) ? -ECONNREFUSED : -ENETUNREACH;
	if (ip_is_any(&to->ip))
		to->ip = inet_source_for(in->net, &to->ip);
	if (in->sock.bound_if && in->sock.bound_if != NET_LO_IFINDEX)
		return -ENETUNREACH;
	if (stream && needs_scope(&to->ip) && !scope && !IN6_IS_ADDR_MULTICAST(&to->ip))
		return -EINVAL;
	enum inet_route route = inet_route(in->net, &to->ip);
	if (route == ROUTE_MULTICAST) {
		int oif = v4 ? in->mc_if : in->mc_if6;
		oif = oif ? oif : in->sock.bound_if;
		oif = oif ? oif : (int)scope;
		/* lo has no route for groups: who names it, or an address of it, gets there all the same (IPv4). */
		if (stream || !in->net->lo_up || !v4 || oif != NET_LO_IFINDEX) {
			if (v4 && !stream && in->net->lo_up && !ip_is_any(&in->local.ip) &&
			    inet_route(in->net, &in->local.ip) == ROUTE_LOCAL)
				goto found;
			return -ENETUNREACH;
		}
	}
found:
	if (route == ROUTE_NONE || (stream && route != ROUTE_LOCAL))
		return -ENETUNREACH;
	if (route == ROUTE_BROADCAST && !in->sock.broadcast)
		return -EACCES;
	*out = route;
	return 0;
}
