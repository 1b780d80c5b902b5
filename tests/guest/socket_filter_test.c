/* socket_filter_test.c - which messages a socket receives, and how much of them (SO_ATTACH_FILTER, socket(7)). */
#include <stddef.h>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/un.h>

#include "tests/guest/inet.h"

COVERS(setsockopt, getsockopt, sendto, recvfrom);

#define INSN(code, k) { code, 0, 0, (unsigned)(k) }
#define JEQ(k, jt, jf) { BPF_JMP | BPF_JEQ | BPF_K, jt, jf, k }
#define RET(k) INSN(BPF_RET | BPF_K, k)
#define ALL 0xffffffff

static int attach_n(int fd, struct sock_filter *prog, unsigned short len)
{
	struct sock_fprog p = { len, prog };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p));
}
#define ATTACH(fd, ...)                                                                     \
	({                                                                                  \
		struct sock_filter prog_[] = { __VA_ARGS__ };                               \
		attach_n(fd, prog_, sizeof(prog_) / sizeof(prog_[0]));                      \
	})

static char buf[256];

static int recv_now(int fd)
{
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
	return n < 0 ? -errno : (int)n;
}

static void udp_pair(int sv[2])
{
	sv[0] = udp4();
	sv[1] = udp4();
	ASSERT_OK(bind4(sv[1], "127.0.0.1", 0));
	ASSERT_OK(bind4(sv[0], "127.0.0.1", 0));
	ASSERT_OK(connect4(sv[0], "127.0.0.1", port_of(sv[1])));
}

TEST(programs_are_checked)
{
	int fd = udp4();
	struct sock_filter ok[] = { RET(0) };
	EXPECT_ERRNO(attach_n(fd, ok, 0), EINVAL);
	EXPECT_ERRNO(attach_n(fd, NULL, 1), EINVAL);
	EXPECT_ERRNO(attach_n(fd, (struct sock_filter *)8, 1), EFAULT);
	EXPECT_ERRNO(attach_n(fd, ok, BPF_MAXINSNS + 1), EINVAL);
	EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, ok, 8), EINVAL);
	EXPECT_ERRNO(ATTACH(fd, INSN(BPF_LD | BPF_IMM, 0)), EINVAL);                     /* no return */
	EXPECT_ERRNO(ATTACH(fd, INSN(BPF_LD | BPF_MEM, 1), RET(0)), EINVAL);            /* unwritten memory */
	EXPECT_ERRNO(ATTACH(fd, INSN(BPF_ST, BPF_MEMWORDS), RET(0)), EINVAL);
	EXPECT_ERRNO(ATTACH(fd, INSN(BPF_ALU | BPF_DIV | BPF_K, 0), RET(0)), EINVAL);
	EXPECT_ERRNO(ATTACH(fd, INSN(BPF_ALU | BPF_MOD | BPF_K, 0), RET(0)), EINVAL);
	EXPECT_ERRNO(ATTACH(fd, INSN(BPF_JMP | BPF_JA, 1), RET(0)), EINVAL);
	EXPECT_ERRNO(ATTACH(fd, INSN(0xfff, 1), RET(0)), EINVAL);
	EXPECT_ERRNO(ATTACH(fd, INSN(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + 2000), RET(0)), EINVAL);
	EXPECT_ERRNO(set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0), ENOENT);
	EXPECT_OK(ATTACH(fd, INSN(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_RANDOM), RET(0)));
}

TEST(get_detach_and_lock)
{
	int fd = udp4();
	struct sock_filter got[3] = { { 0 } };
	socklen_t count = 3;
	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &count));
	EXPECT_EQ(count, 0);
	ASSERT_OK(ATTACH(fd, INSN(BPF_LD | BPF_IMM, 7), RET(5)));
	count = 0;
	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &count));
	EXPECT_EQ(count, 2);
	count = 1;
	EXPECT_ERRNO(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &count), EINVAL);
	count = 3;
	EXPECT_OK(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &count));
	EXPECT_EQ(count, 2);
	EXPECT_EQ(got[0].k, 7);
	EXPECT_EQ(got[1].k, 5);
	count = 3;
	EXPECT_ERRNO(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, (void *)8, &count), EFAULT);
	EXPECT_OK(set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_ERRNO(set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0), ENOENT);
	ASSERT_OK(ATTACH(fd, RET(5)));
	EXPECT_OK(set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 1));
	EXPECT_EQ(get_int(fd, SOL_SOCKET, SO_LOCK_FILTER), 1);
	EXPECT_ERRNO(set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 0), EPERM);
	EXPECT_ERRNO(set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0), EPERM);
	EXPECT_ERRNO(ATTACH(fd, RET(6)), EPERM);
}

TEST(udp_drops_and_cuts)
{
	int sv[2];
	udp_pair(sv);
	ASSERT_OK(ATTACH(sv[1], RET(0)));
	EXPECT_EQ(send(sv[0], "dropped", 7, 0), 7);
	EXPECT_EQ(recv_now(sv[1]), -EAGAIN);
	/* Offset 0 is the UDP header; behind it the first byte decides: 'a' passes, 'c' is cut to two bytes. */
	ASSERT_OK(ATTACH(sv[1], INSN(BPF_LD | BPF_B | BPF_ABS, 8), JEQ('a', 1, 0), JEQ('c', 1, 2), RET(ALL), RET(10), RET(0)));
	EXPECT_EQ(send(sv[0], "abcd", 4, 0), 4);
	EXPECT_EQ(send(sv[0], "bcde", 4, 0), 4);
	EXPECT_EQ(send(sv[0], "cdef", 4, 0), 4);
	EXPECT_EQ(send(sv[0], "", 0, 0), 0);                     /* nothing at offset 8: dropped */
	EXPECT_EQ(recv_now(sv[1]), 4);
	EXPECT_EQ(recv_now(sv[1]), 2);
	EXPECT_EQ(memcmp(buf, "cd", 2), 0);
	EXPECT_EQ(recv_now(sv[1]), -EAGAIN);
	/* Never shorter than its header. */
	ASSERT_OK(ATTACH(sv[1], RET(1)));
	EXPECT_EQ(send(sv[0], "abcd", 4, 0), 4);
	EXPECT_EQ(recv_now(sv[1]), 0);
	EXPECT_OK(set_int(sv[1], SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_EQ(send(sv[0], "abcd", 4, 0), 4);
	EXPECT_EQ(recv_now(sv[1]), 4);
}

/* Passes if a load (with its instructions before) gives `want`. */
#define EXPECT_LOADS(sv, want, ...)                                                                                 \
	({                                                                                                          \
		ASSERT_OK(ATTACH((sv)[1], __VA_ARGS__, JEQ(want, 0, 1), RET(ALL), RET(0)));                         \
		EXPECT_EQ(send((sv)[0], "abcd", 4, 0), 4);                                                          \
		EXPECT_EQ(recv_now((sv)[1]), 4);                                                                    \
	})

TEST(what_programs_read)
{
	int sv[2];
	udp_pair(sv);
	unsigned from = (unsigned)port_of(sv[0]), to = (unsigned)port_of(sv[1]);
	EXPECT_LOADS(sv, from, INSN(BPF_LD | BPF_H | BPF_ABS, 0));
	EXPECT_LOADS(sv, to, INSN(BPF_LD | BPF_H | BPF_ABS, 2));
	EXPECT_LOADS(sv, 12, INSN(BPF_LD | BPF_H | BPF_ABS, 4));
	EXPECT_LOADS(sv, 0x61626364, INSN(BPF_LD | BPF_W | BPF_ABS, 8));
	EXPECT_LOADS(sv, 0x6263, INSN(BPF_LDX | BPF_IMM, 1), INSN(BPF_LD | BPF_H | BPF_IND, 8));
	EXPECT_LOADS(sv, 12, INSN(BPF_LD | BPF_W | BPF_LEN, 0));
	EXPECT_LOADS(sv, 0x45, INSN(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF));
	EXPECT_LOADS(sv, IPPROTO_UDP, INSN(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF + 9));
	EXPECT_LOADS(sv, INADDR_LOOPBACK, INSN(BPF_LD | BPF_W | BPF_ABS, SKF_NET_OFF + 16));
	EXPECT_LOADS(sv, to, INSN(BPF_LDX | BPF_B | BPF_MSH, SKF_NET_OFF), INSN(BPF_LD | BPF_H | BPF_IND, SKF_NET_OFF + 2));
	EXPECT_LOADS(sv, ETH_P_IP, INSN(BPF_LD | BPF_H | BPF_ABS, SKF_LL_OFF + 12));
	EXPECT_LOADS(sv, ETH_P_IP, INSN(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL));
	EXPECT_LOADS(sv, 0, INSN(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE));
	EXPECT_LOADS(sv, 1, INSN(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_IFINDEX));
	EXPECT_LOADS(sv, 772, INSN(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_HATYPE));
	EXPECT_LOADS(sv, 6, INSN(BPF_LDX | BPF_IMM, 5), INSN(BPF_LD | BPF_IMM, 3),
		     INSN(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_ALU_XOR_X));
	EXPECT_LOADS(sv, 2, INSN(BPF_LD | BPF_IMM, 17), INSN(BPF_ALU | BPF_MOD | BPF_K, 5));
	/* Behind the end, dividing by nothing: the message is dropped. */
	ASSERT_OK(ATTACH(sv[1], INSN(BPF_LD | BPF_W | BPF_ABS, 9), RET(ALL)));
	EXPECT_EQ(send(sv[0], "abcd", 4, 0), 4);
	ASSERT_OK(ATTACH(sv[1], INSN(BPF_LDX | BPF_IMM, 0), INSN(BPF_ALU | BPF_DIV | BPF_X, 0), RET(ALL)));
	EXPECT_EQ(send(sv[0], "abcd", 4, 0), 4);
	EXPECT_EQ(recv_now(sv[1]), -EAGAIN);
}

TEST(unix_messages)
{
	int sv[2];
	ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	ASSERT_OK(ATTACH(sv[1], INSN(BPF_LD | BPF_B | BPF_ABS, 0), JEQ('a', 0, 1), RET(2), RET(0)));
	EXPECT_EQ(send(sv[0], "abc", 3, 0), 3);
	EXPECT_EQ(send(sv[0], "bcd", 3, 0), 3);
	EXPECT_EQ(recv_now(sv[1]), 2);
	EXPECT_EQ(recv_now(sv[1]), -EAGAIN);
	ASSERT_OK(ATTACH(sv[1], RET(ALL)));
	EXPECT_EQ(send(sv[0], "", 0, 0), 0);
	EXPECT_EQ(recv_now(sv[1]), 0);
	int st[2];
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, st));      /* streams have no messages */
	ASSERT_OK(ATTACH(st[1], RET(0)));
	EXPECT_EQ(send(st[0], "abc", 3, 0), 3);
	EXPECT_EQ(recv_now(st[1]), 3);
}

TEST(netlink_messages)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	ASSERT_OK(fd);
	struct { struct nlmsghdr h; struct rtgenmsg g; } ask = {
		{ sizeof(ask), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 }, { AF_UNSPEC } };
	ASSERT_OK(ATTACH(fd, RET(0)));
	EXPECT_EQ(send(fd, &ask, sizeof(ask), 0), (int)sizeof(ask));
	EXPECT_EQ(recv_now(fd), -EAGAIN);
	int other = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	ASSERT_OK(ATTACH(other, INSN(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
			 JEQ((RTM_NEWLINK & 0xff) << 8, 0, 1), RET(16), RET(0)));
	EXPECT_EQ(send(other, &ask, sizeof(ask), 0), (int)sizeof(ask));
	EXPECT_EQ(recv_now(other), 16);
}

TEST(tcp_drops_and_sends_again)
{
	int sv[2];
	tcp_pair(sv);
	unsigned to = (unsigned)port_of(sv[1]);
	ASSERT_OK(ATTACH(sv[1], RET(0)));
	EXPECT_EQ(send(sv[0], "abcd", 4, 0), 4);
	EXPECT_EQ(recv_now(sv[1]), -EAGAIN);
	/* Now only what is for this port. */
	ASSERT_OK(ATTACH(sv[1], INSN(BPF_LD | BPF_H | BPF_ABS, 2), JEQ(to, 0, 1), RET(ALL), RET(0)));
	EXPECT_EQ(poll_for(sv[1], POLLIN), POLLIN);
	EXPECT_EQ(recv_now(sv[1]), 4);
	EXPECT_OK(set_int(sv[1], SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_EQ(send(sv[0], "abcd", 4, 0), 4);
	EXPECT_EQ(poll_for(sv[1], POLLIN), POLLIN);
	EXPECT_EQ(recv_now(sv[1]), 4);
}

TEST(an_accepted_socket_has_its_listeners)
{
	int port, l = listener4(1, &port), c = tcp4();
	struct sock_filter got[2];
	socklen_t count = 2;
	ASSERT_OK(ATTACH(l, RET(ALL)));
	EXPECT_OK(set_int(l, SOL_SOCKET, SO_LOCK_FILTER, 1));
	ASSERT_OK(connect4(c, "127.0.0.1", port));
	int s = accept(l, NULL, NULL);
	ASSERT_OK(s);
	EXPECT_OK(getsockopt(s, SOL_SOCKET, SO_GET_FILTER, got, &count));
	EXPECT_EQ(count, 1);
	EXPECT_ERRNO(set_int(s, SOL_SOCKET, SO_DETACH_FILTER, 0), EPERM);
	EXPECT_EQ(send(c, "abcd", 4, 0), 4);
	EXPECT_EQ(poll_for(s, POLLIN), POLLIN);
	EXPECT_EQ(recv_now(s), 4);
}

TEST(raw_sockets_see_the_ip_header)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (fd < 0)
		SKIP("no raw sockets");
	struct sockaddr_in to = in4("127.0.0.1", 0);
	struct icmphdr echo = { .type = ICMP_ECHO };
	unsigned sum = 0xffffu - ((unsigned)ICMP_ECHO << 8);
	echo.checksum = htons((uint16_t)sum);
	/* Replies only. */
	ASSERT_OK(ATTACH(fd, INSN(BPF_LDX | BPF_B | BPF_MSH, 0), INSN(BPF_LD | BPF_B | BPF_IND, 0), JEQ(ICMP_ECHOREPLY, 0, 1),
			 RET(ALL), RET(0)));
	EXPECT_EQ(sendto(fd, &echo, sizeof(echo), 0, (struct sockaddr *)&to, sizeof(to)), (int)sizeof(echo));
	EXPECT_EQ(poll_for(fd, POLLIN), POLLIN);
	EXPECT_EQ(recv_now(fd), 28);
	EXPECT_EQ(buf[20], ICMP_ECHOREPLY);
}


#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif

static int choose_by(int fd, struct sock_filter *prog, unsigned short len)
{
	struct sock_fprog p = { len, prog };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof(p));
}

TEST(a_program_chooses_among_sockets_that_share_a_port)
{
	int s[3], from = udp4(), port = 0;
	struct sock_filter by_first_byte[] = { INSN(BPF_LD | BPF_B | BPF_ABS, 0), INSN(BPF_ALU | BPF_SUB | BPF_K, '0'),
					       INSN(BPF_RET | BPF_A, 0) };
	EXPECT_ERRNO(choose_by(from, by_first_byte, 3), EINVAL);
	EXPECT_ERRNO(set_int(from, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0), EINVAL);
	for (int i = 0; i < 3; i++) {
		s[i] = udp4();
		ASSERT_OK(set_int(s[i], SOL_SOCKET, SO_REUSEPORT, 1));
		ASSERT_OK(bind4(s[i], "127.0.0.1", port));
		port = port_of(s[i]);
	}
	EXPECT_ERRNO(set_int(s[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0), ENOENT);
	EXPECT_ERRNO(choose_by(s[0], by_first_byte, 2), EINVAL);         /* ends without a return */
	ASSERT_OK(choose_by(s[1], by_first_byte, 3));
	ASSERT_OK(connect4(from, "127.0.0.1", port));
	for (int i = 0; i < 9; i++) {
		char c = (char)('0' + i * 2 % 3);
		ASSERT_EQ(send(from, &c, 1, 0), 1);
		EXPECT_EQ(recv_now(s[i * 2 % 3]), 1);
		EXPECT_EQ(buf[0], c);
	}
	/* No such socket: the addresses decide, always the same way. */
	ASSERT_EQ(send(from, "7", 1, 0), 1);
	ASSERT_EQ(send(from, "8", 1, 0), 1);
	int got = 0;
	for (int i = 0; i < 3; i++)
		if (recv_now(s[i]) == 1)
			got += recv_now(s[i]) == 1 ? 2 : 1;
	EXPECT_EQ(got, 2);
	ASSERT_OK(set_int(s[2], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0));
	EXPECT_ERRNO(set_int(s[1], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0), ENOENT);
}

TEST(a_program_chooses_a_listener)
{
	int l[2], port = 0;
	for (int i = 0; i < 2; i++) {
		l[i] = tcp4();
		ASSERT_OK(set_int(l[i], SOL_SOCKET, SO_REUSEPORT, 1));
		ASSERT_OK(bind4(l[i], "127.0.0.1", port));
		port = port_of(l[i]);
		ASSERT_OK(listen(l[i], 10));
		nonblock(l[i]);
	}
	for (int i = 0; i < 8; i++) {
		struct sock_filter prog[] = { RET(i % 2) };
		ASSERT_OK(choose_by(l[0], prog, 1));
		int c = tcp4();
		ASSERT_OK(connect4(c, "127.0.0.1", port));
		EXPECT_ERRNO(accept(l[1 - i % 2], NULL, NULL), EAGAIN);
		EXPECT_OK(accept(l[i % 2], NULL, NULL));
	}
}
