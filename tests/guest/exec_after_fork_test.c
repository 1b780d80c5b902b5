/* exec_after_fork_test.c - a program that replaces its fork(2)ed predecessor: what goes with the old memory, and what stays. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <time.h>

#include "tests/guest/guest.h"

static int status_of(pid_t pid, struct rusage *ru)
{
	int status = -1;
	ASSERT_EQ(wait4(pid, &status, 0, ru), pid);
	return status;
}

static void burn_ms(long ms)
{
	struct timespec now;
	do {
		for (volatile int i = 0; i < 10000; i++) {
		}
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
}

TEST(cpu_time_stays)
{
	COVERS(execve, wait4, getrusage);
	for (int by_vfork = 0; by_vfork < 2; by_vfork++) {
		struct rusage ru;
		pid_t pid = fork();
		if (pid == 0) {
			burn_ms(60);
			/* The second time by way of another thread's worth of host state: such a process is no fork's plain copy. */
			if (by_vfork && vfork() == 0)
				_exit(0);
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		EXPECT_EQ(status_of(pid, &ru), 0);
		long ms = ru.ru_utime.tv_sec * 1000 + ru.ru_utime.tv_usec / 1000 + ru.ru_stime.tv_sec * 1000 + ru.ru_stime.tv_usec / 1000;
		EXPECT(ms >= 50);
	}
}

/* The host may count a process with several threads in another way. */
TEST(cpu_time_never_goes_back)
{
	COVERS(clock_gettime, vfork);
	struct timespec before, after;
	burn_ms(30);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	pid_t pid = vfork();
	if (pid == 0)
		_exit(0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	EXPECT(after.tv_sec > before.tv_sec || (after.tv_sec == before.tv_sec && after.tv_nsec >= before.tv_nsec));
	EXPECT_EQ(status_of(pid, NULL), 0);
}

TEST(old_mappings_are_gone)
{
	void *const at = (void *)0x123400000000;
	pid_t pid = fork();
	if (pid == 0) {
		char *p = mmap(at, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (p != at)
			_exit(9);
		p[4096] = 1;
		execl("/bin/grep", "grep", "-q", "^123400000000-", "/proc/self/maps", (char *)NULL);
		_exit(9);
	}
	int status = status_of(pid, NULL);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(attached_memory_is_let_go)
{
	int in[2], out[2], id = shmget(IPC_PRIVATE, 4096, 0600);
	char c;
	ASSERT_OK(id);
	ASSERT_OK(pipe(in));
	ASSERT_OK(pipe(out));
	pid_t pid = fork();
	if (pid == 0) {
		if (shmat(id, NULL, 0) == (void *)-1)
			_exit(9);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/bin/sh", "sh", "-c", "echo; read x; exit 3", (char *)NULL);
		_exit(9);
	}
	ASSERT_EQ(read(out[0], &c, 1), 1);        /* the new program runs */
	struct shmid_ds ds = { .shm_nattch = 1 };
	ASSERT_OK(shmctl(id, IPC_STAT, &ds));
	EXPECT_EQ(ds.shm_nattch, 0);
	ASSERT_EQ(write(in[1], "\n", 1), 1);
	EXPECT_EQ(WEXITSTATUS(status_of(pid, NULL)), 3);
	ASSERT_OK(shmctl(id, IPC_RMID, NULL));
}

/* One program after the other in the same process. */
TEST(chain_of_programs)
{
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "x=$$; exec sh -c \"exec sh -c 'test \\$\\$ = $x && exit 5'\"", (char *)NULL);
		_exit(9);
	}
	EXPECT_EQ(WEXITSTATUS(status_of(pid, NULL)), 5);
}

TEST(failing_exec_leaves_all)
{
	int before = 1;
	for (volatile int i = 0; i < 3; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			before = 2;
			if (execl("/dev/null", "null", (char *)NULL) != -1 || execl("/no/such", "such", (char *)NULL) != -1)
				_exit(9);
			_exit(before == 2 ? 0 : 1);
		}
		EXPECT_EQ(status_of(pid, NULL), 0);
	}
	EXPECT_EQ(before, 1);
}
