/* sigmask_test.c - rt_sigprocmask(2), often: signals that come while the mask changes, who sees it, what inherits it. */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

#define MANY 20000                        /* often enough for a call site that was found to be hot */

static atomic_int got, while_blocked;
static _Thread_local atomic_bool is_blocked;

static void count(int sig)
{
	(void)sig;
	got++;
	while_blocked += is_blocked;
}

static void handle(int sig)
{
	struct sigaction sa = { .sa_handler = count };
	sigaction(sig, &sa, NULL);
}

static sigset_t one(int sig)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, sig);
	return set;
}

static unsigned long mask(void)
{
	unsigned long now = 0;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8);
	return now;
}

static void change_often(void)
{
	sigset_t set = one(SIGWINCH);
	for (int i = 0; i < 1000; i++) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
}

TEST(block_unblock_set_and_ask)
{
	COVERS(rt_sigprocmask);
	sigset_t a = one(SIGUSR1), b = one(SIGUSR2), both = a, old;
	sigaddset(&both, SIGUSR2);
	for (int i = 0; i < 1000; i++) {
		ASSERT_OK(sigprocmask(SIG_BLOCK, &a, &old));
		EXPECT_EQ(sigismember(&old, SIGUSR1), 0);
		ASSERT_OK(sigprocmask(SIG_BLOCK, &b, &old));
		EXPECT_EQ(sigismember(&old, SIGUSR1), 1);
		EXPECT_EQ(sigismember(&old, SIGUSR2), 0);
		EXPECT_EQ(mask(), 1UL << (SIGUSR1 - 1) | 1UL << (SIGUSR2 - 1));
		ASSERT_OK(sigprocmask(SIG_UNBLOCK, &a, NULL));
		EXPECT_EQ(mask(), 1UL << (SIGUSR2 - 1));
		ASSERT_OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &both, &both, 8));     /* the same memory */
		EXPECT_EQ(sigismember(&both, SIGUSR1), 0);
		EXPECT_EQ(mask(), 1UL << (SIGUSR1 - 1) | 1UL << (SIGUSR2 - 1));
		sigaddset(&both, SIGUSR1);
		ASSERT_OK(sigprocmask(SIG_UNBLOCK, &both, NULL));
		EXPECT_EQ(mask(), 0);
	}
}

TEST(kill_and_stop_are_never_blocked)
{
	unsigned long all = ~0UL;
	for (int i = 0; i < 1000; i++) {
		ASSERT_OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8));
		EXPECT_EQ(mask(), ~(1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1)));
	}
}

TEST(bad_arguments_often)
{
	unsigned long set = 1, old;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(page != MAP_FAILED);
	ASSERT_OK(mprotect(page + 4096, 4096, PROT_NONE));
	for (int i = 0; i < 1000; i++) {
		EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, 3, &set, NULL, 8), EINVAL);
		EXPECT_OK(syscall(SYS_rt_sigprocmask, 3, NULL, &old, 8));
		EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 4), EINVAL);
		EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, page + 4096, NULL, 8), EFAULT);
		EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, page + 4092, NULL, 8), EFAULT);
		EXPECT_EQ(mask(), 0);
		EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, page + 4096, 8), EFAULT);
		EXPECT_EQ(mask(), 1);             /* changed all the same */
		EXPECT_OK(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 8));
	}
	ASSERT_OK(mprotect(page, 4096, PROT_READ));
	EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, page, 8), EFAULT);
	EXPECT_EQ(mask(), 1);
}

TEST(what_is_pending_comes_before_unblocking_returns)
{
	sigset_t set = one(SIGUSR1);
	handle(SIGUSR1);
	for (int i = 0; i < 2000; i++) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		if (i % 2)
			kill(getpid(), SIGUSR1);
		else
			raise(SIGUSR1);
		EXPECT_EQ(got, i);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		ASSERT_EQ(got, i + 1);
	}
}

static atomic_bool done;

static void *toggle(void *unused)
{
	(void)unused;
	sigset_t set = one(SIGRTMIN);
	while (!done) {
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		is_blocked = true;
		is_blocked = false;
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	}
	return NULL;
}

TEST(none_is_lost_while_the_mask_changes)
{
	COVERS(rt_sigprocmask, rt_tgsigqueueinfo);
	handle(SIGRTMIN);
	pthread_t t;
	ASSERT_EQ(pthread_create(&t, NULL, toggle, NULL), 0);
	union sigval value = { 0 };
	for (int i = 0; i < MANY; i++) {
		ASSERT_EQ(pthread_sigqueue(t, SIGRTMIN, value), 0);
		while (got < i + 1 - 10)
			sched_yield();
	}
	while (got < MANY)
		sched_yield();
	done = true;
	pthread_join(t, NULL);
	EXPECT_EQ(got, MANY);
	EXPECT_EQ(while_blocked, 0);
}

TEST(the_processs_signals_go_to_whoever_takes_them)
{
	handle(SIGRTMIN);
	pthread_t t[3];
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, toggle, NULL), 0);
	sigset_t set = one(SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	is_blocked = true;
	union sigval value = { 0 };
	for (int i = 0; i < MANY; i++) {
		ASSERT_OK(sigqueue(getpid(), SIGRTMIN, value));
		while (got < i + 1 - 10)
			sched_yield();
	}
	while (got < MANY)
		sched_yield();
	done = true;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(got, MANY);
	EXPECT_EQ(while_blocked, 0);
}

TEST(another_process_sends_while_the_mask_changes)
{
	handle(SIGRTMIN);
	pid_t parent = getpid(), child = fork();
	if (child == 0) {
		union sigval value = { 0 };
		for (int i = 0; i < MANY; i++)
			while (sigqueue(parent, SIGRTMIN, value) < 0 && errno == EAGAIN)
				sched_yield();
		_exit(0);
	}
	sigset_t set = one(SIGRTMIN);
	while (got < MANY) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		is_blocked = true;
		is_blocked = false;
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	int status;
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(got, MANY);
	EXPECT_EQ(while_blocked, 0);
}

static unsigned long blocked_in_proc(pid_t pid)
{
	char path[64], line[256];
	unsigned long set = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "SigBlk: %lx", &set);
	if (f)
		fclose(f);
	return set;
}

TEST(proc_tells_the_mask_of_who_runs)
{
	volatile atomic_int *stage = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	if (child == 0) {
		change_often();
		sigset_t set = one(SIGUSR1);
		sigprocmask(SIG_BLOCK, &set, NULL);
		*stage = 1;
		for (;;)
			if (*stage == 2) {
				sigprocmask(SIG_UNBLOCK, &set, NULL);
				*stage = 3;
			}
	}
	while (*stage != 1)
		sched_yield();
	EXPECT_EQ(blocked_in_proc(child), 1UL << (SIGUSR1 - 1));
	*stage = 2;
	while (*stage != 3)
		sched_yield();
	EXPECT_EQ(blocked_in_proc(child), 0);
	ASSERT_OK(kill(child, SIGUSR1));
	int status;
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(WTERMSIG(status), SIGUSR1);
}

static void *report_mask(void *out)
{
	*(unsigned long *)out = mask();
	return NULL;
}

TEST(children_and_threads_and_programs_inherit_it)
{
	change_often();
	sigset_t set = one(SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	unsigned long of_thread = 0, want = 1UL << (SIGUSR2 - 1);
	pthread_t t;
	ASSERT_EQ(pthread_create(&t, NULL, report_mask, &of_thread), 0);
	pthread_join(t, NULL);
	EXPECT_EQ(of_thread, want);
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(mask() != want);
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	child = vfork();
	if (child == 0) {
		sigprocmask(SIG_UNBLOCK, &set, NULL);     /* its own */
		_exit(mask() != 0);
	}
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(mask(), want);
	child = fork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", "exec grep -q 'SigBlk:.*0000000000000800' /proc/self/status", (char *)NULL);
		_exit(1);
	}
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
}

TEST(sigreturn_and_sigsuspend_after_many_changes)
{
	change_often();
	handle(SIGUSR1);
	sigset_t set = one(SIGUSR1), none;
	sigemptyset(&none);
	for (int i = 0; i < 500; i++) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGUSR1);
		EXPECT_ERRNO(sigsuspend(&none), EINTR);
		EXPECT_EQ(got, i + 1);
		EXPECT_EQ(mask(), 1UL << (SIGUSR1 - 1));
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
}

static void *yield_until(void *word)
{
	for (atomic_int *w = word; *w != 1000;)
		if (*w % 2)
			(*w)++;
		else
			sched_yield();
	return NULL;
}

TEST(yielding_lets_the_other_run)
{
	COVERS(sched_yield);
	cpu_set_t set;
	ASSERT_OK(sched_getaffinity(0, sizeof(set), &set));
	int cpu = 0;
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ASSERT_OK(sched_setaffinity(0, sizeof(set), &set));
	atomic_int word = 0;
	pthread_t t;
	ASSERT_EQ(pthread_create(&t, NULL, yield_until, &word), 0);
	while (word != 1000)
		if (word % 2 == 0)
			word++;
		else
			EXPECT_EQ(sched_yield(), 0);
	pthread_join(t, NULL);
}
