/* seccomp_notify_test.c - calls that a supervisor answers (seccomp_unotify(2)). */
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/guest/seccomp.h"

COVERS(seccomp, ioctl);

/* A child whose getppid asks; it gets the listener made before the fork. Its exit status is what fn returns. */
static int listener;
static pid_t child;

static void make_listener(unsigned flags)
{
	no_new_privs();
	listener = ON_CALL(SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, SYS_getppid, SECCOMP_RET_USER_NOTIF);
	ASSERT_OK(listener);
}

static void start_child(int (*fn)(void))
{
	child = fork();
	ASSERT_OK(child);
	if (child == 0)
		_exit(fn());
}

static int finish_child(void)
{
	int status;
	ASSERT_EQ(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static struct seccomp_notif receive(void)
{
	struct seccomp_notif req = { 0 };
	ASSERT_OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req));
	return req;
}

static int answer(uint64_t id, long val, int error, unsigned flags)
{
	struct seccomp_notif_resp resp = { .id = id, .val = val, .error = error, .flags = flags };
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static int ask(void)
{
	long ret = syscall(SYS_getppid, 11, 22, 33, 44, 55, 66);
	return ret < 0 ? errno : (int)ret;
}

TEST(the_supervisor_sees_the_call_and_its_value_is_returned)
{
	make_listener(0);
	start_child(ask);
	struct seccomp_notif req = receive();
	EXPECT_EQ(req.pid, child);
	EXPECT_EQ(req.flags, 0);
	EXPECT_EQ(req.data.nr, SYS_getppid);
	EXPECT_EQ(req.data.arch, AUDIT_ARCH_X86_64);
	EXPECT_EQ(req.data.args[0], 11);
	EXPECT_EQ(req.data.args[5], 66);
	EXPECT_OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id));
	EXPECT_OK(answer(req.id, 99, 0, 0));
	EXPECT_EQ(finish_child(), 99);
	EXPECT_ERRNO(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id), ENOENT);
	EXPECT_ERRNO(answer(req.id, 99, 0, 0), ENOENT);
}

TEST(an_error_is_returned)
{
	make_listener(0);
	start_child(ask);
	struct seccomp_notif req = receive();
	EXPECT_OK(answer(req.id, 0, -EDOM, 0));
	EXPECT_EQ(finish_child(), EDOM);
}

static int ask_parent(void)
{
	return syscall(SYS_getppid) == getpgid(0) ? 7 : 8;
}

TEST(continue_makes_the_call)
{
	ASSERT_OK(setpgid(0, 0));
	make_listener(0);
	start_child(ask_parent);
	struct seccomp_notif req = receive();
	EXPECT_ERRNO(answer(req.id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
	EXPECT_ERRNO(answer(req.id, 0, 0, 2), EINVAL);
	EXPECT_OK(answer(req.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	EXPECT_EQ(finish_child(), 7);
}

TEST(readiness_is_polled)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };
	make_listener(0);
	p.fd = listener;
	EXPECT_EQ(poll(&p, 1, 0), 0);
	start_child(ask);
	p.events = POLLIN;
	ASSERT_EQ(poll(&p, 1, -1), 1);
	EXPECT_EQ(p.revents, POLLIN);
	struct seccomp_notif req = receive();
	p.events = POLLIN | POLLOUT;
	ASSERT_EQ(poll(&p, 1, -1), 1);
	EXPECT_EQ(p.revents, POLLOUT);
	EXPECT_OK(answer(req.id, 1, 0, 0));
	EXPECT_EQ(finish_child(), 1);
}

TEST(closing_the_listener_lets_calls_fail)
{
	make_listener(0);
	start_child(ask);
	struct seccomp_notif req = receive();
	EXPECT_EQ(req.pid, child);
	/* The child has the descriptor too: only a supervisor that hands it over alone can be gone for good. */
	struct seccomp_notif_addfd none = { .id = req.id, .srcfd = (unsigned)open("/dev/null", O_RDONLY), .newfd = (unsigned)listener,
					    .flags = SECCOMP_ADDFD_FLAG_SETFD };
	EXPECT_EQ(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &none), listener);
	close(listener);
	EXPECT_EQ(finish_child(), ENOSYS);
}

TEST(hangup_when_nobody_has_the_filter)
{
	int sv[2];
	ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	pid_t pid = fork();
	if (pid == 0) {
		char c = 0;
		union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } control = { .h = { 0 } };
		struct iovec iov = { &c, 1 };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
		make_listener(0);
		control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.h), &listener, sizeof(int));
		_exit(sendmsg(sv[1], &msg, 0) == 1 ? 0 : 1);
	}
	char c;
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } control = { .h = { 0 } };
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	ASSERT_EQ(recvmsg(sv[0], &msg, 0), 1);
	memcpy(&listener, CMSG_DATA(&control.h), sizeof(int));
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	struct pollfd p = { .fd = listener, .events = POLLIN };
	ASSERT_EQ(poll(&p, 1, -1), 1);
	EXPECT(p.revents & POLLHUP);
}

static void on_signal(int sig)
{
	(void)sig;
}

static int ask_with_handler(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(SIGUSR1, &sa, NULL);
	return ask();
}

TEST(a_signal_interrupts_the_wait)
{
	make_listener(0);
	start_child(ask_with_handler);
	struct seccomp_notif req = receive();
	ASSERT_OK(kill(child, SIGUSR1));
	EXPECT_EQ(finish_child(), EINTR);
	EXPECT_ERRNO(answer(req.id, 0, 0, 0), ENOENT);
}

TEST(a_killable_wait_is_not_interrupted_once_seen)
{
	make_listener(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	start_child(ask_with_handler);
	struct seccomp_notif req = receive();
	ASSERT_OK(kill(child, SIGUSR1));
	EXPECT_OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id));
	EXPECT_OK(answer(req.id, 42, 0, 0));
	EXPECT_EQ(finish_child(), 42);
	start_child(ask_with_handler);
	req = receive();
	ASSERT_OK(kill(child, SIGKILL));
	EXPECT_EQ(finish_child(), -SIGKILL);
}

static int ask_and_stat(void)
{
	struct stat st, wanted;
	int fd = ask();
	stat("/dev/null", &wanted);
	return fstat(fd, &st) == 0 && st.st_rdev == wanted.st_rdev && fcntl(fd, F_GETFD) == FD_CLOEXEC ? fd : 255;
}

TEST(addfd_puts_a_descriptor_into_the_child)
{
	make_listener(0);
	start_child(ask_and_stat);
	struct seccomp_notif req = receive();
	int null = open("/dev/null", O_RDONLY);
	struct seccomp_notif_addfd add = { .id = req.id, .srcfd = (unsigned)null, .newfd_flags = O_CLOEXEC };
	int fd = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	ASSERT_OK(fd);
	EXPECT_OK(answer(req.id, fd, 0, 0));
	EXPECT_EQ(finish_child(), fd);
}

TEST(addfd_with_a_number_and_with_the_answer)
{
	make_listener(0);
	start_child(ask_and_stat);
	struct seccomp_notif req = receive();
	int null = open("/dev/null", O_RDONLY);
	struct seccomp_notif_addfd add = {
		.id = req.id, .srcfd = (unsigned)null, .newfd = 77, .newfd_flags = O_CLOEXEC,
		.flags = SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND,
	};
	EXPECT_EQ(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add), 77);
	EXPECT_EQ(finish_child(), 77);
	EXPECT_ERRNO(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add), ENOENT);
}

TEST(bad_requests)
{
	make_listener(0);
	start_child(ask);
	struct seccomp_notif dirty = { .flags = 1 };
	EXPECT_ERRNO(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &dirty), EINVAL);
	EXPECT_ERRNO(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, NULL), EFAULT);
	struct seccomp_notif req = receive();
	struct seccomp_notif_addfd add = { .id = req.id, .srcfd = 1000 };
	EXPECT_ERRNO(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add), EBADF);
	add = (struct seccomp_notif_addfd){ .id = req.id, .newfd = 5 };
	EXPECT_ERRNO(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add), EINVAL);
	add = (struct seccomp_notif_addfd){ .id = req.id, .flags = 8 };
	EXPECT_ERRNO(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add), EINVAL);
	add = (struct seccomp_notif_addfd){ .id = req.id, .newfd_flags = O_NONBLOCK };
	EXPECT_ERRNO(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add), EINVAL);
	add = (struct seccomp_notif_addfd){ .id = req.id + 1 };
	EXPECT_ERRNO(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add), ENOENT);
	EXPECT_ERRNO(ioctl(listener, 0x12345678, &add), EINVAL);
	char c;
	EXPECT_ERRNO(read(listener, &c, 1), EINVAL);
	EXPECT_ERRNO(ON_CALL(SECCOMP_FILTER_FLAG_NEW_LISTENER, SYS_getpid, SECCOMP_RET_USER_NOTIF), EBUSY);
	EXPECT_OK(answer(req.id, 1, 0, 0));
	EXPECT_EQ(finish_child(), 1);
}
