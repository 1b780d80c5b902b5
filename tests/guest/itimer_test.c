/* itimer_test.c - setitimer(2), alarm(2). */
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(setitimer, getitimer, alarm);

static volatile int count;
static void on_signal(int sig)
{
	(void)sig;
	count++;
}

static void handle(int sig)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(sig, &sa, NULL);
}

TEST(real_timer_repeats)
{
	handle(SIGALRM);
	struct itimerval it = { { 0, 2000 }, { 0, 2000 } }, now;
	ASSERT_OK(setitimer(ITIMER_REAL, &it, NULL));
	while (count < 5)
		pause();
	ASSERT_OK(getitimer(ITIMER_REAL, &now));
	EXPECT_EQ(now.it_interval.tv_usec, 2000);
	EXPECT(now.it_value.tv_sec == 0 && now.it_value.tv_usec <= 2000);
	it = (struct itimerval){ 0 };
	ASSERT_OK(setitimer(ITIMER_REAL, &it, &now));
	EXPECT_EQ(now.it_interval.tv_usec, 2000);
	ASSERT_OK(getitimer(ITIMER_REAL, &now));
	EXPECT(now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);
}

TEST(alarm_is_the_real_timer)
{
	handle(SIGALRM);
	EXPECT_EQ(alarm(100), 0);
	struct itimerval now;
	ASSERT_OK(getitimer(ITIMER_REAL, &now));
	EXPECT_EQ(now.it_value.tv_sec, 99);
	EXPECT_EQ(alarm(0), 100);
	EXPECT_EQ(alarm(0), 0);
	EXPECT_EQ(count, 0);
}

TEST(default_action_kills)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct itimerval it = { { 0, 0 }, { 0, 5000 } };
		setitimer(ITIMER_REAL, &it, NULL);
		for (;;)
			pause();
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

TEST(fork_does_not_inherit)
{
	struct itimerval it = { { 0, 0 }, { 100, 0 } }, now;
	ASSERT_OK(setitimer(ITIMER_REAL, &it, NULL));
	pid_t pid = fork();
	if (pid == 0)
		_exit(getitimer(ITIMER_REAL, &now) == 0 && now.it_value.tv_sec == 0 ? 0 : 1);
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

static void cpu_timer(int which, int sig)
{
	handle(sig);
	struct itimerval it = { { 0, 10000 }, { 0, 10000 } };
	ASSERT_OK(setitimer(which, &it, NULL));
	usleep(40000);
	int asleep = count;
	EXPECT(asleep <= 2);
	volatile unsigned long n = 0;
	while (count < asleep + 3)
		n++;
}

TEST(profiling_timer_counts_cpu_time)
{
	cpu_timer(ITIMER_PROF, SIGPROF);
}

TEST(virtual_timer_counts_cpu_time)
{
	cpu_timer(ITIMER_VIRTUAL, SIGVTALRM);
}

TEST(errors)
{
	struct itimerval it = { { 0, 0 }, { 0, 1000000 } };
	EXPECT_ERRNO(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
	it.it_value.tv_usec = 0;
	EXPECT_ERRNO(setitimer(9, &it, NULL), EINVAL);
	EXPECT_ERRNO(getitimer(9, &it), EINVAL);
	EXPECT_ERRNO(getitimer(ITIMER_REAL, (void *)8), EFAULT);
}

TEST(cpu_limit_warns_and_kills)
{
	COVERS(setrlimit);
	pid_t pid = fork();
	if (pid == 0) {
		handle(SIGXCPU);
		struct rlimit rl = { 1, 2 };
		setrlimit(RLIMIT_CPU, &rl);
		volatile unsigned long n = 0;
		while (!count)
			n++;
		signal(SIGXCPU, SIG_DFL);
		for (;;)
			n++;
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
