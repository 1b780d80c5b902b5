/* inet_udp_test.c - UDP over loopback (udp(7)), raw and ICMP sockets, groups. */
#include <time.h>

#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/time.h>

#include "tests/guest/inet.h"

COVERS(socket, bind, connect, sendto, recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg, setsockopt, getsockopt, getsockname, ioctl,
	poll, shutdown);

static char buf[70000];

static int send4(int fd, const void *data, size_t bytes, const char *ip, int port)
{
	struct sockaddr_in a = in4(ip, port);
	return (int)sendto(fd, data, bytes, 0, (struct sockaddr *)&a, sizeof(a));
}

static int bound4(int *port)
{
	int fd = udp4();
	ASSERT_OK(bind4(fd, "127.0.0.1", 0));
	*port = port_of(fd);
	return fd;
}

/* Receives with control messages; finds one. */
static ssize_t recv_cmsg(int fd, int flags, int level, int type, void *out, size_t bytes)
{
	char ctl[512];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	ssize_t n = recvmsg(fd, &m, flags);
	if (n < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == level && c->cmsg_type == type) {
			memcpy(out, CMSG_DATA(c), bytes);
			return n;
		}
	return -2;
}

TEST(datagrams_keep_their_boundaries)
{
	int port, r = bound4(&port), s = udp4(), n;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	EXPECT_EQ(poll_of(r), POLLOUT);
	EXPECT_EQ(send4(s, "one", 3, "127.0.0.1", port), 3);
	EXPECT_EQ(send4(s, "", 0, "127.0.0.1", port), 0);
	EXPECT_EQ(send4(s, "three", 5, "127.0.0.1", port), 5);
	EXPECT_EQ(poll_for(r, POLLIN), POLLIN);
	ASSERT_OK(ioctl(r, FIONREAD, &n));
	EXPECT_EQ(n, 3);
	EXPECT_EQ(recv(r, buf, 10, MSG_PEEK), 3);
	EXPECT_EQ(recvfrom(r, buf, 10, 0, (struct sockaddr *)&from, &len), 3);
	EXPECT_EQ(ntohs(from.sin_port), port_of(s));
	EXPECT_EQ(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK);
	EXPECT_EQ(recv(r, buf, 10, 0), 0);
	EXPECT_EQ(recv(r, buf, 2, MSG_TRUNC), 5);
	EXPECT_ERRNO(recv(r, buf, 10, MSG_DONTWAIT), EAGAIN);
}

TEST(errors_of_sending)
{
	int s = udp4();
	struct sockaddr_in a = in4("127.0.0.1", 9);
	EXPECT_ERRNO(send(s, "x", 1, 0), EDESTADDRREQ);
	EXPECT_ERRNO(send4(s, buf, 65508, "127.0.0.1", 9), EMSGSIZE);
	EXPECT_EQ(send4(s, buf, 65507, "127.0.0.1", 9), 65507);
	EXPECT_ERRNO(send4(s, buf, 1, "127.0.0.1", 0), EINVAL);
	EXPECT_ERRNO(send4(s, buf, 1, "127.255.255.255", 9), EACCES);
	ASSERT_OK(set_int(s, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(send4(s, buf, 1, "127.255.255.255", 9), 1);
	a.sin_family = AF_UNIX;
	EXPECT_ERRNO(sendto(s, buf, 1, 0, (struct sockaddr *)&a, sizeof(a)), EAFNOSUPPORT);
	EXPECT_ERRNO(sendto(s, buf, 1, 0, (struct sockaddr *)&a, 4), EINVAL);
	EXPECT_ERRNO(sendto(s, buf, 1, MSG_OOB, (struct sockaddr *)&a, sizeof(a)), EOPNOTSUPP);
	EXPECT_ERRNO(listen(s, 1), EOPNOTSUPP);
	EXPECT_ERRNO(accept(s, NULL, NULL), EOPNOTSUPP);
	EXPECT_ERRNO(shutdown(s, SHUT_RDWR), ENOTCONN);
	EXPECT_ERRNO(recv(s, buf, 1, MSG_OOB | MSG_DONTWAIT), EAGAIN);
}

TEST(connected)
{
	int p1, p2, a = bound4(&p1), b = bound4(&p2), c = udp4();
	ASSERT_OK(connect4(a, "127.0.0.1", p2));
	EXPECT_EQ(send(a, "hi", 2, 0), 2);
	EXPECT_EQ(recv(b, buf, 10, 0), 2);
	send4(c, "no", 2, "127.0.0.1", p1);      /* a listens to b only */
	EXPECT_ERRNO(recv(a, buf, 10, MSG_DONTWAIT), EAGAIN);
	send4(b, "yes", 3, "127.0.0.1", p1);
	EXPECT_EQ(recv(a, buf, 10, 0), 3);
	struct sockaddr un = { .sa_family = AF_UNSPEC };
	ASSERT_OK(connect(a, &un, sizeof(un)));
	EXPECT_EQ(port_of(a), 0);                /* bind(2) hadn't named it */
	struct sockaddr_in pn;
	socklen_t len = sizeof(pn);
	EXPECT_ERRNO(getpeername(a, (struct sockaddr *)&pn, &len), ENOTCONN);
}

TEST(refused)
{
	int port, r = bound4(&port), s = udp4();
	close(r);
	EXPECT_EQ(send4(s, "x", 1, "127.0.0.1", port), 1);
	EXPECT_ERRNO(recv(s, buf, 1, MSG_DONTWAIT), EAGAIN);     /* not connected: not told */
	ASSERT_OK(connect4(s, "127.0.0.1", port));
	EXPECT_EQ(send(s, "x", 1, 0), 1);
	EXPECT_EQ(poll_for(s, POLLIN) & POLLERR, POLLERR);
	EXPECT_ERRNO(recv(s, buf, 1, 0), ECONNREFUSED);
	EXPECT_EQ(send(s, "x", 1, 0), 1);
	EXPECT_ERRNO(send(s, "x", 1, 0), ECONNREFUSED);
}

TEST(error_queue)
{
	int port, r = bound4(&port), s = udp4();
	close(r);
	struct { struct sock_extended_err ee; struct sockaddr_in from; } e;
	ASSERT_OK(set_int(s, SOL_IP, IP_RECVERR, 1));
	EXPECT_ERRNO(recv(s, buf, 1, MSG_ERRQUEUE), EAGAIN);
	EXPECT_EQ(send4(s, "lost", 4, "127.0.0.1", port), 4);
	EXPECT_EQ(poll_for(s, POLLIN) & POLLERR, POLLERR);
	EXPECT_EQ(recv_cmsg(s, MSG_ERRQUEUE, SOL_IP, IP_RECVERR, &e, sizeof(e)), 4);
	EXPECT_EQ(e.ee.ee_errno, ECONNREFUSED);
	EXPECT_EQ(e.ee.ee_origin, SO_EE_ORIGIN_ICMP);
	EXPECT_EQ(e.ee.ee_type, 3);
	EXPECT_EQ(e.ee.ee_code, 3);
	EXPECT_EQ(ntohl(e.from.sin_addr.s_addr), INADDR_LOOPBACK);
	EXPECT(memcmp(buf, "lost", 4) == 0);
}

TEST(a_full_queue_drops)
{
	int port, r = bound4(&port), s = udp4(), got = 0;
	ASSERT_OK(set_int(r, SOL_SOCKET, SO_RCVBUF, 4096));
	for (int i = 0; i < 100; i++)
		EXPECT_EQ(send4(s, buf, 500, "127.0.0.1", port), 500);
	while (recv(r, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		got++;
	EXPECT(got > 1 && got < 20);
}

TEST(packet_info_and_time)
{
	int port, r = bound4(&port), s = udp4(), ttl;
	struct in_pktinfo pi;
	struct timeval tv;
	unsigned char tos;
	ASSERT_OK(set_int(r, SOL_IP, IP_PKTINFO, 1));
	ASSERT_OK(set_int(r, SOL_IP, IP_RECVTTL, 1));
	ASSERT_OK(set_int(r, SOL_IP, IP_RECVTOS, 1));
	ASSERT_OK(set_int(r, SOL_SOCKET, SO_TIMESTAMP, 1));
	ASSERT_OK(set_int(s, SOL_IP, IP_TTL, 7));
	ASSERT_OK(set_int(s, SOL_IP, IP_TOS, 0x10));
	for (int i = 0; i < 4; i++)
		send4(s, "x", 1, "127.0.0.1", port);
	EXPECT_EQ(recv_cmsg(r, 0, SOL_IP, IP_PKTINFO, &pi, sizeof(pi)), 1);
	EXPECT_EQ(ntohl(pi.ipi_addr.s_addr), INADDR_LOOPBACK);
	EXPECT_EQ(pi.ipi_ifindex, (int)if_nametoindex("lo"));
	EXPECT_EQ(recv_cmsg(r, 0, SOL_IP, IP_TTL, &ttl, sizeof(ttl)), 1);
	EXPECT_EQ(ttl, 7);
	EXPECT_EQ(recv_cmsg(r, 0, SOL_IP, IP_TOS, &tos, sizeof(tos)), 1);
	EXPECT_EQ(tos, 0x10);
	EXPECT_EQ(recv_cmsg(r, 0, SOL_SOCKET, SO_TIMESTAMP, &tv, sizeof(tv)), 1);
	struct timeval now;
	gettimeofday(&now, NULL);
	EXPECT(now.tv_sec - tv.tv_sec <= 10 && tv.tv_sec <= now.tv_sec);
}

TEST(sendmmsg_and_recvmmsg)
{
	int port, r = bound4(&port), s = udp4();
	ASSERT_OK(connect4(s, "127.0.0.1", port));
	struct iovec v[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } };
	struct mmsghdr m[3] = { 0 };
	for (int i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(sendmmsg(s, m, 3, 0), 3);
	EXPECT_EQ(m[2].msg_len, 3);
	for (int i = 0; i < 3; i++)
		v[i] = (struct iovec){ buf + i * 10, 10 };
	EXPECT_EQ(recvmmsg(r, m, 3, 0, NULL), 3);
	EXPECT_EQ(m[1].msg_len, 2);
	EXPECT(memcmp(buf + 20, "ccc", 3) == 0);
}

TEST(cork_and_segments)
{
	int port, r = bound4(&port), s = udp4();
	ASSERT_OK(connect4(s, "127.0.0.1", port));
	EXPECT_EQ(send(s, "ab", 2, MSG_MORE), 2);
	EXPECT_EQ(send(s, "cd", 2, 0), 2);
	EXPECT_EQ(recv(r, buf, 10, 0), 4);
	ASSERT_OK(set_int(s, SOL_UDP, UDP_CORK, 1));
	send(s, "123", 3, 0);
	send(s, "4", 1, 0);
	EXPECT_ERRNO(recv(r, buf, 10, MSG_DONTWAIT), EAGAIN);
	ASSERT_OK(set_int(s, SOL_UDP, UDP_CORK, 0));
	EXPECT_EQ(recv(r, buf, 10, 0), 4);
	ASSERT_OK(set_int(s, SOL_UDP, UDP_SEGMENT, 4));
	EXPECT_EQ(send(s, "aaaabbbbc", 9, 0), 9);
	EXPECT_EQ(recv(r, buf, 10, 0), 4);
	EXPECT_EQ(recv(r, buf, 10, 0), 4);
	EXPECT_EQ(recv(r, buf, 10, 0), 1);
}

TEST(who_receives)
{
	int any = udp4(), s = udp4();
	set_int(any, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_OK(bind4(any, "0.0.0.0", 0));
	int port = port_of(any), one = udp4();
	EXPECT_ERRNO(bind4(one, "127.0.0.1", port), EADDRINUSE);
	set_int(one, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_OK(bind4(one, "127.0.0.1", port));
	send4(s, "x", 1, "127.0.0.1", port);
	EXPECT_EQ(poll_for(one, POLLIN), POLLIN);
	EXPECT_EQ(poll_of(any), POLLOUT);
	send4(s, "x", 1, "127.0.0.9", port);
	EXPECT_EQ(poll_for(any, POLLIN), POLLIN);
}

TEST(groups)
{
	int r = udp4(), s = udp4(), other = udp4();
	struct ip_mreq mreq = { .imr_interface.s_addr = htonl(INADDR_LOOPBACK) };
	inet_pton(AF_INET, "224.1.2.3", &mreq.imr_multiaddr);
	ASSERT_OK(bind4(r, "0.0.0.0", 0));
	int port = port_of(r);
	ASSERT_OK(setsockopt(r, SOL_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)));
	EXPECT_ERRNO(setsockopt(r, SOL_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), EADDRINUSE);
	ASSERT_OK(setsockopt(s, SOL_IP, IP_MULTICAST_IF, &mreq.imr_interface, 4));
	EXPECT_EQ(send4(s, "all", 3, "224.1.2.3", port), 3);
	EXPECT_EQ(recv(r, buf, 10, 0), 3);
	ASSERT_OK(set_int(s, SOL_IP, IP_MULTICAST_LOOP, 0));     /* lo loops by itself */
	EXPECT_EQ(send4(s, "all", 3, "224.1.2.3", port), 3);
	EXPECT_EQ(recv(r, buf, 10, 0), 3);
	ASSERT_OK(setsockopt(r, SOL_IP, IP_DROP_MEMBERSHIP, &mreq, sizeof(mreq)));
	EXPECT_ERRNO(setsockopt(r, SOL_IP, IP_DROP_MEMBERSHIP, &mreq, sizeof(mreq)), EADDRNOTAVAIL);
	mreq.imr_multiaddr.s_addr = htonl(0x01020304);
	EXPECT_ERRNO(setsockopt(other, SOL_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), EINVAL);
}

TEST(shutdown_ends_reading)
{
	int port, r = bound4(&port);
	ASSERT_OK(connect4(r, "127.0.0.1", port));
	ASSERT_OK(shutdown(r, SHUT_RD));
	EXPECT_EQ(poll_of(r), POLLIN | POLLOUT | POLLRDHUP);
	EXPECT_EQ(recv(r, buf, 1, 0), 0);
	EXPECT_ERRNO(recv(r, buf, 1, MSG_DONTWAIT), EAGAIN);
	ASSERT_OK(shutdown(r, SHUT_WR));
	EXPECT_ERRNO(send(r, "x", 1, MSG_NOSIGNAL), EPIPE);
}

TEST(dual_stack)
{
	int r = socket(AF_INET6, SOCK_DGRAM, 0), s = udp4();
	struct sockaddr_in6 a = in6("::", 0), from;
	socklen_t len = sizeof(from);
	ASSERT_OK(bind(r, (struct sockaddr *)&a, sizeof(a)));
	int port = port_of(r);
	EXPECT_EQ(send4(s, "v4", 2, "127.0.0.1", port), 2);
	EXPECT_EQ(recvfrom(r, buf, 10, 0, (struct sockaddr *)&from, &len), 2);
	EXPECT(IN6_IS_ADDR_V4MAPPED(&from.sin6_addr));
	EXPECT_ERRNO(bind4(s, "127.0.0.1", port), EINVAL);
	int other = udp4();
	EXPECT_ERRNO(bind4(other, "127.0.0.1", port), EADDRINUSE);
	int only = socket(AF_INET6, SOCK_DGRAM, 0);
	ASSERT_OK(set_int(only, SOL_IPV6, IPV6_V6ONLY, 1));
	ASSERT_OK(bind(only, (struct sockaddr *)&a, sizeof(a)));
	EXPECT_OK(bind4(other, "127.0.0.1", port_of(only)));
	EXPECT_ERRNO(set_int(only, SOL_IPV6, IPV6_V6ONLY, 0), EINVAL);
	struct in6_pktinfo pi;
	ASSERT_OK(set_int(only, SOL_IPV6, IPV6_RECVPKTINFO, 1));
	struct sockaddr_in6 to = in6("::1", port_of(only));
	int s6 = socket(AF_INET6, SOCK_DGRAM, 0);
	EXPECT_EQ(sendto(s6, "six", 3, 0, (struct sockaddr *)&to, sizeof(to)), 3);
	EXPECT_EQ(recv_cmsg(only, 0, SOL_IPV6, IPV6_PKTINFO, &pi, sizeof(pi)), 3);
	EXPECT(IN6_IS_ADDR_LOOPBACK(&pi.ipi6_addr));
}

TEST(raw_echo)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (fd < 0 && errno == EPERM)
		SKIP("needs CAP_NET_RAW");
	ASSERT_OK(fd);
	struct { struct icmphdr h; char data[8]; } p = { .h = { .type = ICMP_ECHO, .un.echo = { htons(77), htons(1) } } };
	uint32_t sum = 0;
	memcpy(p.data, "payload", 8);
	for (size_t i = 0; i < sizeof(p) / 2; i++)
		sum += ((uint16_t *)&p)[i];
	p.h.checksum = (uint16_t)~((sum & 0xffff) + (sum >> 16));
	EXPECT_EQ(send4(fd, &p, sizeof(p), "127.0.0.1", 0), (int)sizeof(p));
	/* The request comes by, and then the reply, each with an IP header of 20 bytes. */
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(recv(fd, buf, sizeof(buf), 0), 20 + (int)sizeof(p));
		EXPECT_EQ(buf[0], 0x45);
		EXPECT_EQ(buf[20], i == 0 ? ICMP_ECHO : ICMP_ECHOREPLY);
		EXPECT(memcmp(buf + 28, "payload", 8) == 0);
	}
}

TEST(ping_socket)
{
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	if (fd < 0 && errno == EACCES)
		SKIP("net.ipv4.ping_group_range");
	ASSERT_OK(fd);
	struct { struct icmphdr h; char data[8]; } p = { .h = { .type = ICMP_ECHO, .un.echo.sequence = htons(5) } };
	EXPECT_EQ(send4(fd, &p, sizeof(p), "127.0.0.1", 0), (int)sizeof(p));
	EXPECT_EQ(recv(fd, &p, sizeof(p), 0), (int)sizeof(p));
	EXPECT_EQ(p.h.type, ICMP_ECHOREPLY);
	EXPECT_EQ(ntohs(p.h.un.echo.id), port_of(fd));
	EXPECT_EQ(ntohs(p.h.un.echo.sequence), 5);
	EXPECT_ERRNO(send4(fd, &p, 4, "127.0.0.1", 0), EINVAL);
}

TEST(interface_ioctls)
{
	int fd = udp4();
	struct ifreq r = { .ifr_name = "lo" };
	ASSERT_OK(ioctl(fd, SIOCGIFFLAGS, &r));
	EXPECT_EQ(r.ifr_flags & (IFF_LOOPBACK | IFF_UP), IFF_LOOPBACK | IFF_UP);
	ASSERT_OK(ioctl(fd, SIOCGIFADDR, &r));
	EXPECT_EQ(ntohl(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr), INADDR_LOOPBACK);
	strcpy(r.ifr_name, "nosuch0");
	EXPECT_ERRNO(ioctl(fd, SIOCGIFFLAGS, &r), ENODEV);
	struct ifconf c = { .ifc_len = sizeof(buf), .ifc_buf = buf };
	ASSERT_OK(ioctl(fd, SIOCGIFCONF, &c));
	EXPECT(c.ifc_len >= (int)sizeof(struct ifreq));
	EXPECT_ERRNO(ioctl(fd, 0x1234, &c), ENOTTY);
}
