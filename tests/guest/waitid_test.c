/* waitid_test.c - waitid(2): all states, and looking without taking. */
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(waitid);

static pid_t paused_child(void)
{
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	ASSERT_OK(pid);
	return pid;
}

TEST(a_child_is_seen_stopped_continued_killed)
{
	siginfo_t info;
	pid_t pid = paused_child();
	kill(pid, SIGSTOP);
	ASSERT_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
	EXPECT_EQ(info.si_signo, SIGCHLD);
	EXPECT_EQ(info.si_code, CLD_STOPPED);
	EXPECT_EQ(info.si_status, SIGSTOP);
	EXPECT_EQ(info.si_pid, pid);
	EXPECT_EQ(info.si_uid, getuid());
	info.si_pid = 1;
	ASSERT_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG));
	EXPECT_EQ(info.si_pid, 0);
	kill(pid, SIGCONT);
	ASSERT_OK(waitid(P_PID, (id_t)pid, &info, WCONTINUED));
	EXPECT_EQ(info.si_code, CLD_CONTINUED);
	EXPECT_EQ(info.si_status, SIGCONT);
	kill(pid, SIGKILL);
	ASSERT_OK(waitid(P_PID, (id_t)pid, &info, WEXITED));
	EXPECT_EQ(info.si_code, CLD_KILLED);
	EXPECT_EQ(info.si_status, SIGKILL);
	EXPECT_ERRNO(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD);
}

TEST(nowait_leaves_the_child_waitable)
{
	siginfo_t info;
	pid_t pid = fork();
	if (pid == 0)
		_exit(12);
	for (int i = 0; i < 2; i++) {
		ASSERT_OK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
		EXPECT_EQ(info.si_pid, pid);
		EXPECT_EQ(info.si_status, 12);
	}
	EXPECT_EQ(kill(pid, 0), 0);
	ASSERT_OK(waitid(P_PGID, 0, &info, WEXITED));
	EXPECT_ERRNO(kill(pid, 0), ESRCH);
}

TEST(bad_arguments)
{
	siginfo_t info;
	EXPECT_ERRNO(waitid(P_ALL, 0, &info, 0), EINVAL);
	EXPECT_ERRNO(waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
	EXPECT_ERRNO(waitid(P_ALL, 0, &info, WEXITED | 0x100), EINVAL);
	EXPECT_ERRNO(waitid(P_PID, 0, &info, WEXITED), EINVAL);
	EXPECT_ERRNO(waitid(17, 1, &info, WEXITED), EINVAL);
	EXPECT_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
}

TEST(null_info_and_rusage)
{
	struct rusage ru = { 0 };
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	EXPECT_EQ(syscall(SYS_waitid, P_PID, pid, NULL, WEXITED, &ru), 0);
}

TEST(wait4_reports_stop_and_continue)
{
	COVERS(wait4);
	int status;
	pid_t pid = paused_child();
	kill(pid, SIGTSTP);
	/* The group is orphaned or not: SIGSTOP stops in any case. */
	kill(pid, SIGSTOP);
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	EXPECT(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	ASSERT_EQ(waitpid(pid, &status, WCONTINUED), pid);
	EXPECT(WIFCONTINUED(status));
	kill(pid, SIGSTOP);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WTERMSIG(status), SIGKILL);
}
