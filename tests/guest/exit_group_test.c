/* exit_group_test.c - how processes with threads end. */
#include <pthread.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(exit, exit_group, tgkill);

static int wait_status(pid_t pid)
{
	int status = -1;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *spin_forever(void *arg)
{
	for (;;)
		__asm__ volatile("pause");
	return arg;
}

static void *exit_group_7(void *arg)
{
	(void)arg;
	_exit(7);
}

static pthread_t start(void *(*fn)(void *))
{
	pthread_t th;
	ASSERT_EQ(pthread_create(&th, NULL, fn, NULL), 0);
	return th;
}

TEST(exit_group_of_one_thread_ends_all)
{
	pid_t pid = fork();
	if (pid == 0) {
		start(sleep_forever);
		start(spin_forever);
		start(exit_group_7);
		sleep_forever(NULL);
	}
	EXPECT_EQ(wait_status(pid), 7 << 8);
}

TEST(sigkill_ends_sleeping_and_spinning_threads)
{
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		start(sleep_forever);
		start(spin_forever);
		write(fds[1], "x", 1);
		spin_forever(NULL);
	}
	char c;
	ASSERT_EQ(read(fds[0], &c, 1), 1);
	kill(pid, SIGKILL);
	EXPECT_EQ(wait_status(pid), SIGKILL);
}

static void *raise_fatal(void *arg)
{
	syscall(SYS_tgkill, getpid(), gettid(), SIGSYS);
	return arg;
}

TEST(a_fatal_signal_to_a_thread_ends_the_process)
{
	pid_t pid = fork();
	if (pid == 0) {
		start(raise_fatal);
		sleep_forever(NULL);
	}
	int status = wait_status(pid);
	EXPECT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

static int go[2];
static void *outlive_leader(void *arg)
{
	char c;
	pthread_join(*(pthread_t *)arg, NULL);
	read(go[0], &c, 1);
	syscall(SYS_exit, 99);
	return arg;
}

TEST(the_leader_may_leave_first)
{
	int status;
	ASSERT_OK(pipe(go));
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		pthread_t leader = pthread_self(), th;
		pthread_create(&th, NULL, outlive_leader, &leader);
		syscall(SYS_exit, 21);
	}
	close(go[0]);
	/* As long as a thread lives the process does, however dead its leader is. */
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	EXPECT_EQ(kill(pid, 0), 0);
	close(go[1]);
	/* The status is the last thread's, not the leader's (since Linux 5.18). */
	EXPECT_EQ(wait_status(pid), 99 << 8);
}

static void *exec_true(void *arg)
{
	execl("/bin/sh", "sh", "-c", "exit $(( $$ == $X ? 17 : 1 ))", (char *)NULL);
	return arg;
}

TEST(exec_in_a_thread_keeps_the_process_id)
{
	COVERS(execve);
	pid_t pid = fork();
	if (pid == 0) {
		char x[16];
		snprintf(x, sizeof(x), "%d", getpid());
		setenv("X", x, 1);
		start(sleep_forever);
		start(spin_forever);
		start(exec_true);
		sleep_forever(NULL);
	}
	EXPECT_EQ(wait_status(pid), 17 << 8);
}

TEST(exit_status_is_one_byte)
{
	pid_t pid = fork();
	if (pid == 0)
		syscall(SYS_exit_group, 0x12345);
	EXPECT_EQ(wait_status(pid), 0x45 << 8);
}
