/* packet.h - packets, as raw sockets and filters see them: headers are made when somebody looks. */
#pragma once

#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "sentry/net/filter.h"
#include "sentry/net/inet/dgram.h"

/* The Internet checksum of bytes, to which sum is added; of the network's order. */
uint16_t packet_checksum(uint32_t sum, const void *data, size_t bytes);
/* IPv6's, which includes addresses, length and protocol. */
uint16_t packet_checksum6(const struct dgram_way *way, uint8_t proto, const void *data, size_t bytes);
struct iphdr packet_ip_header(const struct dgram_way *way, uint8_t proto, size_t bytes);

union packet_net { struct iphdr v4; struct ip6_hdr v6; };
/* An IP header for `bytes` of the protocol, in *to. */
struct filter_part packet_net_header(union packet_net *to, const struct dgram_way *way, uint8_t proto, size_t bytes);
/* Shows what goes over lo to who listens there (AF_PACKET). head: what precedes the data, if the caller has it: of raw IPv4 the IP
 * header; then proto doesn't matter. */
void packet_tap(struct net *net, const struct dgram_way *way, uint8_t proto, struct filter_part head, struct filter_part data);
/* Does the socket's filter let a message in? Then data->bytes may have become less. head: what precedes it (raw). */
bool packet_filter(const struct socket *s, const struct dgram_way *way, struct filter_part head, struct filter_part *data);
