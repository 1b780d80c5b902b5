/* wait_test.c - wait4(2): whom it waits for and what it says. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(wait4);

static pid_t child_exits(int code)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(code);
	ASSERT_OK(pid);
	return pid;
}

TEST(exit_status_and_killing_signal)
{
	int status;
	pid_t pid = child_exits(0x1ff);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 0xff);
	pid = fork();
	if (pid == 0) {
		for (;;)
			pause();
	}
	kill(pid, SIGTERM);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGTERM);
	EXPECT(!WCOREDUMP(status));
}

TEST(errors)
{
	int status;
	EXPECT_ERRNO(waitpid(-1, &status, 0), ECHILD);
	EXPECT_ERRNO(waitpid(getppid(), &status, 0), ECHILD);
	EXPECT_ERRNO(waitpid(-1, &status, 0x100), EINVAL);
	EXPECT_ERRNO(syscall(SYS_wait4, (int)0x80000000, &status, 0, NULL), ESRCH);
	pid_t pid = child_exits(1);
	EXPECT_ERRNO(syscall(SYS_wait4, pid, (void *)8, 0, NULL), EFAULT);
	EXPECT_ERRNO(waitpid(pid, &status, 0), ECHILD);
}

TEST(nohang_returns_zero_while_the_child_runs)
{
	int fds[2], status;
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		close(fds[1]);
		read(fds[0], &c, 1);
		_exit(0);
	}
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	close(fds[1]);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
}

TEST(a_chosen_child_among_others)
{
	pid_t a = child_exits(1), b = child_exits(2), c = child_exits(3);
	int status;
	EXPECT_EQ(waitpid(b, &status, 0), b);
	EXPECT_EQ(WEXITSTATUS(status), 2);
	EXPECT_EQ(waitpid(c, &status, 0), c);
	EXPECT_EQ(waitpid(a, &status, 0), a);
}

TEST(children_of_a_process_group)
{
	COVERS(setpgid);
	int status;
	pid_t a = child_exits(1);
	pid_t b = fork();
	if (b == 0) {
		pause();
		_exit(0);
	}
	ASSERT_OK(setpgid(b, b));
	EXPECT_EQ(waitpid(0, &status, 0), a);
	EXPECT_ERRNO(waitpid(0, &status, WNOHANG), ECHILD);
	kill(b, SIGKILL);
	EXPECT_EQ(waitpid(-b, &status, 0), b);
}

TEST(resource_usage_comes_along)
{
	struct rusage ru;
	memset(&ru, 0xff, sizeof(ru));
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct rusage own;
		do
			getrusage(RUSAGE_SELF, &own);
		while (own.ru_utime.tv_usec + own.ru_stime.tv_usec < 30000 && own.ru_utime.tv_sec + own.ru_stime.tv_sec == 0);
		_exit(0);
	}
	ASSERT_EQ(wait4(pid, &status, 0, &ru), pid);
	EXPECT(ru.ru_utime.tv_sec >= 0 && ru.ru_utime.tv_sec < 1000);
	EXPECT(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec + 1000000 * (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) >= 20000);
}

static volatile sig_atomic_t chld_count, chld_status, chld_code, chld_pid;
static void on_chld(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)ctx;
	chld_count++;
	chld_status = info->si_status;
	chld_code = info->si_code;
	chld_pid = info->si_pid;
}

TEST(sigchld_says_who_and_how)
{
	struct sigaction sa = { .sa_sigaction = on_chld, .sa_flags = SA_SIGINFO };
	sigset_t block, old;
	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &old);
	pid_t pid = child_exits(6);
	while (!chld_count)
		sigsuspend(&old);
	EXPECT_EQ(chld_pid, pid);
	EXPECT_EQ(chld_code, CLD_EXITED);
	EXPECT_EQ(chld_status, 6);
	EXPECT_EQ(waitpid(pid, NULL, 0), pid);
	pid = fork();
	if (pid == 0)
		abort();
	chld_count = 0;
	while (!chld_count)
		sigsuspend(&old);
	EXPECT(chld_code == CLD_KILLED || chld_code == CLD_DUMPED);
	EXPECT_EQ(chld_status, SIGABRT);
	EXPECT_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(ignored_sigchld_reaps_by_itself)
{
	signal(SIGCHLD, SIG_IGN);
	child_exits(0);
	child_exits(0);
	int status;
	EXPECT_ERRNO(waitpid(-1, &status, 0), ECHILD);   /* after both have gone */
}

TEST(nocldwait_signals_but_leaves_no_zombie)
{
	struct sigaction sa = { .sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_NOCLDWAIT | SA_RESTART };
	sigaction(SIGCHLD, &sa, NULL);
	child_exits(0);
	EXPECT_ERRNO(waitpid(-1, NULL, 0), ECHILD);
	EXPECT_EQ(chld_count, 1);
}

TEST(wait_is_interrupted_without_sa_restart)
{
	struct sigaction sa = { .sa_sigaction = on_chld, .sa_flags = SA_SIGINFO };
	sigaction(SIGUSR1, &sa, NULL);
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		char c;
		close(fds[1]);
		/* Until the parent has seen EINTR, as often as it takes. */
		while (read(fds[0], &c, 0) == 0 && kill(parent, SIGUSR1) == 0) {
			struct timespec ts = { .tv_nsec = 1000000 };
			nanosleep(&ts, NULL);
			if (getppid() != parent)
				break;
		}
		_exit(0);
	}
	EXPECT_ERRNO(waitpid(pid, NULL, 0), EINTR);
	kill(pid, SIGKILL);
	sa.sa_flags |= SA_RESTART;
	sigaction(SIGUSR1, &sa, NULL);
	EXPECT_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(orphans_go_to_a_subreaper)
{
	COVERS(prctl);
	int fds[2];
	ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		pid_t grandchild = fork();
		if (grandchild == 0) {
			char c;
			close(fds[1]);
			read(fds[0], &c, 1);
			_exit(44);
		}
		_exit(0);
	}
	EXPECT_EQ(waitpid(pid, NULL, 0), pid);
	EXPECT_EQ(waitpid(-1, NULL, WNOHANG), 0);
	close(fds[1]);
	int status;
	EXPECT(waitpid(-1, &status, 0) > 0);
	EXPECT_EQ(WEXITSTATUS(status), 44);
}
