/* poll_test.c - poll(2), ppoll(2). */
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/guest/guest.h"

static void *volatile bad = (void *)8;

COVERS(poll, ppoll);

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void on_signal(int sig)
{
	(void)sig;
}

static void handle(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
	sigaction(sig, &sa, NULL);
}

/* A child that signals us until it is killed. */
static pid_t pester(int sig)
{
	pid_t me = getpid(), pid = fork();
	while (pid == 0) {
		kill(me, sig);
		usleep(1000);
	}
	return pid;
}

TEST(tells_what_is_ready)
{
	int a[2], b[2];
	ASSERT_OK(pipe(a));
	ASSERT_OK(pipe(b));
	write(b[1], "x", 1);
	struct pollfd p[] = {
		{ a[0], POLLIN, 99 }, { b[0], POLLIN | POLLRDNORM, 99 }, { -1, POLLIN, 99 }, { 1000, POLLIN, 99 }, { a[1], POLLOUT, 99 },
	};
	EXPECT_EQ(poll(p, 5, -1), 3);
	EXPECT_EQ(p[0].revents, 0);
	EXPECT_EQ(p[1].revents, POLLIN | POLLRDNORM);
	EXPECT_EQ(p[2].revents, 0);
	EXPECT_EQ(p[3].revents, POLLNVAL);
	EXPECT_EQ(p[4].revents, POLLOUT);
}

TEST(regular_files_are_always_ready)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLPRI, 0 };
	EXPECT_EQ(poll(&p, 1, -1), 1);
	EXPECT_EQ(p.revents, POLLIN | POLLOUT);
}

TEST(times_out)
{
	int a[2];
	ASSERT_OK(pipe(a));
	struct pollfd p = { a[0], POLLIN, 0 };
	uint64_t t = now_ms();
	EXPECT_EQ(poll(&p, 1, 30), 0);
	EXPECT(now_ms() - t >= 30);
	EXPECT_EQ(poll(&p, 1, 0), 0);
	EXPECT_EQ(poll(NULL, 0, 5), 0);
	EXPECT_ERRNO(poll(bad, 1, 0), EFAULT);
}

TEST(more_than_the_limit_is_einval)
{
	struct rlimit rl = { 10, 10 };
	struct pollfd p[11];
	for (int i = 0; i < 11; i++)
		p[i] = (struct pollfd){ -1, 0, 0 };
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &rl));
	EXPECT_EQ(poll(p, 10, 0), 0);
	EXPECT_ERRNO(poll(p, 11, 0), EINVAL);
}

TEST(is_woken_by_another_process)
{
	int a[2], b[2];
	ASSERT_OK(pipe(a));
	ASSERT_OK(pipe(b));
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		for (int i = 0; i < 100; i++) {
			struct pollfd p = { a[0], POLLIN, 0 };
			if (poll(&p, 1, -1) != 1 || read(a[0], &c, 1) != 1 || write(b[1], &c, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < 100; i++) {
		char c = 'x';
		ASSERT_EQ(write(a[1], &c, 1), 1);
		struct pollfd p[2] = { { b[0], POLLIN, 0 }, { b[0], POLLIN, 0 } };
		ASSERT_EQ(poll(p, 2, -1), 2);
		ASSERT_EQ(read(b[0], &c, 1), 1);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(a_handler_interrupts_even_with_sa_restart)
{
	handle(SIGUSR1, SA_RESTART);
	pid_t pid = pester(SIGUSR1);
	EXPECT_ERRNO(poll(NULL, 0, 10000), EINTR);
	kill(pid, SIGKILL);
}

TEST(goes_on_after_a_stop)
{
	pid_t pid = fork();
	if (pid == 0) {
		uint64_t t = now_ms();
		int n = poll(NULL, 0, 100);
		_exit(n == 0 && now_ms() - t >= 100 ? 0 : 1);
	}
	usleep(20000);
	kill(pid, SIGSTOP);
	int status;
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	EXPECT(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(ppoll_lets_a_blocked_signal_in)
{
	handle(SIGUSR1, 0);
	sigset_t block, none, now;
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	kill(getpid(), SIGUSR1);
	struct timespec ts = { 10, 0 };
	EXPECT_ERRNO(ppoll(NULL, 0, &ts, &none), EINTR);
	sigprocmask(SIG_SETMASK, NULL, &now);
	EXPECT(sigismember(&now, SIGUSR1));
}

TEST(ppoll_that_finds_something_leaves_the_signal_pending)
{
	handle(SIGUSR1, 0);
	sigset_t block, none, pending;
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	int a[2];
	ASSERT_OK(pipe(a));
	write(a[1], "x", 1);
	kill(getpid(), SIGUSR1);
	struct pollfd p = { a[0], POLLIN, 0 };
	EXPECT_EQ(ppoll(&p, 1, NULL, &none), 1);
	sigpending(&pending);
	EXPECT(sigismember(&pending, SIGUSR1));
}

TEST(ppoll_writes_back_what_is_left)
{
	int a[2];
	ASSERT_OK(pipe(a));
	write(a[1], "x", 1);
	struct pollfd p = { a[0], POLLIN, 0 };
	struct timespec ts = { 5, 0 };
	EXPECT_EQ(syscall(SYS_ppoll, &p, 1, &ts, NULL, 8), 1);
	EXPECT_EQ(ts.tv_sec, 4);
	ts = (struct timespec){ 0, 2000000 };
	EXPECT_EQ(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8), 0);
	EXPECT(ts.tv_sec == 0 && ts.tv_nsec == 0);
	ts = (struct timespec){ 0, 1000000000 };
	EXPECT_ERRNO(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8), EINVAL);
	ts = (struct timespec){ -1, 0 };
	EXPECT_ERRNO(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8), EINVAL);
	sigset_t none;
	sigemptyset(&none);
	ts = (struct timespec){ 0, 0 };
	EXPECT_ERRNO(syscall(SYS_ppoll, NULL, 0, &ts, &none, 4), EINVAL);
}
