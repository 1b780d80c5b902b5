/* posix_timer_test.c - timer_create(2). */
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(timer_create, timer_settime, timer_gettime, timer_getoverrun, timer_delete);

static sigset_t block(int sig)
{
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, sig);
	pthread_sigmask(SIG_BLOCK, &s, NULL);
	return s;
}

static struct itimerspec ms(long value, long interval)
{
	return (struct itimerspec){ .it_value = { value / 1000, value % 1000 * 1000000 },
				    .it_interval = { interval / 1000, interval % 1000 * 1000000 } };
}

TEST(sends_its_signal_with_value)
{
	sigset_t s = block(SIGUSR1);
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 1234 };
	timer_t id;
	ASSERT_OK(timer_create(CLOCK_MONOTONIC, &ev, &id));
	struct itimerspec its = ms(5, 0), left;
	ASSERT_OK(timer_settime(id, 0, &its, NULL));
	siginfo_t si;
	EXPECT_EQ(sigwaitinfo(&s, &si), SIGUSR1);
	EXPECT_EQ(si.si_code, SI_TIMER);
	EXPECT_EQ(si.si_value.sival_int, 1234);
	EXPECT_EQ(si.si_overrun, 0);
	ASSERT_OK(timer_gettime(id, &left));
	EXPECT(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
	EXPECT_OK(timer_delete(id));
	EXPECT_ERRNO(syscall(SYS_timer_gettime, 77, &left), EINVAL);
}

TEST(default_is_sigalrm_with_the_id)
{
	sigset_t s = block(SIGALRM);
	int id;
	ASSERT_OK(syscall(SYS_timer_create, CLOCK_REALTIME, NULL, &id));
	struct itimerspec its = ms(1, 0);
	ASSERT_OK(syscall(SYS_timer_settime, id, 0, &its, NULL));
	siginfo_t si;
	EXPECT_EQ(sigwaitinfo(&s, &si), SIGALRM);
	EXPECT_EQ(si.si_value.sival_int, id);
}

TEST(one_signal_and_an_overrun_count)
{
	sigset_t s = block(SIGUSR1), pending;
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t id;
	ASSERT_OK(timer_create(CLOCK_MONOTONIC, &ev, &id));
	struct itimerspec its = ms(1, 1);
	ASSERT_OK(timer_settime(id, 0, &its, NULL));
	usleep(30000);
	siginfo_t si;
	EXPECT_EQ(sigwaitinfo(&s, &si), SIGUSR1);
	EXPECT(si.si_overrun >= 25);
	EXPECT_EQ(timer_getoverrun(id), si.si_overrun);
	EXPECT_EQ(sigwaitinfo(&s, &si), SIGUSR1);
	its = ms(0, 0);
	struct itimerspec old;
	ASSERT_OK(timer_settime(id, 0, &its, &old));
	EXPECT_EQ(old.it_interval.tv_nsec, 1000000);
	timer_delete(id);
	sigpending(&pending);
	EXPECT(!sigismember(&pending, SIGUSR1));
}

TEST(absolute_times)
{
	sigset_t s = block(SIGUSR1);
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t id;
	siginfo_t si;
	ASSERT_OK(timer_create(CLOCK_REALTIME, &ev, &id));
	struct itimerspec its = { .it_value = { 1, 0 } };
	ASSERT_OK(timer_settime(id, TIMER_ABSTIME, &its, NULL));
	EXPECT_EQ(sigwaitinfo(&s, &si), SIGUSR1);
}

TEST(none_only_tells_the_time)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	timer_t id;
	ASSERT_OK(timer_create(CLOCK_MONOTONIC, &ev, &id));
	struct itimerspec its = ms(10000, 0), left;
	ASSERT_OK(timer_settime(id, 0, &its, NULL));
	ASSERT_OK(timer_gettime(id, &left));
	EXPECT_EQ(left.it_value.tv_sec, 9);
}

static volatile int handled_by;
static void on_signal(int sig)
{
	(void)sig;
	handled_by = (int)syscall(SYS_gettid);
}

static int thread_tid;
static pthread_barrier_t barrier;
static void *wait_for_signal(void *arg)
{
	(void)arg;
	thread_tid = (int)syscall(SYS_gettid);
	pthread_barrier_wait(&barrier);
	while (!handled_by)
		usleep(1000);
	return NULL;
}

TEST(a_thread_can_be_the_target)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(SIGUSR1, &sa, NULL);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_t th;
	pthread_create(&th, NULL, wait_for_signal, NULL);
	pthread_barrier_wait(&barrier);
	struct { union sigval value; int signo, notify, tid, pad[11]; } ev = { .signo = SIGUSR1, .notify = 4, .tid = thread_tid };
	int id;
	ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id));
	struct itimerspec its = ms(5, 0);
	ASSERT_OK(syscall(SYS_timer_settime, id, 0, &its, NULL));
	pthread_join(th, NULL);
	EXPECT_EQ(handled_by, thread_tid);
	ev.tid = 1;
	EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
}

TEST(cpu_time_timer)
{
	sigset_t s = block(SIGUSR1);
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t id;
	ASSERT_OK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &ev, &id));
	struct itimerspec its = ms(20, 0);
	ASSERT_OK(timer_settime(id, 0, &its, NULL));
	struct timespec zero = { 0, 0 };
	volatile unsigned long n = 0;
	while (sigtimedwait(&s, NULL, &zero) != SIGUSR1)
		for (int i = 0; i < 100000; i++)
			n++;
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	EXPECT(used.tv_sec > 0 || used.tv_nsec >= 19000000);
}

TEST(errors)
{
	int id;
	struct { union sigval value; int signo, notify, tid, pad[11]; } ev = { .signo = 65 };
	EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
	EXPECT_ERRNO(syscall(SYS_timer_create, 77, NULL, &id), EINVAL);
	EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, 8), EFAULT);
	ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
	EXPECT_ERRNO(syscall(SYS_timer_settime, id, 0, NULL, NULL), EINVAL);
	struct itimerspec its = { .it_value = { 0, -1 } };
	EXPECT_ERRNO(syscall(SYS_timer_settime, id, 0, &its, NULL), EINVAL);
	EXPECT_OK(syscall(SYS_timer_delete, id));
	EXPECT_ERRNO(syscall(SYS_timer_delete, id), EINVAL);
}

TEST(fork_and_exec_inherit_none)
{
	int id;
	ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
	pid_t pid = fork();
	struct itimerspec its;
	if (pid == 0)
		_exit(syscall(SYS_timer_gettime, id, &its) == -1 && errno == EINVAL ? 0 : 1);
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}
