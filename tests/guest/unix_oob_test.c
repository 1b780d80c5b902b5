/* unix_oob_test.c - the urgent byte of AF_UNIX streams (MSG_OOB), and reading ahead (SO_PEEK_OFF). */
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "tests/guest/unix_socket.h"

COVERS(sendto, recvfrom, setsockopt, getsockopt, poll, ioctl);

static int at_mark(int fd)
{
	int v = -1;
	ASSERT_OK(ioctl(fd, SIOCATMARK, &v));
	return v;
}

static int priority_of(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLPRI, 0 };
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void on(int fd, int option, int v)
{
	ASSERT_OK(setsockopt(fd, SOL_SOCKET, option, &v, sizeof(v)));
}

TEST(an_urgent_byte_is_received_out_of_band)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	EXPECT_ERRNO(recv(sv[1], buf, 1, MSG_OOB), EINVAL);
	EXPECT_ERRNO(send(sv[0], "", 0, MSG_OOB), EOPNOTSUPP);
	EXPECT_EQ(send(sv[0], "abc!", 4, MSG_OOB), 4);
	EXPECT_EQ(priority_of(sv[1]), POLLIN | POLLPRI);
	EXPECT_EQ(at_mark(sv[1]), 0);
	EXPECT_EQ(recv(sv[1], buf, 10, 0), 3);
	EXPECT_EQ(at_mark(sv[1]), 1);
	EXPECT_EQ(recv(sv[1], buf, 10, MSG_OOB | MSG_PEEK), 1);
	EXPECT_EQ(recv(sv[1], buf, 10, MSG_OOB), 1);
	EXPECT_EQ(buf[0], '!');
	EXPECT_ERRNO(recv(sv[1], buf, 10, MSG_OOB), EINVAL);
	EXPECT_EQ(priority_of(sv[1]), POLLIN);
	EXPECT_ERRNO(recv(sv[1], buf, 10, MSG_DONTWAIT), EAGAIN);
	pair(SOCK_SEQPACKET, sv);
	EXPECT_ERRNO(send(sv[0], "x", 1, MSG_OOB), EOPNOTSUPP);
	EXPECT_ERRNO(recv(sv[0], buf, 1, MSG_OOB), EOPNOTSUPP);
}

TEST(reads_stop_before_the_mark_and_leave_the_byte_out)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	EXPECT_EQ(send(sv[0], "ab!", 3, MSG_OOB), 3);
	EXPECT_EQ(send(sv[0], "cd", 2, 0), 2);
	EXPECT_EQ(recv(sv[1], buf, 10, MSG_WAITALL), 2);
	EXPECT_EQ(recv(sv[1], buf, 10, 0), 2);
	EXPECT_EQ(memcmp(buf, "cd", 2), 0);
	EXPECT_ERRNO(recv(sv[1], buf, 10, MSG_OOB), EINVAL);

	EXPECT_EQ(send(sv[0], "1", 1, MSG_OOB), 1);
	EXPECT_EQ(send(sv[0], "2", 1, MSG_OOB), 1);       /* makes the first an ordinary byte */
	EXPECT_EQ(recv(sv[1], buf, 10, 0), 1);
	EXPECT_EQ(buf[0], '1');
	on(sv[1], SO_OOBINLINE, 1);
	EXPECT_EQ(at_mark(sv[1]), 1);
	EXPECT_EQ(recv(sv[1], buf, 10, 0), 1);
	EXPECT_EQ(buf[0], '2');
}

static volatile int urgent;

static void count(int sig)
{
	(void)sig;
	urgent++;
}

TEST(the_owner_is_told_by_sigurg)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	signal(SIGURG, count);
	ASSERT_OK(fcntl(sv[1], F_SETOWN, getpid()));
	EXPECT_EQ(send(sv[0], "!", 1, MSG_OOB), 1);
	EXPECT_EQ(urgent, 1);
}

TEST(an_urgent_byte_that_was_taken_does_not_reset)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	EXPECT_EQ(send(sv[0], "!", 1, MSG_OOB), 1);
	EXPECT_EQ(recv(sv[1], buf, 1, MSG_OOB), 1);
	close(sv[1]);
	EXPECT_EQ(recv(sv[0], buf, 1, 0), 0);
}

TEST(peeking_goes_on_where_it_ended)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	on(sv[1], SO_PEEK_OFF, 0);
	EXPECT_EQ(send(sv[0], "abc", 3, 0), 3);
	EXPECT_EQ(send(sv[0], "def", 3, 0), 3);
	EXPECT_EQ(recv(sv[1], buf, 2, MSG_PEEK), 2);
	EXPECT_EQ(recv(sv[1], buf, 3, MSG_PEEK), 3);
	EXPECT_EQ(memcmp(buf, "cde", 3), 0);
	EXPECT_EQ(recv(sv[1], buf, 4, 0), 4);
	EXPECT_EQ(recv(sv[1], buf, 3, MSG_PEEK), 1);
	EXPECT_EQ(buf[0], 'f');
	EXPECT_ERRNO(recv(sv[1], buf, 3, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	on(sv[1], SO_PEEK_OFF, -1);
	EXPECT_EQ(recv(sv[1], buf, 3, MSG_PEEK), 2);

	pair(SOCK_DGRAM, sv);
	on(sv[1], SO_PEEK_OFF, 1);
	EXPECT_EQ(send(sv[0], "abc", 3, 0), 3);
	EXPECT_EQ(send(sv[0], "def", 3, 0), 3);
	EXPECT_EQ(recv(sv[1], buf, 1, MSG_PEEK | MSG_TRUNC), 2);
	EXPECT_EQ(buf[0], 'b');
	EXPECT_EQ(recv(sv[1], buf, 9, MSG_PEEK), 1);
	EXPECT_EQ(recv(sv[1], buf, 9, MSG_PEEK), 3);
	EXPECT_ERRNO(recv(sv[1], buf, 9, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	EXPECT_EQ(recv(sv[1], buf, 9, 0), 3);
	EXPECT_EQ(recv(sv[1], buf, 9, 0), 3);
}

TEST(how_much_is_left_is_told_with_each_read)
{
	int sv[2], left;
	union { struct cmsghdr h; char bytes[64]; } ctl;
	struct iovec iov = { buf, 2 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl) };
	pair(SOCK_STREAM, sv);
	if (setsockopt(sv[1], SOL_SOCKET, 84, &(int){ 1 }, sizeof(int)) && errno == ENOPROTOOPT)
		SKIP("SO_INQ: a kernel before 6.17");
	EXPECT_EQ(send(sv[0], "abcde", 5, 0), 5);
	EXPECT_EQ(recvmsg(sv[1], &m, 0), 2);
	EXPECT(ctl.h.cmsg_level == SOL_SOCKET && ctl.h.cmsg_type == 84);
	memcpy(&left, CMSG_DATA(&ctl.h), sizeof(left));
	EXPECT_EQ(left, 3);
	EXPECT_ERRNO(setsockopt(sv[1], SOL_SOCKET, 84, &(int){ 2 }, sizeof(int)), EINVAL);
	EXPECT_ERRNO(setsockopt(sv[1], IPPROTO_TCP, 1, &(int){ 1 }, sizeof(int)), EOPNOTSUPP);
}
