/* signalfd_test.c - signalfd(2). */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "tests/guest/guest.h"

COVERS(signalfd, signalfd4, read, poll, epoll_wait);

static sigset_t set_of(int a, int b)
{
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, a);
	if (b)
		sigaddset(&s, b);
	return s;
}

TEST(reads_blocked_signals)
{
	sigset_t s = set_of(SIGUSR1, SIGUSR2);
	sigprocmask(SIG_BLOCK, &s, NULL);
	int fd = signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC);
	ASSERT_OK(fd);
	struct signalfd_siginfo si[4];
	EXPECT_ERRNO(read(fd, si, sizeof(si)), EAGAIN);
	EXPECT_ERRNO(read(fd, si, sizeof(si[0]) - 1), EINVAL);
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGUSR1);
	EXPECT_EQ(read(fd, si, sizeof(si)), 2 * sizeof(si[0]));
	EXPECT_EQ(si[0].ssi_signo, SIGUSR1);
	EXPECT_EQ(si[1].ssi_signo, SIGUSR2);
	EXPECT_EQ(si[0].ssi_pid, getpid());
	EXPECT_EQ(si[0].ssi_uid, getuid());
	EXPECT_EQ(si[0].ssi_code, SI_USER);
	EXPECT_ERRNO(read(fd, si, sizeof(si)), EAGAIN);
}

TEST(carries_values_and_children)
{
	sigset_t s = set_of(SIGRTMIN, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, NULL);
	int fd = signalfd(-1, &s, 0);
	union sigval v = { .sival_int = 4711 };
	ASSERT_OK(sigqueue(getpid(), SIGRTMIN, v));
	struct signalfd_siginfo si;
	EXPECT_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	EXPECT_EQ(si.ssi_int, 4711);
	EXPECT_EQ(si.ssi_code, SI_QUEUE);
	pid_t pid = fork();
	if (pid == 0)
		_exit(3);
	EXPECT_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	EXPECT_EQ(si.ssi_signo, SIGCHLD);
	EXPECT_EQ(si.ssi_pid, pid);
	EXPECT_EQ(si.ssi_status, 3);
	EXPECT_EQ(si.ssi_code, CLD_EXITED);
	waitpid(pid, NULL, 0);
}

TEST(can_be_polled)
{
	sigset_t s = set_of(SIGUSR1, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, NULL);
	int fd = signalfd(-1, &s, 0), ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };
	ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	struct pollfd p = { fd, POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, 0), 0);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	pid_t me = getpid(), pid = fork();
	if (pid == 0) {
		usleep(5000);
		kill(me, SIGUSR1);
		for (;;)
			pause();
	}
	EXPECT_EQ(poll(&p, 1, -1), 1);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, -1), 1);
	struct signalfd_siginfo si;
	EXPECT_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	kill(pid, SIGKILL);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, -1), 1);
	waitpid(pid, NULL, 0);
}

TEST(mask_can_be_changed)
{
	sigset_t s = set_of(SIGUSR1, SIGUSR2), one = set_of(SIGUSR1, 0);
	sigprocmask(SIG_BLOCK, &s, NULL);
	int fd = signalfd(-1, &one, SFD_NONBLOCK);
	kill(getpid(), SIGUSR2);
	struct signalfd_siginfo si;
	EXPECT_ERRNO(read(fd, &si, sizeof(si)), EAGAIN);
	EXPECT_EQ(signalfd(fd, &s, 0), fd);
	EXPECT_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	EXPECT_ERRNO(signalfd(0, &s, 0), EINVAL);
	EXPECT_ERRNO(signalfd(999, &s, 0), EBADF);
	EXPECT_ERRNO(signalfd(-1, &s, 1), EINVAL);
}

TEST(a_child_reads_its_own)
{
	sigset_t s = set_of(SIGUSR1, 0);
	sigprocmask(SIG_BLOCK, &s, NULL);
	int fd = signalfd(-1, &s, SFD_NONBLOCK);
	kill(getpid(), SIGUSR1);
	pid_t pid = fork();
	if (pid == 0) {
		struct signalfd_siginfo si;
		if (read(fd, &si, sizeof(si)) != -1 || errno != EAGAIN)
			_exit(1);
		kill(getpid(), SIGUSR1);
		_exit(read(fd, &si, sizeof(si)) == sizeof(si) && (pid_t)si.ssi_pid == getpid() ? 0 : 2);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}
