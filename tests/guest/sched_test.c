/* sched_test.c - scheduling: affinity, policies, priorities; use of resources; kcmp. */
#include "tests/guest/guest.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

TEST(affinity_is_kept_and_inherited)
{
	COVERS(sched_getaffinity, sched_setaffinity);
	cpu_set_t all, one, got;
	ASSERT_OK(sched_getaffinity(0, sizeof(all), &all));
	EXPECT_EQ(CPU_COUNT(&all), sysconf(_SC_NPROCESSORS_ONLN));
	int cpu = 0;
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ASSERT_OK(sched_setaffinity(0, sizeof(one), &one));
	ASSERT_OK(sched_getaffinity(0, sizeof(got), &got));
	EXPECT(CPU_EQUAL(&one, &got));
	unsigned at = 99;
	ASSERT_OK(getcpu(&at, NULL));
	pid_t pid = fork();
	if (!pid) {
		CPU_ZERO(&got);
		sched_getaffinity(0, sizeof(got), &got);
		_exit(!CPU_EQUAL(&one, &got));
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

/* Looks where it runs until it has run on `wanted`, and then only there. */
static volatile int wanted = -1, arrived;
static void *look_around(void *arg)
{
	*(volatile int *)arg = (int)syscall(SYS_gettid);
	while (wanted < 0 || sched_getcpu() != wanted) {}
	arrived = 1;
	return NULL;
}

TEST(affinity_is_where_threads_run)
{
	COVERS(sched_setaffinity);
	cpu_set_t all, one;
	pthread_t thread;
	ASSERT_OK(sched_getaffinity(0, sizeof(all), &all));
	volatile int tid = 0;
	ASSERT_EQ(pthread_create(&thread, NULL, look_around, (void *)&tid), 0);
	while (!tid)
		sched_yield();
	int last = -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		ASSERT_OK(sched_setaffinity(0, sizeof(one), &one));
		for (int i = 0; i < 1000; i++)
			ASSERT_EQ(sched_getcpu(), cpu);
		last = cpu;
	}
	/* Another thread, which makes no call meanwhile. */
	ASSERT_OK(sched_setaffinity(tid, sizeof(one), &one));
	wanted = last;
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT(arrived);
	/* Inherited by children. */
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 20000; i++)
			if (sched_getcpu() != last || syscall(SYS_sched_getaffinity, 0, sizeof(one), &one) < 0)
				_exit(1);
		_exit(0);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	ASSERT_OK(sched_setaffinity(0, sizeof(all), &all));
}

TEST(affinity_checks_its_arguments)
{
	cpu_set_t set;
	char byte[8];
	CPU_ZERO(&set);
	EXPECT_ERRNO(sched_setaffinity(0, sizeof(set), &set), EINVAL);
	EXPECT_ERRNO(syscall(SYS_sched_getaffinity, 0, 7, byte), EINVAL);
	EXPECT_ERRNO(syscall(SYS_sched_getaffinity, 99999999, sizeof(set), &set), ESRCH);
	EXPECT_ERRNO(syscall(SYS_sched_getaffinity, 0, sizeof(set), 8L), EFAULT);
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(set), &set);
	EXPECT(n > 0 && n % 8 == 0);
}

TEST(policies)
{
	COVERS(sched_getscheduler, sched_setscheduler, sched_getparam, sched_setparam, sched_get_priority_max, sched_get_priority_min);
	struct sched_param sp = { 0 };
	EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
	ASSERT_OK(sched_setscheduler(0, SCHED_BATCH, &sp));
	EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
	ASSERT_OK(sched_getparam(0, &sp));
	EXPECT_EQ(sp.sched_priority, 0);
	EXPECT_OK(sched_setparam(0, &sp));
	sp.sched_priority = 1;
	EXPECT_ERRNO(sched_setscheduler(0, SCHED_OTHER, &sp), EINVAL);
	EXPECT_ERRNO(sched_setscheduler(0, 77, &sp), EINVAL);
	EXPECT_ERRNO(sched_setscheduler(-1, SCHED_OTHER, &sp), EINVAL);
	EXPECT_ERRNO(sched_getscheduler(99999999), ESRCH);
	EXPECT_EQ(sched_get_priority_max(SCHED_FIFO), 99);
	EXPECT_EQ(sched_get_priority_min(SCHED_RR), 1);
	EXPECT_EQ(sched_get_priority_max(SCHED_OTHER), 0);
	EXPECT_ERRNO(sched_get_priority_max(77), EINVAL);
}

TEST(real_time_needs_privilege)
{
	if (getuid() == 0 && setuid(12345))
		SKIP("cannot give up root");
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_RTPRIO, &none);
	struct sched_param sp = { .sched_priority = 1 };
	EXPECT_ERRNO(sched_setscheduler(0, SCHED_FIFO, &sp), EPERM);
}

TEST(rr_interval_and_yield)
{
	COVERS(sched_rr_get_interval, sched_yield);
	struct timespec ts = { -1, -1 };
	ASSERT_OK(sched_rr_get_interval(0, &ts));
	EXPECT(ts.tv_sec == 0 && ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	EXPECT_EQ(sched_yield(), 0);
}

struct attr { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; };

TEST(attributes)
{
	COVERS(sched_getattr, sched_setattr);
	struct attr a = { 0 };
	ASSERT_OK(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0));
	EXPECT_EQ(a.size, 48);
	EXPECT_EQ(a.policy, SCHED_OTHER);
	a.nice = 5;
	a.flags = 0;
	ASSERT_OK(syscall(SYS_sched_setattr, 0, &a, 0));
	EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 5);
	EXPECT_ERRNO(syscall(SYS_sched_getattr, 0, &a, 47, 0), EINVAL);
	EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
}

TEST(nice_values)
{
	COVERS(getpriority, setpriority);
	ASSERT_OK(setpriority(PRIO_PROCESS, 0, 7));
	EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 7);
	EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 13);
	ASSERT_OK(setpriority(PRIO_PROCESS, 0, 1000));
	EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 19);
	EXPECT_ERRNO(setpriority(3, 0, 0), EINVAL);
	EXPECT_ERRNO(setpriority(PRIO_PROCESS, 99999999, 0), ESRCH);
	pid_t pid = fork();
	if (!pid)
		_exit(getpriority(PRIO_PROCESS, 0));
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(WEXITSTATUS(status), 19);
	if (getuid() == 0 && setuid(12345))
		SKIP("cannot give up root");
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_NICE, &none);
	EXPECT_ERRNO(setpriority(PRIO_PROCESS, 0, 0), EACCES);
}

TEST(io_priorities)
{
	COVERS(ioprio_get, ioprio_set);
	enum { WHO_PROCESS = 1, BEST_EFFORT = 2, IDLE = 3 };
	EXPECT_OK(syscall(SYS_ioprio_get, WHO_PROCESS, 0));
	ASSERT_OK(syscall(SYS_ioprio_set, WHO_PROCESS, 0, BEST_EFFORT << 13 | 6));
	EXPECT_EQ(syscall(SYS_ioprio_get, WHO_PROCESS, 0), BEST_EFFORT << 13 | 6);
	EXPECT_ERRNO(syscall(SYS_ioprio_set, WHO_PROCESS, 0, 0 << 13 | 6), EINVAL);
	EXPECT_ERRNO(syscall(SYS_ioprio_set, 9, 0, BEST_EFFORT << 13), EINVAL);
	EXPECT_ERRNO(syscall(SYS_ioprio_get, 9, 0), EINVAL);
}

static double seconds(struct timeval tv) { return (double)tv.tv_sec + (double)tv.tv_usec / 1e6; }

TEST(cpu_time_is_counted_for_self_and_children)
{
	COVERS(getrusage);
	struct rusage ru;
	struct timeval begin, now;
	gettimeofday(&begin, NULL);
	do
		getrusage(RUSAGE_SELF, &ru), gettimeofday(&now, NULL);
	while (seconds(ru.ru_utime) + seconds(ru.ru_stime) < 0.02 && now.tv_sec - begin.tv_sec < 20);
	EXPECT(seconds(ru.ru_utime) + seconds(ru.ru_stime) >= 0.02);
	ASSERT_OK(getrusage(RUSAGE_CHILDREN, &ru));
	EXPECT(seconds(ru.ru_utime) + seconds(ru.ru_stime) < 0.02);
	pid_t pid = fork();
	if (!pid) {
		for (volatile long i = 0; i < 50000000; i++)
			;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	ASSERT_OK(getrusage(RUSAGE_CHILDREN, &ru));
	EXPECT(seconds(ru.ru_utime) > 0.005);
	ASSERT_OK(getrusage(RUSAGE_THREAD, &ru));
	EXPECT_ERRNO(getrusage(7, &ru), EINVAL);
	EXPECT_ERRNO(syscall(SYS_getrusage, RUSAGE_SELF, 8L), EFAULT);
}

TEST(getcpu_names_a_processor)
{
	COVERS(getcpu);
	unsigned cpu = 99999, node = 99999;
	ASSERT_OK(syscall(SYS_getcpu, &cpu, &node, NULL));
	EXPECT(cpu < 4096 && node < 1024);
	EXPECT_OK(syscall(SYS_getcpu, NULL, NULL, NULL));
	EXPECT_ERRNO(syscall(SYS_getcpu, 8L, NULL, NULL), EFAULT);
}

TEST(kcmp_tells_shared_from_own)
{
	COVERS(kcmp);
	int a = open("/dev/null", O_RDONLY), b = open("/dev/null", O_RDONLY), c = dup(a);
	pid_t me = getpid();
	if (syscall(SYS_kcmp, me, me, KCMP_FILE, a, a) < 0 && errno == ENOSYS)
		SKIP("this kernel has no kcmp");
	EXPECT_EQ(syscall(SYS_kcmp, me, me, KCMP_FILE, a, c), 0);
	EXPECT(syscall(SYS_kcmp, me, me, KCMP_FILE, a, b) > 0);
	EXPECT_EQ(syscall(SYS_kcmp, me, me, KCMP_VM, 0, 0), 0);
	EXPECT_ERRNO(syscall(SYS_kcmp, me, me, KCMP_FILE, a, 999), EBADF);
	EXPECT_ERRNO(syscall(SYS_kcmp, me, 99999999, KCMP_VM, 0, 0), ESRCH);
	EXPECT_ERRNO(syscall(SYS_kcmp, me, me, 77, 0, 0), EINVAL);
}

static int policy_in_child(int *nice)
{
	int fds[2], got[2] = { -1, -1 };
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (!pid) {
		got[0] = sched_getscheduler(0);
		got[1] = getpriority(PRIO_PROCESS, 0);
		_exit(write(fds[1], got, sizeof(got)) != sizeof(got));
	}
	ASSERT_EQ(read(fds[0], got, sizeof(got)), (ssize_t)sizeof(got));
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	*nice = got[1];
	return got[0];
}

TEST(children_of_who_resets_on_fork_are_ordinary)
{
	COVERS(sched_setscheduler, sched_getscheduler, clone);
	struct sched_param sp = { .sched_priority = 10 };
	int nice;
	if (geteuid() != 0)
		SKIP("needs root");
	ASSERT_OK(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &sp));
	EXPECT_EQ(sched_getscheduler(0), SCHED_FIFO | SCHED_RESET_ON_FORK);
	EXPECT_EQ(policy_in_child(&nice), SCHED_OTHER);
	EXPECT_EQ(sched_getscheduler(0), SCHED_FIFO | SCHED_RESET_ON_FORK);
	ASSERT_OK(sched_setscheduler(0, SCHED_FIFO, &sp));
	EXPECT_EQ(policy_in_child(&nice), SCHED_FIFO);
}

TEST(deadlines_are_kept_and_checked)
{
	COVERS(sched_setattr, sched_getattr);
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} a = { .size = sizeof(a), .policy = 6, .runtime = 10000000, .deadline = 30000000, .period = 30000000 }, got = { 0 };
	if (geteuid() != 0)
		SKIP("needs root");
	ASSERT_OK(syscall(SYS_sched_setattr, 0, &a, 0));
	ASSERT_OK(syscall(SYS_sched_getattr, 0, &got, sizeof(got), 0));
	EXPECT_EQ(got.policy, 6);
	EXPECT_EQ(got.runtime, 10000000);
	EXPECT_EQ(got.deadline, 30000000);
	EXPECT_EQ(got.period, 30000000);
	a.runtime = 40000000;             /* longer than the deadline */
	EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
	a.runtime = 10;
	EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
}

/* --- what getrusage(2) counts beside time --- */

static void touch(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	madvise(p, bytes, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < bytes; i += 4096)
		p[i] = 1;
	munmap(p, bytes);
}

TEST(faults_and_resident_set_are_counted)
{
	COVERS(getrusage);
	struct rusage before, after, thread;
	ASSERT_OK(getrusage(RUSAGE_SELF, &before));
	EXPECT(before.ru_maxrss > 100 && before.ru_minflt > 10);
	touch(20 << 20);
	ASSERT_OK(getrusage(RUSAGE_SELF, &after));
	EXPECT(after.ru_minflt >= before.ru_minflt + 5000);
	EXPECT(after.ru_maxrss >= 20 << 10);
	ASSERT_OK(getrusage(RUSAGE_THREAD, &thread));
	EXPECT(thread.ru_minflt >= 5000 && thread.ru_maxrss >= after.ru_maxrss);
}

TEST(faults_of_children_are_told_when_they_have_been_waited_for)
{
	COVERS(getrusage, wait4);
	struct rusage of_child, all;
	pid_t pid = fork();
	ASSERT(pid >= 0);
	if (pid == 0) {
		touch(30 << 20);
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	int status;
	ASSERT_EQ(wait4(pid, &status, 0, &of_child), pid);
	ASSERT_EQ(status, 0);
	/* exec has replaced the memory, not the counts. */
	EXPECT(of_child.ru_minflt >= 7500 && of_child.ru_maxrss >= 30 << 10);
	ASSERT_OK(getrusage(RUSAGE_CHILDREN, &all));
	EXPECT(all.ru_minflt >= of_child.ru_minflt && all.ru_maxrss >= of_child.ru_maxrss);
}
