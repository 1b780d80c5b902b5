/* robust_test.c - mutexes whose owner dies (set_robust_list(2)). */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(set_robust_list, get_robust_list, futex, exit);

static pthread_mutex_t *new_mutex(int protocol)
{
	pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setprotocol(&a, protocol);
	ASSERT_EQ(pthread_mutex_init(m, &a), 0);
	return m;
}

TEST(the_next_owner_of_a_dead_processs_mutex_learns_of_it)
{
	pthread_mutex_t *m = new_mutex(PTHREAD_PRIO_NONE);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_mutex_lock(m);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	EXPECT_EQ(pthread_mutex_lock(m), EOWNERDEAD);
	EXPECT_EQ(pthread_mutex_consistent(m), 0);
	EXPECT_EQ(pthread_mutex_unlock(m), 0);
	EXPECT_EQ(pthread_mutex_lock(m), 0);
}

TEST(a_sleeping_waiter_is_woken_when_the_owner_is_killed)
{
	pthread_mutex_t *m = new_mutex(PTHREAD_PRIO_NONE);
	int fds[2];
	char c;
	ASSERT_OK(pipe(fds));
	pid_t owner = fork();
	if (owner == 0) {
		pthread_mutex_lock(m);
		write(fds[1], "x", 1);
		for (;;)
			pause();
	}
	ASSERT_EQ(read(fds[0], &c, 1), 1);
	pid_t waiter = fork();
	if (waiter == 0)
		_exit(pthread_mutex_lock(m) == EOWNERDEAD ? 0 : 1);
	/* The waiter says that it waits in the word itself. */
	while (!(__atomic_load_n(&m->__data.__lock, __ATOMIC_SEQ_CST) & (int)FUTEX_WAITERS))
		sched_yield();
	kill(owner, SIGKILL);
	int status;
	waitpid(owner, NULL, 0);
	waitpid(waiter, &status, 0);
	EXPECT_EQ(status, 0);
}

static void *lock_and_leave(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

TEST(threads_too)
{
	pthread_mutex_t *m = new_mutex(PTHREAD_PRIO_NONE);
	pthread_t th;
	pthread_create(&th, NULL, lock_and_leave, m);
	pthread_join(th, NULL);
	EXPECT_EQ(pthread_mutex_lock(m), EOWNERDEAD);
}

TEST(priority_inheritance_mutexes_too)
{
	pthread_mutex_t *m = new_mutex(PTHREAD_PRIO_INHERIT);
	pthread_t th;
	pthread_create(&th, NULL, lock_and_leave, m);
	pthread_join(th, NULL);
	EXPECT_EQ(pthread_mutex_lock(m), EOWNERDEAD);
	EXPECT_EQ(pthread_mutex_consistent(m), 0);
	EXPECT_EQ(pthread_mutex_unlock(m), 0);
	EXPECT_EQ(pthread_mutex_trylock(m), 0);
}

TEST(the_list_is_remembered)
{
	struct robust_list_head head = { .list.next = &head.list }, *got = NULL;
	size_t len = 0;
	EXPECT_ERRNO(syscall(SYS_set_robust_list, &head, sizeof(head) - 1), EINVAL);
	EXPECT_OK(syscall(SYS_set_robust_list, &head, sizeof(head)));
	EXPECT_OK(syscall(SYS_get_robust_list, 0, &got, &len));
	EXPECT(got == &head);
	EXPECT_EQ(len, sizeof(head));
	EXPECT_ERRNO(syscall(SYS_get_robust_list, 0x7fffff, &got, &len), ESRCH);
}

TEST(endless_and_broken_lists_end)
{
	pid_t pid = fork();
	if (pid == 0) {
		static struct robust_list a, b;
		static struct robust_list_head head;
		a.next = &b;
		b.next = &a;
		head.list.next = &a;
		head.futex_offset = 8;
		syscall(SYS_set_robust_list, &head, sizeof(head));
		_exit(5);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 5 << 8);
	pid = fork();
	if (pid == 0) {
		syscall(SYS_set_robust_list, (void *)0x123450, sizeof(struct robust_list_head));
		_exit(6);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 6 << 8);
}
