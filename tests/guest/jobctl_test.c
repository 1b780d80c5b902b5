/* jobctl_test.c - stops and continues of processes and process groups. */
#include <pthread.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(kill, wait4, waitid, setpgid, setsid);

static int wait_for(pid_t pid, int options)
{
	int status = -1;
	ASSERT_EQ(waitpid(pid, &status, options), pid);
	return status;
}

static pid_t paused(void)
{
	pid_t pid = fork();
	ASSERT_OK(pid);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

TEST(a_process_stops_itself_and_is_continued)
{
	pid_t pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		_exit(8);
	}
	int status = wait_for(pid, WUNTRACED);
	EXPECT(WIFSTOPPED(status));
	EXPECT_EQ(WSTOPSIG(status), SIGSTOP);
	EXPECT_EQ(waitpid(pid, &status, WNOHANG | WUNTRACED), 0);
	kill(pid, SIGCONT);
	EXPECT_EQ(wait_for(pid, 0), 8 << 8);
}

static void *spin(void *arg)
{
	for (;;)
		++*(volatile uint64_t *)arg;
	return NULL;
}

TEST(all_threads_stop)
{
	static volatile uint64_t counter;
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t th;
		pthread_create(&th, NULL, spin, (void *)&counter);
		write(fds[1], "x", 1);
		for (;;)
			pause();
	}
	char c;
	read(fds[0], &c, 1);
	kill(pid, SIGSTOP);
	EXPECT(WIFSTOPPED(wait_for(pid, WUNTRACED)));
	kill(pid, SIGKILL);
	EXPECT_EQ(wait_for(pid, 0), SIGKILL);
}

TEST(stopped_processes_do_not_run_handlers_until_continued)
{
	pid_t pid = paused();
	kill(pid, SIGSTOP);
	EXPECT(WIFSTOPPED(wait_for(pid, WUNTRACED)));
	kill(pid, SIGTERM);
	int status;
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGCONT);
	EXPECT_EQ(wait_for(pid, 0), SIGTERM);
}

TEST(sigcont_and_stop_signals_cancel_each_other)
{
	sigset_t set, pending;
	sigemptyset(&set);
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGTSTP);
	kill(getpid(), SIGCONT);
	sigpending(&pending);
	EXPECT(!sigismember(&pending, SIGTSTP));
	EXPECT(sigismember(&pending, SIGCONT));
	raise(SIGTSTP);
	sigpending(&pending);
	EXPECT(sigismember(&pending, SIGTSTP));
	EXPECT(!sigismember(&pending, SIGCONT));
	kill(getpid(), SIGCONT);
}

TEST(a_blocked_sigcont_continues_all_the_same)
{
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGCONT);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGSTOP);
		_exit(3);
	}
	EXPECT(WIFSTOPPED(wait_for(pid, WUNTRACED)));
	kill(pid, SIGCONT);
	EXPECT_EQ(wait_for(pid, 0), 3 << 8);
}

static volatile sig_atomic_t chld_codes[8], nchld;
static void on_chld(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)ctx;
	if (nchld < 8)
		chld_codes[nchld++] = info->si_code;
}

static void await_chld(int n, sigset_t *mask)
{
	while (nchld < n)
		sigsuspend(mask);
}

TEST(the_parent_hears_of_stop_and_continue)
{
	struct sigaction sa = { .sa_sigaction = on_chld, .sa_flags = SA_SIGINFO };
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	sigaction(SIGCHLD, &sa, NULL);
	pid_t pid = paused();
	kill(pid, SIGSTOP);
	await_chld(1, &old);
	EXPECT_EQ(chld_codes[0], CLD_STOPPED);
	kill(pid, SIGCONT);
	await_chld(2, &old);
	EXPECT_EQ(chld_codes[1], CLD_CONTINUED);
	kill(pid, SIGKILL);
	await_chld(3, &old);
	EXPECT_EQ(chld_codes[2], CLD_KILLED);
	wait_for(pid, 0);
	sa.sa_flags |= SA_NOCLDSTOP;
	sigaction(SIGCHLD, &sa, NULL);
	nchld = 0;
	pid = paused();
	kill(pid, SIGSTOP);
	wait_for(pid, WUNTRACED);
	kill(pid, SIGKILL);
	await_chld(1, &old);
	EXPECT_EQ(chld_codes[0], CLD_KILLED);
	wait_for(pid, 0);
}

TEST(signals_to_a_group_reach_all_members)
{
	pid_t a = paused(), b = paused();
	ASSERT_OK(setpgid(a, a));
	ASSERT_OK(setpgid(b, a));
	ASSERT_OK(kill(-a, SIGTERM));
	EXPECT_EQ(wait_for(a, 0), SIGTERM);
	EXPECT_EQ(wait_for(b, 0), SIGTERM);
	EXPECT_ERRNO(kill(-a, SIGTERM), ESRCH);
}

TEST(terminal_stops_of_an_orphaned_group_are_ignored)
{
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		raise(SIGTSTP);
		raise(SIGTTIN);
		raise(SIGTTOU);
		_exit(6);
	}
	EXPECT_EQ(wait_for(pid, WUNTRACED), 6 << 8);
}

TEST(a_group_that_becomes_orphaned_while_stopped_gets_hup_and_cont)
{
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		pid_t job = fork();
		if (job == 0) {
			setpgid(0, 0);
			/* Dies of SIGHUP, which closes the pipe. */
			for (;;)
				raise(SIGSTOP);
		}
		waitpid(job, NULL, WUNTRACED);
		_exit(0);
	}
	close(fds[1]);
	EXPECT_EQ(wait_for(pid, 0), 0);
	char c;
	EXPECT_EQ(read(fds[0], &c, 1), 0);
}

TEST(parent_death_signal)
{
	COVERS(prctl);
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		int up[2];
		char c;
		pipe(up);
		pid_t child = fork();
		if (child == 0) {
			syscall(SYS_prctl, 1 /* PR_SET_PDEATHSIG */, SIGTERM);
			write(up[1], "x", 1);
			for (;;)
				pause();
		}
		read(up[0], &c, 1);
		_exit(0);
	}
	close(fds[1]);
	wait_for(pid, 0);
	char c;
	EXPECT_EQ(read(fds[0], &c, 1), 0);
}
