/* afpacket_opt.c - options of AF_PACKET sockets (packet(7), Documentation/networking/packet_mmap.rst).
 *
 * LINUX    net/packet/af_packet.c packet_setsockopt(), packet_getsockopt(). Same: what a ring is made by can't change while
 *          there is one (EBUSY). Memberships have no effect: lo receives everything.
 * MISSING  PACKET_TX_RING, PACKET_FANOUT*, PACKET_ROLLOVER_STATS: ENOPROTOOPT. PACKET_TIMESTAMP, PACKET_LOSS and
 *          PACKET_QDISC_BYPASS are remembered only. */
#include <limits.h>
#include <string.h>

#include "sentry/net/packet/afpacket_impl.h"

static const struct number {
	int name;
	size_t offset;
	bool is_flag, before_ring;        /* before_ring: EBUSY when there is one */
} numbers[] = {
#define NUMBER(name, field, ...) { name, offsetof(struct afpacket_sock, field), __VA_ARGS__ }
	NUMBER(PACKET_AUXDATA, auxdata, true, false),
	NUMBER(PACKET_ORIGDEV, origdev, true, false),
	NUMBER(PACKET_VNET_HDR, vnet_hdr, true, true),
	NUMBER(PACKET_IGNORE_OUTGOING, ignore_outgoing, true, false),
	NUMBER(PACKET_LOSS, loss, true, true),
	NUMBER(PACKET_TIMESTAMP, timestamp, false, false),
	NUMBER(PACKET_COPY_THRESH, copy_thresh, false, false),
	NUMBER(PACKET_QDISC_BYPASS, qdisc_bypass, true, false),
};

static const struct number *find(int name)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].name == name)
			return &numbers[i];
	return NULL;
}

size_t afpacket_header(int version)
{
	size_t h = version == TPACKET_V1 ? sizeof(struct tpacket_hdr) : version == TPACKET_V2 ? sizeof(struct tpacket2_hdr) :
												 sizeof(struct tpacket3_hdr);
	return TPACKET_ALIGN(h) + sizeof(struct sockaddr_ll);
}

static int get_stats(struct afpacket_sock *a, void *value, socklen_t *len)
{
	struct tpacket_stats_v3 s = a->stats;
	a->stats = (struct tpacket_stats_v3){ 0 };
	s.tp_packets += s.tp_drops;
	return sockopt_put(value, len, &s, a->version == TPACKET_V3 ? sizeof(s) : sizeof(struct tpacket_stats));
}

int afpacket_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	(void)t;
	struct afpacket_sock *a = to_afpacket(s);
	const struct number *n = find(name);
	int v;
	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	if (n && name != PACKET_COPY_THRESH)
		return sockopt_put_int(value, len, *(const int *)((const char *)a + n->offset));
	switch (name) {
	case PACKET_VERSION:
		return sockopt_put_int(value, len, a->version);
	case PACKET_RESERVE:
		return sockopt_put(value, len, &a->reserve, sizeof(a->reserve));
	case PACKET_STATISTICS:
		return get_stats(a, value, len);
	case PACKET_HDRLEN:
		if (*len < sizeof(v))
			return -EINVAL;
		memcpy(&v, value, sizeof(v));
		if (v < TPACKET_V1 || v > TPACKET_V3)
			return -EINVAL;
		return sockopt_put_int(value, len, (int)(afpacket_header(v) - sizeof(struct sockaddr_ll)));
	default:
		return -ENOPROTOOPT;
	}
}

static int membership(int name, const void *value, socklen_t len)
{
	struct packet_mreq r;
	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, value, sizeof(r));
	if (name == PACKET_DROP_MEMBERSHIP)
		return 0;
	if (r.mr_ifindex != NET_LO_IFINDEX)
		return -ENODEV;
	return r.mr_alen > ETH_ALEN || r.mr_type > PACKET_MR_UNICAST ? -EINVAL : 0;
}

static int set_number(struct afpacket_sock *a, const struct number *n, int v)
{
	if (n->name == PACKET_VNET_HDR && a->sock.type != SOCK_RAW)
		return -EINVAL;
	if (n->before_ring && a->ring.fd >= 0)
		return -EBUSY;
	if (n->name == PACKET_IGNORE_OUTGOING && (v < 0 || v > 1))
		return -EINVAL;
	*(int *)((char *)a + n->offset) = n->is_flag ? v != 0 : v;
	return 0;
}

static int rx_ring(struct afpacket_sock *a, const void *value, socklen_t len)
{
	struct tpacket_req3 r = { 0 };
	size_t bytes = a->version == TPACKET_V3 ? sizeof(r) : sizeof(struct tpacket_req);
	if (len < bytes)
		return -EINVAL;
	memcpy(&r, value, bytes);
	return afpacket_ring_set(a, &r);
}

int afpacket_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len)
{
	(void)t;
	struct afpacket_sock *a = to_afpacket(s);
	const struct number *n = find(name);
	int v;
	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	if (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP)
		return membership(name, value, len);
	if (name == PACKET_RX_RING)
		return rx_ring(a, value, len);
	if (!n && name != PACKET_VERSION && name != PACKET_RESERVE)
		return -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	if (n)
		return set_number(a, n, v);
	if (name == PACKET_VERSION ? v < TPACKET_V1 || v > TPACKET_V3 : v < 0)
		return -EINVAL;
	if (a->ring.fd >= 0)
		return -EBUSY;
	if (name == PACKET_VERSION)
		a->version = v;
	else
		a->reserve = (unsigned)v;
	return 0;
}
