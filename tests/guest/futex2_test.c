/* futex2_test.c - futexes by calls of their own: futex_wait, futex_wake, futex_requeue (Linux 6.7). */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(futex_wait, futex_wake, futex_requeue);

#define SIZE_U32 2
#define PRIVATE 128
#define ALL 0xffffffffUL

struct waitv { uint64_t val, uaddr; uint32_t flags, reserved; };

static long wait_(uint32_t *word, unsigned long val, unsigned long mask, unsigned flags, struct timespec *ts, int clock)
{
	return syscall(455, word, val, mask, flags, ts, clock);
}

static long wake_(uint32_t *word, unsigned long mask, int nr, unsigned flags)
{
	return syscall(454, word, mask, nr, flags);
}

static void need_them(void)
{
	static uint32_t word;
	if (wake_(&word, ALL, 1, SIZE_U32) < 0 && errno == ENOSYS)
		SKIP("this kernel has none of them");
}

static uint32_t shared[2];
static volatile long result[3];

static void *waiter(void *arg)
{
	long i = (long)arg;
	result[i] = wait_(&shared[0], 0, 1UL << i, SIZE_U32 | PRIVATE, NULL, CLOCK_MONOTONIC);
	return NULL;
}

/* Wakes of that mask until one waiter was there: it may not sleep yet. */
static void wake_one(uint32_t *word, unsigned long mask)
{
	long n;
	while ((n = wake_(word, mask, 1, SIZE_U32 | PRIVATE)) == 0)
		sched_yield();
	ASSERT_EQ(n, 1);
}

TEST(wait_returns_when_the_value_differs)
{
	need_them();
	uint32_t word = 5;
	EXPECT_ERRNO(wait_(&word, 4, ALL, SIZE_U32 | PRIVATE, NULL, CLOCK_MONOTONIC), EAGAIN);
	EXPECT_ERRNO(wait_(&word, 4, ALL, SIZE_U32, NULL, CLOCK_MONOTONIC), EAGAIN);
}

TEST(wait_ends_with_its_time)
{
	need_them();
	uint32_t word = 5;
	struct timespec past = { 0, 1 }, soon, bad = { 0, 1000000000 };
	EXPECT_ERRNO(wait_(&word, 5, ALL, SIZE_U32 | PRIVATE, &past, CLOCK_MONOTONIC), ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec = soon.tv_nsec + 2000000 < 1000000000 ? soon.tv_nsec + 2000000 : soon.tv_nsec;
	EXPECT_ERRNO(wait_(&word, 5, ALL, SIZE_U32 | PRIVATE, &soon, CLOCK_REALTIME), ETIMEDOUT);
	EXPECT_ERRNO(wait_(&word, 5, ALL, SIZE_U32 | PRIVATE, &bad, CLOCK_MONOTONIC), EINVAL);
	EXPECT_ERRNO(wait_(&word, 5, ALL, SIZE_U32 | PRIVATE, &past, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
}

TEST(bad_arguments)
{
	need_them();
	static uint32_t words[2];
	EXPECT_ERRNO(wait_(words, 0, 0, SIZE_U32 | PRIVATE, NULL, CLOCK_MONOTONIC), EINVAL);
	EXPECT_ERRNO(wait_(words, 0, ALL, 0x1000 | SIZE_U32, NULL, CLOCK_MONOTONIC), EINVAL);
	EXPECT_ERRNO(wait_(words, 0, ALL + 1, SIZE_U32, NULL, CLOCK_MONOTONIC), EINVAL);
	EXPECT_ERRNO(wait_(words, ALL + 1, ALL, SIZE_U32, NULL, CLOCK_MONOTONIC), EINVAL);
	EXPECT_ERRNO(wait_((uint32_t *)((char *)words + 1), 0, ALL, SIZE_U32, NULL, CLOCK_MONOTONIC), EINVAL);
	EXPECT_ERRNO(wait_((uint32_t *)8, 0, ALL, SIZE_U32 | PRIVATE, NULL, CLOCK_MONOTONIC), EFAULT);
	EXPECT_ERRNO(wake_(words, ALL, 1, 0x1000 | SIZE_U32), EINVAL);
	EXPECT_ERRNO(wake_((uint32_t *)((char *)words + 2), ALL, 1, SIZE_U32), EINVAL);
}

TEST(mask_chooses_whom_to_wake)
{
	need_them();
	pthread_t t[2];
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, waiter, (void *)i);
	wake_one(&shared[0], 2);
	pthread_join(t[1], NULL);
	EXPECT_EQ(wake_(&shared[0], 2, 1, SIZE_U32 | PRIVATE), 0);
	wake_one(&shared[0], 1);
	pthread_join(t[0], NULL);
	EXPECT_EQ(result[0], 0);
	EXPECT_EQ(result[1], 0);
}

TEST(requeue_moves_waiters)
{
	need_them();
	pthread_t t;
	struct waitv v[2] = { { 0, (uintptr_t)&shared[0], SIZE_U32 | PRIVATE, 0 }, { 0, (uintptr_t)&shared[1], SIZE_U32 | PRIVATE, 0 } };
	v[0].val = 7;
	EXPECT_ERRNO(syscall(456, v, 0, 0, 1), EAGAIN);
	v[0].val = 0;
	EXPECT_ERRNO(syscall(456, v, 1, 0, 1), EINVAL);
	EXPECT_ERRNO(syscall(456, NULL, 0, 0, 1), EINVAL);
	EXPECT_ERRNO(syscall(456, v, 0, -1, 1), EINVAL);
	EXPECT_ERRNO(syscall(456, (void *)8, 0, 0, 1), EFAULT);
	pthread_create(&t, NULL, waiter, NULL);
	while (syscall(456, v, 0, 0, 1) == 0)
		sched_yield();
	EXPECT_EQ(wake_(&shared[0], ALL, 1, SIZE_U32 | PRIVATE), 0);
	EXPECT_EQ(wake_(&shared[1], ALL, 1, SIZE_U32 | PRIVATE), 1);
	pthread_join(t, NULL);
	EXPECT_EQ(result[0], 0);
}

TEST(shared_memory_wakes_another_process)
{
	need_them();
	uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(word != MAP_FAILED);
	pid_t pid = fork();
	if (pid == 0)
		_exit(wait_(word, 0, ALL, SIZE_U32, NULL, CLOCK_MONOTONIC) == 0 ? 3 : 4);
	long n;
	while ((n = wake_(word, ALL, 10, SIZE_U32)) == 0)
		sched_yield();
	EXPECT_EQ(n, 1);
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 3);
}
