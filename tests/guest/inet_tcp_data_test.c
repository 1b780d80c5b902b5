/* inet_tcp_data_test.c - TCP over loopback (tcp(7)): moving bytes. */
#include <linux/sockios.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#include "tests/guest/inet.h"

COVERS(setsockopt, getsockopt, sendto, recvfrom, sendmsg, recvmsg, read, write, writev, ioctl, poll, epoll_wait, sendfile, splice,
	accept, shutdown, close);

static char buf[1 << 20];
static void *volatile bad = (void *)8;

static void *drain(void *arg)
{
	int fd = *(int *)arg;
	static char sink[300000];
	size_t *total = calloc(1, sizeof(*total)), at = 0;
	ssize_t n;
	bool good = true;
	while ((n = read(fd, sink, sizeof(sink))) > 0) {
		for (ssize_t i = 0; i < n; i += 997)
			good &= sink[i] == (char)((at + (size_t)i) % 251);
		at += (size_t)n;
	}
	*total = good ? at : 0;
	return total;
}

TEST(a_stream_larger_than_all_buffers)
{
	enum { TOTAL = 40 << 20 };
	int sv[2];
	pthread_t th;
	tcp_pair(sv);
	ASSERT_EQ(pthread_create(&th, NULL, drain, &sv[1]), 0);
	char *data = malloc(TOTAL);
	for (size_t i = 0; i < TOTAL; i++)
		data[i] = (char)(i % 251);
	size_t at = 0;
	while (at < TOTAL) {
		size_t want = at % 3 ? 100001 : 1 << 20;
		ssize_t n = write(sv[0], data + at, want < TOTAL - at ? want : TOTAL - at);
		ASSERT(n > 0);
		at += (size_t)n;
	}
	close(sv[0]);
	void *total;
	pthread_join(th, &total);
	EXPECT_EQ(*(size_t *)total, TOTAL);
}

TEST(back_pressure)
{
	int sv[2];
	size_t sent = 0;
	ssize_t n;
	tcp_pair(sv);
	nonblock(sv[0]);
	while ((n = write(sv[0], buf, sizeof(buf))) > 0)
		sent += (size_t)n;
	EXPECT_EQ(errno, EAGAIN);
	EXPECT(sent > 100000 && sent < 20 << 20);
	EXPECT_EQ(poll_of(sv[0]), 0);
	int out = 0;
	ASSERT_OK(ioctl(sv[0], SIOCOUTQ, &out));
	EXPECT(out > 0);
	int ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, sv[0], &ev));
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	size_t got = 0;
	while (got < sent && (n = recv(sv[1], buf, sizeof(buf), 0)) > 0)
		got += (size_t)n;
	EXPECT_EQ(got, sent);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 10000), 1);
	EXPECT_EQ(poll_of(sv[0]), POLLOUT);
}

TEST(buffered_data_survives_close)
{
	int sv[2];
	size_t sent = 0, got = 0;
	ssize_t n;
	tcp_pair(sv);
	nonblock(sv[0]);
	while ((n = write(sv[0], buf, sizeof(buf))) > 0)
		sent += (size_t)n;
	close(sv[0]);
	while ((n = read(sv[1], buf, sizeof(buf))) > 0)
		got += (size_t)n;
	EXPECT_EQ(n, 0);
	EXPECT_EQ(got, sent);
}

TEST(peek_trunc_waitall)
{
	int sv[2];
	tcp_pair(sv);
	write(sv[0], "abcdef", 6);
	EXPECT_EQ(poll_for(sv[1], POLLIN), POLLIN);
	EXPECT_EQ(recv(sv[1], buf, 3, MSG_PEEK), 3);
	EXPECT(memcmp(buf, "abc", 3) == 0);
	EXPECT_EQ(recv(sv[1], NULL, 2, MSG_TRUNC), 2);
	EXPECT_EQ(recv(sv[1], buf, 2, 0), 2);
	EXPECT(memcmp(buf, "cd", 2) == 0);
	int n;
	ASSERT_OK(ioctl(sv[1], FIONREAD, &n));
	EXPECT_EQ(n, 2);
	pid_t pid = fork();
	if (pid == 0) {
		write(sv[0], "gh", 2);
		close(sv[0]);
		_exit(0);
	}
	close(sv[0]);
	EXPECT_EQ(recv(sv[1], buf, 10, MSG_WAITALL), 4);
	waitpid(pid, NULL, 0);
	EXPECT_ERRNO(recv(sv[1], buf, 1, MSG_OOB), EINVAL);
}

TEST(rcvlowat)
{
	int sv[2];
	tcp_pair(sv);
	ASSERT_OK(set_int(sv[1], SOL_SOCKET, SO_RCVLOWAT, 4));
	write(sv[0], "ab", 2);
	EXPECT_EQ(poll_of(sv[1]), POLLOUT);
	write(sv[0], "cd", 2);
	EXPECT_EQ(poll_for(sv[1], POLLIN), POLLIN);
	EXPECT_EQ(recv(sv[1], buf, 10, 0), 4);
}

static void full_read(int fd, size_t want)
{
	for (size_t got = 0; got < want;) {
		ssize_t n = read(fd, buf + got, want - got);
		ASSERT(n > 0);
		got += (size_t)n;
	}
}

TEST(cork_and_more)
{
	int sv[2];
	tcp_pair(sv);
	ASSERT_OK(set_int(sv[0], IPPROTO_TCP, TCP_CORK, 1));
	write(sv[0], "head", 4);
	EXPECT_EQ(poll_of(sv[1]), POLLOUT);
	write(sv[0], "body", 4);
	ASSERT_OK(set_int(sv[0], IPPROTO_TCP, TCP_CORK, 0));
	full_read(sv[1], 8);
	EXPECT_EQ(send(sv[0], "a", 1, MSG_MORE), 1);
	EXPECT_EQ(poll_of(sv[1]), POLLOUT);
	EXPECT_EQ(send(sv[0], "b", 1, 0), 1);
	full_read(sv[1], 2);
	/* At the latest after 200 ms. */
	EXPECT_EQ(send(sv[0], "c", 1, MSG_MORE), 1);
	full_read(sv[1], 1);
}

static volatile int sigurgs;
static void on_sigurg(int sig)
{
	sigurgs += sig == SIGURG;
}

TEST(urgent_data)
{
	int sv[2], at;
	char c;
	tcp_pair(sv);
	signal(SIGURG, on_sigurg);
	ASSERT_OK(fcntl(sv[1], F_SETOWN, getpid()));
	EXPECT_ERRNO(recv(sv[1], &c, 1, MSG_OOB), EINVAL);
	write(sv[0], "ab", 2);
	EXPECT_EQ(send(sv[0], "cX", 2, MSG_OOB), 2);
	write(sv[0], "de", 2);
	EXPECT_EQ(poll_for(sv[1], POLLPRI), POLLPRI);
	EXPECT_EQ(sigurgs, 1);
	ASSERT_OK(ioctl(sv[1], SIOCATMARK, &at));
	EXPECT_EQ(at, 0);
	ASSERT_OK(ioctl(sv[1], SIOCINQ, &at));
	EXPECT_EQ(at, 3);
	EXPECT_EQ(recv(sv[1], &c, 1, MSG_OOB | MSG_PEEK), 1);
	EXPECT_EQ(recv(sv[1], &c, 1, MSG_OOB), 1);
	EXPECT_EQ(c, 'X');
	EXPECT_ERRNO(recv(sv[1], &c, 1, MSG_OOB), EINVAL);
	EXPECT_EQ(read(sv[1], buf, 10), 3);      /* up to the mark */
	ASSERT_OK(ioctl(sv[1], SIOCATMARK, &at));
	EXPECT_EQ(at, 1);
	EXPECT_EQ(read(sv[1], buf, 10), 2);      /* behind it */
	EXPECT(memcmp(buf, "de", 2) == 0);
	ASSERT_OK(set_int(sv[1], SOL_SOCKET, SO_OOBINLINE, 1));
	EXPECT_EQ(send(sv[0], "Y", 1, MSG_OOB), 1);
	EXPECT_EQ(poll_for(sv[1], POLLPRI | POLLIN), POLLPRI | POLLIN);
	EXPECT_EQ(read(sv[1], buf, 10), 1);
	EXPECT_EQ(buf[0], 'Y');
}

TEST(defer_accept)
{
	int port, l = listener4(5, &port), c = tcp4();
	ASSERT_OK(set_int(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5));
	EXPECT_EQ(get_int(l, IPPROTO_TCP, TCP_DEFER_ACCEPT), 7);
	ASSERT_OK(connect4(c, "127.0.0.1", port));
	EXPECT_EQ(poll_of(l), 0);
	write(c, "x", 1);
	EXPECT_EQ(poll_for(l, POLLIN), POLLIN);
	int s = accept(l, NULL, NULL);
	EXPECT_EQ(recv(s, buf, 10, MSG_DONTWAIT), 1);
}

TEST(tcp_options)
{
	int sv[2];
	char name[16];
	socklen_t len = sizeof(name);
	tcp_pair(sv);
	int fd = sv[0];
	ASSERT_OK(set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1));
	EXPECT_EQ(get_int(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	EXPECT_EQ(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7200);
	EXPECT_EQ(get_int(fd, IPPROTO_TCP, TCP_KEEPINTVL), 75);
	EXPECT_EQ(get_int(fd, IPPROTO_TCP, TCP_KEEPCNT), 9);
	ASSERT_OK(set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60));
	EXPECT_EQ(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	EXPECT_ERRNO(set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0), EINVAL);
	EXPECT_ERRNO(set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 128), EINVAL);
	ASSERT_OK(set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000));
	EXPECT_EQ(get_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 3000);
	ASSERT_OK(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	ASSERT_OK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	EXPECT_STREQ(name, "reno");
	EXPECT_ERRNO(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6), ENOENT);
	EXPECT_ERRNO(set_int(fd, IPPROTO_TCP, 12345, 1), ENOPROTOOPT);
	EXPECT_ERRNO(set_int(fd, SOL_SOCKET, SO_ACCEPTCONN, 1), ENOPROTOOPT);
	EXPECT_EQ(get_int(fd, IPPROTO_TCP, TCP_MAXSEG) > 1000, 1);
	struct tcp_info info;
	len = sizeof(info);
	ASSERT_OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	EXPECT_EQ(info.tcpi_state, TCP_ESTABLISHED);
	ASSERT_OK(shutdown(fd, SHUT_WR));
	EXPECT_EQ(read(sv[1], buf, 1), 0);
	len = sizeof(info);
	ASSERT_OK(getsockopt(sv[1], IPPROTO_TCP, TCP_INFO, &info, &len));
	EXPECT_EQ(info.tcpi_state, TCP_CLOSE_WAIT);
}

TEST(receive_timeout)
{
	int sv[2];
	struct timeval tv = { 0, 20000 };
	tcp_pair(sv);
	ASSERT_OK(setsockopt(sv[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_ERRNO(recv(sv[0], buf, 1, 0), EAGAIN);
	EXPECT_ERRNO(read(sv[0], buf, 1), EAGAIN);
}

TEST(sendfile_and_splice_to_a_socket)
{
	int sv[2], p[2];
	tcp_pair(sv);
	FILE *f = tmpfile();
	for (int i = 0; i < 200000; i++)
		fputc(i % 251, f);
	fflush(f);
	off_t off = 10;
	EXPECT_EQ(sendfile(sv[0], fileno(f), &off, 100000), 100000);
	EXPECT_EQ(off, 100010);
	full_read(sv[1], 100000);
	EXPECT_EQ(buf[0], 10);
	EXPECT_EQ((unsigned char)buf[99999], 100009 % 251);
	ASSERT_OK(pipe(p));
	write(p[1], "through a pipe", 14);
	EXPECT_EQ(splice(p[0], NULL, sv[0], NULL, 14, 0), 14);
	full_read(sv[1], 14);
	write(sv[0], "back", 4);
	EXPECT_EQ(splice(sv[1], NULL, p[1], NULL, 100, 0), 4);
	EXPECT_EQ(read(p[0], buf, 100), 4);
}

TEST(a_bad_buffer_loses_nothing)
{
	int sv[2];
	tcp_pair(sv);
	struct iovec v[2] = { { "abc", 3 }, { bad, 100 } };
	EXPECT_EQ(writev(sv[0], v, 1), 3);
	EXPECT_ERRNO(write(sv[0], bad, 10), EFAULT);
	EXPECT_EQ(poll_for(sv[1], POLLIN), POLLIN);
	EXPECT_ERRNO(read(sv[1], bad, 10), EFAULT);
	EXPECT_EQ(read(sv[1], buf, 10), 3);
}

TEST(accept_is_interrupted_by_shutdown_of_the_listener)
{
	int port, l = listener4(1, &port);
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_OK(connect4(tcp4(), "127.0.0.1", port));
		_exit(0);
	}
	ASSERT_OK(accept(l, NULL, NULL));
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}
