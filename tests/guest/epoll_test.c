/* epoll_test.c - epoll(7). */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/guest/guest.h"

static void *volatile bad = (void *)8;

COVERS(epoll_create, epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, epoll_pwait2);

static int add(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };
	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static int mod(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };
	return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
}

static int event_fd(unsigned count)
{
	int fd = eventfd(count, EFD_NONBLOCK);
	ASSERT_OK(fd);
	return fd;
}

static void post(int fd)
{
	uint64_t one = 1;
	ASSERT_EQ(write(fd, &one, 8), 8);
}

static void drain(int fd)
{
	uint64_t v;
	ASSERT_EQ(read(fd, &v, 8), 8);
}

TEST(level_triggered_stays)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), fd = event_fd(0);
	struct epoll_event ev[4];
	EXPECT_EQ(fcntl(ep, F_GETFD), FD_CLOEXEC);
	ASSERT_OK(add(ep, fd, EPOLLIN, 0x1122334455667788));
	EXPECT_EQ(epoll_wait(ep, ev, 4, 0), 0);
	post(fd);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(epoll_wait(ep, ev, 4, 0), 1);
		EXPECT_EQ(ev[0].events, EPOLLIN);
		EXPECT_EQ(ev[0].data.u64, 0x1122334455667788);
	}
	drain(fd);
	EXPECT_EQ(epoll_wait(ep, ev, 4, 0), 0);
}

TEST(edge_triggered_comes_once_an_edge)
{
	int ep = epoll_create1(0), fd = event_fd(1);
	struct epoll_event ev;
	ASSERT_OK(add(ep, fd, EPOLLIN | EPOLLET, 1));
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	post(fd);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	ASSERT_OK(mod(ep, fd, EPOLLIN | EPOLLET, 2));
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	EXPECT_EQ(ev.data.u64, 2);
}

TEST(edge_triggered_pipe_tells_of_every_write)
{
	int ep = epoll_create1(0), p[2];
	struct epoll_event ev;
	ASSERT_OK(pipe2(p, O_NONBLOCK));
	ASSERT_OK(add(ep, p[0], EPOLLIN | EPOLLET, 1));
	for (int i = 0; i < 3; i++) {
		write(p[1], "x", 1);
		EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
		EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	}
}

TEST(oneshot_must_be_rearmed)
{
	int ep = epoll_create1(0), fd = event_fd(1);
	struct epoll_event ev;
	ASSERT_OK(add(ep, fd, EPOLLIN | EPOLLONESHOT, 1));
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	post(fd);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	ASSERT_OK(mod(ep, fd, EPOLLIN | EPOLLONESHOT, 1));
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
}

TEST(errors)
{
	int ep = epoll_create1(0), fd = event_fd(0), file = open("/proc/self/exe", O_RDONLY);
	struct epoll_event ev = { .events = EPOLLIN };
	EXPECT_ERRNO(epoll_create1(1), EINVAL);
	EXPECT_ERRNO(epoll_create(0), EINVAL);
	EXPECT_ERRNO(add(ep, 999, EPOLLIN, 0), EBADF);
	EXPECT_ERRNO(add(fd, fd, EPOLLIN, 0), EINVAL);
	EXPECT_ERRNO(add(ep, ep, EPOLLIN, 0), EINVAL);
	EXPECT_ERRNO(add(ep, file, EPOLLIN, 0), EPERM);
	EXPECT_ERRNO(mod(ep, fd, EPOLLIN, 0), ENOENT);
	EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), ENOENT);
	ASSERT_OK(add(ep, fd, EPOLLIN, 0));
	EXPECT_ERRNO(add(ep, fd, EPOLLIN, 0), EEXIST);
	EXPECT_ERRNO(epoll_ctl(ep, 77, fd, &ev), EINVAL);
	EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, fd, NULL), EFAULT);
	EXPECT_ERRNO(epoll_wait(ep, &ev, 0, 0), EINVAL);
	EXPECT_ERRNO(epoll_wait(fd, &ev, 1, 0), EINVAL);
	EXPECT_ERRNO(epoll_wait(999, &ev, 1, 0), EBADF);
	EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	EXPECT_ERRNO(mod(ep, fd, EPOLLIN | EPOLLEXCLUSIVE, 0), EINVAL);
	EXPECT_ERRNO(add(ep, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0), EINVAL);
	EXPECT_OK(add(ep, fd, EPOLLIN | EPOLLEXCLUSIVE, 0));
}

TEST(bad_memory_loses_no_event)
{
	int ep = epoll_create1(0), fd = event_fd(1);
	struct epoll_event ev;
	ASSERT_OK(add(ep, fd, EPOLLIN | EPOLLET, 1));
	EXPECT_ERRNO(epoll_wait(ep, bad, 1, 0), EFAULT);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
}

TEST(item_goes_with_the_last_reference)
{
	int ep = epoll_create1(0), fd = event_fd(1);
	struct epoll_event ev;
	ASSERT_OK(add(ep, fd, EPOLLIN, 5));
	int other = dup(fd);
	close(fd);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	EXPECT_EQ(ev.data.u64, 5);
	close(other);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 0), 0);
}

TEST(hangup_and_error_come_unasked)
{
	int ep = epoll_create1(0), p[2];
	struct epoll_event ev[2];
	ASSERT_OK(pipe(p));
	ASSERT_OK(add(ep, p[0], 0, 1));
	close(p[1]);
	EXPECT_EQ(epoll_wait(ep, ev, 2, 0), 1);
	EXPECT_EQ(ev[0].events, EPOLLHUP);
}

TEST(is_fair_to_many)
{
	int ep = epoll_create1(0), fds[10];
	bool seen[10] = { false };
	struct epoll_event ev[3];
	for (int i = 0; i < 10; i++) {
		fds[i] = event_fd(1);
		ASSERT_OK(add(ep, fds[i], EPOLLIN, (uint64_t)i));
	}
	for (int round = 0; round < 4; round++) {
		int n = epoll_wait(ep, ev, 3, 0);
		ASSERT_EQ(n, 3);
		for (int i = 0; i < n; i++)
			seen[ev[i].data.u64] = true;
	}
	for (int i = 0; i < 10; i++)
		EXPECT(seen[i]);
}

TEST(many_files)
{
	enum { N = 300 };
	int ep = epoll_create1(0), fds[N];
	static struct epoll_event ev[N];
	for (int i = 0; i < N; i++) {
		fds[i] = event_fd(0);
		ASSERT_OK(add(ep, fds[i], EPOLLIN | EPOLLET, (uint64_t)i));
	}
	for (int i = 0; i < N; i += 3)
		post(fds[i]);
	EXPECT_EQ(epoll_wait(ep, ev, N, 0), N / 3);
	for (int i = 0; i < N / 3; i++)
		EXPECT_EQ(ev[i].data.u64 % 3, 0);
	EXPECT_EQ(epoll_wait(ep, ev, N, 0), 0);
}

/* Each event comes out by itself, however many there might be: as many waits as events. */
TEST(ten_thousand_descriptors)
{
	enum { N = 10000 };
	struct rlimit rl = { N + 100, N + 100 };
	if (setrlimit(RLIMIT_NOFILE, &rl))
		SKIP("too few descriptors");
	int ep = epoll_create1(0), waits = 0, quiet = 0;
	static int fds[N];
	static char seen[N];
	struct epoll_event ev[8];
	for (int i = 0; i < N; i += 2) {
		ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, &fds[i]));
		ASSERT_OK(add(ep, fds[i], EPOLLIN, (uint64_t)i));
		ASSERT_OK(add(ep, fds[i + 1], EPOLLIN | EPOLLET, (uint64_t)i + 1));
	}
	for (int i = 0; i < N; i += 50) {
		int k = i * 7 % N + i % 4 / 2;   /* both ends of pairs: level- and edge-triggered ones */
		ASSERT_EQ(write(fds[k ^ 1], "x", 1), 1);
		ASSERT_EQ(epoll_wait(ep, ev, 8, 0), 1);
		EXPECT_EQ(ev[0].data.u64, (uint64_t)k);
		EXPECT(!seen[k]++);
		waits++;
		ASSERT_EQ(read(fds[k], ev, 1), 1);
		quiet += epoll_wait(ep, ev, 8, 0) == 0;
	}
	EXPECT_EQ(waits, N / 50);
	EXPECT_EQ(quiet, N / 50);
}

TEST(sets_in_sets)
{
	int inner = epoll_create1(0), outer = epoll_create1(0), fd = event_fd(0);
	struct epoll_event ev;
	ASSERT_OK(add(inner, fd, EPOLLIN, 1));
	ASSERT_OK(add(outer, inner, EPOLLIN, 2));
	EXPECT_EQ(epoll_wait(outer, &ev, 1, 0), 0);
	post(fd);
	EXPECT_EQ(epoll_wait(outer, &ev, 1, 0), 1);
	EXPECT_EQ(ev.data.u64, 2);
	drain(fd);
	EXPECT_EQ(epoll_wait(outer, &ev, 1, 0), 0);
	EXPECT_ERRNO(add(inner, outer, EPOLLIN, 0), ELOOP);
}

TEST(nesting_is_bounded)
{
	int ep[8];
	for (int i = 0; i < 8; i++)
		ep[i] = epoll_create1(0);
	for (int i = 1; i < 5; i++)
		ASSERT_OK(add(ep[i], ep[i - 1], EPOLLIN, 0));
	EXPECT_ERRNO(add(ep[5], ep[4], EPOLLIN, 0), ELOOP);
	ASSERT_OK(add(ep[6], ep[7], EPOLLIN, 0));
	EXPECT_ERRNO(add(ep[7], ep[3], EPOLLIN, 0), ELOOP);
}

static void *post_later(void *arg)
{
	usleep(5000);
	post(*(int *)arg);
	return NULL;
}

TEST(waits_and_is_woken)
{
	int ep = epoll_create1(0), outer = epoll_create1(0), fd = event_fd(0);
	struct epoll_event ev;
	ASSERT_OK(add(ep, fd, EPOLLIN, 1));
	ASSERT_OK(add(outer, ep, EPOLLIN, 2));
	pthread_t th;
	pthread_create(&th, NULL, post_later, &fd);
	EXPECT_EQ(epoll_wait(outer, &ev, 1, -1), 1);
	pthread_join(th, NULL);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, -1), 1);
}

static void *add_later(void *arg)
{
	int *fds = arg;
	usleep(5000);
	add(fds[0], fds[1], EPOLLIN, 9);
	return NULL;
}

TEST(adding_a_ready_file_wakes_who_waits)
{
	int fds[2] = { epoll_create1(0), event_fd(1) };
	struct epoll_event ev;
	pthread_t th;
	pthread_create(&th, NULL, add_later, fds);
	EXPECT_EQ(epoll_wait(fds[0], &ev, 1, -1), 1);
	EXPECT_EQ(ev.data.u64, 9);
	pthread_join(th, NULL);
}

static void on_signal(int sig)
{
	(void)sig;
}

TEST(time_outs_and_signals)
{
	int ep = epoll_create1(0);
	struct epoll_event ev;
	struct timespec a, b, ts = { 0, 20000000 };
	clock_gettime(CLOCK_MONOTONIC, &a);
	EXPECT_EQ(epoll_wait(ep, &ev, 1, 20), 0);
	EXPECT_EQ(syscall(SYS_epoll_pwait2, ep, &ev, 1, &ts, NULL, 8), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	EXPECT((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >= 40000000);

	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigaction(SIGUSR1, &sa, NULL);
	sigset_t block, none, now;
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	kill(getpid(), SIGUSR1);
	EXPECT_EQ(epoll_pwait(ep, &ev, 1, 1, NULL), 0);
	EXPECT_ERRNO(epoll_pwait(ep, &ev, 1, -1, &none), EINTR);
	sigprocmask(SIG_SETMASK, NULL, &now);
	EXPECT(sigismember(&now, SIGUSR1));
}

static bool sleeps(pid_t pid)
{
	char path[40], text[200] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && strstr(text, ") S ");
}

TEST(an_event_wakes_one_of_those_that_are_exclusive)
{
	enum { WAITERS = 3 };
	int p[2], done[2];
	char c;
	ASSERT_OK(pipe(p));
	ASSERT_OK(pipe(done));
	pid_t pids[WAITERS];
	for (int i = 0; i < WAITERS; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		struct epoll_event ev = { .events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE };
		int ep = epoll_create1(0);
		if (epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev) || write(done[1], "r", 1) != 1)
			_exit(1);
		int n = epoll_wait(ep, &ev, 1, 20000);
		_exit(n == 1 && write(done[1], "w", 1) == 1 ? 0 : 1);
	}
	for (int i = 0; i < WAITERS; i++)
		ASSERT_EQ(read(done[0], &c, 1), 1);
	for (int i = 0; i < WAITERS; i++)
		while (!sleeps(pids[i]))
			sched_yield();
	for (int round = 0; round < WAITERS; round++) {
		int status;
		ASSERT_OK(write(p[1], "x", 1));
		ASSERT_EQ(read(done[0], &c, 1), 1);
		ASSERT(wait(&status) > 0);
		EXPECT_EQ(status, 0);
		usleep(20000);            /* another one would show itself now */
		EXPECT_EQ(waitpid(-1, &status, WNOHANG), round < WAITERS - 1 ? 0 : -1);
		ASSERT_EQ(read(p[0], &c, 1), 1);
	}
}
