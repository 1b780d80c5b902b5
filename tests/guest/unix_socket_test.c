/* unix_socket_test.c - AF_UNIX sockets (unix(7)). */
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "tests/guest/guest.h"

COVERS(socket, socketpair, bind, listen, accept, accept4, connect, getsockname, getpeername, shutdown, setsockopt, getsockopt,
	sendto, recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg, read, write, ioctl, poll);

static char buf[1 << 20];
static void *volatile bad = (void *)8;

static int poll_of(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void pair(int type, int sv[2])
{
	ASSERT_OK(socketpair(AF_UNIX, type, 0, sv));
}

static socklen_t abstract(struct sockaddr_un *a, const char *name)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "%s.%d", name, getpid());
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static int listener(int type, struct sockaddr_un *a, socklen_t *len, int backlog)
{
	int fd = socket(AF_UNIX, type, 0);
	ASSERT_OK(fd);
	*len = abstract(a, "listener");
	ASSERT_OK(bind(fd, (struct sockaddr *)a, *len));
	ASSERT_OK(listen(fd, backlog));
	return fd;
}

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

TEST(connecting_by_abstract_name)
{
	struct sockaddr_un a, got;
	socklen_t len, got_len = sizeof(got);
	int l = listener(SOCK_STREAM, &a, &len, 5), v;
	socklen_t vlen = sizeof(v);
	ASSERT_OK(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &v, &vlen));
	EXPECT_EQ(v, 1);
	EXPECT_EQ(poll_of(l), 0);
	int c = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_EQ(poll_of(c), POLLOUT | POLLHUP);
	EXPECT_ERRNO(getpeername(c, (struct sockaddr *)&got, &got_len), ENOTCONN);
	EXPECT_ERRNO(send(c, "x", 1, MSG_NOSIGNAL), ENOTCONN);
	EXPECT_ERRNO(recv(c, buf, 1, 0), EINVAL);
	ASSERT_OK(connect(c, (struct sockaddr *)&a, len));
	EXPECT_ERRNO(connect(c, (struct sockaddr *)&a, len), EISCONN);
	EXPECT_EQ(poll_of(l), POLLIN);
	EXPECT_EQ(send(c, "early", 5, 0), 5);
	ASSERT_OK(getpeername(c, (struct sockaddr *)&got, &got_len));
	EXPECT(got_len == len && memcmp(&got, &a, len) == 0);
	got_len = sizeof(got);
	int s = accept4(l, (struct sockaddr *)&got, &got_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ASSERT_OK(s);
	EXPECT_EQ(got_len, sizeof(sa_family_t));
	EXPECT_EQ(fcntl(s, F_GETFL), O_RDWR | O_NONBLOCK);
	EXPECT_EQ(recv(s, buf, 100, 0), 5);
	got_len = sizeof(got);
	ASSERT_OK(getsockname(s, (struct sockaddr *)&got, &got_len));
	EXPECT_EQ(got_len, len);
	EXPECT_EQ(write(s, "back", 4), 4);
	EXPECT_EQ(read(c, buf, 100), 4);
	EXPECT_ERRNO(accept4(l, NULL, NULL, 7), EINVAL);
	EXPECT_ERRNO(accept(c, NULL, NULL), EINVAL);
	fcntl(l, F_SETFL, O_NONBLOCK);
	EXPECT_ERRNO(accept(l, NULL, NULL), EAGAIN);
	int other = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_ERRNO(bind(other, (struct sockaddr *)&a, len), EADDRINUSE);
	close(l);
	EXPECT_ERRNO(connect(other, (struct sockaddr *)&a, len), ECONNREFUSED);
	EXPECT_OK(bind(other, (struct sockaddr *)&a, len));
}

TEST(backlog_bounds_connections)
{
	struct sockaddr_un a;
	socklen_t len;
	int l = listener(SOCK_STREAM, &a, &len, 1), n = 0;
	for (;;) {
		int c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(c, (struct sockaddr *)&a, len))
			break;
		n++;
	}
	EXPECT_EQ(errno, EAGAIN);
	EXPECT_EQ(n, 2);
	pid_t pid = fork();
	if (pid == 0) {
		int c = socket(AF_UNIX, SOCK_STREAM, 0);
		_exit(connect(c, (struct sockaddr *)&a, len) == 0 ? 0 : 1);
	}
	usleep(5000);
	ASSERT_OK(accept(l, NULL, NULL));
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(closing_a_listener_resets_who_waits)
{
	struct sockaddr_un a;
	socklen_t len;
	int l = listener(SOCK_STREAM, &a, &len, 5), c = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_OK(connect(c, (struct sockaddr *)&a, len));
	close(l);
	EXPECT_ERRNO(recv(c, buf, 1, 0), ECONNRESET);
	EXPECT_EQ(recv(c, buf, 1, 0), 0);
}

TEST(accept_waits)
{
	struct sockaddr_un a;
	socklen_t len;
	int l = listener(SOCK_SEQPACKET, &a, &len, 5);
	pid_t pid = fork();
	if (pid == 0) {
		usleep(5000);
		int c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		if (connect(c, (struct sockaddr *)&a, len) || send(c, "hi", 2, 0) != 2)
			_exit(1);
		_exit(0);
	}
	int s = accept(l, NULL, NULL);
	ASSERT_OK(s);
	EXPECT_EQ(recv(s, buf, 10, 0), 2);
	waitpid(pid, NULL, 0);
}

TEST(names_in_the_file_system)
{
	char dir[] = "/tmp/unix.XXXXXX";
	ASSERT(mkdtemp(dir) != NULL);
	struct sockaddr_un a = { .sun_family = AF_UNIX }, got;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", dir);
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);
	EXPECT_ERRNO(connect(c, (struct sockaddr *)&a, sizeof(a)), ENOENT);
	ASSERT_OK(bind(l, (struct sockaddr *)&a, sizeof(a)));
	EXPECT_ERRNO(bind(l, (struct sockaddr *)&a, sizeof(a)), EADDRINUSE);
	struct sockaddr_un second = { .sun_family = AF_UNIX };
	snprintf(second.sun_path, sizeof(second.sun_path), "%s/s2", dir);
	EXPECT_ERRNO(bind(l, (struct sockaddr *)&second, sizeof(second)), EINVAL);
	EXPECT_ERRNO(access(second.sun_path, F_OK), ENOENT);
	EXPECT_ERRNO(bind(c, (struct sockaddr *)&a, sizeof(a)), EADDRINUSE);
	struct stat st;
	ASSERT_OK(stat(a.sun_path, &st));
	EXPECT(S_ISSOCK(st.st_mode));
	EXPECT_ERRNO(open(a.sun_path, O_RDWR), ENXIO);
	EXPECT_ERRNO(connect(c, (struct sockaddr *)&a, sizeof(a)), ECONNREFUSED);
	EXPECT_ERRNO(connect(d, (struct sockaddr *)&a, sizeof(a)), EPROTOTYPE);
	ASSERT_OK(listen(l, 5));
	ASSERT_OK(connect(c, (struct sockaddr *)&a, sizeof(a)));
	socklen_t len = sizeof(got);
	ASSERT_OK(getpeername(c, (struct sockaddr *)&got, &len));
	EXPECT_STREQ(got.sun_path, a.sun_path);
	EXPECT_EQ(len, offsetof(struct sockaddr_un, sun_path) + strlen(a.sun_path) + 1);
	struct sockaddr_un moved = second;
	ASSERT_OK(rename(a.sun_path, moved.sun_path));
	int c2 = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_OK(connect(c2, (struct sockaddr *)&moved, sizeof(moved)));
	close(l);
	int c3 = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_ERRNO(connect(c3, (struct sockaddr *)&moved, sizeof(moved)), ECONNREFUSED);
	snprintf(moved.sun_path, sizeof(moved.sun_path), "%s", dir);
	EXPECT_ERRNO(connect(c3, (struct sockaddr *)&moved, sizeof(moved)), ECONNREFUSED);
	unlink(second.sun_path);
	rmdir(dir);
}

TEST(bad_addresses)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/x" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, 200), EINVAL);
	EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, 1), EINVAL);
	EXPECT_ERRNO(connect(s, (struct sockaddr *)&a, 2), EINVAL);
	EXPECT_ERRNO(bind(s, bad, sizeof(a)), EFAULT);
	EXPECT_ERRNO(listen(s, 5), EINVAL);
	a.sun_family = AF_INET;
	EXPECT_ERRNO(bind(s, (struct sockaddr *)&a, sizeof(a)), EINVAL);
}

TEST(autobind_gives_a_name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a);
	int s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
	ASSERT_OK(bind(s, (struct sockaddr *)&a, sizeof(sa_family_t)));
	ASSERT_OK(getsockname(s, (struct sockaddr *)&a, &len));
	EXPECT_EQ(len, sizeof(sa_family_t) + 6);
	EXPECT_EQ(a.sun_path[0], 0);
	EXPECT_EQ(sendto(c, "x", 1, 0, (struct sockaddr *)&a, len), 1);
	EXPECT_EQ(recv(s, buf, 10, 0), 1);
}

TEST(datagrams_to_names)
{
	struct sockaddr_un a, b, from;
	socklen_t alen = abstract(&a, "a"), blen = abstract(&b, "b"), len = sizeof(from);
	int sa = socket(AF_UNIX, SOCK_DGRAM, 0), sb = socket(AF_UNIX, SOCK_DGRAM, 0), sc = socket(AF_UNIX, SOCK_DGRAM, 0);
	EXPECT_ERRNO(sendto(sa, "x", 1, 0, (struct sockaddr *)&b, blen), ECONNREFUSED);
	EXPECT_ERRNO(send(sa, "x", 1, 0), ENOTCONN);
	ASSERT_OK(bind(sa, (struct sockaddr *)&a, alen));
	ASSERT_OK(bind(sb, (struct sockaddr *)&b, blen));
	EXPECT_EQ(sendto(sa, "hi", 2, 0, (struct sockaddr *)&b, blen), 2);
	EXPECT_EQ(recvfrom(sb, buf, 10, 0, (struct sockaddr *)&from, &len), 2);
	EXPECT(len == alen && memcmp(&from, &a, alen) == 0);
	EXPECT_EQ(sendto(sc, "hi", 2, 0, (struct sockaddr *)&b, blen), 2);
	len = sizeof(from);
	EXPECT_EQ(recvfrom(sb, buf, 10, 0, (struct sockaddr *)&from, &len), 2);
	EXPECT_EQ(len, 0);
	/* Who is connected takes nothing from others. */
	ASSERT_OK(connect(sb, (struct sockaddr *)&a, alen));
	EXPECT_ERRNO(sendto(sc, "x", 1, 0, (struct sockaddr *)&b, blen), EPERM);
	EXPECT_EQ(sendto(sa, "x", 1, 0, (struct sockaddr *)&b, blen), 1);
	struct sockaddr un = { .sa_family = AF_UNSPEC };
	ASSERT_OK(connect(sb, &un, sizeof(un)));
	EXPECT_EQ(sendto(sc, "x", 1, 0, (struct sockaddr *)&b, blen), 1);
	ASSERT_OK(connect(sc, (struct sockaddr *)&b, blen));
	close(sb);
	EXPECT_ERRNO(send(sc, "x", 1, 0), ECONNREFUSED);
	EXPECT_ERRNO(send(sc, "x", 1, 0), ENOTCONN);
}

/* --- files and credentials --- */

static ssize_t send_fds(int s, const int *fds, int n, const char *text)
{
	static char ctl[CMSG_SPACE(300 * sizeof(int))];
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = CMSG_SPACE((size_t)n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
	return sendmsg(s, &m, 0);
}

/* How many descriptors came; room for `room` of them. */
static int recv_fds(int s, int *fds, int room, int flags, int *out_flags, ssize_t *out_n)
{
	static char ctl[CMSG_SPACE(300 * sizeof(int))];
	struct iovec iov = { buf, 1000 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room ? ctl : NULL,
			    .msg_controllen = room ? CMSG_LEN((size_t)room * sizeof(int)) : 0 };
	*out_n = recvmsg(s, &m, flags);
	*out_flags = m.msg_flags;
	struct cmsghdr *c = *out_n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return 0;
	int n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(c), (size_t)n * sizeof(int));
	return n;
}

TEST(files_travel)
{
	int sv[2], p[2], fds[4], flags;
	ssize_t n;
	pair(SOCK_STREAM, sv);
	ASSERT_OK(pipe(p));
	EXPECT_EQ(send_fds(sv[0], p, 2, "two"), 3);
	close(p[0]);
	close(p[1]);
	EXPECT_EQ(recv_fds(sv[1], fds, 4, MSG_CMSG_CLOEXEC, &flags, &n), 2);
	EXPECT_EQ(n, 3);
	EXPECT_EQ(flags, MSG_CMSG_CLOEXEC);
	EXPECT_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(write(fds[1], "through", 7), 7);
	EXPECT_EQ(read(fds[0], buf, 10), 7);
	int badfd = 999;
	EXPECT_ERRNO(send_fds(sv[0], &badfd, 1, "x"), EBADF);
}

TEST(files_mark_a_boundary_in_streams)
{
	int sv[2], fd = 0, got, flags;
	ssize_t n;
	pair(SOCK_STREAM, sv);
	send(sv[0], "one", 3, 0);
	send_fds(sv[0], &fd, 1, "two");
	send(sv[0], "three", 5, 0);
	EXPECT_EQ(recv_fds(sv[1], &got, 1, 0, &flags, &n), 1);
	EXPECT_EQ(n, 6);
	EXPECT_EQ(recv_fds(sv[1], &got, 1, 0, &flags, &n), 0);
	EXPECT_EQ(n, 5);
}

TEST(files_nobody_has_room_for_are_closed)
{
	int sv[2], p[2], got[4], flags;
	ssize_t n;
	pair(SOCK_DGRAM, sv);
	ASSERT_OK(pipe(p));
	send_fds(sv[0], &p[1], 1, "x");
	close(p[1]);
	EXPECT_EQ(recv_fds(sv[1], got, 0, 0, &flags, &n), 0);
	EXPECT_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
	EXPECT_EQ(read(p[0], buf, 1), 0);
	int three[3] = { 0, 1, 2 };
	send_fds(sv[0], three, 3, "x");
	EXPECT_EQ(recv_fds(sv[1], got, 2, 0, &flags, &n), 2);
	EXPECT_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
	/* Peeking gives copies. */
	send_fds(sv[0], three, 1, "x");
	EXPECT_EQ(recv_fds(sv[1], got, 2, MSG_PEEK, &flags, &n), 1);
	EXPECT_EQ(recv_fds(sv[1], got, 2, 0, &flags, &n), 1);
	/* Unread ones go with the socket. */
	ASSERT_OK(pipe(p));
	send_fds(sv[0], &p[1], 1, "x");
	close(p[1]);
	close(sv[1]);
	EXPECT_EQ(read(p[0], buf, 1), 0);
	static int many[254];
	EXPECT_ERRNO(send_fds(sv[0], many, 254, "x"), EINVAL);
}

TEST(deep_chains_of_sockets_in_flight_unwind)
{
	int prev = -1, sv[2];
	for (int i = 0; i < 3000; i++) {
		pair(SOCK_DGRAM, sv);
		if (prev >= 0) {
			ASSERT_EQ(send_fds(sv[0], &prev, 1, "x"), 1);
			close(prev);
		}
		close(sv[0]);
		prev = sv[1];
	}
	close(prev);
	pair(SOCK_STREAM, sv);
	EXPECT_EQ(write(sv[0], "x", 1), 1);
}

static int recv_creds(int s, struct ucred *out)
{
	char ctl[CMSG_SPACE(sizeof(*out))];
	struct iovec iov = { buf, 100 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	if (recvmsg(s, &m, 0) < 0)
		return -1;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_CREDENTIALS)
		return 0;
	memcpy(out, CMSG_DATA(c), sizeof(*out));
	return 1;
}

static ssize_t send_creds(int s, struct ucred u)
{
	char ctl[CMSG_SPACE(sizeof(u))];
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(u));
	memcpy(CMSG_DATA(c), &u, sizeof(u));
	return sendmsg(s, &m, 0);
}

TEST(credentials_travel)
{
	int sv[2], on = 1;
	pair(SOCK_STREAM, sv);
	struct ucred u = { 0 };
	send(sv[0], "x", 1, 0);
	EXPECT_EQ(recv_creds(sv[1], &u), 0);
	ASSERT_OK(setsockopt(sv[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	pid_t pid = fork();
	if (pid == 0) {
		send(sv[0], "x", 1, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	send(sv[0], "y", 1, 0);
	EXPECT_EQ(recv_creds(sv[1], &u), 1);
	EXPECT(u.pid == pid && u.uid == getuid() && u.gid == getgid());
	EXPECT_EQ(recv_creds(sv[1], &u), 1);
	EXPECT_EQ(u.pid, getpid());
	struct ucred mine = { getpid(), getuid(), getgid() };
	EXPECT_EQ(send_creds(sv[0], mine), 1);
	EXPECT_EQ(recv_creds(sv[1], &u), 1);
	if (geteuid() == 0)
		setuid(65534);
	struct ucred not_mine = { getpid(), 0, getgid() };
	EXPECT_ERRNO(send_creds(sv[0], not_mine), EPERM);
	not_mine = (struct ucred){ 1, getuid(), getgid() };
	if (getpid() != 1)
		EXPECT_ERRNO(send_creds(sv[0], not_mine), EPERM);
}

TEST(peer_credentials)
{
	struct ucred u;
	socklen_t len = sizeof(u);
	int sv[2];
	pair(SOCK_STREAM, sv);
	ASSERT_OK(getsockopt(sv[0], SOL_SOCKET, SO_PEERCRED, &u, &len));
	EXPECT(u.pid == getpid() && u.uid == geteuid() && u.gid == getegid());
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_OK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &len));
	EXPECT(u.pid == 0 && u.uid == (uid_t)-1);
	struct sockaddr_un a;
	int l = listener(SOCK_STREAM, &a, &len, 5);
	socklen_t alen = len;
	pid_t pid = fork();
	if (pid == 0) {
		int c = socket(AF_UNIX, SOCK_STREAM, 0);
		len = sizeof(u);
		if (connect(c, (struct sockaddr *)&a, alen) || getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &len))
			_exit(1);
		read(c, buf, 1);
		_exit(u.pid == getppid() ? 0 : 2);
	}
	int c = accept(l, NULL, NULL);
	len = sizeof(u);
	ASSERT_OK(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &len));
	EXPECT_EQ(u.pid, pid);
	close(c);
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
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
