/* unix_socket_test.c - bytes and messages over AF_UNIX sockets (unix(7)). */
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "tests/guest/unix_socket.h"

COVERS(socket, socketpair, shutdown, setsockopt, getsockopt, sendto, recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg, read, write,
	ioctl, poll);

TEST(pair_of_streams)
{
	int sv[2];
	pair(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, sv);
	EXPECT_EQ(fcntl(sv[0], F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(fcntl(sv[1], F_GETFL), O_RDWR | O_NONBLOCK);
	EXPECT_EQ(poll_of(sv[0]), POLLOUT);
	EXPECT_ERRNO(read(sv[0], buf, 1), EAGAIN);
	EXPECT_EQ(write(sv[0], "hello", 5), 5);
	EXPECT_EQ(write(sv[0], " you", 4), 4);
	EXPECT_EQ(poll_of(sv[1]), POLLIN | POLLOUT);
	int n;
	ASSERT_OK(ioctl(sv[1], FIONREAD, &n));
	EXPECT_EQ(n, 9);
	EXPECT_EQ(read(sv[1], buf, 3), 3);
	EXPECT_EQ(read(sv[1], buf, 100), 6);
	EXPECT(memcmp(buf, "lo you", 6) == 0);
	struct stat st;
	ASSERT_OK(fstat(sv[0], &st));
	EXPECT(S_ISSOCK(st.st_mode));
	EXPECT_ERRNO(lseek(sv[0], 0, SEEK_SET), ESPIPE);
}

TEST(creating)
{
	EXPECT_ERRNO(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
	EXPECT_ERRNO(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT);
	EXPECT_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	EXPECT_ERRNO(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0), EINVAL);
	EXPECT_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, bad), EFAULT);
	EXPECT_ERRNO(listen(0, 1), ENOTSOCK);
	EXPECT_ERRNO(listen(999, 1), EBADF);
	int fd = socket(AF_UNIX, SOCK_RAW, 0), v;
	socklen_t len = sizeof(v);
	ASSERT_OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len));
	EXPECT_EQ(v, SOCK_DGRAM);
}

TEST(closing_ends_the_other_side)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	signal(SIGPIPE, SIG_IGN);
	write(sv[0], "x", 1);
	close(sv[0]);
	EXPECT_EQ(poll_of(sv[1]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	EXPECT_EQ(read(sv[1], buf, 10), 1);
	EXPECT_EQ(read(sv[1], buf, 10), 0);
	EXPECT_ERRNO(write(sv[1], "x", 1), EPIPE);
}

TEST(closing_with_unread_data_resets)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	write(sv[1], "x", 1);
	close(sv[0]);
	EXPECT_EQ(poll_of(sv[1]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP | POLLERR);
	EXPECT_ERRNO(read(sv[1], buf, 10), ECONNRESET);
	EXPECT_EQ(read(sv[1], buf, 10), 0);
}

static volatile int sigpipes;
static void on_sigpipe(int sig)
{
	sigpipes += sig == SIGPIPE;
}

TEST(sigpipe_and_nosignal)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	signal(SIGPIPE, on_sigpipe);
	close(sv[0]);
	EXPECT_ERRNO(send(sv[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	EXPECT_EQ(sigpipes, 0);
	EXPECT_ERRNO(send(sv[1], "x", 1, 0), EPIPE);
	EXPECT_EQ(sigpipes, 1);
	EXPECT_ERRNO(write(sv[1], "x", 1), EPIPE);
	EXPECT_EQ(sigpipes, 2);
}

TEST(shutdown_closes_one_direction)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	signal(SIGPIPE, SIG_IGN);
	write(sv[0], "ab", 2);
	ASSERT_OK(shutdown(sv[0], SHUT_WR));
	EXPECT_ERRNO(write(sv[0], "x", 1), EPIPE);
	EXPECT_EQ(poll_of(sv[1]), POLLIN | POLLOUT | POLLRDHUP);
	EXPECT_EQ(read(sv[1], buf, 10), 2);
	EXPECT_EQ(read(sv[1], buf, 10), 0);
	EXPECT_EQ(write(sv[1], "cd", 2), 2);
	EXPECT_EQ(read(sv[0], buf, 10), 2);
	ASSERT_OK(shutdown(sv[0], SHUT_RD));
	EXPECT_ERRNO(write(sv[1], "x", 1), EPIPE);
	EXPECT_ERRNO(shutdown(sv[0], 3), EINVAL);
}

static void *writer(void *arg)
{
	int fd = *(int *)arg;
	static char data[3000000];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 >> 3);
	ssize_t n = write(fd, data, sizeof(data));
	close(fd);
	return (void *)n;
}

TEST(streams_push_back)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	pthread_t th;
	pthread_create(&th, NULL, writer, &sv[0]);
	size_t total = 0;
	ssize_t n;
	while ((n = read(sv[1], buf, 70001)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			ASSERT_EQ(buf[i], (char)((total + (size_t)i) * 7 >> 3));
		total += (size_t)n;
	}
	void *wrote;
	pthread_join(th, &wrote);
	EXPECT_EQ((long)wrote, 3000000);
	EXPECT_EQ(total, 3000000);
}

TEST(full_buffers_say_so)
{
	int sv[2], total = 0, n;
	pair(SOCK_STREAM | SOCK_NONBLOCK, sv);
	while ((n = (int)write(sv[0], buf, 10000)) > 0)
		total += n;
	EXPECT_EQ(errno, EAGAIN);
	EXPECT(total >= 100000 && total <= 400000);
	EXPECT_EQ(poll_of(sv[0]), 0);
	ASSERT_OK(ioctl(sv[0], SIOCOUTQ, &n));
	EXPECT(n >= total);
	int got = 0;
	while ((n = (int)read(sv[1], buf, sizeof(buf))) > 0)
		got += n;
	EXPECT_EQ(got, total);
	EXPECT_EQ(poll_of(sv[0]), POLLOUT);
	ASSERT_OK(ioctl(sv[0], SIOCOUTQ, &n));
	EXPECT_EQ(n, 0);
}

TEST(peek_waitall_dontwait)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	EXPECT_ERRNO(recv(sv[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	send(sv[0], "abc", 3, 0);
	send(sv[0], "def", 3, 0);
	EXPECT_EQ(recv(sv[1], buf, 4, MSG_PEEK), 4);
	EXPECT_EQ(recv(sv[1], buf, 4, 0), 4);
	pid_t pid = fork();
	if (pid == 0) {
		usleep(5000);
		send(sv[0], "ghij", 4, 0);
		_exit(0);
	}
	EXPECT_EQ(recv(sv[1], buf, 5, MSG_WAITALL), 5);
	EXPECT(memcmp(buf, "efghi", 5) == 0);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(recv(sv[1], buf, 0, 0), 0);
	EXPECT_EQ(recv(sv[1], buf, 1, 0), 1);
}

TEST(datagrams_keep_boundaries)
{
	int sv[2];
	pair(SOCK_DGRAM, sv);
	EXPECT_EQ(send(sv[0], "abc", 3, 0), 3);
	EXPECT_EQ(send(sv[0], "", 0, 0), 0);
	EXPECT_EQ(send(sv[0], "defgh", 5, 0), 5);
	int n;
	ASSERT_OK(ioctl(sv[1], FIONREAD, &n));
	EXPECT_EQ(n, 3);
	EXPECT_EQ(recv(sv[1], buf, 100, 0), 3);
	EXPECT_EQ(recv(sv[1], buf, 100, 0), 0);
	EXPECT_EQ(recv(sv[1], buf, 2, MSG_PEEK | MSG_TRUNC), 5);
	struct iovec iov = { buf, 2 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	EXPECT_EQ(recvmsg(sv[1], &m, 0), 2);
	EXPECT_EQ(m.msg_flags, MSG_TRUNC);
	EXPECT_ERRNO(recv(sv[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	EXPECT_ERRNO(send(sv[0], buf, sizeof(buf), 0), EMSGSIZE);
}

TEST(datagram_queues_push_back)
{
	int sv[2], n = 0;
	pair(SOCK_DGRAM | SOCK_NONBLOCK, sv);
	while (send(sv[0], "x", 1, 0) == 1)
		n++;
	EXPECT_EQ(errno, EAGAIN);
	EXPECT(n >= 10 && n < 2000);

	struct sockaddr_un a;
	socklen_t len = abstract(&a, "sink");
	int sink = socket(AF_UNIX, SOCK_DGRAM, 0), src = socket(AF_UNIX, SOCK_DGRAM, 0);
	ASSERT_OK(bind(sink, (struct sockaddr *)&a, len));
	ASSERT_OK(connect(src, (struct sockaddr *)&a, len));
	for (n = 0; send(src, "x", 1, MSG_DONTWAIT) == 1; n++)
		;
	EXPECT_EQ(poll_of(src), 0);
	pid_t pid = fork();
	if (pid == 0) {
		usleep(5000);
		recv(sink, buf, 1, 0);
		_exit(0);
	}
	struct pollfd p = { src, POLLOUT, 0 };
	EXPECT_EQ(poll(&p, 1, -1), 1);
	EXPECT_EQ(send(src, "x", 1, 0), 1);
	waitpid(pid, NULL, 0);
}

TEST(seqpackets_have_records_and_an_end)
{
	int sv[2];
	pair(SOCK_SEQPACKET, sv);
	send(sv[0], "abc", 3, 0);
	send(sv[0], "de", 2, 0);
	struct iovec iov = { buf, 100 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	EXPECT_EQ(recvmsg(sv[1], &m, 0), 3);
	EXPECT_EQ(recv(sv[1], buf, 100, 0), 2);
	close(sv[0]);
	EXPECT_EQ(recv(sv[1], buf, 100, 0), 0);
	EXPECT_ERRNO(send(sv[1], "x", 1, MSG_NOSIGNAL), EPIPE);
}

TEST(options)
{
	int sv[2], v;
	socklen_t len = sizeof(v);
	pair(SOCK_STREAM, sv);
	static const struct { int name, value; } fixed[] = {
		{ SO_TYPE, SOCK_STREAM }, { SO_DOMAIN, AF_UNIX }, { SO_PROTOCOL, 0 }, { SO_ERROR, 0 }, { SO_ACCEPTCONN, 0 }, { SO_PASSCRED, 0 },
	};
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		ASSERT_OK(getsockopt(sv[0], SOL_SOCKET, fixed[i].name, &v, &len));
		EXPECT_EQ(v, fixed[i].value);
	}
	v = 50000;
	ASSERT_OK(setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)));
	ASSERT_OK(getsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &v, &len));
	EXPECT_EQ(v, 100000);
	EXPECT_ERRNO(setsockopt(sv[0], SOL_SOCKET, SO_TYPE, &v, sizeof(v)), ENOPROTOOPT);
	EXPECT_ERRNO(getsockopt(sv[0], SOL_SOCKET, 9999, &v, &len), ENOPROTOOPT);
	EXPECT_ERRNO(setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &v, 2), EINVAL);
	len = (socklen_t)-1;
	EXPECT_ERRNO(getsockopt(sv[0], SOL_SOCKET, SO_TYPE, &v, &len), EINVAL);
}

TEST(time_outs)
{
	int sv[2];
	pair(SOCK_STREAM, sv);
	struct timeval tv = { 0, 20000 };
	ASSERT_OK(setsockopt(sv[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	ASSERT_OK(setsockopt(sv[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	EXPECT_ERRNO(recv(sv[0], buf, 1, 0), EAGAIN);
	EXPECT_ERRNO(read(sv[0], buf, 1), EAGAIN);
	ssize_t n = send(sv[0], buf, sizeof(buf), 0);
	EXPECT(n > 0 && n < (ssize_t)sizeof(buf));
	EXPECT_ERRNO(send(sv[0], buf, 1, 0), EAGAIN);
	socklen_t len = sizeof(tv);
	ASSERT_OK(getsockopt(sv[0], SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	EXPECT(tv.tv_sec == 0 && tv.tv_usec >= 16000 && tv.tv_usec <= 24000);
}

TEST(many_messages_in_one_call)
{
	int sv[2];
	char in[4][8];
	pair(SOCK_DGRAM, sv);
	struct iovec out_iov[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } }, in_iov[4];
	struct mmsghdr out[3] = { 0 }, got[4] = { 0 };
	for (int i = 0; i < 3; i++)
		out[i].msg_hdr = (struct msghdr){ .msg_iov = &out_iov[i], .msg_iovlen = 1 };
	for (int i = 0; i < 4; i++) {
		in_iov[i] = (struct iovec){ in[i], 8 };
		got[i].msg_hdr = (struct msghdr){ .msg_iov = &in_iov[i], .msg_iovlen = 1 };
	}
	EXPECT_EQ(sendmmsg(sv[0], out, 3, 0), 3);
	EXPECT_EQ(out[2].msg_len, 3);
	EXPECT_EQ(recvmmsg(sv[1], got, 4, MSG_WAITFORONE, NULL), 3);
	EXPECT(got[0].msg_len == 1 && got[2].msg_len == 3 && in[2][2] == 'c');
	EXPECT_ERRNO(recvmmsg(sv[1], got, 4, MSG_DONTWAIT, NULL), EAGAIN);
}

TEST(edges_for_epoll)
{
	int sv[2], ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	pair(SOCK_STREAM, sv);
	ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, sv[0], &ev));
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	EXPECT_EQ(ev.events, EPOLLOUT);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	write(sv[1], "x", 1);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	EXPECT_EQ(ev.events, EPOLLIN | EPOLLOUT);
	close(sv[1]);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	EXPECT_EQ(ev.events, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
}

static void on_signal(int sig)
{
	(void)sig;
}

TEST(signals_interrupt)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(SIGALRM, &sa, NULL);
	struct itimerval it = { { 0, 10000 }, { 0, 10000 } };
	setitimer(ITIMER_REAL, &it, NULL);
	struct sockaddr_un a;
	socklen_t len;
	int sv[2], l = listener(SOCK_STREAM, &a, &len, 5);
	pair(SOCK_STREAM, sv);
	EXPECT_ERRNO(recv(sv[0], buf, 1, 0), EINTR);
	EXPECT_ERRNO(accept(l, NULL, NULL), EINTR);
	EXPECT(send(sv[0], buf, sizeof(buf), 0) > 0);
}
