/* micro.c - times the primitive operations that a sandbox taxes. The same program runs natively and in each sandbox.
 *
 *	micro DIR ITERATIONS ROW...        prints a line "row value unit" for each; "micro --list": the rows' names
 *
 * HOW   A row is one operation in a loop, timed inside by the vDSO's clock; what starting a sandbox costs is not in it.
 *       DIR decides which file system the rows about files measure. An error ends the program: a failed call is fast. */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUST(x) ({ __typeof__(x) r_ = (x); if (r_ < 0) err(1, "%s", #x); r_; })

static const char *dir = "/tmp";
static char data_path[512], write_path[512];
static int iterations = 20000;

static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void out(const char *name, double value, const char *unit)
{
	printf("%-22s %12.1f %s\n", name, value, unit);
	fflush(stdout);
}

/* Runs body n times and prints the mean in ns. */
#define TIME(name, n_, ...) \
	do { \
		const int n = (n_) > 0 ? (n_) : 1; \
		double start_ = now_ns(); \
		for (int i = 0; i < n; i++) { \
			__VA_ARGS__; \
		} \
		out(name, (now_ns() - start_) / n, "ns"); \
	} while (0)

/* The number in a register when the instruction is met: the shape that rewriting call sites finds hardest. */
static void row_getppid(void)
{
	TIME("getppid", iterations * 5, syscall(SYS_getppid));
}

/* libc's wrapper: the shape of most call sites of real programs. */
static void row_getppid_libc(void)
{
	TIME("getppid_libc", iterations * 5, getppid());
}

static void row_clock_gettime(void)
{
	struct timespec t;
	TIME("clock_gettime", iterations * 10, clock_gettime(CLOCK_MONOTONIC, &t));
}

static void row_open_close(void)
{
	TIME("open_close", iterations / 4, close(MUST(open(data_path, O_RDONLY))));
}

static void row_stat(void)
{
	struct stat st;
	TIME("stat", iterations / 2, MUST(stat(data_path, &st)));
}

static char buffer[65536];

static void row_pread_512(void)
{
	int fd = MUST(open(data_path, O_RDONLY));
	TIME("pread_512", iterations, MUST(pread(fd, buffer, 512, 0)));
	close(fd);
}

static void row_pread_64k(void)
{
	int fd = MUST(open(data_path, O_RDONLY));
	TIME("pread_64k", iterations / 4, MUST(pread(fd, buffer, sizeof(buffer), 0)));
	close(fd);
}

static void row_pwrite_4k(void)
{
	int fd = MUST(open(write_path, O_RDWR | O_CREAT | O_TRUNC, 0600));
	TIME("pwrite_4k", iterations, MUST(pwrite(fd, buffer, 4096, (i & 1023) * 4096L)));
	close(fd);
	unlink(write_path);
}

static void row_create_unlink(void)
{
	char path[600];
	const int files = iterations / 20 + 1;
	double start = now_ns();
	for (int i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "%s/f%d", dir, i);
		close(MUST(open(path, O_CREAT | O_RDWR, 0600)));
	}
	for (int i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "%s/f%d", dir, i);
		MUST(unlink(path));
	}
	out("create_unlink", (now_ns() - start) / files, "ns");
}

static void row_pipe_self(void)
{
	int p[2];
	char c = 1;
	MUST(pipe(p));
	TIME("pipe_self", iterations, MUST(write(p[1], &c, 1)); MUST(read(p[0], &c, 1)));
}

static void row_pipe_pingpong(void)
{
	int to[2], from[2], rounds = iterations / 4;
	char c = 1;
	MUST(pipe(to));
	MUST(pipe(from));
	pid_t child = MUST(fork());
	if (child == 0) {
		for (int i = 0; i < rounds; i++) {
			MUST(read(to[0], &c, 1));
			MUST(write(from[1], &c, 1));
		}
		_exit(0);
	}
	TIME("pipe_pingpong", rounds, MUST(write(to[1], &c, 1)); MUST(read(from[0], &c, 1)));
	waitpid(child, NULL, 0);
}

static void row_pipe_bw(void)
{
	int p[2];
	const long total = iterations * 13422L;       /* 256 MB of the default number of iterations */
	MUST(pipe(p));
	pid_t child = MUST(fork());
	if (child == 0) {
		close(p[0]);
		for (long done = 0; done < total; done += (long)sizeof(buffer))
			MUST(write(p[1], buffer, sizeof(buffer)));
		_exit(0);
	}
	close(p[1]);
	double start = now_ns();
	long got = 0, n;
	while ((n = MUST(read(p[0], buffer, sizeof(buffer)))) > 0)
		got += n;
	out("pipe_bw", (double)got / (now_ns() - start) * 1e3, "MB/s");
	waitpid(child, NULL, 0);
}

static void row_unix_self(void)
{
	int s[2];
	char c = 1;
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	TIME("unix_self", iterations, MUST(send(s[0], &c, 1, 0)); MUST(recv(s[1], &c, 1, 0)));
}

static void row_eventfd_epoll(void)
{
	int set = MUST(epoll_create1(0)), fd = MUST(eventfd(0, 0));
	struct epoll_event ev = { .events = EPOLLIN };
	uint64_t value = 1;
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev));
	TIME("eventfd_epoll", iterations, MUST(write(fd, &value, 8)); MUST(epoll_wait(set, &ev, 1, -1)); MUST(read(fd, &value, 8)));
}

static volatile sig_atomic_t signals_got;
static void count_signal(int sig)
{
	(void)sig;
	signals_got++;
}

static void row_signal_self(void)
{
	signal(SIGUSR1, count_signal);
	pid_t me = getpid();
	TIME("signal_self", iterations / 2, MUST(kill(me, SIGUSR1)));
	if (signals_got == 0)
		errx(1, "no signal arrived");
}

static void row_mmap_munmap_64k(void)
{
	void *p;
	TIME("mmap_munmap_64k", iterations / 4,
	     p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); MUST(munmap(p, 65536)));
}

static void row_page_fault(void)
{
	const size_t bytes = 64 << 20;
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	madvise(p, bytes, MADV_NOHUGEPAGE);
	TIME("page_fault", (int)(bytes / 4096), p[(size_t)i * 4096] = 1);
	munmap(p, bytes);
}

static void *thread_nothing(void *x)
{
	return x;
}

static void row_thread_create_join(void)
{
	const int threads = iterations / 20 + 1;
	double start = now_ns();
	for (int i = 0; i < threads; i++) {
		pthread_t t;
		if (pthread_create(&t, NULL, thread_nothing, NULL) != 0)
			errx(1, "pthread_create");
		pthread_join(t, NULL);
	}
	out("thread_create_join", (now_ns() - start) / threads / 1e3, "us");
}

static atomic_int turn;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;

static void *take_turns(void *x)
{
	int me = (int)(intptr_t)x;
	for (int i = 0; i < iterations / 10; i++) {
		pthread_mutex_lock(&mutex);
		while (turn != me)
			pthread_cond_wait(&turned, &mutex);
		turn = !me;
		pthread_cond_broadcast(&turned);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void row_futex_switch(void)
{
	pthread_t t[2];
	double start = now_ns();
	for (int i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, take_turns, (void *)(intptr_t)i) != 0)
			errx(1, "pthread_create");
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	out("futex_switch", (now_ns() - start) / (iterations / 10) / 2, "ns");
}

static void wait_for(pid_t child)
{
	int status;
	MUST(waitpid(child, &status, 0));
	if (status != 0)
		errx(1, "the child ended with status %#x", status);
}

static void row_fork_exit_wait(void)
{
	const int forks = iterations / 100 + 1;
	double start = now_ns();
	for (int i = 0; i < forks; i++) {
		pid_t child = MUST(fork());
		if (child == 0)
			_exit(0);
		wait_for(child);
	}
	out("fork_exit_wait", (now_ns() - start) / forks / 1e3, "us");
}

static pid_t exec_nothing(void)
{
	pid_t child = vfork();
	if (child == 0) {
		execl("/proc/self/exe", "micro", "--noop", (char *)NULL);
		_exit(127);
	}
	return MUST(child);
}

static void row_vfork_exec_wait(void)
{
	const int execs = iterations / 200 + 1;
	double start = now_ns();
	for (int i = 0; i < execs; i++)
		wait_for(exec_nothing());
	out("vfork_exec_wait", (now_ns() - start) / execs / 1e3, "us");
}

static void row_cpu_loop(void)
{
	const long n = iterations * 10000L;
	double start = now_ns();
	volatile uint64_t x = 1;
	for (long i = 0; i < n; i++)
		x = x * 6364136223846793005ULL + 1;
	out("cpu_loop", (now_ns() - start) / 1e6 / ((double)n / 200e6), "ms");
}

static const struct {
	const char *name;
	void (*run)(void);
} rows[] = {
#define ROW(name) { #name, row_##name }
	ROW(getppid),         ROW(getppid_libc),  ROW(clock_gettime),  ROW(open_close),      ROW(stat),
	ROW(pread_512),       ROW(pread_64k),     ROW(pwrite_4k),      ROW(create_unlink),   ROW(pipe_self),
	ROW(pipe_pingpong),   ROW(pipe_bw),       ROW(unix_self),      ROW(eventfd_epoll),   ROW(signal_self),
	ROW(mmap_munmap_64k), ROW(page_fault),    ROW(thread_create_join), ROW(futex_switch), ROW(fork_exit_wait),
	ROW(vfork_exec_wait), ROW(cpu_loop),
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void run(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0) {
			rows[i].run();
			return;
		}
	errx(2, "%s: no such row", name);
}

static void make_data(void)
{
	snprintf(data_path, sizeof(data_path), "%s/micro.dat", dir);
	snprintf(write_path, sizeof(write_path), "%s/micro.tmp", dir);
	int fd = MUST(open(data_path, O_CREAT | O_RDWR | O_TRUNC, 0600));
	MUST(write(fd, buffer, sizeof(buffer)));
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--noop") == 0)
		return 0;
	if (argc > 1 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < ROWS; i++)
			puts(rows[i].name);
		return 0;
	}
	if (argc < 4)
		errx(2, "usage: micro DIR ITERATIONS ROW...");
	dir = argv[1];
	iterations = atoi(argv[2]) < 10 ? 10 : atoi(argv[2]);
	make_data();
	for (int i = 3; i < argc; i++)
		run(argv[i]);
	unlink(data_path);
	return 0;
}
