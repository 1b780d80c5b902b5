/* inet_diag.c - see inet_diag.h. */
#include "sentry/net/inet/inet_diag.h"

#include "sentry/net/inet/dgram.h"
#include "sentry/net/inet/tcp.h"

static void describe_tcp(const struct tcp_sock *s, struct inet_diag *d)
{
	d->state = s->state;
	d->rx_bytes = s->state == TCP_LISTEN ? s->acceptq_count : s->rcvq.bytes;
	d->tx_bytes = s->state == TCP_LISTEN ? s->backlog : s->sndq.bytes;
}

static void describe_dgram(const struct dgram_sock *s, struct inet_diag *d)
{
	d->state = s->connected ? TCP_ESTABLISHED : TCP_CLOSE;
	d->rx_bytes = s->queued_charge;
	if (d->type == SOCK_RAW)
		d->local_port = (uint16_t)d->protocol;
}

static struct inet_diag describe(const struct inet_sock *in)
{
	struct inet_diag d = { .sock = &in->sock, .family = in->sock.family, .type = in->sock.type,
			       .protocol = in->sock.protocol };
	d.local = in->local.ip;
	d.remote = in->remote.ip;
	d.local_port = in->local.port;
	d.remote_port = in->remote.port;
	d.uid = in->euid;
	d.drops = in->sock.drops;
	if (d.type == SOCK_STREAM)
		describe_tcp(container_of(in, const struct tcp_sock, in), &d);
	else
		describe_dgram(container_of(in, const struct dgram_sock, in), &d);
	return d;
}

void inet_diag_each(struct net *net, bool (*fn)(void *arg, const struct inet_diag *d), void *arg)
{
	struct inet_sock *in;
	struct tcp_conn *c, *next;
	TAILQ_FOREACH(in, &net->socks, net_link) {
		if (in->sock.type == SOCK_STREAM && container_of(in, struct tcp_sock, in)->outside)
			continue;
		struct inet_diag d = describe(in);
		if (!fn(arg, &d))
			return;
	}
	HASH_ITER(hh, net->conns, c, next) {
		if (!c->time_wait)
			continue;
		const struct time_wait *tw = container_of(c, struct time_wait, conn);
		uint64_t age_ns = now_mono_ns() - tw->since_ns;
		struct inet_diag d = { .family = ip_is_v4(&c->key.local) ? AF_INET : AF_INET6, .type = SOCK_STREAM,
				       .protocol = IPPROTO_TCP, .state = TCP_TIME_WAIT, .local = c->key.local,
				       .remote = c->key.remote, .local_port = c->key.local_port,
				       .remote_port = c->key.remote_port };
		d.time_left_ns = age_ns < TIME_WAIT_NS ? TIME_WAIT_NS - age_ns : 0;
		if (!fn(arg, &d))
			return;
	}
}
