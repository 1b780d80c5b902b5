/* time_ns_test.c - time namespaces: who is in which, whose clocks say what, what waits for them (time_namespaces(7)). */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#include "tests/guest/guest.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static double now(clockid_t id)
{
	struct timespec ts;
	ASSERT_OK(clock_gettime(id, &ts));
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double asked(clockid_t id)
{
	struct timespec ts;
	ASSERT_OK(syscall(SYS_clock_gettime, id, &ts));
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void unshare_time(void)
{
	if (unshare(CLONE_NEWTIME) < 0) {
		ASSERT(errno == EPERM || errno == EINVAL);
		SKIP("no right to make namespaces");
	}
}

static int set(const char *text)
{
	int fd = open("/proc/self/timens_offsets", O_WRONLY);
	ASSERT_OK(fd);
	ssize_t n = write(fd, text, strlen(text));
	int err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

static ino_t ino_of(const char *path)
{
	struct stat st;
	ASSERT_OK(stat(path, &st));
	return st.st_ino;
}

/* A child's verdict counts. */
static void in_child(void (*fn)(double, double), double a, double b)
{
	int status;
	pid_t pid = fork();
	ASSERT_OK(pid);
	if (pid == 0) {
		fn(a, b);
		_exit(guest_failed);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status, 0);
}

#define NEAR(a, b) EXPECT((a) - (b) < 20 && (b) - (a) < 20)

static void check_clocks(double mono, double boot)
{
	NEAR(now(CLOCK_MONOTONIC), mono);
	NEAR(now(CLOCK_BOOTTIME), boot);
	NEAR(asked(CLOCK_MONOTONIC), mono);
	NEAR(asked(CLOCK_BOOTTIME), boot);
	NEAR(asked(CLOCK_MONOTONIC_RAW), mono);
	NEAR(now(CLOCK_MONOTONIC_COARSE), mono);
}

TEST(only_children_are_in_an_unshared_one)
{
	COVERS(unshare, clock_gettime);
	double mono = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME), real = now(CLOCK_REALTIME);
	unshare_time();
	EXPECT(ino_of("/proc/self/ns/time") != ino_of("/proc/self/ns/time_for_children"));
	ASSERT_OK(set("monotonic 5000 0\nboottime 90000 500000000\n"));
	check_clocks(mono, boot);
	in_child(check_clocks, mono + 5000, boot + 90000);
	NEAR(now(CLOCK_REALTIME), real);
}

static void check_real(double real, double unused)
{
	(void)unused;
	NEAR(now(CLOCK_REALTIME), real);
	NEAR((double)time(NULL), real);
	EXPECT_EQ(ino_of("/proc/self/ns/time"), ino_of("/proc/self/ns/time_for_children"));
}

TEST(the_date_is_everybodys)
{
	unshare_time();
	ASSERT_OK(set("monotonic 5000 0\nboottime 5000 0"));
	in_child(check_real, now(CLOCK_REALTIME), 0);
}

TEST(offsets_are_shown_and_checked)
{
	char text[200] = "";
	unshare_time();
	ASSERT_OK(set("7 100000 5\n1 -1 1\n"));
	int fd = open("/proc/self/timens_offsets", O_RDONLY);
	ASSERT(read(fd, text, sizeof(text) - 1) > 0);
	EXPECT_STREQ(text, "monotonic          -1         1\nboottime       100000         5\n");
	EXPECT_ERRNO(set("monotonic 0 1000000000\n"), EINVAL);
	EXPECT_ERRNO(set("monotonic 0\n"), EINVAL);
	EXPECT_ERRNO(set("realtime 0 0\n"), EINVAL);
	EXPECT_ERRNO(set("monotonic 0 0\n\n"), EINVAL);
	EXPECT_ERRNO(set("monotonic -4000000000 0\n"), ERANGE);
	EXPECT_ERRNO(set("monotonic 9300000000 0\n"), ERANGE);
	EXPECT_ERRNO(set("monotonic 4611686018 0\n"), ERANGE);
	ASSERT_OK(set("monotonic 4000000000 0\n"));
	EXPECT_EQ(pread(fd, text, sizeof(text), 0), 64);
	EXPECT(strstr(text, "monotonic  4000000000         0\nboottime       100000         5\n") == text);
}

static void nothing(double a, double b)
{
	(void)a;
	(void)b;
}

TEST(offsets_of_a_namespace_in_use_are_fixed)
{
	EXPECT_ERRNO(set("monotonic 1 0\n"), EACCES);
	EXPECT_ERRNO(set("monotonic -4000000000 0\n"), ERANGE);
	unshare_time();
	ASSERT_OK(set("monotonic 1 0\n"));
	in_child(nothing, 0, 0);
	EXPECT_ERRNO(set("monotonic 2 0\n"), EACCES);
}

TEST(offsets_need_the_capability)
{
	unshare_time();
	if (setresuid(1000, 1000, 1000) < 0)
		SKIP("one user only");
	int fd = open("/proc/self/timens_offsets", O_WRONLY);
	if (fd >= 0)
		EXPECT_ERRNO(write(fd, "monotonic 1 0\n", 14), EPERM);
	else
		EXPECT_EQ(errno, EACCES);
	EXPECT_ERRNO(unshare(CLONE_NEWTIME), EPERM);
}

static void check_waits(double mono, double unused)
{
	(void)unused;
	double t0 = now(CLOCK_MONOTONIC);
	NEAR(t0, mono);
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += 20000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	}
	EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL), 0);
	double t1 = now(CLOCK_MONOTONIC);
	EXPECT(t1 - t0 >= 0.02 && t1 - t0 < 10);
	int word = 0;
	at.tv_sec--;
	EXPECT_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &at, NULL, ~0), ETIMEDOUT);
	at.tv_sec += 3000;
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec its = { .it_value = at }, got;
	ASSERT_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL));
	ASSERT_OK(timerfd_gettime(fd, &got));
	EXPECT(got.it_value.tv_sec > 2900 && got.it_value.tv_sec < 3000);
	timer_t timer;
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	ASSERT_OK(timer_create(CLOCK_BOOTTIME, &none, &timer));
	clock_gettime(CLOCK_BOOTTIME, &its.it_value);
	its.it_value.tv_sec += 3000;
	ASSERT_OK(timer_settime(timer, TIMER_ABSTIME, &its, NULL));
	ASSERT_OK(timer_gettime(timer, &got));
	EXPECT(got.it_value.tv_sec > 2900 && got.it_value.tv_sec <= 3000);
}

TEST(what_waits_for_a_time_waits_by_these_clocks)
{
	COVERS(clock_nanosleep, futex, timerfd_settime, timer_settime);
	double mono = now(CLOCK_MONOTONIC);
	unshare_time();
	ASSERT_OK(set("monotonic 70000 0\nboottime 800000 0\n"));
	in_child(check_waits, mono + 70000, 0);
}

static void check_uptime(double uptime, double unused)
{
	(void)unused;
	char text[64] = "";
	struct sysinfo si;
	ASSERT(read(open("/proc/uptime", O_RDONLY), text, sizeof(text) - 1) > 0);
	NEAR(atof(text), uptime);
	ASSERT_OK(sysinfo(&si));
	NEAR((double)si.uptime, uptime);
}

TEST(uptime_is_boottime)
{
	COVERS(sysinfo);
	struct sysinfo si;
	ASSERT_OK(sysinfo(&si));
	unshare_time();
	ASSERT_OK(set("boottime 123456 0\n"));
	in_child(check_uptime, (double)si.uptime + 123456, 0);
}

static void exec_date(double a, double b)
{
	char *argv[] = { "time_ns_test", "helper", NULL }, text[2][40];
	snprintf(text[0], sizeof(text[0]), "A=%f", a);
	snprintf(text[1], sizeof(text[1]), "B=%f", b);
	char *envp[] = { text[0], text[1], NULL };
	execve("/proc/self/exe", argv, envp);
}

/* Run by the tests below in a new program. */
TEST(helper)
{
	if (!getenv("A"))
		return;
	check_clocks(atof(getenv("A")), atof(getenv("B")));
	EXPECT_EQ(ino_of("/proc/self/ns/time"), ino_of("/proc/self/ns/time_for_children"));
}

TEST(a_new_program_is_in_the_childrens)
{
	COVERS(execve);
	double mono = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME);
	pid_t pid = fork();
	if (pid == 0) {
		unshare_time();
		ASSERT_OK(set("monotonic 600 0\nboottime 7000 0\n"));
		exec_date(mono + 600, boot + 7000);
		_exit(99);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == GUEST_SKIPPED)
		SKIP("no right to make namespaces");
	ASSERT_EQ(status, 0);
}

static void check_and_exec(double mono, double boot)
{
	check_clocks(mono, boot);
	in_child(exec_date, mono, boot);
}

TEST(fork_and_exec_inherit)
{
	double mono = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME);
	unshare_time();
	ASSERT_OK(set("monotonic 600 0\nboottime 7000 0\n"));
	in_child(check_and_exec, mono + 600, boot + 7000);
}

TEST(vforks_child_stays_until_it_execs)
{
	COVERS(vfork);
	int status;
	double mono = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME);
	unshare_time();
	ASSERT_OK(set("monotonic 600 0\nboottime 7000 0\n"));
	static ino_t mine, seen;
	mine = ino_of("/proc/self/ns/time");
	pid_t pid = vfork();
	if (pid == 0) {
		struct stat st;
		if (stat("/proc/self/ns/time", &st) == 0)
			seen = st.st_ino;
		exec_date(mono + 600, boot + 7000);
		_exit(99);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(seen, mine);
	ASSERT_EQ(status, 0);
}

TEST(setns_joins_at_once)
{
	COVERS(setns);
	double mono = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME);
	int home = open("/proc/self/ns/time", O_RDONLY);
	unshare_time();
	ASSERT_OK(set("monotonic 600 0\nboottime 7000 0\n"));
	int fd = open("/proc/self/ns/time_for_children", O_RDONLY);
	ASSERT_OK(fd);
	EXPECT_ERRNO(setns(fd, CLONE_NEWUTS), EINVAL);
	ASSERT_OK(setns(fd, CLONE_NEWTIME));
	check_clocks(mono + 600, boot + 7000);
	EXPECT_EQ(ino_of("/proc/self/ns/time"), ino_of("/proc/self/ns/time_for_children"));
	in_child(check_clocks, mono + 600, boot + 7000);
	ASSERT_OK(setns(home, 0));
	check_clocks(mono, boot);
}

static long clone3(uint64_t flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	return syscall(SYS_clone3, &args, sizeof(args));
}

TEST(clone3_makes_one_with_its_parents_offsets)
{
	COVERS(clone3);
	double mono = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME);
	unshare_time();
	ASSERT_OK(set("monotonic 600 0\nboottime 7000 0\n"));
	ino_t given = ino_of("/proc/self/ns/time_for_children");
	int status;
	long pid = clone3(CLONE_NEWTIME);
	ASSERT_OK(pid);
	if (pid == 0) {
		EXPECT(ino_of("/proc/self/ns/time") != given);
		check_clocks(mono + 600, boot + 7000);
		_exit(guest_failed);
	}
	ASSERT_EQ(waitpid((pid_t)pid, &status, 0), pid);
	ASSERT_EQ(status, 0);
}
