/* fork_test.c - fork(2): what a child has of its own, what it shares, what it does not inherit. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/guest/guest.h"

COVERS(fork, wait4, exit_group, getpid, getppid, gettid);

static int wait_exit(pid_t pid)
{
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT(WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(child_has_its_own_id_and_knows_its_parent)
{
	pid_t parent = getpid();
	pid_t pid = syscall(SYS_fork);
	if (pid == 0)
		_exit(getppid() == parent && getpid() != parent && gettid() == getpid() ? 7 : 1);
	ASSERT_OK(pid);
	EXPECT_EQ(wait_exit(pid), 7);
}

static int global = 1;
TEST(private_memory_is_copied)
{
	int local = 1;
	int *heap = malloc(sizeof(int));
	*heap = 1;
	pid_t pid = fork();
	if (pid == 0) {
		global = local = *heap = 2;
		_exit(0);
	}
	wait_exit(pid);
	EXPECT_EQ(global + local + *heap, 3);
}

TEST(shared_memory_is_shared)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(shared != MAP_FAILED);
	pid_t pid = fork();
	if (pid == 0) {
		*shared = 42;
		_exit(0);
	}
	wait_exit(pid);
	EXPECT_EQ(*shared, 42);
}

TEST(file_offset_is_shared_descriptor_table_is_not)
{
	char path[] = "/tmp/fork_test.XXXXXX";
	int fd = mkstemp(path);
	ASSERT_OK(fd);
	unlink(path);
	pid_t pid = fork();
	if (pid == 0) {
		_exit(write(fd, "abc", 3) == 3 && close(fd) == 0 ? 0 : 1);
	}
	EXPECT_EQ(wait_exit(pid), 0);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 3);
}

static void nop(int sig)
{
	(void)sig;
}

TEST(pending_signals_and_timers_stay_behind_handlers_and_mask_do_not)
{
	COVERS(rt_sigpending, rt_sigprocmask, rt_sigaction);
	sigset_t set, pending;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	signal(SIGUSR1, nop);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	struct itimerval it = { .it_value.tv_sec = 100 };
	setitimer(ITIMER_REAL, &it, NULL);
	pid_t pid = fork();
	if (pid == 0) {
		struct sigaction sa;
		sigset_t mask;
		sigpending(&pending);
		getitimer(ITIMER_REAL, &it);
		sigaction(SIGUSR1, NULL, &sa);
		sigprocmask(SIG_SETMASK, NULL, &mask);
		if (sigismember(&pending, SIGUSR1) || it.it_value.tv_sec)
			_exit(1);
		_exit(sa.sa_handler == nop && sigismember(&mask, SIGUSR1) ? 0 : 2);
	}
	EXPECT_EQ(wait_exit(pid), 0);
	sigpending(&pending);
	EXPECT(sigismember(&pending, SIGUSR1));
}

TEST(registers_survive_a_fork)
{
	double x = 1.5;
	uint64_t values[4] = { 0x1111, 0x2222, 0x3333, 0x4444 }, seen[4];
	long ret;
	pid_t pid;
	__asm__ volatile("mov %[v0], %%r12\n mov %[v1], %%r13\n mov %[v2], %%r14\n mov %[v3], %%r15\n"
			 "mov %[nr], %%eax\n syscall\n"
			 "mov %%r12, %[s0]\n mov %%r13, %[s1]\n mov %%r14, %[s2]\n mov %%r15, %[s3]\n"
			 : "=&a"(ret), [s0] "=m"(seen[0]), [s1] "=m"(seen[1]), [s2] "=m"(seen[2]), [s3] "=m"(seen[3])
			 : [v0] "m"(values[0]), [v1] "m"(values[1]), [v2] "m"(values[2]), [v3] "m"(values[3]),
			   [nr] "i"(SYS_fork)
			 : "rcx", "r11", "r12", "r13", "r14", "r15", "memory");
	pid = (pid_t)ret;
	bool same = memcmp(values, seen, sizeof(seen)) == 0 && x * 2 == 3.0;
	if (pid == 0)
		_exit(same ? 0 : 1);
	EXPECT(same);
	EXPECT_EQ(wait_exit(pid), 0);
}

TEST(ids_go_up_and_are_not_used_again_at_once)
{
	pid_t last = 0;
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		wait_exit(pid);
		EXPECT(pid != last);
		last = pid;
	}
}

TEST(a_chain_of_forks)
{
	int depth = 10;
	for (int i = 0; i < depth; i++) {
		pid_t pid = fork();
		ASSERT_OK(pid);
		if (pid > 0) {
			int code = wait_exit(pid);
			if (i > 0)
				_exit(code + 1);
			EXPECT_EQ(code, depth - 1);
			return;
		}
	}
	_exit(0);
}

TEST(many_children_at_once)
{
	enum { N = 50 };
	for (int i = 0; i < N; i++) {
		pid_t pid = fork();
		ASSERT_OK(pid);
		if (pid == 0)
			_exit(i);
	}
	int sum = 0, status;
	for (int i = 0; i < N; i++) {
		ASSERT(wait(&status) > 0);
		sum += WEXITSTATUS(status);
	}
	EXPECT_EQ(sum, N * (N - 1) / 2);
	EXPECT_ERRNO(wait(&status), ECHILD);
}
