/* packet.c - see packet.h.
 *
 * LINUX    What lo carries has no checksums but IPv4's: those of UDP and TCP are left to whoever would send it out. */
#include "sentry/net/inet/packet.h"

#include <linux/if_ether.h>
#include <netinet/ip6.h>
#include <string.h>

#include "sentry/net/packet/afpacket.h"

uint16_t packet_checksum(uint32_t sum, const void *data, size_t bytes)
{
	const unsigned char *p = data;
	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (bytes & 1)
		sum += (uint32_t)p[bytes - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* IPv6 includes addresses, length and protocol. */
uint16_t packet_checksum6(const struct dgram_way *way, uint8_t proto, const void *data, size_t bytes)
{
	uint32_t sum = (uint32_t)bytes + proto;
	for (int i = 0; i < 8; i++)
		sum += ntohs(way->from.ip.s6_addr16[i]) + (uint32_t)ntohs(way->to.ip.s6_addr16[i]);
	return packet_checksum(sum, data, bytes);
}

struct iphdr packet_ip_header(const struct dgram_way *way, uint8_t proto, size_t bytes)
{
	static uint16_t id;
	struct iphdr h = { .version = 4, .ihl = 5, .protocol = proto };
	h.tos = (uint8_t)way->tos;
	h.ttl = (uint8_t)way->ttl;
	h.tot_len = htons((uint16_t)(sizeof(h) + bytes));
	h.id = htons(id++);
	h.saddr = way->from.ip.s6_addr32[3];
	h.daddr = way->to.ip.s6_addr32[3];
	h.check = packet_checksum(0, &h, sizeof(h));
	return h;
}

struct filter_part packet_net_header(union packet_net *to, const struct dgram_way *way, uint8_t proto, size_t bytes)
{
	if (ip_is_v4(&way->to.ip)) {
		to->v4 = packet_ip_header(way, proto, bytes);
		return (struct filter_part){ &to->v4, sizeof(to->v4) };
	}
	to->v6 = (struct ip6_hdr){ .ip6_src = way->from.ip, .ip6_dst = way->to.ip };
	to->v6.ip6_flow = htonl(6U << 28 | (uint32_t)way->tos << 20);
	to->v6.ip6_plen = htons((uint16_t)bytes);
	to->v6.ip6_nxt = proto;
	to->v6.ip6_hlim = (uint8_t)way->ttl;
	return (struct filter_part){ &to->v6, sizeof(to->v6) };
}

static struct udphdr udp_header(const struct dgram_way *way, size_t bytes)
{
	struct udphdr h = { .source = htons(way->from.port), .dest = htons(way->to.port) };
	h.len = htons((uint16_t)(sizeof(h) + bytes));
	return h;
}

void packet_tap(struct net *net, const struct dgram_way *way, uint8_t proto, struct filter_part head, struct filter_part data)
{
	union packet_net ip;
	struct udphdr udp;
	struct filter_packet p = { .protocol = ip_is_v4(&way->to.ip) ? ETH_P_IP : ETH_P_IPV6, .net = head, .data = data };
	if (!afpacket_listens(net))
		return;
	if (proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE) {
		udp = udp_header(way, data.bytes);
		p.transport = (struct filter_part){ &udp, sizeof(udp) };
	}
	if (!head.bytes)
		p.net = packet_net_header(&ip, way, proto, p.transport.bytes + data.bytes);
	afpacket_tap(net, &p);
}

bool packet_filter(const struct socket *s, const struct dgram_way *way, struct filter_part head, struct filter_part *data)
{
	union packet_net ip;
	struct udphdr udp;
	struct filter_packet p = { .protocol = ip_is_v4(&way->to.ip) ? ETH_P_IP : ETH_P_IPV6, .transport = head, .data = *data };
	bool is_udp = s->type == SOCK_DGRAM && s->protocol != IPPROTO_ICMP && s->protocol != IPPROTO_ICMPV6;
	if (is_udp) {
		udp = udp_header(way, data->bytes);
		p.transport = (struct filter_part){ &udp, sizeof(udp) };
	}
	if (!head.bytes)
		p.net = packet_net_header(&ip, way, (uint8_t)s->protocol, p.transport.bytes + data->bytes);
	size_t keep;
	bool wanted = filter_run(s, &p, &keep);
	data->bytes = keep - p.transport.bytes;
	return wanted;
}
