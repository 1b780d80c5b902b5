/* sigqueue_test.c - signals that carry values, and waiting for them: sigqueue(3), sigtimedwait(2), RLIMIT_SIGPENDING. */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(rt_sigqueueinfo, rt_tgsigqueueinfo, rt_sigtimedwait, rt_sigpending);

static sigset_t block(int sig)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, sig);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	return set;
}

static int queue(int sig, int value)
{
	return sigqueue(getpid(), sig, (union sigval){ .sival_int = value });
}

TEST(realtime_signals_queue_in_order)
{
	sigset_t set = block(SIGRTMIN);
	siginfo_t info;
	for (int i = 1; i <= 5; i++)
		ASSERT_OK(queue(SIGRTMIN, i));
	for (int i = 1; i <= 5; i++) {
		ASSERT_EQ(sigwaitinfo(&set, &info), SIGRTMIN);
		EXPECT_EQ(info.si_code, SI_QUEUE);
		EXPECT_EQ(info.si_value.sival_int, i);
		EXPECT_EQ(info.si_pid, getpid());
	}
	struct timespec zero = { 0 };
	EXPECT_ERRNO(sigtimedwait(&set, &info, &zero), EAGAIN);
}

TEST(standard_signals_do_not_queue)
{
	sigset_t set = block(SIGUSR1);
	siginfo_t info;
	queue(SIGUSR1, 1);
	queue(SIGUSR1, 2);
	ASSERT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
	EXPECT_EQ(info.si_value.sival_int, 1);
	struct timespec zero = { 0 };
	EXPECT_ERRNO(sigtimedwait(&set, NULL, &zero), EAGAIN);
}

TEST(lower_numbers_come_first)
{
	sigset_t set = block(SIGRTMIN + 1);
	sigaddset(&set, SIGRTMIN + 2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	queue(SIGRTMIN + 2, 2);
	queue(SIGRTMIN + 1, 1);
	EXPECT_EQ(sigwaitinfo(&set, NULL), SIGRTMIN + 1);
	EXPECT_EQ(sigwaitinfo(&set, NULL), SIGRTMIN + 2);
}

TEST(timed_wait_times_out)
{
	sigset_t set = block(SIGUSR1);
	struct timespec ts = { .tv_nsec = 20000000 }, before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	EXPECT_ERRNO(sigtimedwait(&set, NULL, &ts), EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec >= 20000000);
	ts.tv_nsec = 1000000000;
	EXPECT_ERRNO(sigtimedwait(&set, NULL, &ts), EINVAL);
}

static volatile sig_atomic_t handled;
static void on_signal(int sig)
{
	handled = sig;
}

TEST(another_signal_interrupts_the_wait)
{
	sigset_t set = block(SIGUSR1);
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	EXPECT_ERRNO(sigwaitinfo(&set, NULL), EINTR);
	EXPECT_EQ(handled, SIGALRM);
}

TEST(a_waiting_process_is_woken)
{
	sigset_t set = block(SIGUSR1);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		kill(parent, SIGUSR1);
		_exit(0);
	}
	siginfo_t info;
	EXPECT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
	EXPECT_EQ(info.si_pid, pid);
	waitpid(pid, NULL, 0);
}

TEST(ignored_by_default_but_waited_for)
{
	sigset_t set = block(SIGCHLD);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	EXPECT_EQ(sigwaitinfo(&set, NULL), SIGCHLD);
	waitpid(pid, NULL, 0);
}

TEST(nobody_may_pretend_to_be_the_kernel)
{
	siginfo_t info = { .si_code = SI_USER };
	EXPECT_ERRNO(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info), EPERM);
	info.si_code = SI_TKILL;
	EXPECT_ERRNO(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info), EPERM);
	info.si_code = -100;
	EXPECT_OK(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
	info.si_code = SI_USER;
	block(SIGUSR1);
	EXPECT_OK(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info));
	EXPECT_OK(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGUSR1, &info));
	EXPECT_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGUSR1, &info), EINVAL);
	info.si_code = SI_QUEUE;
	EXPECT_ERRNO(syscall(SYS_rt_sigqueueinfo, 0x7fffff, SIGUSR1, &info), ESRCH);
}

TEST(the_limit_on_queued_signals)
{
	COVERS(prlimit64);
	sigset_t set = block(SIGRTMIN);
	/* Others of the user may have signals queued: far more than those. */
	struct rlimit rl = { 200, 200 };
	ASSERT_OK(setrlimit(RLIMIT_SIGPENDING, &rl));
	int n = 0;
	while (n < 1000 && queue(SIGRTMIN, n) == 0)
		n++;
	EXPECT_EQ(errno, EAGAIN);
	EXPECT(n > 0 && n <= 200);
	/* Standard ones are never lost. */
	set = block(SIGUSR2);
	EXPECT_OK(kill(getpid(), SIGUSR2));
	EXPECT_EQ(sigwaitinfo(&set, NULL), SIGUSR2);
}
