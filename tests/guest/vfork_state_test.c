/* vfork_state_test.c - what vfork(2)'s parent has when it goes on: all of its own, whatever the child did meanwhile. */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/guest/guest.h"

static void expect_exit(pid_t pid, int code)
{
	int status;
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), code);
}

static uint32_t mxcsr(void)
{
	return __builtin_ia32_stmxcsr();
}

TEST(control_words_are_the_parents)
{
	COVERS(vfork);
	uint32_t before = mxcsr(), other = before ^ 0x6000;      /* the rounding mode */
	uint16_t fcw, fcw_before, fcw_other = 0x27f;
	__asm__ volatile("fnstcw %0" : "=m"(fcw_before));
	for (volatile int i = 0; i < 3; i++) {
		pid_t pid = vfork();
		if (pid == 0) {
			__builtin_ia32_ldmxcsr(other);
			__asm__ volatile("fldcw %0" : : "m"(fcw_other));
			syscall(SYS_getppid);
			_exit(mxcsr() == other ? 0 : 1);
		}
		ASSERT(pid > 0);
		__asm__ volatile("fnstcw %0" : "=m"(fcw));
		EXPECT_EQ(mxcsr(), before);
		EXPECT_EQ(fcw, fcw_before);
		expect_exit(pid, 0);
	}
}

static volatile pid_t seen[3];

/* Ids that are answered without asking the kernel are each one's own. */
TEST(ids_are_each_ones_own)
{
	pid_t own = getpid();
	for (volatile int i = 0; i < 100; i++) {
		pid_t pid = vfork();
		if (pid == 0) {
			seen[0] = (pid_t)syscall(SYS_getpid);
			seen[1] = (pid_t)syscall(SYS_getppid);
			seen[2] = (pid_t)syscall(SYS_gettid);
			_exit(0);
		}
		ASSERT(pid > 0);
		EXPECT_EQ(syscall(SYS_getpid), own);
		EXPECT_EQ(syscall(SYS_gettid), own);
		EXPECT_EQ(seen[0], pid);
		EXPECT_EQ(seen[1], own);
		EXPECT_EQ(seen[2], pid);
		expect_exit(pid, 0);
	}
}

TEST(children_of_children)
{
	static volatile int depth;
	pid_t pid = vfork();
	if (pid == 0) {
		depth++;
		pid_t inner = vfork();
		if (inner == 0) {
			depth++;
			pid_t last = vfork();
			if (last == 0)
				_exit(++depth);
			_exit(last > 0 && depth == 3 && waitpid(last, NULL, 0) == last ? 2 : 99);
		}
		int status;
		_exit(inner > 0 && waitpid(inner, &status, 0) == inner && WEXITSTATUS(status) == 2 ? 1 : 99);
	}
	ASSERT(pid > 0);
	expect_exit(pid, 1);
	EXPECT_EQ(depth, 3);
}

TEST(child_forks)
{
	pid_t pid = vfork();
	if (pid == 0) {
		int status;
		pid_t inner = (pid_t)syscall(SYS_fork);
		if (inner == 0)
			_exit((int)syscall(SYS_getpid) & 0x7f);
		if (inner < 0 || waitpid(inner, &status, 0) != inner || WEXITSTATUS(status) != (inner & 0x7f))
			_exit(1);
		_exit(0);
	}
	ASSERT(pid > 0);
	expect_exit(pid, 0);
}

static volatile sig_atomic_t signals;

static void count(int sig)
{
	signals += sig == SIGUSR1;
}

TEST(signals_to_either)
{
	struct sigaction sa = { .sa_handler = count };
	ASSERT_OK(sigaction(SIGUSR1, &sa, NULL));
	pid_t own = getpid(), pid = vfork();
	if (pid == 0) {
		kill((pid_t)syscall(SYS_getpid), SIGUSR1);       /* its own: handled at once, in the shared memory */
		int now = signals;
		kill(own, SIGUSR1);                              /* the parent's: when it goes on */
		_exit(now == 1 && signals == 1 ? 0 : 1);
	}
	ASSERT(pid > 0);
	EXPECT_EQ(signals, 2);
	expect_exit(pid, 0);
}

TEST(parent_is_killed_and_the_child_lives)
{
	int fds[2];
	ASSERT_OK(pipe(fds));
	ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid_t parent = fork();
	if (parent == 0) {
		pid_t pid = vfork();
		if (pid == 0) {
			pid_t mine = (pid_t)syscall(SYS_getpid);
			(void)!write(fds[1], &mine, sizeof(mine));
			kill(mine, SIGSTOP);
			(void)!write(fds[1], &mine, sizeof(mine));
			_exit((int)syscall(SYS_getpid) == mine ? 7 : 1);
		}
		_exit(2);
	}
	pid_t child, again;
	int status;
	ASSERT_EQ(read(fds[0], &child, sizeof(child)), sizeof(child));
	ASSERT_OK(kill(parent, SIGKILL));
	ASSERT_EQ(waitpid(parent, &status, 0), parent);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
	ASSERT(WIFSTOPPED(status));
	ASSERT_OK(kill(child, SIGCONT));
	ASSERT_EQ(read(fds[0], &again, sizeof(again)), sizeof(again));
	EXPECT_EQ(again, child);
	expect_exit(child, 7);
}

TEST(affinity_is_the_parents)
{
	COVERS(sched_setaffinity, sched_getaffinity);
	cpu_set_t all, one, now;
	ASSERT_OK(sched_getaffinity(0, sizeof(all), &all));
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	pid_t pid = vfork();
	if (pid == 0)
		_exit(sched_setaffinity(0, sizeof(one), &one) == 0 ? 0 : 1);
	ASSERT(pid > 0);
	ASSERT_OK(sched_getaffinity(0, sizeof(now), &now));
	EXPECT(CPU_EQUAL(&now, &all));
	expect_exit(pid, 0);
}
