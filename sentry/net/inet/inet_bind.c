/* inet_bind.c - who has which port (bind(2)).
 *
 * HOW      A bucket for each protocol and port in use lists the sockets there. Two of them must differ in address, unless
 *          their protocol lets them share (SO_REUSEADDR, SO_REUSEPORT).
 * LINUX    net/ipv4/inet_connection_sock.c, net/ipv4/udp.c. Same: bind(2) and connect(2) look for ports of different parity
 *          first, so that they don't get in each other's way; a port that connect(2) chose is shared by connections to
 *          different places. */
#include <linux/capability.h>
#include <string.h>

#include "sentry/kernel/host_random.h"
#include "sentry/net/inet/inet_impl.h"
#include "sentry/net/inet/tcp.h"


struct inet_bucket *inet_bucket_find(struct net *net, int proto, uint16_t port)
{
	struct inet_bucket_key key = { proto, port };
	struct inet_bucket *b;
	HASH_FIND(hh, net->buckets, &key, sizeof(key), b);
	return b;
}

static struct inet_bucket *bucket_make(struct net *net, int proto, uint16_t port)
{
	struct inet_bucket *b = inet_bucket_find(net, proto, port);
	if (b)
		return b;
	b = NEW(struct inet_bucket);
	b->key = (struct inet_bucket_key){ proto, port };
	TAILQ_INIT(&b->socks);
	TAILQ_INIT(&b->listeners);
	TAILQ_INIT(&b->time_waits);
	HASH_ADD(hh, net->buckets, key, sizeof(b->key), b);
	return b;
}

void inet_bucket_put(struct net *net, struct inet_bucket *b)
{
	if (!TAILQ_EMPTY(&b->socks) || !TAILQ_EMPTY(&b->time_waits))
		return;
	HASH_DEL(net->buckets, b);
	free(b);
}

void inet_bucket_join(struct inet_sock *in, struct inet_bucket *b)
{
	in->bucket = b;
	TAILQ_INSERT_HEAD(&b->socks, in, bucket_link);           /* of equals, the youngest is found first */
}

void inet_unbind(struct inet_sock *in)
{
	struct inet_bucket *b = TAKE(in->bucket);
	if (!b)
		return;
	TAILQ_REMOVE(&b->socks, in, bucket_link);
	inet_bucket_put(in->net, b);
}

/* Would a packet for one's address go to the other, too? */
static bool overlap(const struct in6_addr *a, bool a_v6only, const struct in6_addr *b, bool b_v6only)
{
	if (ip_is_v4(a) == ip_is_v4(b))
		return ip_is_any(a) || ip_is_any(b) || ip_equal(a, b);
	return ip_is_v4(a) ? ip_is_any(b) && !b_v6only : ip_is_any(a) && !a_v6only;
}

static bool devices_meet(const struct inet_sock *a, const struct inet_sock *b)
{
	return !a->sock.bound_if || !b->sock.bound_if || a->sock.bound_if == b->sock.bound_if;
}

bool inet_bind_conflict(const struct inet_sock *in, const struct inet_bucket *b)
{
	const struct inet_sock *other;
	TAILQ_FOREACH(other, &b->socks, bucket_link) {
		if (other == in || !devices_meet(in, other))
			continue;
		if (overlap(&in->local.ip, in->v6only, &other->local.ip, other->v6only) && !in->proto->may_share(in, other))
			return true;
	}
	const struct time_wait *tw;
	TAILQ_FOREACH(tw, &b->time_waits, bucket_link) {
		bool share = (in->sock.reuseaddr && tw->reuseaddr) || (in->sock.reuseport && tw->reuseport);
		if (!share && overlap(&in->local.ip, in->v6only, &tw->conn.key.local, false))
			return true;
	}
	return false;
}

static int port_count(const struct net *net)
{
	return net->port_last - net->port_first + 1;
}

/* The i-th port to try: those of one parity first, from a random one on. */
static uint16_t candidate(const struct net *net, int i, uint32_t start, int parity)
{
	int half = (port_count(net) + 1) / 2;
	int offset = (int)((start + (uint32_t)i) % (uint32_t)half) * 2 + (i < half ? parity : !parity);
	return (uint16_t)(net->port_first + offset % port_count(net));
}

static uint32_t random_start(void)
{
	uint32_t r;
	host_random(&r, sizeof(r));
	return r;
}

static void take_port(struct inet_sock *in, uint16_t port, bool shared)
{
	struct inet_bucket *b = bucket_make(in->net, in->proto->bucket_proto, port);
	b->shared = shared && (b->shared || TAILQ_EMPTY(&b->socks));
	in->local.port = port;
	inet_bucket_join(in, b);
}

int inet_connect_port(struct inet_sock *in, bool (*usable)(struct inet_sock *in, uint16_t port))
{
	uint32_t start = random_start();
	for (int i = 0; i < port_count(in->net) + 1; i++) {
		uint16_t port = candidate(in->net, i, start, 0);
		struct inet_bucket *b = inet_bucket_find(in->net, in->proto->bucket_proto, port);
		if (b && !b->shared)
			continue;
		if (!usable(in, port))
			continue;
		take_port(in, port, true);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

/* Any port: an unused one, or else one that may be shared. */
static int bind_any_port(struct inet_sock *in)
{
	uint32_t start = random_start();
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < port_count(in->net) + 1; i++) {
			uint16_t port = candidate(in->net, i, start, 1);
			struct inet_bucket *b = inet_bucket_find(in->net, in->proto->bucket_proto, port);
			if (b && (!pass || inet_bind_conflict(in, b)))
				continue;
			take_port(in, port, false);
			return 0;
		}
		if (!in->sock.reuseaddr && !in->sock.reuseport && ip_is_any(&in->local.ip))
			break;                           /* nobody shares with this one */
	}
	return -EADDRINUSE;
}

static int bind_port(struct inet_sock *in, uint16_t port)
{
	if (!port)
		return bind_any_port(in);
	struct inet_bucket *b = inet_bucket_find(in->net, in->proto->bucket_proto, port);
	if (b && inet_bind_conflict(in, b))
		return -EADDRINUSE;
	take_port(in, port, false);
	return 0;
}

int inet_autobind(struct inet_sock *in)
{
	if (in->bucket || in->proto->bucket_proto < 0)
		return 0;
	return bind_any_port(in) ? -EAGAIN : 0;
}

/* -EADDRNOTAVAIL: not an address of this machine. */
static int check_address(const struct inet_sock *in, const struct in6_addr *ip)
{
	if (ip_is_any(ip) || in->freebind || in->transparent)
		return 0;
	if (!ip_is_v4(ip)) {
		if (IN6_IS_ADDR_MULTICAST(ip))
			return in->sock.type == SOCK_STREAM ? -EINVAL : 0;
		return inet_route(in->net, ip) == ROUTE_LOCAL ? 0 : -EADDRNOTAVAIL;
	}
	enum inet_route route = inet_route(in->net, ip);
	return route != ROUTE_NONE || ip_v4(ip) == INADDR_BROADCAST ? 0 : -EADDRNOTAVAIL;
}

int inet_bind(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len)
{
	struct inet_sock *in = to_inet(s);
	struct sockaddr_storage sa = *addr;
	/* Old programs leave the family out. */
	if (!inet_is_v6(in) && sa.ss_family == AF_UNSPEC && len >= sizeof(struct sockaddr_in) &&
	    ((struct sockaddr_in *)&sa)->sin_addr.s_addr == htonl(INADDR_ANY))
		sa.ss_family = AF_INET;
	if (inet_is_v6(in) && len >= sizeof(sa_family_t) && sa.ss_family != AF_INET6)
		return len < offsetof(struct sockaddr_in6, sin6_scope_id) ? -EINVAL : -EAFNOSUPPORT;
	struct inet_addr a;
	uint32_t scope;
	int err = inet_addr_get(in, &sa, len, &a, &scope);
	if (err)
		return err;
	if (inet_is_v6(in) && ip_is_v4(&a.ip) && in->v6only)
		return -EINVAL;
	bool link_local = !ip_is_v4(&a.ip) && (IN6_IS_ADDR_LINKLOCAL(&a.ip) || IN6_IS_ADDR_MC_LINKLOCAL(&a.ip));
	err = check_address(in, &a.ip);
	if (link_local && !scope && !s->bound_if)
		return -EINVAL;
	if (err)
		return err;
	if (a.port && a.port < in->net->port_unprivileged && in->proto->bucket_proto != IPPROTO_ICMP &&
	    !cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_BIND_SERVICE))
		return -EACCES;
	if (in->bucket || s->listening)
		return -EINVAL;
	struct in6_addr old = in->local.ip;
	in->local.ip = a.ip;
	if (in->proto->bucket_proto >= 0 && (a.port || !in->no_port)) {
		err = bind_port(in, a.port);
		if (err) {
			in->local.ip = old;
			return err;
		}
	}
	in->addr_lock = !ip_is_any(&a.ip);
	in->port_lock = a.port != 0;
	return 0;
}
