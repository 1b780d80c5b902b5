/* udp.c - sending UDP datagrams (udp(7)).
 *
 * HOW      The receiver is found among those bound to the port, and gets the datagram at once.
 * LINUX    net/ipv4/udp.c. Same: the best match wins, of equals the one bound last, or with SO_REUSEPORT one by the sender's
 *          address; nobody at the port is ECONNREFUSED for connected senders, at their next call; UDP_CORK gathers;
 *          UDP_SEGMENT cuts.
 * MISSING  UDP_GRO never puts datagrams together; encapsulation (UDP_ENCAP) is ENOPROTOOPT. */
#include <time.h>

#include <linux/errqueue.h>
#include <string.h>
#include <sys/epoll.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/net/inet/packet.h"

#define MAX_V4 65507UL                    /* what fits into an IP packet */
#define MAX_V6 65527UL
#define SEGMENTS_MAX 128                  /* UDP_MAX_SEGMENTS */
#define HEADER 28                         /* IP's and UDP's */
#define HEADER_V6 48
#define CORK_BYTES 65536UL
#define QUOTE_V4 520UL                    /* what an ICMP error quotes of a datagram: 576 bytes, 1280, less headers */
#define QUOTE_V6 1184UL

static bool in_group(const struct inet_sock *best, const struct inet_sock *in, const struct dgram_way *way, int score)
{
	return in->sock.reuseport && in->euid == best->euid && dgram_score(in, &way->to, &way->from) == score;
}

static struct inet_sock *find_receiver(struct inet_bucket *b, const struct dgram_way *way, const void *data, size_t bytes)
{
	struct inet_sock *in, *best = NULL;
	int best_score = 0;
	TAILQ_FOREACH(in, &b->socks, bucket_link) {
		int n = dgram_score(in, &way->to, &way->from);
		if (n > best_score) {
			best = in;
			best_score = n;
		}
	}
	if (!best || !best->sock.reuseport || dgram_of(best)->connected)
		return best;
	struct inet_group group = { 0 };
	TAILQ_FOREACH(in, &b->socks, bucket_link)
		if (in_group(best, in, way, best_score))
			inet_group_add(&group, in);
	uint32_t pick = inet_group_choose(&group, &way->to, &way->from, data, bytes);
	TAILQ_FOREACH(in, &b->socks, bucket_link)
		if (in_group(best, in, way, best_score) && pick-- == 0)
			return in;
	return best;
}

/* Everybody at the port whom a group's or broadcast datagram concerns. */
static void deliver_to_all(struct inet_bucket *b, const struct dgram_way *way, const void *data, size_t bytes)
{
	struct inet_sock *in;
	TAILQ_FOREACH(in, &b->socks, bucket_link) {
		if (!dgram_score(in, &way->to, &way->from))
			continue;
		if (way->route == ROUTE_MULTICAST && !inet_mcast_wants(in, &way->to.ip, &way->from.ip))
			continue;
		dgram_deliver(dgram_of(in), way, NULL, 0, data, bytes);
	}
}

/* What an ICMP "port unreachable" does to the sender. */
static void refused(struct dgram_sock *d, const struct dgram_way *way, const void *data, size_t bytes)
{
	bool v4 = ip_is_v4(&way->to.ip);
	if (v4 ? d->in.recverr : d->in.recverr6) {
		struct sock_extended_err ee = { .ee_errno = ECONNREFUSED };
		ee.ee_origin = v4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6;
		ee.ee_type = v4 ? 3 : 1;         /* destination unreachable */
		ee.ee_code = v4 ? 3 : 4;         /* port */
		struct inet_addr offender = { .ip = way->to.ip };
		inet_error_add(&d->in, &ee, &offender, &way->to, data, MIN(bytes, v4 ? QUOTE_V4 : QUOTE_V6));
	} else if (!d->connected) {
		return;
	}
	d->in.sock.error = ECONNREFUSED;
	waitq_wake(&d->in.sock.wq, EPOLLERR | EPOLLIN | EPOLLOUT);
}

static void transmit(struct dgram_sock *d, const struct dgram_way *way, const char *data, size_t bytes)
{
	struct net *net = d->in.net;
	struct inet_bucket *b = inet_bucket_find(net, d->in.proto->bucket_proto, way->to.port);
	net->lo_packets++;
	net->lo_bytes += bytes + HEADER;
	packet_tap(net, way, (uint8_t)d->in.sock.protocol, (struct filter_part){ 0 }, (struct filter_part){ data, bytes });
	if (way->route != ROUTE_LOCAL) {
		if (b)                           /* IP_MULTICAST_LOOP doesn't matter: all that lo sends comes back */
			deliver_to_all(b, way, data, bytes);
		return;
	}
	struct inet_sock *to = b ? find_receiver(b, way, data, bytes) : NULL;
	if (to)
		dgram_deliver(dgram_of(to), way, NULL, 0, data, bytes);
	else
		refused(d, way, data, bytes);
}

static size_t max_bytes(const struct dgram_way *way)
{
	return ip_is_v4(&way->to.ip) ? MAX_V4 : MAX_V6;
}

/* Nothing may split it (IP_MTU_DISCOVER): then it must be a packet. */
static bool fits(const struct dgram_sock *d, const struct dgram_way *way, size_t bytes)
{
	bool v4 = ip_is_v4(&way->to.ip);
	int how = v4 ? d->in.pmtudisc : d->in.pmtudisc6;
	if (way->gso_size || (how != IP_PMTUDISC_DO && how != IP_PMTUDISC_PROBE))
		return true;
	return bytes + (v4 ? HEADER : HEADER_V6) <= (size_t)d->in.net->lo_mtu;
}

static ssize_t transmit_segments(struct dgram_sock *d, const struct dgram_way *way, const char *data, size_t bytes)
{
	size_t size = way->gso_size ? (size_t)way->gso_size : bytes;
	if (way->gso_size && (size > max_bytes(way) || bytes > size * SEGMENTS_MAX))
		return -EINVAL;
	if (bytes == 0)
		transmit(d, way, data, 0);
	for (size_t at = 0; at < bytes; at += size)
		transmit(d, way, data + at, MIN(size, bytes - at));
	return (ssize_t)bytes;
}

void udp_drop_corked(struct dgram_sock *d)
{
	if (!d->corked)
		return;
	free(TAKE(d->corked));
	d->corked_bytes = 0;
	fs_memory_uncharge(CORK_BYTES);
}

/* UDP_CORK, MSG_MORE: adds to the datagram under way; `last` sends it. The first call says where it goes. */
static ssize_t gather(struct dgram_sock *d, struct dgram_way *way, char *data, size_t bytes, bool last)
{
	if (d->corked_bytes + bytes > max_bytes(way))
		return -EMSGSIZE;
	if (!d->corked) {
		if (fs_memory_charge(CORK_BYTES))
			return -ENOBUFS;
		d->corked = malloc(CORK_BYTES);
		if (!d->corked) {
			fs_memory_uncharge(CORK_BYTES);
			return -ENOBUFS;
		}
		d->corked_to = way->to;
	}
	memcpy(d->corked + d->corked_bytes, data, bytes);
	d->corked_bytes += bytes;
	if (last) {
		way->to = d->corked_to;
		(void)!transmit_segments(d, way, d->corked, d->corked_bytes);
		udp_drop_corked(d);
	}
	return (ssize_t)bytes;
}

ssize_t udp_send(struct task *t, struct socket *s, struct socket_msg *m)
{
	(void)t;
	struct dgram_sock *d = to_dgram(s);
	struct dgram_way way;
	if (m->data->resid > 0xffff)
		return -EMSGSIZE;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	int err = inet_autobind(&d->in);
	if (!err)
		err = dgram_way(d, m, true, &way);
	if (!err)
		err = dgram_check_send(d, m);
	if (err)
		return err;
	if (m->data->resid > max_bytes(&way) || !fits(d, &way, m->data->resid))
		return -EMSGSIZE;
	AUTO(free) char *data = NULL;
	size_t bytes;
	err = dgram_drain(m, &data, &bytes);
	if (err)
		return err;
	bool more = d->cork || (m->flags & MSG_MORE);
	ssize_t n;
	if (more || d->corked)
		n = gather(d, &way, data, bytes, !more);
	else
		n = transmit_segments(d, &way, data, bytes);
	if (n >= 0 && (m->flags & MSG_ZEROCOPY) && s->zerocopy)
		inet_zerocopy_done(&d->in, d->zerocopy_id++);
	return n;
}

int udp_getsockopt(struct dgram_sock *d, int name, void *value, socklen_t *len)
{
	switch (name) {
	case UDP_CORK:
		return sockopt_put_int(value, len, d->cork);
	case UDP_ENCAP:
		return sockopt_put_int(value, len, 0);
	case UDP_NO_CHECK6_TX:
		return sockopt_put_int(value, len, d->no_check6_tx);
	case UDP_NO_CHECK6_RX:
		return sockopt_put_int(value, len, d->no_check6_rx);
	case UDP_SEGMENT:
		return sockopt_put_int(value, len, d->gso_size);
	case UDP_GRO:
		return sockopt_put_int(value, len, d->gro);
	default:
		return -ENOPROTOOPT;
	}
}

static void uncork(struct dgram_sock *d)
{
	struct dgram_way way = { .from = d->in.local, .to = d->corked_to, .route = ROUTE_LOCAL, .ttl = 64, .tos = d->in.tos };
	d->cork = false;
	if (!d->corked)
		return;
	if (inet_reach(&d->in, &way.to, 0, false, &way.route) == 0) {
		if (ip_is_any(&way.from.ip))
			way.from.ip = inet_source_for(d->in.net, &way.to.ip);
		(void)!transmit_segments(d, &way, d->corked, d->corked_bytes);
	}
	udp_drop_corked(d);
}

int udp_setsockopt(struct dgram_sock *d, int name, const void *value, socklen_t len)
{
	int v;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	switch (name) {
	case UDP_CORK:
		d->cork = v != 0;
		if (!v)
			uncork(d);
		return 0;
	case UDP_NO_CHECK6_TX:
		d->no_check6_tx = v != 0;
		return 0;
	case UDP_NO_CHECK6_RX:
		d->no_check6_rx = v != 0;
		return 0;
	case UDP_SEGMENT:
		if (v < 0 || v > 0xffff)
			return -EINVAL;
		d->gso_size = v;
		return 0;
	case UDP_GRO:
		d->gro = v != 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
