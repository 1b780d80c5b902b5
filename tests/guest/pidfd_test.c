/* pidfd_test.c - descriptors of processes (pidfd_open(2)). */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "tests/guest/guest.h"

COVERS(pidfd_open, pidfd_send_signal, pidfd_getfd, waitid, clone, poll);

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int pidfd_open_(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();
	while (pid == 0)
		pause();
	return pid;
}

TEST(becomes_readable_when_the_process_ends)
{
	pid_t pid = sleeper();
	int fd = pidfd_open_(pid, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	struct pollfd p = { fd, POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, 0), 0);
	ASSERT_OK(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	EXPECT_EQ(poll(&p, 1, -1), 1);
	EXPECT_EQ(p.revents, POLLIN);
	siginfo_t si;
	ASSERT_OK(waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
	EXPECT_EQ(si.si_pid, pid);
	EXPECT_EQ(si.si_status, SIGTERM);
	EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
	EXPECT_EQ(poll(&p, 1, 0), 1);
}

TEST(poll_sleeps_until_the_end)
{
	pid_t pid = fork();
	if (pid == 0) {
		usleep(5000);
		_exit(0);
	}
	struct pollfd p = { pidfd_open_(pid, 0), POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, -1), 1);
	waitpid(pid, NULL, 0);
}

TEST(errors)
{
	EXPECT_ERRNO(pidfd_open_(0, 0), EINVAL);
	EXPECT_ERRNO(pidfd_open_(-1, 0), EINVAL);
	EXPECT_ERRNO(pidfd_open_(getpid(), 1), EINVAL);
	EXPECT_ERRNO(pidfd_open_(1999999, 0), ESRCH);
	EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0), EBADF);
	int fd = pidfd_open_(getpid(), 0);
	EXPECT_OK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0), EINVAL);
	char c;
	EXPECT_ERRNO(read(fd, &c, 1), EINVAL);
	siginfo_t si = { .si_signo = SIGUSR2, .si_code = SI_QUEUE };
	EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &si, 0), EINVAL);
}

TEST(directory_of_a_process_takes_signals_too)
{
	int fd = open("/proc/self", O_RDONLY | O_DIRECTORY), other = open("/proc", O_RDONLY | O_DIRECTORY);
	ASSERT_OK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, other, 0, NULL, 0), EBADF);
	EXPECT_ERRNO(syscall(SYS_pidfd_getfd, fd, 0, 0), EBADF);
	pid_t pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d", pid);
	int child = open(path, O_RDONLY | O_DIRECTORY);
	ASSERT_OK(syscall(SYS_pidfd_send_signal, child, SIGTERM, NULL, 0));
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, child, 0, NULL, 0), ESRCH);
}

TEST(getfd_takes_a_file_of_another)
{
	int ready[2], p[2];
	ASSERT_OK(pipe(ready));
	pid_t pid = fork();
	if (pid == 0) {
		if (pipe(p) == 0 && dup2(p[0], 50) == 50) {
			write(p[1], "found", 5);
			write(ready[1], "x", 1);
		}
		for (;;)
			pause();
	}
	char buf[8];
	ASSERT_EQ(read(ready[0], buf, 1), 1);
	int pfd = pidfd_open_(pid, 0);
	int got = (int)syscall(SYS_pidfd_getfd, pfd, 50, 0);
	ASSERT_OK(got);
	EXPECT_EQ(read(got, buf, sizeof(buf)), 5);
	EXPECT_ERRNO(syscall(SYS_pidfd_getfd, pfd, 51, 0), EBADF);
	EXPECT_ERRNO(syscall(SYS_pidfd_getfd, pfd, 50, 1), EINVAL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST(clone_makes_one)
{
	int fd = -1;
	long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, 0);
	if (pid == 0)
		_exit(9);
	ASSERT_OK(pid);
	struct pollfd p = { fd, POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, -1), 1);
	siginfo_t si;
	ASSERT_OK(waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
	EXPECT_EQ(si.si_status, 9);
}

TEST(nonblocking_waitid)
{
	pid_t pid = sleeper();
	int fd = pidfd_open_(pid, O_NONBLOCK);
	ASSERT_OK(fd);
	siginfo_t si;
	EXPECT_ERRNO(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), EAGAIN);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define GET_INFO _IOWR(0xFF, 11, struct info)
enum { INFO_PID = 1, INFO_CREDS = 2, INFO_EXIT = 8 };

TEST(tells_who_it_is_and_how_it_ended)
{
	pid_t pid = sleeper();
	int fd = pidfd_open_(pid, 0);
	ASSERT_OK(fd);
	struct info info = { .mask = INFO_EXIT };
	if (ioctl(fd, GET_INFO, &info) < 0 && (errno == ENOTTY || errno == EINVAL))
		SKIP("no PIDFD_GET_INFO before Linux 6.13");
	EXPECT_EQ(info.mask & (INFO_PID | INFO_CREDS | INFO_EXIT), INFO_PID | INFO_CREDS);
	EXPECT_EQ(info.pid, pid);
	EXPECT_EQ(info.ppid, getpid());
	EXPECT_EQ(info.euid, geteuid());
	EXPECT_ERRNO(ioctl(fd, GET_INFO, NULL), EINVAL);
	EXPECT_ERRNO(ioctl(fd, GET_INFO, (void *)8), EFAULT);
	ASSERT_OK(kill(pid, SIGKILL));
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	info = (struct info){ .mask = INFO_PID };
	EXPECT_ERRNO(ioctl(fd, GET_INFO, &info), ESRCH);
	info = (struct info){ .mask = INFO_EXIT };
	if (ioctl(fd, GET_INFO, &info) < 0 && errno == ESRCH)
		SKIP("no exit status before Linux 6.15");
	EXPECT_EQ(info.mask & INFO_EXIT, INFO_EXIT);
	EXPECT_EQ(info.exit_code, status);
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Linux before 6.16 has none for him; there is nobody to ask either way. */
TEST(of_a_peer_who_has_gone)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(name);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_OK(bind(s, (struct sockaddr *)&name, sizeof(sa_family_t)));
	ASSERT_OK(listen(s, 1));
	ASSERT_OK(getsockname(s, (struct sockaddr *)&name, &len));
	pid_t pid = fork();
	if (pid == 0)
		_exit(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, len) < 0);
	int status, fd = -1;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	int c = accept(s, NULL, NULL);
	ASSERT_OK(c);
	len = sizeof(fd);
	if (getsockopt(c, SOL_SOCKET, SO_PEERPIDFD, &fd, &len) < 0)
		return;
	struct info info = { .mask = INFO_PID };
	EXPECT(ioctl(fd, GET_INFO, &info) < 0);
}
