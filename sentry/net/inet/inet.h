/* inet.h - AF_INET and AF_INET6 sockets (ip(7), ipv6(7), tcp(7), udp(7), raw(7), icmp(7)). */
#pragma once

#include "sentry/net/net.h"
#include "sentry/net/socket.h"

extern const struct socket_family inet_family, inet6_family;

/* The namespace ends: forgets connections in TIME_WAIT. No socket is left. */
void inet_net_exit(struct net *net);
