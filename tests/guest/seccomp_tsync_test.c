/* seccomp_tsync_test.c - one filter for all threads (SECCOMP_FILTER_FLAG_TSYNC). */
#include <pthread.h>

#include "tests/guest/seccomp.h"

COVERS(seccomp);

static pthread_barrier_t start, synced;
static pid_t other_tid;
static bool own_filter;

/* Returns errno of getppid after the main thread has had its way. */
static void *other(void *arg)
{
	(void)arg;
	other_tid = (pid_t)syscall(SYS_gettid);
	if (own_filter)
		ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO | EPROTO));
	pthread_barrier_wait(&start);
	pthread_barrier_wait(&synced);
	errno = 0;
	syscall(SYS_getppid);
	return (void *)(long)errno;
}

static pthread_t start_other(void)
{
	pthread_t thread;
	pthread_barrier_init(&start, NULL, 2);
	pthread_barrier_init(&synced, NULL, 2);
	ASSERT_EQ(pthread_create(&thread, NULL, other, NULL), 0);
	pthread_barrier_wait(&start);
	return thread;
}

static long finish_other(pthread_t thread)
{
	void *err;
	pthread_barrier_wait(&synced);
	ASSERT_EQ(pthread_join(thread, &err), 0);
	return (long)err;
}

TEST(tsync_gives_the_filter_and_no_new_privs_to_all)
{
	pthread_t thread = start_other();
	char path[64];
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getpid, SECCOMP_RET_ERRNO | EXDEV));
	ASSERT_EQ(ON_CALL(SECCOMP_FILTER_FLAG_TSYNC, SYS_getppid, SECCOMP_RET_ERRNO | EDOM), 0);
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", other_tid);
	EXPECT_EQ(status_number(path, "Seccomp_filters:\t"), 2);
	EXPECT_EQ(status_number(path, "NoNewPrivs:\t"), 1);
	EXPECT_EQ(finish_other(thread), EDOM);
}

TEST(without_tsync_others_are_not_concerned)
{
	pthread_t thread = start_other();
	no_new_privs();
	ASSERT_EQ(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO | EDOM), 0);
	EXPECT_EQ(finish_other(thread), 0);
}

TEST(a_thread_with_a_filter_of_its_own_cannot_be_synchronised)
{
	no_new_privs();
	own_filter = true;
	pthread_t thread = start_other();
	EXPECT_EQ(ON_CALL(SECCOMP_FILTER_FLAG_TSYNC, SYS_getppid, SECCOMP_RET_ERRNO | EDOM), other_tid);
	EXPECT_ERRNO(ON_CALL(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, SYS_getppid, SECCOMP_RET_ERRNO | EDOM), ESRCH);
	EXPECT_ERRNO(ON_CALL(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_NEW_LISTENER,
			     SYS_getppid, SECCOMP_RET_ERRNO | EDOM), ESRCH);
	EXPECT_EQ(status_number("/proc/self/status", "Seccomp_filters:\t"), 0);
	EXPECT_EQ(finish_other(thread), EPROTO);
}

TEST(a_listener_with_tsync_esrch)
{
	pthread_t thread = start_other();
	no_new_privs();
	int fd = ON_CALL(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_NEW_LISTENER, SYS_getppid,
			 SECCOMP_RET_ERRNO | EDOM);
	ASSERT_OK(fd);
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(finish_other(thread), EDOM);
}
