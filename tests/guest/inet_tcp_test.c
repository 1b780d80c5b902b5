/* inet_tcp_test.c - TCP over loopback (tcp(7)): connecting and ending. */
#include <linux/sockios.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#include "tests/guest/inet.h"

COVERS(socket, bind, listen, accept, accept4, connect, getsockname, getpeername, shutdown, setsockopt, getsockopt, sendto, recvfrom,
	sendmsg, recvmsg, read, write, writev, ioctl, poll, epoll_wait, sendfile, splice, close);

static char buf[1 << 20];
static void *volatile bad = (void *)8;

TEST(connect_accept_and_names)
{
	int port, l = listener4(5, &port), c = tcp4();
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	ASSERT_OK(connect4(c, "127.0.0.1", port));
	int s = accept4(l, (struct sockaddr *)&a, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ASSERT_OK(s);
	EXPECT_EQ(len, sizeof(a));
	EXPECT_EQ(ntohs(a.sin_port), port_of(c));
	EXPECT_EQ(ntohl(a.sin_addr.s_addr), INADDR_LOOPBACK);
	EXPECT_EQ(fcntl(s, F_GETFL), O_RDWR | O_NONBLOCK);
	EXPECT_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
	ASSERT_OK(getpeername(c, (struct sockaddr *)&a, &len));
	EXPECT_EQ(ntohs(a.sin_port), port);
	EXPECT_EQ(port_of(s), port);
	EXPECT_ERRNO(getpeername(l, (struct sockaddr *)&a, &len), ENOTCONN);
	EXPECT_EQ(write(c, "hello", 5), 5);
	EXPECT_EQ(poll_for(s, POLLIN), POLLIN);
	EXPECT_EQ(read(s, buf, 100), 5);
	EXPECT_ERRNO(read(s, buf, 100), EAGAIN);
	EXPECT_ERRNO(connect4(c, "127.0.0.1", port), EISCONN);
	EXPECT_ERRNO(listen(c, 1), EINVAL);
	EXPECT_ERRNO(accept(c, NULL, NULL), EINVAL);
}

TEST(options_that_describe)
{
	int port, l = listener4(1, &port);
	EXPECT_EQ(get_int(l, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	EXPECT_EQ(get_int(l, SOL_SOCKET, SO_DOMAIN), AF_INET);
	EXPECT_EQ(get_int(l, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	EXPECT_EQ(get_int(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
	EXPECT_EQ(get_int(tcp4(), SOL_SOCKET, SO_ACCEPTCONN), 0);
	EXPECT_EQ(get_int(tcp4(), SOL_SOCKET, SO_SNDBUF), 16384);
	EXPECT_EQ(get_int(tcp4(), SOL_SOCKET, SO_RCVBUF), 131072);
}

TEST(families_and_protocols)
{
	EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	EXPECT_ERRNO(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
	EXPECT_ERRNO(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
	EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, -1), EINVAL);
	EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, 400), EINVAL);
	EXPECT_ERRNO(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMP), EPROTONOSUPPORT);
	int sv[2];
	EXPECT_ERRNO(socketpair(AF_INET, SOCK_STREAM, 0, sv), EOPNOTSUPP);
}

TEST(unconnected)
{
	int fd = tcp4();
	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(poll_of(fd), POLLOUT | POLLHUP);
	EXPECT_ERRNO(read(fd, buf, 1), ENOTCONN);
	EXPECT_ERRNO(write(fd, buf, 1), EPIPE);
	EXPECT_ERRNO(shutdown(fd, SHUT_RDWR), ENOTCONN);
	EXPECT_ERRNO(connect(fd, (struct sockaddr *)buf, 1), EINVAL);
	struct sockaddr_in a = in4("127.0.0.1", 1);
	a.sin_family = AF_UNIX;
	EXPECT_ERRNO(connect(fd, (struct sockaddr *)&a, sizeof(a)), EAFNOSUPPORT);
	EXPECT_ERRNO(bind(fd, (struct sockaddr *)&a, sizeof(a)), EAFNOSUPPORT);
	EXPECT_ERRNO(bind(fd, (struct sockaddr *)&a, 8), EINVAL);
	EXPECT_ERRNO(bind4(fd, "192.0.2.1", 0), EADDRNOTAVAIL);
}

static int unused_port(void)
{
	int fd = tcp4();
	ASSERT_OK(bind4(fd, "127.0.0.1", 0));
	int port = port_of(fd);
	close(fd);
	return port;
}

TEST(refused)
{
	int fd = tcp4(), port = unused_port();
	EXPECT_ERRNO(connect4(fd, "127.0.0.1", port), ECONNREFUSED);
	int l = tcp4();                          /* the same socket may try again */
	ASSERT_OK(bind4(l, "127.0.0.1", port));
	EXPECT_ERRNO(connect4(fd, "127.0.0.1", port), ECONNREFUSED);     /* bound is not listening */
	ASSERT_OK(listen(l, 1));
	EXPECT_OK(connect4(fd, "127.0.0.1", port));
}

TEST(nonblocking_connect)
{
	int port, l = listener4(5, &port), fd = tcp4();
	nonblock(fd);
	EXPECT_ERRNO(connect4(fd, "127.0.0.1", port), EINPROGRESS);
	EXPECT_EQ(poll_for(fd, POLLOUT), POLLOUT);
	EXPECT_EQ(so_error(fd), 0);
	EXPECT_OK(connect4(fd, "127.0.0.1", port));
	EXPECT_ERRNO(connect4(fd, "127.0.0.1", port), EISCONN);
	close(l);

	int bad = tcp4();
	nonblock(bad);
	EXPECT_ERRNO(connect4(bad, "127.0.0.1", unused_port()), EINPROGRESS);
	int ev = poll_for(bad, POLLOUT | POLLIN);
	EXPECT_EQ(ev & (POLLERR | POLLHUP | POLLOUT), POLLERR | POLLHUP | POLLOUT);
	EXPECT_EQ(so_error(bad), ECONNREFUSED);
	EXPECT_EQ(so_error(bad), 0);
}

TEST(backlog_is_one_more)
{
	int port, l = listener4(1, &port), fd[3];
	for (int i = 0; i < 2; i++) {
		fd[i] = tcp4();
		ASSERT_OK(connect4(fd[i], "127.0.0.1", port));
	}
	fd[2] = tcp4();
	nonblock(fd[2]);
	EXPECT_ERRNO(connect4(fd[2], "127.0.0.1", port), EINPROGRESS);
	EXPECT_EQ(poll_of(fd[2]), 0);
	EXPECT_ERRNO(connect4(fd[2], "127.0.0.1", port), EALREADY);
	EXPECT_ERRNO(write(fd[2], "x", 1), EAGAIN);
	for (int i = 0; i < 2; i++)
		ASSERT_OK(accept(l, NULL, NULL));
	EXPECT_EQ(poll_for(fd[2], POLLOUT), POLLOUT);
	ASSERT_OK(accept(l, NULL, NULL));
}

TEST(connect_times_out_with_sndtimeo)
{
	int port, l = listener4(0, &port), fd[2] = { tcp4(), tcp4() };
	struct timeval tv = { 0, 50000 };
	ASSERT_OK(connect4(fd[0], "127.0.0.1", port));
	ASSERT_OK(setsockopt(fd[1], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	EXPECT_ERRNO(connect4(fd[1], "127.0.0.1", port), EINPROGRESS);
	close(l);
}

TEST(closing_the_listener_resets_who_waits)
{
	int port, l = listener4(5, &port), fd = tcp4();
	ASSERT_OK(connect4(fd, "127.0.0.1", port));
	close(l);
	EXPECT_ERRNO(read(fd, buf, 1), ECONNRESET);
	EXPECT_EQ(read(fd, buf, 1), 0);
}

TEST(address_in_use)
{
	int port, l = listener4(1, &port), fd = tcp4();
	EXPECT_ERRNO(bind4(fd, "127.0.0.1", port), EADDRINUSE);
	EXPECT_ERRNO(bind4(fd, "0.0.0.0", port), EADDRINUSE);
	EXPECT_OK(bind4(fd, "127.0.0.2", port));
	EXPECT_ERRNO(bind4(fd, "127.0.0.2", 0), EINVAL);
	close(l);
}

TEST(reuseaddr_shares_until_somebody_listens)
{
	int a = tcp4(), b = tcp4();
	set_int(a, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int(b, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_OK(bind4(a, "127.0.0.1", 0));
	ASSERT_OK(bind4(b, "127.0.0.1", port_of(a)));
	ASSERT_OK(listen(a, 1));
	EXPECT_ERRNO(listen(b, 1), EADDRINUSE);
}

TEST(time_wait_keeps_the_port)
{
	int port, l = listener4(1, &port), c = tcp4();
	ASSERT_OK(connect4(c, "127.0.0.1", port));
	int s = accept(l, NULL, NULL);
	close(s);                                /* the server closes first */
	EXPECT_EQ(read(c, buf, 1), 0);
	close(c);
	close(l);
	int again = tcp4();
	EXPECT_ERRNO(bind4(again, "127.0.0.1", port), EADDRINUSE);
	set_int(again, SOL_SOCKET, SO_REUSEADDR, 1);
	/* The listener had no SO_REUSEADDR, and the connection inherited that. */
	EXPECT_ERRNO(bind4(again, "127.0.0.1", port), EADDRINUSE);

	l = tcp4();
	set_int(l, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_OK(bind4(l, "127.0.0.1", 0));
	ASSERT_OK(listen(l, 1));
	port = port_of(l);
	c = tcp4();
	ASSERT_OK(connect4(c, "127.0.0.1", port));
	s = accept(l, NULL, NULL);
	close(s);
	EXPECT_EQ(read(c, buf, 1), 0);
	close(c);
	close(l);
	EXPECT_OK(bind4(again, "127.0.0.1", port));
}

TEST(reuseport_spreads_connections)
{
	int l[2], port = 0, got[2] = { 0 };
	for (int i = 0; i < 2; i++) {
		l[i] = tcp4();
		ASSERT_OK(set_int(l[i], SOL_SOCKET, SO_REUSEPORT, 1));
		ASSERT_OK(bind4(l[i], "127.0.0.1", port));
		port = port_of(l[i]);
		ASSERT_OK(listen(l[i], 100));
		nonblock(l[i]);
	}
	for (int i = 0; i < 60; i++)
		ASSERT_OK(connect4(tcp4(), "127.0.0.1", port));
	for (int i = 0; i < 2; i++)
		while (accept(l[i], NULL, NULL) >= 0)
			got[i]++;
	EXPECT_EQ(got[0] + got[1], 60);
	EXPECT(got[0] > 0 && got[1] > 0);
}

TEST(half_close)
{
	int sv[2];
	tcp_pair(sv);
	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(write(sv[0], "ab", 2), 2);
	ASSERT_OK(shutdown(sv[0], SHUT_WR));
	EXPECT_ERRNO(write(sv[0], "x", 1), EPIPE);
	EXPECT_EQ(poll_for(sv[1], POLLRDHUP) & POLLRDHUP, POLLRDHUP);
	EXPECT_EQ(poll_of(sv[1]), POLLIN | POLLOUT | POLLRDHUP);
	EXPECT_EQ(read(sv[1], buf, 10), 2);
	EXPECT_EQ(read(sv[1], buf, 10), 0);
	EXPECT_EQ(write(sv[1], "cde", 3), 3);
	EXPECT_EQ(read(sv[0], buf, 10), 3);
	close(sv[1]);
	EXPECT_EQ(read(sv[0], buf, 10), 0);
	EXPECT_EQ(poll_of(sv[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

TEST(shutdown_for_reading_still_takes_what_comes)
{
	int sv[2];
	tcp_pair(sv);
	ASSERT_OK(shutdown(sv[0], SHUT_RD));
	EXPECT_EQ(read(sv[0], buf, 10), 0);
	EXPECT_EQ(write(sv[1], "ab", 2), 2);
	EXPECT_EQ(recv(sv[0], buf, 10, MSG_DONTWAIT), 2);
	EXPECT_EQ(read(sv[0], buf, 10), 0);
}

TEST(closed_peer_answers_with_a_reset)
{
	int sv[2];
	tcp_pair(sv);
	signal(SIGPIPE, SIG_IGN);
	close(sv[1]);
	EXPECT_EQ(poll_for(sv[0], POLLRDHUP) & POLLRDHUP, POLLRDHUP);
	EXPECT_EQ(poll_of(sv[0]), POLLIN | POLLOUT | POLLRDHUP);
	EXPECT_EQ(write(sv[0], "x", 1), 1);
	EXPECT_EQ(poll_for(sv[0], POLLHUP) & POLLHUP, POLLHUP);
	EXPECT_EQ(poll_of(sv[0]), POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
	EXPECT_EQ(read(sv[0], buf, 1), 0);
	EXPECT_ERRNO(write(sv[0], "x", 1), EPIPE);
	EXPECT_EQ(so_error(sv[0]), 0);
}

TEST(closing_with_unread_data_resets)
{
	int sv[2];
	tcp_pair(sv);
	signal(SIGPIPE, SIG_IGN);
	write(sv[0], "x", 1);
	EXPECT_EQ(poll_for(sv[1], POLLIN), POLLIN);
	close(sv[1]);
	EXPECT_EQ(poll_for(sv[0], POLLHUP) & POLLHUP, POLLHUP);
	EXPECT_ERRNO(read(sv[0], buf, 1), ECONNRESET);
	EXPECT_EQ(read(sv[0], buf, 1), 0);
	EXPECT_ERRNO(write(sv[0], "x", 1), EPIPE);
}

TEST(linger_zero_resets)
{
	int sv[2];
	struct linger lg = { 1, 0 };
	tcp_pair(sv);
	write(sv[1], "data", 4);
	EXPECT_EQ(poll_for(sv[0], POLLIN), POLLIN);
	ASSERT_OK(setsockopt(sv[1], SOL_SOCKET, SO_LINGER, &lg, sizeof(lg)));
	close(sv[1]);
	EXPECT_EQ(poll_for(sv[0], POLLHUP) & POLLHUP, POLLHUP);
	EXPECT_EQ(read(sv[0], buf, 10), 4);      /* what has come can be read */
	EXPECT_ERRNO(read(sv[0], buf, 10), ECONNRESET);
}

TEST(linger_waits_until_all_is_taken)
{
	int sv[2];
	struct linger lg = { 1, 20 };
	size_t sent = 0, got = 0;
	ssize_t n;
	tcp_pair(sv);
	nonblock(sv[0]);
	while ((n = write(sv[0], buf, sizeof(buf))) > 0)
		sent += (size_t)n;
	ASSERT_OK(setsockopt(sv[0], SOL_SOCKET, SO_LINGER, &lg, sizeof(lg)));
	int p[2];
	ASSERT_OK(pipe(p));
	pid_t pid = fork();
	if (pid == 0) {
		close(sv[1]);
		close(sv[0]);                    /* not the last one */
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	pid = fork();
	if (pid == 0) {
		close(sv[0]);
		char c;
		read(p[0], &c, 1);               /* the parent is about to close */
		while ((n = read(sv[1], buf, sizeof(buf))) > 0)
			got += (size_t)n;
		_exit(got == sent ? 0 : 1);
	}
	close(sv[1]);
	write(p[1], "x", 1);
	EXPECT_OK(close(sv[0]));
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);

	struct timespec a, b;                    /* nobody takes it: until the time is over */
	lg.l_linger = 1;
	tcp_pair(sv);
	nonblock(sv[0]);
	while (write(sv[0], buf, sizeof(buf)) > 0)
		;
	ASSERT_OK(setsockopt(sv[0], SOL_SOCKET, SO_LINGER, &lg, sizeof(lg)));
	clock_gettime(CLOCK_MONOTONIC, &a);
	EXPECT_OK(close(sv[0]));
	clock_gettime(CLOCK_MONOTONIC, &b);
	EXPECT((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 900);
}

TEST(connect_to_unspec_disconnects)
{
	int sv[2];
	struct sockaddr a = { .sa_family = AF_UNSPEC };
	tcp_pair(sv);
	ASSERT_OK(connect(sv[0], &a, sizeof(a)));
	EXPECT_ERRNO(read(sv[1], buf, 1), ECONNRESET);
	int port, l = listener4(1, &port);
	ASSERT_OK(connect4(sv[0], "127.0.0.1", port));
	ASSERT_OK(accept(l, NULL, NULL));
}

TEST(shutdown_of_a_listener)
{
	int port, l = listener4(1, &port);
	ASSERT_OK(shutdown(l, SHUT_RD));
	EXPECT_ERRNO(accept(l, NULL, NULL), EINVAL);
	EXPECT_ERRNO(connect4(tcp4(), "127.0.0.1", port), ECONNREFUSED);
	EXPECT_OK(listen(l, 1));
}

TEST(connecting_to_oneself)
{
	int fd = tcp4();
	ASSERT_OK(bind4(fd, "127.0.0.1", 0));
	ASSERT_OK(connect4(fd, "127.0.0.1", port_of(fd)));
	EXPECT_EQ(write(fd, "echo", 4), 4);
	EXPECT_EQ(read(fd, buf, 10), 4);
	ASSERT_OK(shutdown(fd, SHUT_WR));
	EXPECT_EQ(read(fd, buf, 10), 0);
}
