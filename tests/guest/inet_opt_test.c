/* inet_opt_test.c - options of IP sockets, IPv6 and dual-stack TCP (ip(7), ipv6(7), socket(7)). */
#include <time.h>

#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <sys/time.h>

#include "tests/guest/inet.h"

COVERS(setsockopt, getsockopt, bind, connect, accept, recvmsg, sendmsg, ioctl, socket);

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

static char buf[4096];
static void *volatile bad = (void *)8;

/* Sets, reads back. */
static void round_trip(int fd, int level, int name, int v)
{
	EXPECT_OK(set_int(fd, level, name, v));
	EXPECT_EQ(get_int(fd, level, name), v);
}

TEST(socket_level)
{
	int fd = tcp4(), v;
	socklen_t len;
	static const int flags[] = { SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_BROADCAST, SO_OOBINLINE, SO_DONTROUTE, SO_RXQ_OVFL,
				     SO_TIMESTAMP, SO_TIMESTAMPNS, SO_ZEROCOPY };
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		EXPECT_EQ(get_int(fd, SOL_SOCKET, flags[i]), 0);
		round_trip(fd, SOL_SOCKET, flags[i], 1);
	}
	EXPECT_EQ(get_int(fd, SOL_SOCKET, SO_TIMESTAMP), 0);     /* SO_TIMESTAMPNS replaced it */
	round_trip(fd, SOL_SOCKET, SO_PRIORITY, 3);
	round_trip(fd, SOL_SOCKET, SO_RCVLOWAT, 10);
	EXPECT_OK(set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 0));
	EXPECT_EQ(get_int(fd, SOL_SOCKET, SO_RCVLOWAT), 1);
	EXPECT_EQ(get_int(fd, SOL_SOCKET, SO_SNDLOWAT), 1);
	EXPECT_ERRNO(set_int(fd, SOL_SOCKET, SO_SNDLOWAT, 5), ENOPROTOOPT);
	EXPECT_OK(set_int(fd, SOL_SOCKET, SO_SNDBUF, 50000));
	EXPECT_EQ(get_int(fd, SOL_SOCKET, SO_SNDBUF), 100000);
	EXPECT_OK(set_int(fd, SOL_SOCKET, SO_SNDBUF, 1));
	EXPECT_EQ(get_int(fd, SOL_SOCKET, SO_SNDBUF), 4608);
	EXPECT_OK(set_int(fd, SOL_SOCKET, SO_RCVBUF, 1));
	EXPECT_EQ(get_int(fd, SOL_SOCKET, SO_RCVBUF), 2304);
	struct linger lg = { 5, 7 };
	ASSERT_OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg)));
	len = sizeof(lg);
	ASSERT_OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, &len));
	EXPECT_EQ(lg.l_onoff, 1);
	EXPECT_EQ(lg.l_linger, 7);
	EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, 4), EINVAL);
	EXPECT_ERRNO(set_int(fd, SOL_SOCKET, SO_TYPE, 1), ENOPROTOOPT);
	EXPECT_ERRNO(set_int(fd, SOL_SOCKET, 9999, 1), ENOPROTOOPT);
	EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, 2), EINVAL);
	EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, bad, 4), EFAULT);
	EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, -1), EINVAL);
	EXPECT_ERRNO(set_int(fd, 12345, 1, 1), ENOPROTOOPT);
	struct timeval tv = { 0, 2000000 };
	EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), EDOM);
	EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nosuch0", 8), ENODEV);
	uint64_t cookie = 0;
	len = sizeof(cookie);
	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len));
	EXPECT(cookie != 0);
}

TEST(ip_level)
{
	int fd = udp4();
	char byte = 7;
	socklen_t len = 1;
	EXPECT_EQ(get_int(fd, SOL_IP, IP_TTL), 64);
	round_trip(fd, SOL_IP, IP_TTL, 9);
	EXPECT_ERRNO(set_int(fd, SOL_IP, IP_TTL, 0), EINVAL);
	EXPECT_ERRNO(set_int(fd, SOL_IP, IP_TTL, 256), EINVAL);
	EXPECT_OK(setsockopt(fd, SOL_IP, IP_TTL, &byte, 1));
	EXPECT_OK(getsockopt(fd, SOL_IP, IP_TTL, &byte, &len));
	EXPECT_EQ(byte, 7);
	EXPECT_EQ(len, 1);
	round_trip(fd, SOL_IP, IP_TOS, 0x10);
	EXPECT_EQ(get_int(fd, SOL_IP, IP_MULTICAST_TTL), 1);
	round_trip(fd, SOL_IP, IP_MULTICAST_TTL, 5);
	round_trip(fd, SOL_IP, IP_MULTICAST_LOOP, 0);
	round_trip(fd, SOL_IP, IP_PKTINFO, 1);
	round_trip(fd, SOL_IP, IP_RECVERR, 1);
	round_trip(fd, SOL_IP, IP_FREEBIND, 1);
	EXPECT_OK(bind4(fd, "192.0.2.7", 0));
	round_trip(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	EXPECT_ERRNO(set_int(fd, SOL_IP, IP_MTU_DISCOVER, 17), EINVAL);
	EXPECT_ERRNO(set_int(fd, SOL_IP, 99, 1), ENOPROTOOPT);
	EXPECT_EQ(get_int(fd, SOL_IP, IP_MTU), -ENOTCONN);
	EXPECT_EQ(get_int(fd, SOL_IPV6, IPV6_V6ONLY), -EOPNOTSUPP);
	EXPECT_EQ(get_int(tcp4(), SOL_IP, IP_MULTICAST_TTL), 1);
	EXPECT_ERRNO(set_int(tcp4(), SOL_IP, IP_MULTICAST_TTL, 3), EINVAL);
}

TEST(ipv6_level)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(get_int(fd, SOL_IPV6, IPV6_V6ONLY), 0);
	round_trip(fd, SOL_IPV6, IPV6_V6ONLY, 1);
	EXPECT_EQ(get_int(fd, SOL_IPV6, IPV6_UNICAST_HOPS), 64);
	round_trip(fd, SOL_IPV6, IPV6_UNICAST_HOPS, 3);
	EXPECT_ERRNO(set_int(fd, SOL_IPV6, IPV6_UNICAST_HOPS, 256), EINVAL);
	EXPECT_EQ(get_int(fd, SOL_IPV6, IPV6_MULTICAST_HOPS), 1);
	round_trip(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1);
	round_trip(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
	round_trip(fd, SOL_IPV6, IPV6_RECVTCLASS, 1);
	round_trip(fd, SOL_IPV6, IPV6_TCLASS, 8);
	EXPECT_ERRNO(set_int(fd, SOL_IPV6, 199, 1), ENOPROTOOPT);
	struct sockaddr_in6 a = in6("2001:db8::1", 0);
	EXPECT_ERRNO(bind(fd, (struct sockaddr *)&a, sizeof(a)), EADDRNOTAVAIL);
	a = in6("fe80::1", 0);
	EXPECT_ERRNO(bind(fd, (struct sockaddr *)&a, sizeof(a)), EINVAL);
	EXPECT_ERRNO(bind(fd, (struct sockaddr *)&a, 20), EINVAL);
}

TEST(tcp_over_ipv6_and_dual_stack)
{
	int l = socket(AF_INET6, SOCK_STREAM, 0), c6 = socket(AF_INET6, SOCK_STREAM, 0), c4 = tcp4();
	struct sockaddr_in6 a = in6("::", 0), peer;
	socklen_t len = sizeof(peer);
	ASSERT_OK(bind(l, (struct sockaddr *)&a, sizeof(a)));
	ASSERT_OK(listen(l, 5));
	int port = port_of(l);
	a = in6("::1", port);
	ASSERT_OK(connect(c6, (struct sockaddr *)&a, sizeof(a)));
	int s = accept(l, (struct sockaddr *)&peer, &len);
	ASSERT_OK(s);
	EXPECT_EQ(len, sizeof(peer));
	EXPECT(IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr));
	ASSERT_OK(connect4(c4, "127.0.0.1", port));
	s = accept(l, (struct sockaddr *)&peer, &len);
	ASSERT_OK(s);
	EXPECT(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr));
	EXPECT_EQ(ntohs(peer.sin6_port), port_of(c4));
	EXPECT_EQ(write(c4, "hi", 2), 2);
	EXPECT_EQ(read(s, buf, 10), 2);
	/* It can become an IPv4 socket. */
	EXPECT_OK(set_int(s, SOL_IPV6, IPV6_ADDRFORM, AF_INET));
	EXPECT_EQ(get_int(s, SOL_SOCKET, SO_DOMAIN), AF_INET);
	struct sockaddr_in v4;
	len = sizeof(v4);
	EXPECT_OK(getpeername(s, (struct sockaddr *)&v4, &len));
	EXPECT_EQ(v4.sin_family, AF_INET);

	int only = socket(AF_INET6, SOCK_STREAM, 0);
	ASSERT_OK(set_int(only, SOL_IPV6, IPV6_V6ONLY, 1));
	a = in6("::", 0);
	ASSERT_OK(bind(only, (struct sockaddr *)&a, sizeof(a)));
	ASSERT_OK(listen(only, 1));
	EXPECT_ERRNO(connect4(tcp4(), "127.0.0.1", port_of(only)), ECONNREFUSED);
	int both = tcp4();
	EXPECT_OK(bind4(both, "0.0.0.0", port_of(only)));
	EXPECT_ERRNO(bind4(tcp4(), "127.0.0.1", port), EADDRINUSE);
	a = in6("::ffff:127.0.0.1", port);
	int mapped = socket(AF_INET6, SOCK_STREAM, 0);
	EXPECT_OK(connect(mapped, (struct sockaddr *)&a, sizeof(a)));
}

TEST(a_family_that_is_not_the_sockets)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in a = in4("127.0.0.1", 9);
	char pad[32] = { 0 };
	memcpy(pad, &a, sizeof(a));
	EXPECT_ERRNO(connect(fd, (struct sockaddr *)pad, 28), EAFNOSUPPORT);
	EXPECT_ERRNO(bind(fd, (struct sockaddr *)pad, 28), EAFNOSUPPORT);
	EXPECT_ERRNO(bind(fd, (struct sockaddr *)pad, 16), EINVAL);
}

TEST(zerocopy_is_told)
{
	int sv[2];
	char ctl[200];
	tcp_pair(sv);
	ASSERT_OK(set_int(sv[0], SOL_SOCKET, SO_ZEROCOPY, 1));
	EXPECT_EQ(send(sv[0], buf, 4096, MSG_ZEROCOPY), 4096);
	EXPECT_EQ(poll_for(sv[0], 0) & POLLERR, POLLERR);
	struct msghdr m = { .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	EXPECT_EQ(recvmsg(sv[0], &m, MSG_ERRQUEUE), 0);
	EXPECT_EQ(m.msg_flags & MSG_ERRQUEUE, MSG_ERRQUEUE);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ASSERT(c != NULL);
	struct sock_extended_err *ee = (struct sock_extended_err *)CMSG_DATA(c);
	EXPECT_EQ(ee->ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	EXPECT_EQ(ee->ee_code, SO_EE_CODE_ZEROCOPY_COPIED);      /* over loopback it is copied */
	EXPECT_EQ(ee->ee_info, 0);
	EXPECT_EQ(ee->ee_data, 0);
	EXPECT_ERRNO(recvmsg(sv[0], &m, MSG_ERRQUEUE), EAGAIN);
}

TEST(owner_by_ioctl)
{
	int fd = tcp4(), v = getpid();
	ASSERT_OK(ioctl(fd, FIOSETOWN, &v));
	v = 0;
	ASSERT_OK(ioctl(fd, SIOCGPGRP, &v));
	EXPECT_EQ(v, getpid());
	EXPECT_EQ(fcntl(fd, F_GETOWN), getpid());
}

TEST(fast_open_sends_with_the_connection)
{
	int port, l = listener4(5, &port), fd = tcp4();
	struct sockaddr_in a = in4("127.0.0.1", port);
	EXPECT_EQ(sendto(fd, "early", 5, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof(a)), 5);
	int s = accept(l, NULL, NULL);
	ASSERT_OK(s);
	EXPECT_EQ(read(s, buf, 10), 5);
}
