/* tcp_filter.c - what a filter (SO_ATTACH_FILTER) does to a TCP connection.
 *
 * HOW      To a socket with a filter the other end hands segments with headers, one at a time; what is dropped stays in its
 *          queue and is tried again, as TCP does with what nobody acknowledges.
 * LINUX    net/ipv4/tcp_ipv4.c tcp_filter(). Same: the header always stays; of a segment that is cut the rest comes again.
 * MISSING  Filters see data, not SYN, FIN and RST. The pause before a segment comes again does not grow. */
#include "sentry/net/inet/tcp.h"

#include <linux/if_ether.h>
#include <linux/tcp.h>

#include "sentry/net/inet/packet.h"

#define RETRY_NS (200 * 1000000ULL)
#define TIMESTAMP_WORDS 3

struct header {
	struct tcphdr tcp;
	uint32_t options[TIMESTAMP_WORDS];
};

static struct header header_of(const struct tcp_sock *s)
{
	struct header h = { .options = { htonl(0x0101080a) } };          /* two no-ops, time stamps */
	h.tcp.source = htons(s->in.local.port);
	h.tcp.dest = htons(s->in.remote.port);
	h.tcp.seq = htonl((uint32_t)s->snd_pos + 1);
	h.tcp.ack_seq = htonl((uint32_t)s->rcv_pos + 1);
	h.tcp.doff = sizeof(h) / sizeof(uint32_t);
	h.tcp.ack = h.tcp.psh = 1;
	h.tcp.window = htons(UINT16_MAX);
	return h;
}

bool tcp_filter_segment(struct tcp_sock *s, struct tcp_sock *p, size_t room, size_t *moved)
{
	size_t bytes = MIN(MIN(s->sndq.bytes, room), (size_t)TCP_MSS), keep;
	AUTO(free) char *data = malloc(bytes);
	struct header h = header_of(s);
	struct dgram_way way = { .from = s->in.local, .to = s->in.remote, .ttl = 64, .tos = s->in.tos };
	union packet_net ip;
	struct filter_packet packet = { .protocol = ip_is_v4(&way.to.ip) ? ETH_P_IP : ETH_P_IPV6, .transport = { &h, sizeof(h) } };
	struct uio u;
	ssize_t n = data ? -EAGAIN : -ENOBUFS;
	uio_init_kernel(&u, data, data ? bytes : 0);
	CHECK(!data || bufq_peek(&s->sndq, &u, 0, bytes) == (ssize_t)bytes);
	packet.net = packet_net_header(&ip, &way, IPPROTO_TCP, sizeof(h) + bytes);
	packet.data = (struct filter_part){ data, bytes };
	if (data && filter_run(&p->in.sock, &packet, &keep) && keep > sizeof(h)) {
		uio_init_kernel(&u, data, keep - sizeof(h));
		n = bufq_write(&p->rcvq, &u, keep - sizeof(h));
	}
	if (n <= 0) {
		if (!s->timer.armed)
			ktimer_arm(&s->timer, now_mono_ns() + RETRY_NS);
		return false;
	}
	bufq_drop(&s->sndq, (size_t)n);
	*moved += (size_t)n;
	return true;
}
