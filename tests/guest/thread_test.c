/* thread_test.c - threads: ids, locals, joining, many of them, signals between them; rseq(2), membarrier(2). */
#include <asm/prctl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/guest/guest.h"

COVERS(clone, clone3, exit, set_tid_address, arch_prctl, rseq, membarrier, gettid);

static __thread int local = 5;
static void *change_local(void *arg)
{
	local = 6;
	*(pid_t *)arg = gettid();
	return (void *)(intptr_t)getpid();
}

TEST(a_thread_has_its_own_id_and_locals)
{
	pthread_t th;
	pid_t tid = 0;
	void *pid;
	ASSERT_EQ(pthread_create(&th, NULL, change_local, &tid), 0);
	ASSERT_EQ(pthread_join(th, &pid), 0);
	EXPECT_EQ((intptr_t)pid, getpid());
	EXPECT(tid != gettid() && tid > 0);
	EXPECT_EQ(local, 5);
}

static void *add(void *arg)
{
	for (int i = 0; i < 100; i++)
		__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

TEST(a_hundred_threads_at_once)
{
	enum { N = 100 };
	static pthread_t th[N];
	int sum = 0;
	for (int i = 0; i < N; i++)
		ASSERT_EQ(pthread_create(&th[i], NULL, add, &sum), 0);
	for (int i = 0; i < N; i++)
		ASSERT_EQ(pthread_join(th[i], NULL), 0);
	EXPECT_EQ(sum, N * 100);
}

TEST(threads_one_after_another)
{
	int sum = 0;
	for (int i = 0; i < 300; i++) {
		pthread_t th;
		ASSERT_EQ(pthread_create(&th, NULL, add, &sum), 0);
		ASSERT_EQ(pthread_join(th, NULL), 0);
	}
	EXPECT_EQ(sum, 30000);
}

static void *fork_in_thread(void *arg)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(gettid() == getpid() ? 0 : 1);
	int status;
	waitpid(pid, &status, 0);
	*(int *)arg = status;
	return NULL;
}

TEST(a_fork_copies_only_the_calling_thread)
{
	pthread_t th;
	int status = -1;
	pthread_create(&th, NULL, fork_in_thread, &status);
	pthread_join(th, NULL);
	EXPECT_EQ(status, 0);
}

static void *fork_sibling(void *arg)
{
	*(pid_t *)arg = fork();
	if (*(pid_t *)arg == 0)
		_exit(9);
	return NULL;
}

TEST(any_thread_may_wait_for_any_child)
{
	pthread_t th;
	static pid_t pid;
	int status;
	pthread_create(&th, NULL, fork_sibling, &pid);
	pthread_join(th, NULL);
	EXPECT_ERRNO(waitpid(-1, &status, __WNOTHREAD | __WCLONE), ECHILD);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 9 << 8);
}

static int fds[2];
static void *block_in_read(void *arg)
{
	char c;
	(void)arg;
	return (void *)(intptr_t)read(fds[0], &c, 1);
}

TEST(a_sleeping_thread_does_not_stop_the_others)
{
	pthread_t th;
	void *ret;
	ASSERT_OK(pipe(fds));
	pthread_create(&th, NULL, block_in_read, NULL);
	EXPECT_EQ(write(fds[1], "x", 1), 1);
	pthread_join(th, &ret);
	EXPECT_EQ((intptr_t)ret, 1);
}

static void *cancelled(void *arg)
{
	return block_in_read(arg);
}

TEST(cancellation_interrupts_a_sleeping_call)
{
	pthread_t th;
	void *ret;
	ASSERT_OK(pipe(fds));
	pthread_create(&th, NULL, cancelled, NULL);
	pthread_cancel(th);
	pthread_join(th, &ret);
	EXPECT(ret == PTHREAD_CANCELED);
}

TEST(segment_bases)
{
	unsigned long fs = 0, gs = 1;
	ASSERT_OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
	EXPECT_EQ(fs, (unsigned long)__builtin_thread_pointer());
	ASSERT_OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
	EXPECT_EQ(gs, 0);
	static long words[2] = { 0x77, 0 };
	ASSERT_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, words));
	long v;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	EXPECT_EQ(v, 0x77);
	getppid();
	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	EXPECT_EQ(v, 0x77);
	EXPECT_ERRNO(syscall(SYS_arch_prctl, ARCH_SET_GS, 1UL << 63), EPERM);
	EXPECT_ERRNO(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
}

TEST(rseq_registration)
{
	static char area[64] __attribute__((aligned(64)));
	/* The C library may have registered already: then a second area is refused. */
	long ret = syscall(SYS_rseq, area, 32, 0, 0x53053053);
	EXPECT(ret == 0 || errno == EBUSY || errno == EINVAL || errno == EPERM);
	EXPECT_ERRNO(syscall(SYS_rseq, area + 1, 32, 0, 0x53053053), EINVAL);
	EXPECT_ERRNO(syscall(SYS_rseq, area, 32, 8, 0x53053053), EINVAL);
	if (ret == 0)
		EXPECT_OK(syscall(SYS_rseq, area, 32, 1, 0x53053053));
}

TEST(memory_barriers)
{
	long supported = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	ASSERT_OK(supported);
	EXPECT_ERRNO(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 2, 0), EINVAL);
	EXPECT_ERRNO(syscall(SYS_membarrier, 1 << 30, 0, 0), EINVAL);
	if (!(supported & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		SKIP("no private expedited barriers");
	EXPECT_OK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	EXPECT_OK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
}

static void *touch_nothing(void *arg)
{
	return arg;
}

/* The C library keeps a thread's rseq area at the top of its stack: the kernel must be done with it when join returns. */
TEST(memory_of_a_joined_thread_can_go)
{
	const size_t bytes = 64 * 1024;
	for (int i = 0; i < 3000; i++) {
		void *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT(stack != MAP_FAILED);
		pthread_attr_t attr;
		pthread_t thread;
		ASSERT_EQ(pthread_attr_init(&attr), 0);
		ASSERT_EQ(pthread_attr_setstack(&attr, stack, bytes), 0);
		ASSERT_EQ(pthread_create(&thread, &attr, touch_nothing, NULL), 0);
		ASSERT_EQ(pthread_join(thread, NULL), 0);
		ASSERT_EQ(munmap(stack, bytes), 0);
		pthread_attr_destroy(&attr);
	}
}

static void *work_alone(void *leader)
{
	char buf[8] = "";
	int pipe_fd[2];
	if (pthread_join(*(pthread_t *)leader, NULL) || pipe(pipe_fd) < 0)
		_exit(1);
	for (int i = 0; i < 100; i++)
		if (write(pipe_fd[1], "hello", 5) != 5 || read(pipe_fd[0], buf, 5) != 5 || strcmp(buf, "hello") != 0)
			_exit(2);
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || getcwd(page, 4096) == NULL || page[0] != '/')
		_exit(3);
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(getcwd(page, 4096) ? 7 : 8);
	_exit(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7 ? 0 : 4);
}

/* The last of them still has its memory, may map more and fork. */
TEST(threads_work_on_without_the_first)
{
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t leader = pthread_self(), th;
		pthread_create(&th, NULL, work_alone, &leader);
		pthread_exit(NULL);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}
