/* afpacket.h - AF_PACKET sockets: the frames that an interface carries (packet(7)). */
#pragma once

#include "sentry/net/filter.h"
#include "sentry/net/net.h"

extern const struct socket_family packet_family;

/* A frame goes over the network's lo: whoever listens gets a copy. Callers look first whether anybody does. */
static inline bool afpacket_listens(const struct net *net) { return !TAILQ_EMPTY(&net->packets); }
void afpacket_tap(struct net *net, const struct filter_packet *p);
