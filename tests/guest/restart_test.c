/* restart_test.c - interrupted system calls: EINTR, SA_RESTART, restart_syscall(2), those that never restart. */
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(restart_syscall, rt_sigaction, read, nanosleep, futex, poll, pause);

static volatile sig_atomic_t ticks;
static int feed = -1;
/* The third tick lets the interrupted call come to its end. */
static void tick(int sig)
{
	(void)sig;
	if (++ticks == 3 && feed >= 0)
		write(feed, "x", 1);
}

static void start_ticking(int flags)
{
	struct sigaction sa = { .sa_handler = tick, .sa_flags = flags };
	ASSERT_OK(sigaction(SIGALRM, &sa, NULL));
	struct itimerval it = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 };
	setitimer(ITIMER_REAL, &it, NULL);
}

static void stop_ticking(void)
{
	struct itimerval it = { 0 };
	setitimer(ITIMER_REAL, &it, NULL);
}

TEST(read_restarts_with_sa_restart)
{
	int fds[2];
	char c;
	ASSERT_OK(pipe(fds));
	feed = fds[1];
	start_ticking(SA_RESTART);
	EXPECT_EQ(read(fds[0], &c, 1), 1);
	EXPECT(ticks >= 3);
}

TEST(read_is_interrupted_without)
{
	int fds[2];
	char c;
	ASSERT_OK(pipe(fds));
	start_ticking(0);
	EXPECT_ERRNO(read(fds[0], &c, 1), EINTR);
	EXPECT(ticks >= 1);
}

TEST(sleep_is_interrupted_even_with_sa_restart)
{
	struct timespec ts = { .tv_sec = 100 }, left = { 0 };
	start_ticking(SA_RESTART);
	EXPECT_ERRNO(nanosleep(&ts, &left), EINTR);
	EXPECT(left.tv_sec == 99);
}

TEST(pause_and_poll_too)
{
	start_ticking(SA_RESTART);
	EXPECT_ERRNO(pause(), EINTR);
	struct pollfd p = { .fd = -1 };
	EXPECT_ERRNO(poll(&p, 1, -1), EINTR);
	int word = 0;
	struct timespec ts = { .tv_sec = 100 };
	EXPECT_ERRNO(syscall(SYS_futex, &word, 0, 0, &ts, NULL, 0), EINTR);
}

static long now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A stop and SIGCONT without a handler: the call goes on as if nothing had been. */
static pid_t stopper(void)
{
	pid_t parent = getpid(), pid = fork();
	ASSERT_OK(pid);
	if (pid == 0) {
		for (int i = 0; i < 10; i++) {
			struct timespec ts = { .tv_nsec = 10000000 };
			nanosleep(&ts, NULL);
			kill(parent, SIGSTOP);
			kill(parent, SIGCONT);
		}
		_exit(0);
	}
	return pid;
}

TEST(a_stop_does_not_shorten_a_sleep)
{
	pid_t pid = fork();
	if (pid == 0) {
		long begin = now_ms();
		pid_t helper = stopper();
		struct timespec ts = { .tv_nsec = 300000000 };
		int ret = nanosleep(&ts, NULL);
		long took = now_ms() - begin;
		waitpid(helper, NULL, 0);
		_exit(ret == 0 && took >= 300 && took < 5000 ? 0 : 1);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(a_stop_does_not_shorten_a_futex_wait_or_poll)
{
	pid_t pid = fork();
	if (pid == 0) {
		long begin = now_ms();
		pid_t helper = stopper();
		int word = 0;
		struct timespec ts = { .tv_nsec = 200000000 };
		bool ok = syscall(SYS_futex, &word, 0, 0, &ts, NULL, 0) == -1 && errno == ETIMEDOUT;
		long took = now_ms() - begin;
		ok &= took >= 200 && took < 5000;
		waitpid(helper, NULL, 0);
		begin = now_ms();
		helper = stopper();
		ok &= poll(NULL, 0, 200) == 0;
		took = now_ms() - begin;
		ok &= took >= 200 && took < 5000;
		waitpid(helper, NULL, 0);
		_exit(ok ? 0 : 1);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(an_ignored_signal_interrupts_nothing)
{
	int fds[2];
	char c;
	ASSERT_OK(pipe(fds));
	signal(SIGUSR1, SIG_IGN);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 100; i++)
			kill(parent, SIGUSR1);
		write(fds[1], "x", 1);
		_exit(0);
	}
	EXPECT_EQ(read(fds[0], &c, 1), 1);
	waitpid(pid, NULL, 0);
}

TEST(socket_timeouts_do_not_restart)
{
	int sv[2];
	char c;
	struct timeval tv = { .tv_sec = 10 };
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	if (setsockopt(sv[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0)
		SKIP("no SO_RCVTIMEO");
	start_ticking(SA_RESTART);
	EXPECT_ERRNO(recv(sv[0], &c, 1, 0), EINTR);
	stop_ticking();
}

TEST(restart_syscall_with_nothing_to_restart)
{
	EXPECT_ERRNO(syscall(SYS_restart_syscall), EINTR);
}
