/* icmp.c - raw sockets, and ICMP echo (raw(7), icmp(7)).
 *
 * HOW      What a raw socket sends goes to all raw sockets of its protocol; an echo request is answered as by the machine
 *          itself. SOCK_DGRAM sockets of ICMP send echo requests only, and receive the replies that carry their identifier,
 *          which is their "port".
 * LINUX    net/ipv4/raw.c, ping.c, icmp.c. Same: over loopback a raw socket sees the requests, too; raw IPv4 messages are
 *          received with their header, IPv6 ones without. ICMPv6 checksums are the kernel's business.
 * MISSING  Raw packets of UDP and TCP don't reach sockets of those protocols. IPv6 extension headers. */
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "sentry/net/inet/packet.h"

#ifndef ICMP_FILTER
#define ICMP_FILTER 1                     /* linux/icmp.h, which netinet/ip_icmp.h excludes */
#endif
#define ECHO_HEADER 8UL
#define PACKET_MAX 65535UL

static bool filtered(const struct dgram_sock *d, uint8_t type)
{
	if (d->in.sock.protocol == IPPROTO_ICMPV6)
		return d->icmp6_filter[type >> 5] >> (type & 31) & 1;
	return d->in.sock.protocol == IPPROTO_ICMP && type < 32 && (d->icmp_filter >> type & 1);
}

static void deliver_raw(struct net *net, const struct dgram_way *way, uint8_t proto, const struct iphdr *head, const char *data,
			size_t bytes)
{
	struct inet_sock *in;
	bool v6 = !ip_is_v4(&way->to.ip);
	struct dgram_way raw = *way;
	raw.from.port = raw.to.port = 0;
	TAILQ_FOREACH(in, &net->socks, net_link) {
		if (in->sock.type != SOCK_RAW || in->sock.protocol != proto || inet_is_v6(in) != v6)
			continue;
		struct dgram_sock *d = dgram_of(in);
		if (!ip_is_any(&in->local.ip) && !ip_equal(&in->local.ip, &way->to.ip))
			continue;
		if (d->connected && !ip_equal(&in->remote.ip, &way->from.ip))
			continue;
		if (way->route == ROUTE_MULTICAST && !inet_mcast_wants(in, &way->to.ip, &way->from.ip))
			continue;
		if (bytes > 0 && filtered(d, (uint8_t)data[0]))
			continue;
		dgram_deliver(d, &raw, head, v6 ? 0 : sizeof(*head), data, bytes);
	}
}

/* An echo reply for whoever has the identifier. */
static void deliver_ping(struct net *net, const struct dgram_way *way, const char *data, size_t bytes)
{
	uint16_t id;
	memcpy(&id, data + offsetof(struct icmphdr, un.echo.id), sizeof(id));
	struct inet_bucket *b = inet_bucket_find(net, IPPROTO_ICMP, ntohs(id));
	struct inet_sock *in;
	struct dgram_way ping = *way;
	ping.from.port = 0;
	if (!b)
		return;
	TAILQ_FOREACH(in, &b->socks, bucket_link) {
		bool connected = dgram_of(in)->connected;
		if (inet_is_v6(in) == ip_is_v4(&way->to.ip) || (connected && !ip_equal(&in->remote.ip, &way->from.ip)))
			continue;
		if (!ip_is_any(&in->local.ip) && !ip_equal(&in->local.ip, &way->to.ip))
			continue;
		dgram_deliver(dgram_of(in), &ping, NULL, 0, data, bytes);
		return;
	}
}

static void deliver(struct net *net, const struct dgram_way *way, uint8_t proto, const struct iphdr *given, char *data,
		    size_t bytes)
{
	bool v4 = ip_is_v4(&way->to.ip);
	struct iphdr head = given ? *given : v4 ? packet_ip_header(way, proto, bytes) : (struct iphdr){ 0 };
	net->lo_packets++;
	net->lo_bytes += bytes;
	union packet_net head6;
	struct filter_part shown = v4 ? (struct filter_part){ &head, sizeof(head) } : packet_net_header(&head6, way, proto, bytes);
	packet_tap(net, way, IPPROTO_RAW, shown, (struct filter_part){ data, bytes });
	deliver_raw(net, way, proto, &head, data, bytes);
	if (proto != (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) || bytes < ECHO_HEADER)
		return;
	uint8_t type = (uint8_t)data[0];
	if (type == (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) {
		deliver_ping(net, way, data, bytes);
		return;
	}
	if (type != (v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST) || way->route != ROUTE_LOCAL)
		return;
	struct dgram_way back = { .from = way->to, .to = way->from, .route = ROUTE_LOCAL, .ttl = 64, .tos = way->tos };
	data[0] = v4 ? ICMP_ECHOREPLY : (char)ICMP6_ECHO_REPLY;
	uint16_t sum = 0;
	memcpy(data + 2, &sum, sizeof(sum));
	sum = v4 ? packet_checksum(0, data, bytes) : packet_checksum6(&back, proto, data, bytes);
	memcpy(data + 2, &sum, sizeof(sum));
	deliver(net, &back, proto, NULL, data, bytes);
}

/* The header that the sender made (IP_HDRINCL): what it leaves 0 is filled in, as raw(7) says. */
static int own_header(struct dgram_way *way, char *data, size_t bytes, struct iphdr *out)
{
	if (bytes < sizeof(*out))
		return -EINVAL;
	memcpy(out, data, sizeof(*out));
	if (out->ihl * 4UL < sizeof(*out) || out->ihl * 4UL > bytes)
		return -EINVAL;
	out->tot_len = htons((uint16_t)bytes);
	if (!out->saddr)
		out->saddr = way->from.ip.s6_addr32[3];
	way->from.ip = ip_from_v4(ntohl(out->saddr));
	way->ttl = out->ttl;
	way->tos = out->tos;
	out->check = 0;
	out->check = packet_checksum(0, out, sizeof(*out));
	return 0;
}

ssize_t raw_send(struct task *t, struct socket *s, struct socket_msg *m)
{
	(void)t;
	struct dgram_sock *d = to_dgram(s);
	struct dgram_way way;
	if (m->data->resid > PACKET_MAX)
		return -EMSGSIZE;
	int err = dgram_way(d, m, false, &way);
	if (!err)
		err = dgram_check_send(d, m);
	if (err)
		return err;
	AUTO(free) char *data = NULL;
	size_t bytes;
	err = dgram_drain(m, &data, &bytes);
	if (err)
		return err;
	bool v4 = ip_is_v4(&way.to.ip);
	if (d->in.hdrincl && v4) {
		struct iphdr head;
		err = own_header(&way, data, bytes, &head);
		if (err)
			return err;
		size_t off = head.ihl * 4UL;
		head.ihl = 5;
		deliver(d->in.net, &way, head.protocol, &head, data + off, bytes - off);
		return (ssize_t)bytes;
	}
	if (v4 && bytes > PACKET_MAX - sizeof(struct iphdr))
		return -EMSGSIZE;
	int at = s->protocol == IPPROTO_ICMPV6 ? 2 : d->checksum_at;
	if (!v4 && at >= 0) {
		if (bytes < (size_t)at + 2)
			return -EINVAL;
		uint16_t sum = 0;
		memcpy(data + at, &sum, sizeof(sum));
		sum = packet_checksum6(&way, (uint8_t)s->protocol, data, bytes);
		memcpy(data + at, &sum, sizeof(sum));
	}
	if (s->protocol <= 255)
		deliver(d->in.net, &way, (uint8_t)s->protocol, NULL, data, bytes);
	return (ssize_t)bytes;
}

ssize_t ping_send(struct task *t, struct socket *s, struct socket_msg *m)
{
	(void)t;
	struct dgram_sock *d = to_dgram(s);
	bool v4 = s->family == AF_INET;
	struct dgram_way way;
	if (m->data->resid > 0xffff)
		return -EMSGSIZE;
	if (m->data->resid < ECHO_HEADER)
		return -EINVAL;
	int err = inet_autobind(&d->in);
	if (!err)
		err = dgram_way(d, m, false, &way);
	if (!err)
		err = dgram_check_send(d, m);
	if (err)
		return err;
	AUTO(free) char *data = NULL;
	size_t bytes;
	err = dgram_drain(m, &data, &bytes);
	if (err)
		return err;
	if ((uint8_t)data[0] != (v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST) || data[1] != 0)
		return -EINVAL;
	uint16_t id = htons(d->in.local.port), sum = 0;
	memcpy(data + offsetof(struct icmphdr, un.echo.id), &id, sizeof(id));
	memcpy(data + 2, &sum, sizeof(sum));
	sum = v4 ? packet_checksum(0, data, bytes) : packet_checksum6(&way, IPPROTO_ICMPV6, data, bytes);
	memcpy(data + 2, &sum, sizeof(sum));
	deliver(d->in.net, &way, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, NULL, data, bytes);
	return (ssize_t)bytes;
}

int raw_getsockopt(struct dgram_sock *d, int level, int name, void *value, socklen_t *len)
{
	const struct socket *s = &d->in.sock;
	if (level == SOL_RAW && name == ICMP_FILTER && s->protocol == IPPROTO_ICMP)
		return sockopt_put(value, len, &d->icmp_filter, sizeof(d->icmp_filter));
	if (level == IPPROTO_ICMPV6 && name == ICMP6_FILTER && s->protocol == IPPROTO_ICMPV6)
		return sockopt_put(value, len, d->icmp6_filter, sizeof(d->icmp6_filter));
	if (s->type == SOCK_RAW && s->family == AF_INET6 && (level == SOL_IPV6 || level == SOL_RAW) && name == IPV6_CHECKSUM)
		return sockopt_put_int(value, len, d->checksum_at);
	return -ENOPROTOOPT;
}

int raw_setsockopt(struct dgram_sock *d, int level, int name, const void *value, socklen_t len)
{
	const struct socket *s = &d->in.sock;
	if (level == SOL_RAW && name == ICMP_FILTER && s->protocol == IPPROTO_ICMP) {
		memcpy(&d->icmp_filter, value, MIN((size_t)len, sizeof(d->icmp_filter)));
		return 0;
	}
	if (level == IPPROTO_ICMPV6 && name == ICMP6_FILTER && s->protocol == IPPROTO_ICMPV6) {
		memcpy(d->icmp6_filter, value, MIN((size_t)len, sizeof(d->icmp6_filter)));
		return 0;
	}
	if (s->type == SOCK_RAW && s->family == AF_INET6 && (level == SOL_IPV6 || level == SOL_RAW) && name == IPV6_CHECKSUM) {
		int v;
		if (len < sizeof(v))
			return -EINVAL;
		memcpy(&v, value, sizeof(v));
		if (v > 0 && (v & 1))
			return -EINVAL;
		d->checksum_at = v < 0 ? -1 : v;
		return 0;
	}
	return -ENOPROTOOPT;
}
