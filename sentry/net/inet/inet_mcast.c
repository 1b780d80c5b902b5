/* inet_mcast.c - groups that sockets join (ip(7): IP_ADD_MEMBERSHIP; ipv6(7): IPV6_JOIN_GROUP; RFC 3678).
 *
 * LINUX    net/ipv4/igmp.c, net/ipv6/mcast.c. Same: the interface is named by number, by address (IPv4), or found by a route;
 *          as lo has no route for groups, leaving it out is ENODEV. */
#include <string.h>

#include "sentry/net/inet/inet_impl.h"

#define MEMBERS_MAX 20                    /* net.ipv4.igmp_max_memberships */
#define SOURCES_MAX 10                    /* net.ipv4.igmp_max_msf */

static struct inet_member *find(const struct inet_sock *in, const struct in6_addr *group)
{
	struct inet_member *m;
	TAILQ_FOREACH(m, &in->members, link)
		if (ip_equal(&m->group, group))
			return m;
	return NULL;
}

static void leave(struct inet_sock *in, struct inet_member *m)
{
	TAILQ_REMOVE(&in->members, m, link);
	in->nmembers--;
	free(m->sources);
	free(m);
}

void inet_mcast_leave_all(struct inet_sock *in)
{
	struct inet_member *m;
	while ((m = TAILQ_FIRST(&in->members)))
		leave(in, m);
}

static bool is_group(const struct in6_addr *ip)
{
	return ip_is_v4(ip) ? IN_MULTICAST(ip_v4(ip)) : IN6_IS_ADDR_MULTICAST(ip);
}

static bool has_source(const struct inet_member *m, const struct in6_addr *ip)
{
	for (unsigned i = 0; i < m->nsources; i++)
		if (ip_equal(&m->sources[i], ip))
			return true;
	return false;
}

static int join(struct inet_sock *in, const struct in6_addr *group, bool exclude, struct inet_member **out)
{
	if (in->nmembers >= MEMBERS_MAX)
		return -ENOBUFS;
	struct inet_member *m = NEW(struct inet_member);
	m->group = *group;
	m->exclude = exclude;
	m->sources = xzalloc(SOURCES_MAX * sizeof(m->sources[0]));
	TAILQ_INSERT_TAIL(&in->members, m, link);
	in->nmembers++;
	if (out)
		*out = m;
	return 0;
}

int inet_mcast_join(struct inet_sock *in, const struct in6_addr *group, int ifindex)
{
	if (!is_group(group))
		return -EINVAL;
	if (ifindex != NET_LO_IFINDEX)
		return -ENODEV;
	return find(in, group) ? -EADDRINUSE : join(in, group, true, NULL);
}

int inet_mcast_leave(struct inet_sock *in, const struct in6_addr *group, int ifindex)
{
	struct inet_member *m = find(in, group);
	if (ifindex && ifindex != NET_LO_IFINDEX)
		return -ENODEV;
	if (!m)
		return -EADDRNOTAVAIL;
	leave(in, m);
	return 0;
}

static void source_drop(struct inet_member *m, const struct in6_addr *source)
{
	for (unsigned i = 0; i < m->nsources; i++)
		if (ip_equal(&m->sources[i], source))
			m->sources[i] = m->sources[--m->nsources];
}

static int source_add(struct inet_member *m, const struct in6_addr *source)
{
	if (m->nsources >= SOURCES_MAX)
		return -ENOBUFS;
	m->sources[m->nsources++] = *source;
	return 0;
}

int inet_mcast_source(struct inet_sock *in, enum inet_source_op op, const struct in6_addr *group, const struct in6_addr *source,
		      int ifindex)
{
	struct inet_member *m = find(in, group);
	if (!is_group(group))
		return -EINVAL;
	if (ifindex != NET_LO_IFINDEX)
		return -ENODEV;
	switch (op) {
	case SOURCE_JOIN:
		if (m && m->exclude)
			return -EINVAL;
		if (!m) {
			int err = join(in, group, false, &m);
			if (err)
				return err;
		}
		return has_source(m, source) ? -EADDRNOTAVAIL : source_add(m, source);
	case SOURCE_LEAVE:
		if (!m || m->exclude)
			return -EINVAL;
		if (!has_source(m, source))
			return -EADDRNOTAVAIL;
		source_drop(m, source);
		if (m->nsources == 0)
			leave(in, m);
		return 0;
	case SOURCE_BLOCK:
		if (!m || !m->exclude)
			return -EINVAL;
		return has_source(m, source) ? -EADDRNOTAVAIL : source_add(m, source);
	case SOURCE_UNBLOCK:
		if (!m || !m->exclude)
			return -EINVAL;
		if (!has_source(m, source))
			return -EADDRNOTAVAIL;
		source_drop(m, source);
		return 0;
	}
	return -EINVAL;
}

bool inet_mcast_wants(const struct inet_sock *in, const struct in6_addr *group, const struct in6_addr *source)
{
	const struct inet_member *m = find(in, group);
	if (!m)                          /* others have joined: IP_MULTICAST_ALL */
		return ip_is_v4(group) ? in->mc_all : in->mc_all6;
	return has_source(m, source) != m->exclude;
}

bool inet_mcast_joined(const struct net *net, const struct in6_addr *group)
{
	const struct inet_sock *in;
	TAILQ_FOREACH(in, &net->socks, net_link)
		if (find(in, group))
			return true;
	return ip_is_v4(group) && ip_v4(group) == INADDR_ALLHOSTS_GROUP;
}
