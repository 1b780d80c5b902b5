/* afpacket_send.c - frames on their way over lo, and who gets a copy.
 *
 * HOW      Whatever is sent over lo comes back by it. So who listens to everything (ETH_P_ALL) sees a frame twice, going out
 *          and coming in, and who listens to a protocol sees it once.
 * LINUX    net/packet/af_packet.c, net/core/dev.c dev_queue_xmit_nit(), net/ethernet/eth.c eth_type_trans(). Same: the sender
 *          itself doesn't see its frame going out. */
#include <arpa/inet.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/epoll.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/net/packet/afpacket_impl.h"

#define OVERHEAD 768                      /* sk_buff and its shared info */
#define VLAN_HEADER 4

struct sockaddr_ll afpacket_address(uint16_t protocol, int ifindex, uint8_t pkttype)
{
	struct sockaddr_ll sa = { .sll_family = AF_PACKET, .sll_protocol = protocol, .sll_ifindex = ifindex };
	sa.sll_hatype = ARPHRD_LOOPBACK;
	sa.sll_pkttype = pkttype;
	sa.sll_halen = ETH_ALEN;
	return sa;
}

/* The frame as bytes, from its Ethernet header on (raw) or from what follows. */
static struct afpacket_msg *copy(const struct filter_packet *p, bool raw, size_t keep, size_t whole)
{
	const struct filter_part parts[] = { { p->link, raw ? ETH_HLEN : 0 }, p->net, p->transport, p->data };
	struct afpacket_msg *g = malloc(sizeof(*g) + keep);
	size_t at = 0;
	if (!g)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t n = MIN(parts[i].bytes, keep - at);
		if (n)
			memcpy(g->data + at, parts[i].at, n);
		at += n;
	}
	g->len = keep;
	g->whole = whole;
	g->net_off = raw ? ETH_HLEN : 0;
	g->charge = keep + OVERHEAD;
	return g;
}

static void deliver(struct afpacket_sock *a, const struct filter_packet *p, uint8_t pkttype)
{
	bool raw = a->sock.type == SOCK_RAW;
	struct filter_packet seen = *p;
	seen.from = raw ? FILTER_FROM_LINK : FILTER_FROM_NET;
	seen.pkttype = pkttype;
	size_t whole = (raw ? ETH_HLEN : 0) + p->net.bytes + p->transport.bytes + p->data.bytes, keep = whole;
	if (a->sock.filter && !filter_run(&a->sock, &seen, &keep))
		return;
	if (!keep)
		return;                          /* run_filter() takes nothing for no */
	struct afpacket_msg *g = copy(p, raw, keep, whole);
	if (!g)
		return;
	g->from = afpacket_address(htons((uint16_t)p->protocol), NET_LO_IFINDEX, pkttype);
	g->stamp_ns = now_real_ns();
	a->stats.tp_packets++;
	if (a->ring.fd >= 0) {
		if (!afpacket_ring_put(a, g)) {
			a->stats.tp_packets--;
			a->stats.tp_drops++;
		}
		free(g);
		return;
	}
	if (a->queued > a->sock.rcvbuf || fs_memory_charge(g->charge)) {
		a->stats.tp_packets--;
		a->stats.tp_drops++;
		a->sock.drops++;
		free(g);
		return;
	}
	TAILQ_INSERT_TAIL(&a->queue, g, link);
	a->queued += g->charge;
	waitq_wake(&a->sock.wq, EPOLLIN | EPOLLRDNORM);
}

static uint8_t type_of(const struct ethhdr *eth)
{
	static const uint8_t zero[ETH_ALEN];      /* lo's address, and its broadcast address */
	if (eth->h_dest[0] & 1)
		return PACKET_MULTICAST;
	return memcmp(eth->h_dest, zero, ETH_ALEN) == 0 ? PACKET_HOST : PACKET_OTHERHOST;
}

/* What it is to who receives it: as its header says, whatever the sender has said. */
static int received_protocol(const struct filter_packet *p)
{
	static const uint8_t novell[2] = { 0xff, 0xff };
	int protocol = ntohs(p->link->h_proto);
	if (protocol >= ETH_P_802_3_MIN)
		return protocol;
	return p->data.bytes >= sizeof(novell) && memcmp(p->data.at, novell, sizeof(novell)) == 0 ? ETH_P_802_3 : ETH_P_802_2;
}

static void tap(struct net *net, const struct filter_packet *p, const struct afpacket_sock *sender)
{
	struct afpacket_sock *a;
	struct filter_packet in = *p;
	in.protocol = received_protocol(p);
	const uint16_t all = htons(ETH_P_ALL);
	TAILQ_FOREACH(a, &net->packets, link)
		if (a->protocol == all && a != sender && !a->ignore_outgoing)
			deliver(a, p, PACKET_OUTGOING);
	TAILQ_FOREACH(a, &net->packets, link)
		if (a->protocol == all || a->protocol == htons((uint16_t)in.protocol))
			deliver(a, &in, type_of(p->link));
}

void afpacket_tap(struct net *net, const struct filter_packet *p)
{
	struct ethhdr eth = { .h_proto = htons((uint16_t)p->protocol) };
	struct filter_packet framed = *p;
	framed.link = &eth;
	tap(net, &framed, NULL);
}

/* Where it goes, from the message's address or the socket's own. */
static int way(const struct afpacket_sock *a, const struct socket_msg *m, struct sockaddr_ll *out)
{
	*out = afpacket_address(a->protocol, a->ifindex, 0);
	if (m->name_len) {
		if (m->name_len < offsetof(struct sockaddr_ll, sll_addr))
			return -EINVAL;
		memcpy(out, &m->name, sizeof(*out));
		if (m->name_len < offsetof(struct sockaddr_ll, sll_addr) + out->sll_halen)
			return -EINVAL;
		if (a->sock.type == SOCK_DGRAM && (m->name_len < sizeof(*out) || out->sll_halen < ETH_ALEN))
			return -EINVAL;
	}
	if (out->sll_ifindex != NET_LO_IFINDEX)
		return -ENXIO;
	return a->net->lo_up ? 0 : -ENETDOWN;
}

ssize_t afpacket_send(struct task *t, struct socket *s, struct socket_msg *m)
{
	(void)t;
	struct afpacket_sock *a = to_afpacket(s);
	struct sockaddr_ll to;
	bool raw = s->type == SOCK_RAW;
	size_t bytes = m->data->resid, head = raw ? ETH_HLEN : 0;
	int err = way(a, m, &to);
	if (err)
		return err;
	if (bytes > (size_t)a->net->lo_mtu + (raw ? ETH_HLEN + VLAN_HEADER : 0))
		return -EMSGSIZE;
	if (bytes < head)
		return -EINVAL;
	AUTO(free) char *data = malloc(bytes + 1);
	if (!data)
		return -ENOBUFS;
	if (bytes && uio_drain(m->data, data, bytes) != (ssize_t)bytes)
		return -EFAULT;
	/* Frames of IEEE 802 have their length there: eth_header(). */
	bool has_length = to.sll_protocol == htons(ETH_P_802_3) || to.sll_protocol == htons(ETH_P_802_2);
	struct ethhdr eth = { .h_proto = has_length ? htons((uint16_t)bytes) : to.sll_protocol };
	memcpy(eth.h_dest, to.sll_addr, ETH_ALEN);
	if (raw)
		memcpy(&eth, data, sizeof(eth));
	bool unsaid = !to.sll_protocol || to.sll_protocol == htons(ETH_P_ALL);
	struct filter_packet p = { .protocol = ntohs(raw && unsaid ? eth.h_proto : to.sll_protocol), .link = &eth };
	p.data = (struct filter_part){ data + head, bytes - head };
	a->net->lo_packets++;
	a->net->lo_bytes += bytes;
	tap(a->net, &p, a);
	return (ssize_t)bytes;
}
