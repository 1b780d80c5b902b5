/* vfork_test.c - vfork(2): the parent stands still and shares its memory. */
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(vfork, clone, execve);

static volatile int shared;

TEST(parent_sees_what_the_child_wrote_and_goes_on_at_exit)
{
	shared = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		shared = 5;
		_exit(3);
	}
	ASSERT_OK(pid);
	EXPECT_EQ(shared, 5);
	int status;
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST(parent_goes_on_at_exec)
{
	int fds[2];
	char c;
	ASSERT_OK(pipe(fds));
	pid_t pid = vfork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "read x; exit 4", (char *)NULL);
		_exit(127);
	}
	/* We run, so exec has succeeded while the child still lives; its stdin ends at once. */
	ASSERT_OK(pid);
	close(fds[0]);
	(void)c;
	int status;
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 4);
}

TEST(parent_goes_on_when_the_child_is_killed)
{
	pid_t pid = vfork();
	if (pid == 0) {
		kill(getpid(), SIGKILL);
		_exit(0);
	}
	int status;
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST(failed_exec_is_reported_through_shared_memory)
{
	char *argv[] = { "none", NULL };
	pid_t pid;
	EXPECT_EQ(posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, NULL), ENOENT);
	char *ok[] = { "true", NULL };
	ASSERT_EQ(posix_spawn(&pid, "/bin/true", NULL, NULL, ok, NULL), 0);
	int status;
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(vfork_clone_without_shared_memory)
{
	shared = 0;
	pid_t pid = syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0) {
		shared = 1;
		_exit(0);
	}
	int status;
	EXPECT_EQ(shared, 0);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
}

TEST(many_in_a_row)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = vfork();
		if (pid == 0)
			_exit(i);
		int status;
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_EQ(WEXITSTATUS(status), i);
	}
}
