/* inet_reuseport.c - which of several sockets that share an address gets what comes (SO_REUSEPORT, socket(7)).
 *
 * LINUX    net/core/sock_reuseport.c. Same: a program sees what comes without headers, and answers with a number in the order of
 *          bind(2), for TCP of listen(2); with any other answer the addresses decide.
 * MISSING  SO_ATTACH_REUSEPORT_EBPF: there is no bpf(2). A group loses its program with the socket that it was attached to. */
#include "sentry/net/filter.h"
#include "sentry/net/inet/inet_impl.h"

static uint32_t spread(const struct inet_addr *a, const struct inet_addr *b)
{
	uint64_t h = a->port * 0x9e3779b97f4a7c15ULL ^ b->port;
	for (int i = 0; i < 4; i++)
		h = (h ^ a->ip.s6_addr32[i] ^ ((uint64_t)b->ip.s6_addr32[i] << 32)) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(h >> 32);
}

void inet_group_add(struct inet_group *g, const struct inet_sock *in)
{
	g->members++;
	if (in->chooser && (!g->programmed || in->chooser_id > g->programmed->chooser_id))
		g->programmed = in;
}

uint32_t inet_group_choose(const struct inet_group *g, const struct inet_addr *to, const struct inet_addr *from, const void *data,
			   size_t bytes)
{
	uint32_t n = g->programmed ? filter_result(g->programmed->chooser, data, bytes) : UINT32_MAX;
	if (n < g->members)
		return g->members - 1 - n;       /* the latest comes first in our lists */
	return spread(to, from) % g->members;
}

int inet_group_attach(struct task *t, struct inet_sock *in, const void *value, socklen_t len)
{
	static uint64_t last;
	struct socket_filter *f;
	int err = filter_new(t, &in->sock, value, len, &f);
	if (err)
		return err;
	if (!in->sock.reuseport) {
		filter_put(f);
		return -EINVAL;
	}
	filter_put(in->chooser);
	in->chooser = f;
	in->chooser_id = ++last;
	return 0;
}

/* May the two be of one group? */
static bool same_group(const struct inet_sock *a, const struct inet_sock *b)
{
	return b->sock.reuseport && a->euid == b->euid && ip_equal(&a->local.ip, &b->local.ip);
}

int inet_group_detach(struct inet_sock *in)
{
	struct inet_sock *other;
	bool found = in->chooser != NULL;
	filter_put(TAKE(in->chooser));
	if (in->bucket)
		TAILQ_FOREACH(other, &in->bucket->socks, bucket_link)
			if (same_group(in, other) && other->chooser) {
				found = true;
				filter_put(TAKE(other->chooser));
			}
	return found ? 0 : in->sock.reuseport ? -ENOENT : -EINVAL;
}
