/* rlimit_test.c - resource limits: reading, setting, and that they bind. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(getrlimit, setrlimit, prlimit64);

TEST(soft_and_hard)
{
	struct rlimit rl, got;
	ASSERT_OK(syscall(SYS_getrlimit, RLIMIT_NOFILE, &rl));
	EXPECT(rl.rlim_cur <= rl.rlim_max);
	rl.rlim_cur = rl.rlim_max + 1;
	EXPECT_ERRNO(setrlimit(RLIMIT_NOFILE, &rl), EINVAL);
	rl = (struct rlimit){ 10, 20 };
	ASSERT_OK(syscall(SYS_setrlimit, RLIMIT_CORE, &rl));
	ASSERT_OK(prlimit(0, RLIMIT_CORE, NULL, &got));
	EXPECT_EQ(got.rlim_cur, 10);
	EXPECT_EQ(got.rlim_max, 20);
	EXPECT_ERRNO(syscall(SYS_getrlimit, 16, &rl), EINVAL);
	EXPECT_ERRNO(syscall(SYS_prlimit64, 0x7fffff, RLIMIT_CORE, NULL, &got), ESRCH);
	EXPECT_ERRNO(syscall(SYS_getrlimit, RLIMIT_CORE, 8), EFAULT);
}

TEST(hard_limits_rise_only_with_privilege)
{
	struct rlimit rl = { 10, 20 };
	ASSERT_OK(setrlimit(RLIMIT_CORE, &rl));
	if (geteuid() == 0)
		ASSERT_OK(setuid(1000));
	rl.rlim_max = 30;
	EXPECT_ERRNO(setrlimit(RLIMIT_CORE, &rl), EPERM);
	rl = (struct rlimit){ 5, 15 };
	EXPECT_OK(setrlimit(RLIMIT_CORE, &rl));
}

TEST(of_another_process)
{
	int fds[2];
	char c;
	struct rlimit rl = { 100, 200 }, got;
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[1]);
		read(fds[0], &c, 1);
		getrlimit(RLIMIT_CORE, &got);
		_exit(got.rlim_cur == 100 ? 0 : 1);
	}
	EXPECT_OK(prlimit(pid, RLIMIT_CORE, &rl, NULL));
	close(fds[1]);
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(descriptors_are_limited)
{
	struct rlimit rl = { 10, 10 };
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &rl));
	while (dup(1) >= 0)
		;
	EXPECT_EQ(errno, EMFILE);
	EXPECT_ERRNO(dup2(1, 10), EBADF);
}

TEST(processes_are_limited)
{
	struct rlimit rl = { 1, 1 };
	if (geteuid() == 0)
		ASSERT_OK(setuid(54321));
	ASSERT_OK(setrlimit(RLIMIT_NPROC, &rl));
	EXPECT_ERRNO(fork(), EAGAIN);
}

TEST(limits_are_inherited)
{
	struct rlimit rl = { 123, 456 };
	ASSERT_OK(setrlimit(RLIMIT_CORE, &rl));
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "case $(ulimit -Sc) in 0|123) exit 0;; esac; exit 1", (char *)NULL);
		_exit(127);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}
