/* nanosleep_test.c - sleeping, and reading clocks. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(nanosleep, clock_nanosleep, clock_gettime, clock_getres, clock_settime, gettimeofday, settimeofday, time, times, adjtimex,
	clock_adjtime, restart_syscall);

static uint64_t now_ns(clockid_t id)
{
	struct timespec ts;
	if (syscall(SYS_clock_gettime, id, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void on_signal(int sig)
{
	(void)sig;
}

TEST(sleeps_long_enough)
{
	struct timespec ts = { 0, 20000000 };
	uint64_t t = now_ns(CLOCK_MONOTONIC);
	EXPECT_OK(nanosleep(&ts, NULL));
	EXPECT(now_ns(CLOCK_MONOTONIC) - t >= 20000000);
	t = now_ns(CLOCK_MONOTONIC);
	EXPECT_EQ(clock_nanosleep(CLOCK_REALTIME, 0, &ts, NULL), 0);
	EXPECT(now_ns(CLOCK_MONOTONIC) - t >= 19000000);
	ts = (struct timespec){ 0, 0 };
	EXPECT_OK(nanosleep(&ts, NULL));
}

TEST(sleeps_until)
{
	static const clockid_t ids[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI };
	for (int i = 0; i < 4; i++) {
		uint64_t at = now_ns(ids[i]) + 5000000;
		struct timespec ts = { (time_t)(at / 1000000000), (long)(at % 1000000000) };
		EXPECT_EQ(clock_nanosleep(ids[i], TIMER_ABSTIME, &ts, NULL), 0);
		EXPECT(now_ns(ids[i]) >= at);
	}
	struct timespec past = { 1, 0 };
	EXPECT_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL), 0);
}

TEST(a_handler_interrupts_and_tells_what_is_left)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &sa, NULL);
	struct itimerval it = { .it_value = { 0, 20000 }, .it_interval = { 0, 20000 } };
	ASSERT_OK(setitimer(ITIMER_REAL, &it, NULL));
	struct timespec ts = { 10, 0 }, left = { 0, 0 };
	EXPECT_ERRNO(nanosleep(&ts, &left), EINTR);
	EXPECT(left.tv_sec == 9 && left.tv_nsec > 0);
	EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL), EINTR);
}

TEST(goes_on_after_a_stop)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct timespec ts = { 0, 100000000 };
		uint64_t t = now_ns(CLOCK_MONOTONIC);
		int r = nanosleep(&ts, NULL);
		_exit(r == 0 && now_ns(CLOCK_MONOTONIC) - t >= 100000000 ? 0 : 1);
	}
	usleep(20000);
	kill(pid, SIGSTOP);
	int status;
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	usleep(10000);
	kill(pid, SIGCONT);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(errors)
{
	struct timespec ts = { 0, 1000000000 };
	EXPECT_ERRNO(nanosleep(&ts, NULL), EINVAL);
	ts = (struct timespec){ -1, 0 };
	EXPECT_ERRNO(nanosleep(&ts, NULL), EINVAL);
	EXPECT_ERRNO(syscall(SYS_nanosleep, 8, NULL), EFAULT);
	ts = (struct timespec){ 0, 1 };
	EXPECT_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EINVAL);
	EXPECT_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &ts, NULL), EOPNOTSUPP);
	EXPECT_ERRNO(syscall(SYS_clock_nanosleep, 99, 0, &ts, NULL), EINVAL);
}

TEST(clocks_run)
{
	static const clockid_t ids[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI };
	for (int i = 0; i < 5; i++) {
		uint64_t a = now_ns(ids[i]);
		usleep(2000);
		EXPECT(now_ns(ids[i]) - a >= 1900000);
		struct timespec res;
		EXPECT_OK(syscall(SYS_clock_getres, ids[i], &res));
		EXPECT(res.tv_sec == 0 && res.tv_nsec == 1);
	}
	EXPECT_ERRNO(syscall(SYS_clock_gettime, 1000, &(struct timespec){ 0 }), EINVAL);
	EXPECT_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8), EFAULT);
	struct timeval tv;
	ASSERT_OK(syscall(SYS_gettimeofday, &tv, NULL));
	uint64_t real = now_ns(CLOCK_REALTIME);
	EXPECT(real / 1000 - ((uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec) < 1000000);
	EXPECT((uint64_t)syscall(SYS_time, NULL) - real / 1000000000 <= 1);
	/* The vDSO's and the system call's are the same clock. */
	struct timespec v;
	clock_gettime(CLOCK_MONOTONIC, &v);
	uint64_t vdso = (uint64_t)v.tv_sec * 1000000000 + (uint64_t)v.tv_nsec, sys = now_ns(CLOCK_MONOTONIC);
	EXPECT(sys >= vdso && sys - vdso < 1000000000);
}

TEST(cpu_clocks_count_work_and_not_sleep)
{
	uint64_t p = now_ns(CLOCK_PROCESS_CPUTIME_ID), t = now_ns(CLOCK_THREAD_CPUTIME_ID);
	usleep(50000);
	EXPECT(now_ns(CLOCK_PROCESS_CPUTIME_ID) - p < 40000000);
	/* By its own clock: on a busy machine time passes without work. A clock that stands still is seen by the alarm. */
	while (now_ns(CLOCK_PROCESS_CPUTIME_ID) - p < 20000000)
		;
	EXPECT(now_ns(CLOCK_THREAD_CPUTIME_ID) - t >= 10000000);
	clockid_t id;
	ASSERT_EQ(clock_getcpuclockid(getpid(), &id), 0);
	EXPECT(now_ns(id) - p >= 10000000);
	struct tms tms;
	EXPECT(times(&tms) != -1);
}

TEST(the_clock_is_not_ours_to_set)
{
	if (setuid(65534) && geteuid() == 0)
		SKIP("cannot drop privileges");
	struct timespec ts = { 1, 0 };
	struct timeval tv = { 1, 0 };
	EXPECT_ERRNO(clock_settime(CLOCK_REALTIME, &ts), EPERM);
	EXPECT_ERRNO(clock_settime(CLOCK_MONOTONIC, &ts), EINVAL);
	EXPECT_ERRNO(settimeofday(&tv, NULL), EPERM);
	struct timex tx = { .modes = ADJ_FREQUENCY };
	EXPECT_ERRNO(adjtimex(&tx), EPERM);
	tx.modes = 0;
	EXPECT_OK(adjtimex(&tx));
	EXPECT(tx.time.tv_sec > 1000000000);
	EXPECT_OK(clock_adjtime(CLOCK_REALTIME, &tx));
}
