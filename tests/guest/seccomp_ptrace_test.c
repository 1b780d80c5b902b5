/* seccomp_ptrace_test.c - what a tracer sees and suspends of another's filters (ptrace(2)). */
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/guest/seccomp.h"

COVERS(ptrace, seccomp);

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif
#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

static long get_filter(pid_t pid, unsigned long n, struct sock_filter *out)
{
	return syscall(SYS_ptrace, PTRACE_SECCOMP_GET_FILTER, pid, n, out);
}

/* Stops once without a filter, once with two; then exits with what getppid(2) failed with. */
static void filtered(void)
{
	no_new_privs();
	raise(SIGSTOP);
	if (ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO | EXDEV) || ADD(0, RET(SECCOMP_RET_ALLOW)))
		_exit(99);
	raise(SIGSTOP);
	_exit(syscall(SYS_getppid) < 0 ? errno : 0);
}

static pid_t tracee(unsigned long options)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(98);
		filtered();
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_OK(ptrace(PTRACE_SETOPTIONS, pid, 0, options | PTRACE_O_EXITKILL));
	return pid;
}

static int go_on(pid_t pid)
{
	int status;
	ASSERT_OK(ptrace(PTRACE_CONT, pid, 0, 0));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

TEST(a_tracer_reads_filters_the_oldest_first)
{
	if (geteuid() != 0)
		SKIP("not root");
	struct sock_filter got[8];
	pid_t pid = tracee(0);
	EXPECT_ERRNO(get_filter(pid, 0, got), EINVAL);
	ASSERT_EQ(go_on(pid), SIGSTOP << 8 | 0x7f);
	ASSERT_EQ(get_filter(pid, 0, NULL), 4);
	ASSERT_EQ(get_filter(pid, 0, got), 4);
	EXPECT_EQ(got[1].k, SYS_getppid);
	EXPECT_EQ(got[2].k, SECCOMP_RET_ERRNO | EXDEV);
	ASSERT_EQ(get_filter(pid, 1, got), 1);
	EXPECT_EQ(got[0].k, SECCOMP_RET_ALLOW);
	EXPECT_ERRNO(get_filter(pid, 2, got), ENOENT);
	EXPECT_ERRNO(get_filter(pid, 0, (void *)8), EFAULT);
	EXPECT_EQ(go_on(pid), EXDEV << 8);
}

TEST(a_tracer_suspends_filters_while_it_traces)
{
	if (geteuid() != 0)
		SKIP("not root");
	pid_t pid = tracee(PTRACE_O_SUSPEND_SECCOMP);
	ASSERT_EQ(go_on(pid), SIGSTOP << 8 | 0x7f);
	EXPECT_EQ(go_on(pid), 0);
	pid = tracee(PTRACE_O_SUSPEND_SECCOMP);
	ASSERT_EQ(go_on(pid), SIGSTOP << 8 | 0x7f);
	ASSERT_OK(ptrace(PTRACE_DETACH, pid, 0, 0));
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, EXDEV << 8);
}

TEST(neither_is_for_who_is_confined_or_has_no_rights)
{
	if (geteuid() != 0)
		SKIP("not root");
	struct sock_filter got[8];
	pid_t pid = tracee(0);
	ASSERT_EQ(go_on(pid), SIGSTOP << 8 | 0x7f);
	no_new_privs();
	ASSERT_OK(ADD(0, RET(SECCOMP_RET_ALLOW)));
	EXPECT_ERRNO(get_filter(pid, 0, got), EACCES);
	EXPECT_ERRNO(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_SUSPEND_SECCOMP), EPERM);
	EXPECT_ERRNO(ptrace(PTRACE_SETOPTIONS, pid, 0, 1UL << 30), EINVAL);
	EXPECT_EQ(go_on(pid), EXDEV << 8);
}
