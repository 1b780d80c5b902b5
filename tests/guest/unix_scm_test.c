/* unix_scm_test.c - files and credentials that travel over AF_UNIX sockets (unix(7), SCM_RIGHTS, SCM_CREDENTIALS). */
#include <grp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/guest/unix_socket.h"

COVERS(sendmsg, recvmsg, setsockopt, getsockopt);

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

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
/* The process that a pidfd stands for; 0: it has ended and was waited for. */
static int pid_of(int pidfd)
{
	char path[40], text[1000] = { 0 };
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	int fd = open(path, O_RDONLY);
	ASSERT_OK(fd);
	ASSERT_OK(read(fd, text, sizeof(text) - 1));
	close(fd);
	char *line = strstr(text, "Pid:");
	return line ? atoi(line + 4) : -1;
}

TEST(a_descriptor_of_who_is_at_the_other_end)
{
	int sv[2], pidfd = -1;
	socklen_t len = sizeof(pidfd), alen;
	pair(SOCK_STREAM, sv);
	if (getsockopt(sv[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) && errno == ENOPROTOOPT)
		SKIP("a kernel before 6.5");
	EXPECT_EQ(pid_of(pidfd), getpid());
	EXPECT_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_ERRNO(getsockopt(s, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len), ENODATA);
	struct sockaddr_un a;
	int l = listener(SOCK_STREAM, &a, &alen, 5);
	pid_t pid = fork();
	if (pid == 0)
		_exit(connect(s, (struct sockaddr *)&a, alen) || read(s, buf, 1) != 1);
	int c = accept(l, NULL, NULL);
	ASSERT_OK(getsockopt(c, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len));
	EXPECT_EQ(pid_of(pidfd), pid);
	struct pollfd p = { pidfd, POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, 0), 0);
	ASSERT_EQ(write(c, "x", 1), 1);
	EXPECT_EQ(poll(&p, 1, 10000), 1);
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

#define PASSPIDFD 76
#define PASSRIGHTS 83
#define PIDFD_MESSAGE 4                   /* SCM_PIDFD */

TEST(a_descriptor_of_who_sent_travels)
{
	int sv[2], on = 1, status;
	union { struct cmsghdr h; char bytes[64]; } ctl;
	struct iovec iov = { buf, 10 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl) };
	pair(SOCK_DGRAM, sv);
	if (setsockopt(sv[0], SOL_SOCKET, PASSPIDFD, &on, sizeof(on)) && errno == ENOPROTOOPT)
		SKIP("a kernel before 6.5");
	pid_t pid = fork();
	if (pid == 0)
		_exit(send(sv[1], "x", 1, 0) != 1);
	ASSERT_EQ(recvmsg(sv[0], &m, 0), 1);
	EXPECT(ctl.h.cmsg_level == SOL_SOCKET && ctl.h.cmsg_type == PIDFD_MESSAGE && ctl.h.cmsg_len == CMSG_LEN(sizeof(int)));
	int pidfd;
	memcpy(&pidfd, CMSG_DATA(&ctl.h), sizeof(pidfd));
	EXPECT_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	siginfo_t si;
	ASSERT_OK(waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED | WNOWAIT));
	EXPECT_EQ(si.si_pid, pid);
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(send(sv[1], "x", 1, 0), 1);
	m.msg_controllen = CMSG_LEN(0);
	EXPECT_EQ(recvmsg(sv[0], &m, 0), 1);
	EXPECT_EQ(m.msg_flags, MSG_CTRUNC);
	EXPECT_EQ(m.msg_controllen, 0);
}

TEST(files_may_be_refused)
{
	int sv[2], off = 0, fd = 1;
	pair(SOCK_STREAM, sv);
	if (setsockopt(sv[1], SOL_SOCKET, PASSRIGHTS, &off, sizeof(off)) && errno == ENOPROTOOPT)
		SKIP("a kernel before 6.16");
	EXPECT_ERRNO(send_fds(sv[0], &fd, 1, "x"), EPERM);
	EXPECT_EQ(send_fds(sv[1], &fd, 1, "x"), 1);
}

TEST(an_accepted_connection_has_its_listeners_options)
{
	struct sockaddr_un a;
	socklen_t alen, len = sizeof(int);
	int v = 1, l = listener(SOCK_STREAM, &a, &alen, 5), s = socket(AF_UNIX, SOCK_STREAM, 0);
	if (setsockopt(l, SOL_SOCKET, PASSRIGHTS, &v, sizeof(v)) && errno == ENOPROTOOPT)
		SKIP("a kernel before 6.16");
	ASSERT_OK(setsockopt(l, SOL_SOCKET, SO_PASSCRED, &v, sizeof(v)));
	ASSERT_OK(connect(s, (struct sockaddr *)&a, alen));
	int c = accept(l, NULL, NULL);
	v = 0;
	ASSERT_OK(getsockopt(c, SOL_SOCKET, SO_PASSCRED, &v, &len));
	EXPECT_EQ(v, 1);
}

TEST(groups_of_the_peer)
{
	gid_t groups[3] = { 7, 8, 9 }, got[16] = { 0 };
	int sv[2];
	socklen_t len = sizeof(got);
	if (geteuid() != 0)
		SKIP("setgroups takes privileges");
	ASSERT_OK(setgroups(3, groups));
	pair(SOCK_STREAM, sv);
	ASSERT_OK(getsockopt(sv[0], SOL_SOCKET, SO_PEERGROUPS, got, &len));
	EXPECT_EQ(len, sizeof(groups));
	EXPECT_EQ(memcmp(got, groups, sizeof(groups)), 0);
	len = 8;
	EXPECT_ERRNO(getsockopt(sv[0], SOL_SOCKET, SO_PEERGROUPS, got, &len), ERANGE);
	EXPECT_EQ(len, sizeof(groups));
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_ERRNO(getsockopt(s, SOL_SOCKET, SO_PEERGROUPS, got, &len), ENODATA);
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

static int cycle_pipe[2];

/* A socket on its way to itself, with the writing end of a pipe. Nobody can receive it when we close ours. */
static void make_cycle(int sv[2])
{
	ASSERT_OK(pipe(cycle_pipe));
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	ASSERT_EQ(send_fds(sv[0], (int[]){ sv[1], cycle_pipe[1] }, 2, "x"), 1);
	close(cycle_pipe[1]);
}

static bool pipe_ended(int ms)
{
	struct pollfd p = { cycle_pipe[0], POLLIN, 0 };
	return poll(&p, 1, ms) == 1 && (p.revents & POLLHUP);
}

TEST(a_socket_that_only_its_own_queue_holds_is_collected)
{
	int sv[2];
	make_cycle(sv);
	close(sv[1]);
	EXPECT(!pipe_ended(0));                  /* it can still be received from, had we the other end's other end */
	close(sv[0]);
	EXPECT(pipe_ended(5000));
}

TEST(sockets_in_each_others_queues_are_collected)
{
	int a[2], b[2], other[2];
	ASSERT_OK(pipe(cycle_pipe));
	ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, a));
	ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, b));
	ASSERT_EQ(send_fds(a[0], (int[]){ b[1], cycle_pipe[1] }, 2, "x"), 1);         /* a[1] holds b[1], which holds a[1] */
	ASSERT_EQ(send_fds(b[0], (int[]){ a[1] }, 1, "x"), 1);
	close(cycle_pipe[1]);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, other));
	close(other[0]);                         /* any socket's end */
	close(other[1]);
	EXPECT(pipe_ended(5000));
}

TEST(what_can_be_received_is_not_collected)
{
	int outer[2], sv[2], other[2], got[2], flags;
	ssize_t n;
	make_cycle(sv);
	/* The cycle is reachable through a socket that is on its way to us. */
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, outer));
	ASSERT_EQ(send_fds(outer[0], (int[]){ sv[1] }, 1, "x"), 1);
	close(sv[0]);
	close(sv[1]);
	ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, other));
	close(other[0]);
	close(other[1]);
	EXPECT(!pipe_ended(50));
	ASSERT_EQ(recv_fds(outer[1], got, 2, 0, &flags, &n), 1);
	sv[1] = got[0];
	ASSERT_EQ(recv_fds(sv[1], got, 2, 0, &flags, &n), 2);
	EXPECT(!pipe_ended(0));
	close(got[0]);
	close(got[1]);
	close(sv[1]);
	EXPECT(pipe_ended(5000));
}

TEST(a_listener_with_a_cycle_in_its_queue_is_collected)
{
	ASSERT_OK(pipe(cycle_pipe));
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_OK(bind(l, (struct sockaddr *)&name, 2));
	socklen_t len = sizeof(name);
	ASSERT_OK(getsockname(l, (struct sockaddr *)&name, &len));
	ASSERT_OK(listen(l, 5));
	ASSERT_OK(connect(c, (struct sockaddr *)&name, len));
	ASSERT_EQ(send_fds(c, (int[]){ l, cycle_pipe[1] }, 2, "x"), 1);
	close(cycle_pipe[1]);
	close(l);
	EXPECT(!pipe_ended(0));
	close(c);
	EXPECT(pipe_ended(5000));
}
