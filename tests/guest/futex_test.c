/* futex_test.c - futex(2): waiting, waking, requeueing, across threads and processes. */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(futex, futex_waitv);

static long futex(void *addr, int op, unsigned val, const void *timeout, void *addr2, unsigned val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

static uint32_t *shared_word(void)
{
	uint32_t *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(w != MAP_FAILED);
	return w;
}

TEST(errors)
{
	static uint32_t word = 1;
	struct timespec bad = { .tv_nsec = 1000000000 }, zero = { 0 };
	EXPECT_ERRNO(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), EAGAIN);
	EXPECT_ERRNO(futex((char *)&word + 1, FUTEX_WAIT, 1, NULL, NULL, 0), EINVAL);
	EXPECT_ERRNO(futex((void *)16, FUTEX_WAIT, 1, NULL, NULL, 0), EFAULT);
	EXPECT_ERRNO(futex(&word, FUTEX_WAIT, 1, &bad, NULL, 0), EINVAL);
	EXPECT_ERRNO(futex(&word, FUTEX_WAIT, 1, &zero, NULL, 0), ETIMEDOUT);
	EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
	EXPECT_ERRNO(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
	EXPECT_ERRNO(futex(&word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), EAGAIN);
	EXPECT_ERRNO(futex(&word, FUTEX_CMP_REQUEUE, 1, NULL, &word + 1, 7), EAGAIN);
	EXPECT_ERRNO(futex(&word, 77, 1, NULL, NULL, 0), ENOSYS);
	EXPECT_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

TEST(absolute_timeouts_on_both_clocks)
{
	static uint32_t word;
	struct timespec ts, now;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ts.tv_nsec / 980000000;
	ts.tv_nsec = (ts.tv_nsec + 20000000) % 1000000000;
	EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &ts, NULL, ~0U), ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &now);
	EXPECT(now.tv_sec > ts.tv_sec || (now.tv_sec == ts.tv_sec && now.tv_nsec >= ts.tv_nsec));
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += ts.tv_nsec / 980000000;
	ts.tv_nsec = (ts.tv_nsec + 20000000) % 1000000000;
	EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &ts, NULL, ~0U), ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &now);
	EXPECT(now.tv_sec > ts.tv_sec || (now.tv_sec == ts.tv_sec && now.tv_nsec >= ts.tv_nsec));
}

/* Children that wait on a word, all asleep when this returns (a wake of 0 on a requeue counts nobody: so they are
 * counted by requeueing onto the same word). */
static int waiting(uint32_t *w)
{
	return (int)futex(w, FUTEX_REQUEUE, 0, (void *)1000, w, 0);
}

static void start_waiters(uint32_t *w, int n, int op, uint32_t bits)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		ASSERT_OK(pid);
		if (pid == 0)
			_exit(futex(w, op, 0, NULL, NULL, bits) == 0 ? 0 : 1);
		while (waiting(w) < i + 1)
			sched_yield();
	}
}

static void reap(int n)
{
	int status;
	for (int i = 0; i < n; i++) {
		ASSERT(wait(&status) > 0);
		EXPECT_EQ(status, 0);
	}
}

TEST(wake_wakes_as_many_as_asked)
{
	uint32_t *w = shared_word();
	start_waiters(w, 4, FUTEX_WAIT, 0);
	EXPECT_EQ(futex(w, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	reap(1);
	EXPECT_EQ(futex(w, FUTEX_WAKE, 2, NULL, NULL, 0), 2);
	reap(2);
	EXPECT_EQ(futex(w, FUTEX_WAKE, 100, NULL, NULL, 0), 1);
	reap(1);
}

TEST(bitsets_choose)
{
	uint32_t *w = shared_word();
	start_waiters(w, 1, FUTEX_WAIT_BITSET, 1);
	start_waiters(w + 0, 0, FUTEX_WAIT_BITSET, 2);
	EXPECT_EQ(futex(w, FUTEX_WAKE_BITSET, 10, NULL, NULL, 2), 0);
	EXPECT_EQ(futex(w, FUTEX_WAKE_BITSET, 10, NULL, NULL, 3), 1);
	reap(1);
}

TEST(requeue_moves_waiters)
{
	uint32_t *w = shared_word(), *to = w + 16;
	start_waiters(w, 4, FUTEX_WAIT, 0);
	EXPECT_EQ(futex(w, FUTEX_CMP_REQUEUE, 1, (void *)2, to, 0), 3);
	reap(1);
	EXPECT_EQ(futex(to, FUTEX_WAKE, 100, NULL, NULL, 0), 2);
	reap(2);
	EXPECT_EQ(futex(w, FUTEX_WAKE, 100, NULL, NULL, 0), 1);
	reap(1);
}

TEST(wake_op_changes_the_word)
{
	uint32_t *w = shared_word();
	w[16] = 5;
	/* w[16] += 3; wake on w; and on w[16] if it was 5. */
	start_waiters(w, 1, FUTEX_WAIT, 0);
	EXPECT_EQ(futex(w, FUTEX_WAKE_OP, 1, (void *)1, w + 16, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)), 1);
	EXPECT_EQ(w[16], 8);
	reap(1);
	EXPECT_EQ(futex(w, FUTEX_WAKE_OP, 1, (void *)1, w + 16,
			FUTEX_OP((FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_GT, 100)), 0);
	EXPECT_EQ(w[16], 0x18);
	EXPECT_ERRNO(futex(w, FUTEX_WAKE_OP, 1, (void *)1, (void *)16, 0), EFAULT);
}

TEST(private_words_are_private)
{
	uint32_t *w = shared_word();
	start_waiters(w, 1, FUTEX_WAIT, 0);
	EXPECT_EQ(futex(w, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
	EXPECT_EQ(futex(w, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
	reap(1);
}

TEST(shared_words_by_different_mappings_of_a_file)
{
	char path[] = "/tmp/futex_test.XXXXXX";
	int fd = mkstemp(path);
	ASSERT_OK(fd);
	unlink(path);
	ASSERT_OK(ftruncate(fd, 8192));
	uint32_t *a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint32_t *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	ASSERT(a != MAP_FAILED && b != MAP_FAILED);
	start_waiters(a + 1024, 1, FUTEX_WAIT, 0);
	EXPECT_EQ(futex(b, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
	reap(1);
}

struct waitv { uint64_t val, uaddr; uint32_t flags, reserved; };

TEST(waitv_waits_on_any)
{
	uint32_t *w = shared_word();
	struct waitv v[2] = { { 0, (uintptr_t)w, 2, 0 }, { 0, (uintptr_t)(w + 1), 2, 0 } };
	struct timespec past = { 0 };
	if (syscall(SYS_futex_waitv, v, 2, 0, &past, CLOCK_MONOTONIC) == -1 && errno == ENOSYS)
		SKIP("no futex_waitv");
	EXPECT_ERRNO(syscall(SYS_futex_waitv, v, 2, 0, &past, CLOCK_MONOTONIC), ETIMEDOUT);
	EXPECT_ERRNO(syscall(SYS_futex_waitv, v, 0, 0, NULL, 0), EINVAL);
	EXPECT_ERRNO(syscall(SYS_futex_waitv, v, 129, 0, NULL, 0), EINVAL);
	v[1].val = 1;
	EXPECT_ERRNO(syscall(SYS_futex_waitv, v, 2, 0, NULL, 0), EAGAIN);
	v[1].val = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_futex_waitv, v, 2, 0, NULL, 0) == 1 ? 0 : 1);
	while (futex(w + 1, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
		sched_yield();
	reap(1);
}

TEST(pi_lock_hands_over)
{
	uint32_t *w = shared_word();
	ASSERT_EQ(futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
	EXPECT_EQ(*w, (uint32_t)gettid());
	EXPECT_ERRNO(futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
	pid_t pid = fork();
	if (pid == 0) {
		bool ok = futex(w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0) == -1 && errno == EAGAIN;
		ok &= futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == -1 && errno == EPERM;
		ok &= futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0;
		ok &= (*w & FUTEX_TID_MASK) == (uint32_t)gettid();
		ok &= futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0;
		_exit(ok ? 0 : 1);
	}
	while (!(__atomic_load_n(w, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		sched_yield();
	EXPECT_EQ(futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
	reap(1);
	EXPECT_EQ(*w, 0);
	struct timespec past = { 0 };
	*w = (uint32_t)getppid();
	EXPECT_ERRNO(futex(w, FUTEX_LOCK_PI, 0, &past, NULL, 0), ETIMEDOUT);
	*w = 0x3ffffff;
	EXPECT_ERRNO(futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0), ESRCH);
}

static uint32_t pi_word;
static int pi_round, pi_rounds_done;
static void *locker(void *arg)
{
	long *failed = arg;
	for (int i = 1; i <= 300; i++) {
		while (__atomic_load_n(&pi_round, __ATOMIC_SEQ_CST) < i)
			sched_yield();
		*failed += futex(&pi_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) != 0;
		*failed += futex(&pi_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) != 0;
		__atomic_store_n(&pi_rounds_done, i, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* The unlock comes just when the locker has announced itself, and is the last one that could wake it. */
TEST(a_pi_lock_let_go_early_is_not_lost)
{
	pthread_t th;
	long failed = 0;
	ASSERT_EQ(pthread_create(&th, NULL, locker, &failed), 0);
	for (int i = 1; i <= 300; i++) {
		ASSERT_EQ(futex(&pi_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
		__atomic_store_n(&pi_round, i, __ATOMIC_SEQ_CST);
		while (!(__atomic_load_n(&pi_word, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
			sched_yield();
		ASSERT_EQ(futex(&pi_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
		while (__atomic_load_n(&pi_rounds_done, __ATOMIC_SEQ_CST) < i)
			sched_yield();
	}
	pthread_join(th, NULL);
	EXPECT_EQ(failed, 0);
	EXPECT_EQ(pi_word, 0);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter, turn;
static void *count(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&mutex);
		while (turn != (long)(intptr_t)arg)
			pthread_cond_wait(&cond, &mutex);
		turn = (turn + 1) % 4;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

TEST(mutexes_and_conditions)
{
	pthread_t th[4];
	for (intptr_t i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&th[i], NULL, count, (void *)i), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	EXPECT_EQ(counter, 8000);
	EXPECT_EQ(turn, 0);
}

TEST(a_shared_word_must_be_there)
{
	char *gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *hidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static unsigned word;
	ASSERT(gone != MAP_FAILED && hidden != MAP_FAILED);
	munmap(gone, 4096);
	EXPECT_ERRNO(futex(gone, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	EXPECT_ERRNO(futex(hidden, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	EXPECT_ERRNO(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1L, hidden, 0), EFAULT);
	EXPECT_EQ(futex(hidden, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
}
