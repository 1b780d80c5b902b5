/* pgrp_test.c - process groups and sessions: setpgid(2), setsid(2). */
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(setpgid, getpgid, getpgrp, setsid, getsid);

static int up[2], down[2];

static pid_t child_waits(void)
{
	ASSERT_OK(pipe(up));
	ASSERT_OK(pipe(down));
	pid_t pid = fork();
	ASSERT_OK(pid);
	if (pid == 0) {
		char c;
		close(down[1]);
		read(down[0], &c, 1);
		_exit(0);
	}
	return pid;
}

static void let_go(pid_t pid)
{
	int status;
	close(down[1]);
	waitpid(pid, &status, 0);
}

TEST(a_child_inherits_group_and_session)
{
	pid_t pid = child_waits();
	EXPECT_EQ(getpgid(pid), getpgrp());
	EXPECT_EQ(getsid(pid), getsid(0));
	let_go(pid);
	EXPECT_ERRNO(getpgid(pid), ESRCH);
	EXPECT_ERRNO(getsid(pid), ESRCH);
}

TEST(parents_place_children)
{
	pid_t pid = child_waits();
	EXPECT_OK(setpgid(pid, 0));
	EXPECT_EQ(getpgid(pid), pid);
	EXPECT_OK(setpgid(pid, getpgrp()));
	EXPECT_EQ(getpgid(pid), getpgrp());
	/* The group was left by its last member: there is nothing to join any more. */
	EXPECT_ERRNO(setpgid(0, pid), EPERM);
	EXPECT_ERRNO(setpgid(pid, 0x7fffff), EPERM);
	EXPECT_ERRNO(setpgid(pid, -1), EINVAL);
	EXPECT_ERRNO(setpgid(0x7fffff, 0), ESRCH);
	EXPECT_ERRNO(setpgid(getppid(), 0), ESRCH);
	let_go(pid);
}

TEST(not_after_exec)
{
	ASSERT_OK(pipe(up));
	ASSERT_OK(pipe(down));
	pid_t pid = fork();
	if (pid == 0) {
		dup2(down[0], 0);
		dup2(up[1], 1);
		close(down[1]);
		execl("/bin/sh", "sh", "-c", "echo; read x", (char *)NULL);
		_exit(127);
	}
	char c;
	ASSERT_EQ(read(up[0], &c, 1), 1);
	EXPECT_ERRNO(setpgid(pid, 0), EACCES);
	let_go(pid);
}

TEST(a_new_session)
{
	pid_t pid = fork();
	if (pid == 0) {
		bool ok = setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid();
		ok &= setsid() == -1 && errno == EPERM;
		ok &= setpgid(0, 0) == -1 && errno == EPERM;
		_exit(ok ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(a_group_leader_cannot_leave_by_setsid)
{
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		_exit(setsid() == -1 && errno == EPERM ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(sessions_do_not_mix)
{
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		pid_t inner = child_waits();
		bool ok = setpgid(inner, getpgid(getppid())) == -1 && errno == EPERM;
		let_go(inner);
		_exit(ok ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(a_group_outlives_its_leader)
{
	int fds[2];
	char c;
	ASSERT_OK(pipe(fds));
	pid_t leader = fork();
	if (leader == 0) {
		setpgid(0, 0);
		if (fork() == 0) {
			write(fds[1], "x", 1);
			for (;;)
				pause();
		}
		read(fds[0], &c, 1);
		_exit(0);
	}
	int status;
	waitpid(leader, &status, 0);
	close(fds[1]);
	EXPECT_OK(kill(-leader, 0));
	EXPECT_OK(kill(-leader, SIGKILL));
	EXPECT_EQ(read(fds[0], &c, 1), 0);
}
