/* unix_name_test.c - AF_UNIX sockets find each other: names, listeners, connections (unix(7)). */
#include "tests/guest/unix_socket.h"

COVERS(socket, bind, listen, accept, accept4, connect, getsockname, getpeername, sendto, recvfrom);

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
