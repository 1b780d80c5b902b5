/* afpacket_test.c - AF_PACKET sockets on lo (packet(7)), and lo's MTU, each in a network namespace of its own. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/filter.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "tests/guest/guest.h"

COVERS(socket, bind, getsockname, sendto, recvfrom, setsockopt, getsockopt, ioctl, mmap, poll);

static char buf[70000];

static void own_network(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	if (geteuid() != 0 || unshare(CLONE_NEWNET))
		SKIP("no new network namespace");
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_OK(ioctl(s, SIOCSIFFLAGS, &r));
	close(s);
}

static int udp(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ASSERT_OK(bind(s, (struct sockaddr *)at, len));
	ASSERT_OK(getsockname(s, (struct sockaddr *)at, &len));
	return s;
}

static int listener(int type, int protocol)
{
	int s = socket(AF_PACKET, type | SOCK_NONBLOCK, htons((uint16_t)protocol));
	ASSERT_OK(s);
	return s;
}

TEST(who_listens_sees_datagrams_with_their_headers)
{
	struct sockaddr_in at;
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	own_network();
	int s = udp(&at), raw = listener(SOCK_RAW, ETH_P_ALL), ip = listener(SOCK_DGRAM, ETH_P_IP), none = listener(SOCK_RAW, 0);
	ASSERT_EQ(sendto(s, "hello", 5, 0, (struct sockaddr *)&at, sizeof(at)), 5);
	const ssize_t frame = ETH_HLEN + 20 + 8 + 5;
	ASSERT_EQ(recvfrom(raw, buf, 100, 0, (struct sockaddr *)&from, &len), frame);
	EXPECT_EQ(from.sll_pkttype, PACKET_OUTGOING);
	EXPECT_EQ(from.sll_ifindex, 1);
	EXPECT_EQ(from.sll_hatype, ARPHRD_LOOPBACK);
	EXPECT_EQ(from.sll_protocol, htons(ETH_P_IP));
	EXPECT_EQ(len, sizeof(from));
	EXPECT_EQ(memcmp(buf + frame - 5, "hello", 5), 0);
	struct udphdr u;
	memcpy(&u, buf + ETH_HLEN + 20, sizeof(u));
	EXPECT_EQ(u.dest, at.sin_port);
	EXPECT_EQ(recvfrom(raw, buf, 100, 0, (struct sockaddr *)&from, &len), frame);
	EXPECT_EQ(from.sll_pkttype, PACKET_HOST);
	EXPECT_ERRNO(recv(raw, buf, 100, 0), EAGAIN);
	EXPECT_EQ(recv(ip, buf, 20, MSG_TRUNC), frame - ETH_HLEN);
	EXPECT_EQ(((struct iphdr *)buf)->protocol, IPPROTO_UDP);
	EXPECT_ERRNO(recv(ip, buf, 100, 0), EAGAIN);
	EXPECT_ERRNO(recv(none, buf, 100, 0), EAGAIN);
	struct tpacket_stats st;
	len = sizeof(st);
	ASSERT_OK(getsockopt(raw, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	EXPECT_EQ(st.tp_packets, 2);
	ASSERT_OK(getsockopt(raw, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	EXPECT_EQ(st.tp_packets, 0);
}

TEST(frames_are_sent)
{
	own_network();
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = ETH_ALEN, .sll_protocol = htons(0x88b5) };
	int a = listener(SOCK_DGRAM, 0), b = listener(SOCK_DGRAM, 0x88b5), c = listener(SOCK_RAW, 0);
	EXPECT_EQ(sendto(a, "frame", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	EXPECT_EQ(recv(b, buf, 100, 0), 5);
	EXPECT_EQ(sendto(a, "", 0, 0, (struct sockaddr *)&to, sizeof(to)), 0);
	EXPECT_ERRNO(recv(b, buf, 100, 0), EAGAIN);
	EXPECT_ERRNO(sendto(c, "short", 5, 0, (struct sockaddr *)&to, sizeof(to)), EINVAL);
	EXPECT_ERRNO(send(c, buf, 100, 0), ENXIO);
	EXPECT_ERRNO(sendto(c, buf, 65555, 0, (struct sockaddr *)&to, sizeof(to)), EMSGSIZE);
	memset(buf, 0xff, ETH_ALEN);
	memcpy(buf + 2 * ETH_ALEN, &(uint16_t){ htons(0x88b5) }, 2);
	EXPECT_EQ(sendto(c, buf, 60, 0, (struct sockaddr *)&to, sizeof(to)), 60);
	socklen_t len = sizeof(to);
	EXPECT_EQ(recvfrom(b, buf, 100, 0, (struct sockaddr *)&to, &len), 60 - ETH_HLEN);
	EXPECT_EQ(to.sll_pkttype, PACKET_MULTICAST);
}

TEST(binding_and_errors)
{
	own_network();
	struct sockaddr_ll sa = { .sll_family = AF_PACKET, .sll_ifindex = 1, .sll_protocol = htons(ETH_P_ALL) };
	socklen_t len = sizeof(sa);
	int s = listener(SOCK_RAW, 0), v = TPACKET_V3;
	ASSERT_OK(bind(s, (struct sockaddr *)&sa, sizeof(sa)));
	ASSERT_OK(getsockname(s, (struct sockaddr *)&sa, &len));
	EXPECT_EQ(len, 18);
	EXPECT_EQ(sa.sll_hatype, ARPHRD_LOOPBACK);
	sa.sll_ifindex = 77;
	EXPECT_ERRNO(bind(s, (struct sockaddr *)&sa, sizeof(sa)), ENODEV);
	EXPECT_ERRNO(bind(s, (struct sockaddr *)&sa, 10), EINVAL);
	EXPECT_ERRNO(listen(s, 1), EOPNOTSUPP);
	EXPECT_ERRNO(shutdown(s, SHUT_RD), EOPNOTSUPP);
	EXPECT_ERRNO(socket(AF_PACKET, SOCK_STREAM, 0), ESOCKTNOSUPPORT);
	len = sizeof(v);
	ASSERT_OK(getsockopt(s, SOL_PACKET, PACKET_HDRLEN, &v, &len));
	EXPECT_EQ(v, 48);
	struct packet_mreq m = { .mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC };
	ASSERT_OK(setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)));
	m.mr_ifindex = 77;
	EXPECT_ERRNO(setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)), ENODEV);
	ASSERT_OK(setresuid(1000, 1000, 1000));
	EXPECT_ERRNO(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
}

TEST(filters_begin_at_the_first_header_received)
{
	struct sockaddr_in at;
	own_network();
	/* Ethernet's protocol is IPv4, IP's is UDP: 40 bytes. */
	struct sock_filter prog[] = {
		{ 0x28, 0, 0, 12 }, { 0x15, 0, 3, ETH_P_IP }, { 0x30, 0, 0, 23 }, { 0x15, 0, 1, IPPROTO_UDP }, { 6, 0, 0, 40 }, { 6, 0, 0, 0 },
	};
	struct sock_fprog p = { 6, prog };
	int s = udp(&at), raw = listener(SOCK_RAW, ETH_P_IP);
	ASSERT_OK(setsockopt(raw, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	ASSERT_EQ(sendto(s, "hello", 5, 0, (struct sockaddr *)&at, sizeof(at)), 5);
	EXPECT_EQ(recv(raw, buf, 100, 0), 40);
	prog[3].k = IPPROTO_TCP;
	ASSERT_OK(setsockopt(raw, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	ASSERT_EQ(sendto(s, "hello", 5, 0, (struct sockaddr *)&at, sizeof(at)), 5);
	EXPECT_ERRNO(recv(raw, buf, 100, 0), EAGAIN);
}

static char *ring(int s, int version, struct tpacket_req3 *r)
{
	*r = (struct tpacket_req3){ .tp_block_size = 8192, .tp_block_nr = 2, .tp_frame_size = 2048, .tp_frame_nr = 8,
				    .tp_retire_blk_tov = 10 };
	ASSERT_OK(setsockopt(s, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)));
	ASSERT_OK(setsockopt(s, SOL_PACKET, PACKET_RX_RING, r, version == TPACKET_V3 ? sizeof(*r) : sizeof(struct tpacket_req)));
	EXPECT_ERRNO(setsockopt(s, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), EBUSY);
	EXPECT_ERRNO((long)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0), EINVAL);
	char *m = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
	ASSERT(m != MAP_FAILED);
	EXPECT_ERRNO(setsockopt(s, SOL_PACKET, PACKET_RX_RING, r, sizeof(*r)), EBUSY);
	return m;
}

TEST(frames_come_through_a_ring)
{
	struct sockaddr_in at;
	struct tpacket_req3 r;
	own_network();
	int s = udp(&at), raw = listener(SOCK_RAW, ETH_P_IP);
	char *m = ring(raw, TPACKET_V2, &r);
	struct pollfd p = { raw, POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, 0), 0);
	for (int i = 0; i < 9; i++)
		ASSERT_EQ(sendto(s, &i, sizeof(i), 0, (struct sockaddr *)&at, sizeof(at)), 4);
	EXPECT_EQ(poll(&p, 1, 0), 1);
	for (int i = 0; i < 8; i++) {
		struct tpacket2_hdr *h = (struct tpacket2_hdr *)(m + 2048 * i);
		EXPECT_EQ(h->tp_status & TP_STATUS_USER, TP_STATUS_USER);
		EXPECT_EQ(h->tp_len, ETH_HLEN + 32);
		EXPECT_EQ(h->tp_net - h->tp_mac, ETH_HLEN);
		EXPECT_EQ(memcmp((char *)h + h->tp_mac + ETH_HLEN + 28, &i, sizeof(i)), 0);
		struct sockaddr_ll *sa = (struct sockaddr_ll *)((char *)h + TPACKET_ALIGN(sizeof(*h)));
		EXPECT_EQ(sa->sll_pkttype, PACKET_HOST);
		h->tp_status = TP_STATUS_KERNEL;
	}
	struct tpacket_stats st;
	socklen_t len = sizeof(st);
	ASSERT_OK(getsockopt(raw, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	EXPECT_EQ(st.tp_packets, 9);
	EXPECT_EQ(st.tp_drops, 1);
	EXPECT_EQ(poll(&p, 1, 0), 0);
	munmap(m, 16384);
	r.tp_block_nr = r.tp_frame_nr = 0;
	EXPECT_OK(setsockopt(raw, SOL_PACKET, PACKET_RX_RING, &r, sizeof(r)));
}

TEST(frames_come_in_blocks)
{
	struct sockaddr_in at;
	struct tpacket_req3 r;
	own_network();
	int s = udp(&at), raw = listener(SOCK_RAW, ETH_P_IP);
	char *m = ring(raw, TPACKET_V3, &r);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(sendto(s, &i, sizeof(i), 0, (struct sockaddr *)&at, sizeof(at)), 4);
	struct pollfd p = { raw, POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, 10000), 1);
	struct tpacket_block_desc *d = (struct tpacket_block_desc *)m;
	EXPECT_EQ(d->hdr.bh1.block_status & TP_STATUS_USER, TP_STATUS_USER);
	/* Linux may have closed the block before the third. */
	EXPECT(d->hdr.bh1.num_pkts >= 1 && d->hdr.bh1.num_pkts <= 3);
	char *at_frame = m + d->hdr.bh1.offset_to_first_pkt;
	for (int i = 0; i < (int)d->hdr.bh1.num_pkts; i++) {
		struct tpacket3_hdr *h = (struct tpacket3_hdr *)at_frame;
		EXPECT_EQ(h->tp_snaplen, ETH_HLEN + 32);
		EXPECT_EQ(memcmp(at_frame + h->tp_mac + ETH_HLEN + 28, &i, sizeof(i)), 0);
		at_frame += h->tp_next_offset;
	}
	r.tp_block_size = 100;
	close(raw);
	raw = listener(SOCK_RAW, ETH_P_IP);
	EXPECT_ERRNO(setsockopt(raw, SOL_PACKET, PACKET_RX_RING, &r, sizeof(r)), EINVAL);
}

TEST(lo_has_an_mtu)
{
	struct sockaddr_in at;
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = 1500 };
	int v = IP_PMTUDISC_DO;
	socklen_t len = sizeof(v);
	own_network();
	int s = udp(&at);
	ASSERT_OK(ioctl(s, SIOCSIFMTU, &r));
	r.ifr_mtu = 0;
	ASSERT_OK(ioctl(s, SIOCGIFMTU, &r));
	EXPECT_EQ(r.ifr_mtu, 1500);
	ASSERT_OK(connect(s, (struct sockaddr *)&at, sizeof(at)));
	EXPECT_EQ(send(s, buf, 2000, 0), 2000);
	ASSERT_OK(setsockopt(s, IPPROTO_IP, IP_MTU_DISCOVER, &v, sizeof(v)));
	ASSERT_OK(getsockopt(s, IPPROTO_IP, IP_MTU, &v, &len));
	EXPECT_EQ(v, 1500);
	EXPECT_EQ(send(s, buf, 1472, 0), 1472);
	EXPECT_ERRNO(send(s, buf, 1473, 0), EMSGSIZE);
	r.ifr_mtu = -1;
	EXPECT_ERRNO(ioctl(s, SIOCSIFMTU, &r), EINVAL);
}
