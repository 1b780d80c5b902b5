/* tcp_table.c - connections by their addresses, TIME_WAIT, and who listens (tcp(7)).
 *
 * LINUX    net/ipv4/inet_hashtables.c, inet_timewait_sock.c. Same: a listener on the very address comes before one on any,
 *          IPv4 before dual-stack; SO_REUSEPORT chooses by the connection's addresses; a connection in TIME_WAIT keeps its
 *          addresses for a minute, but connect(2) over loopback may take them after a second (tcp_tw_reuse). */
#include <string.h>

#include "sentry/net/inet/tcp.h"

#define REUSE_NS NS_PER_SEC
#define TIME_WAIT_MAX 16384               /* net.ipv4.tcp_max_tw_buckets */

static TAILQ_HEAD(, time_wait) by_age = TAILQ_HEAD_INITIALIZER(by_age);

struct tcp_key tcp_key_of(const struct inet_addr *local, const struct inet_addr *remote)
{
	return (struct tcp_key){ local->ip, remote->ip, local->port, remote->port };
}

struct tcp_conn *tcp_conn_find(struct net *net, const struct tcp_key *key)
{
	struct tcp_conn *c;
	HASH_FIND(hh, net->conns, key, sizeof(*key), c);
	return c;
}

void tcp_hash(struct tcp_sock *s)
{
	s->conn.key = tcp_key_of(&s->in.local, &s->in.remote);
	HASH_ADD(hh, s->in.net->conns, key, sizeof(s->conn.key), &s->conn);
	s->hashed = true;
}

void tcp_unhash(struct tcp_sock *s)
{
	if (!s->hashed)
		return;
	struct tcp_conn *c = &s->conn;
	HASH_DEL(s->in.net->conns, c);
	s->hashed = false;
}

static void time_wait_free(struct time_wait *tw)
{
	struct tcp_conn *c = &tw->conn;
	TAILQ_REMOVE(&by_age, tw, age_link);
	TAILQ_REMOVE(&tw->bucket->time_waits, tw, bucket_link);
	inet_bucket_put(tw->net, tw->bucket);
	HASH_DEL(tw->net->conns, c);
	tw->net->ntime_wait--;
	free(tw);
}

static void sweep(struct ktimer *kt);
static struct ktimer sweeper = { .fire = sweep };

static void sweep(struct ktimer *kt)
{
	uint64_t now = now_mono_ns();
	struct time_wait *tw;
	while ((tw = TAILQ_FIRST(&by_age)) && now - tw->since_ns >= TIME_WAIT_NS)
		time_wait_free(tw);
	if (tw)
		ktimer_arm(kt, tw->since_ns + TIME_WAIT_NS);
}

void tcp_time_wait_add(struct tcp_sock *s)
{
	struct net *net = s->in.net;
	if (!s->hashed || !s->in.bucket || net->ntime_wait >= TIME_WAIT_MAX)
		return;
	tcp_unhash(s);
	struct time_wait *tw = NEW(struct time_wait);
	tw->conn.key = s->conn.key;
	tw->conn.time_wait = true;
	tw->net = net;
	tw->bucket = s->in.bucket;
	tw->reuseaddr = s->in.sock.reuseaddr;
	tw->reuseport = s->in.sock.reuseport;
	tw->since_ns = now_mono_ns();
	struct tcp_conn *c = &tw->conn;
	HASH_ADD(hh, net->conns, key, sizeof(c->key), c);
	TAILQ_INSERT_TAIL(&tw->bucket->time_waits, tw, bucket_link);
	TAILQ_INSERT_TAIL(&by_age, tw, age_link);
	net->ntime_wait++;
	if (!sweeper.armed)
		ktimer_arm(&sweeper, tw->since_ns + TIME_WAIT_NS);
}

bool tcp_time_wait_reuse(struct tcp_conn *c)
{
	if (!c->time_wait)
		return false;
	struct time_wait *tw = container_of(c, struct time_wait, conn);
	if (now_mono_ns() - tw->since_ns < REUSE_NS)
		return false;
	time_wait_free(tw);
	return true;
}

void tcp_time_wait_forget(struct tcp_conn *c)
{
	CHECK(c->time_wait);
	time_wait_free(container_of(c, struct time_wait, conn));
}

void inet_net_exit(struct net *net)
{
	struct time_wait *tw, *next;
	for (tw = TAILQ_FIRST(&by_age); tw; tw = next) {
		next = TAILQ_NEXT(tw, age_link);
		if (tw->net == net)
			time_wait_free(tw);
	}
}

/* How well a listener fits; 0: not at all. */
static int score(const struct inet_sock *l, const struct in6_addr *ip)
{
	bool v4 = ip_is_v4(ip);
	if (l->sock.bound_if && l->sock.bound_if != NET_LO_IFINDEX)
		return 0;
	int bonus = l->sock.bound_if ? 1 : 0;
	if (ip_equal(&l->local.ip, ip))
		return 6 + bonus;
	if (!ip_is_any(&l->local.ip))
		return 0;
	if (ip_is_v4(&l->local.ip))
		return v4 ? 4 + bonus : 0;
	if (v4)
		return l->v6only ? 0 : 2 + bonus;
	return 4 + bonus;
}

static bool same_group(const struct inet_sock *a, const struct inet_sock *b)
{
	return b->sock.reuseport && a->euid == b->euid && ip_equal(&a->local.ip, &b->local.ip) &&
	       a->sock.bound_if == b->sock.bound_if && a->v6only == b->v6only;
}

struct tcp_sock *tcp_listener_find(struct net *net, const struct inet_addr *to, const struct inet_addr *from)
{
	struct inet_bucket *b = inet_bucket_find(net, IPPROTO_TCP, to->port);
	struct inet_sock *l, *best = NULL;
	int best_score = 0;
	if (!b)
		return NULL;
	TAILQ_FOREACH(l, &b->listeners, listener_link) {
		int n = score(l, &to->ip);
		if (n > best_score) {
			best = l;
			best_score = n;
		}
	}
	if (!best)
		return NULL;
	if (best->sock.reuseport) {
		struct inet_group group = { 0 };
		TAILQ_FOREACH(l, &b->listeners, listener_link)
			if (same_group(best, l))
				inet_group_add(&group, l);
		uint32_t pick = inet_group_choose(&group, to, from, NULL, 0);
		TAILQ_FOREACH(l, &b->listeners, listener_link)
			if (same_group(best, l) && pick-- == 0)
				break;
		best = l;
	}
	return container_of(best, struct tcp_sock, in);
}
