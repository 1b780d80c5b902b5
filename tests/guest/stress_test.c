/* stress_test.c - many tasks at once: threads, processes, execs, signals, kills. Nothing may get lost, hang or be mixed up.
 *
 * HOW     Small counts by default; STRESS=full in the environment makes them what a kernel should stand. tests/compat/stress.sh
 *         runs it that way, and looks at what the sandbox leaves behind. */
#define GUEST_TIMEOUT_S (stress_full() ? 3000 : 30)
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool stress_full(void)
{
	const char *how = getenv("STRESS");
	return how && strcmp(how, "full") == 0;
}

#include "tests/guest/guest.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

extern char **environ;

static int scaled(int few, int many)
{
	return stress_full() ? many : few;
}

static void thread_start(pthread_t *out, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	ASSERT_EQ(pthread_create(out, &attr, fn, arg), 0);
}

/* --- many threads --- */

static pthread_barrier_t all_here;
static __thread int self_tid;

static void *be_here(void *tid)
{
	self_tid = (int)syscall(SYS_gettid);
	pthread_barrier_wait(&all_here);
	*(int *)tid = self_tid;
	pthread_barrier_wait(&all_here);
	return tid;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

TEST(threads_live_side_by_side)
{
	COVERS(clone, clone3, futex, exit, set_robust_list);
	int n = scaled(100, 2000);
	pthread_t *threads = calloc((size_t)n, sizeof(*threads));
	int *tids = calloc((size_t)n, sizeof(*tids));
	pthread_barrier_init(&all_here, NULL, (unsigned)n + 1);
	for (int i = 0; i < n; i++)
		thread_start(&threads[i], be_here, &tids[i]);
	pthread_barrier_wait(&all_here);
	pthread_barrier_wait(&all_here);
	for (int i = 0; i < n; i++)
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
	qsort(tids, (size_t)n, sizeof(*tids), by_number);
	for (int i = 1; i < n; i++)
		ASSERT(tids[i - 1] < tids[i]);
}

/* --- many processes --- */

TEST(processes_live_side_by_side)
{
	COVERS(fork, wait4, pipe2);
	int n = scaled(50, 1000), up[2], down[2];
	ASSERT_OK(pipe(up));
	ASSERT_OK(pipe(down));
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		ASSERT(pid >= 0);
		if (pid)
			continue;
		char c;
		close(down[1]);
		int me = getpid();
		if (write(up[1], &me, sizeof(me)) != sizeof(me) || read(down[0], &c, 1) != 0)
			_exit(255);
		_exit(i % 200);
	}
	long sum = 0, waited = 0;
	for (int i = 0; i < n; i++) {
		int pid;
		ASSERT_EQ(read(up[0], &pid, sizeof(pid)), sizeof(pid));
		sum += pid;
	}
	close(down[1]);
	int codes[256] = { 0 }, status, pid;
	for (int i = 0; i < n; i++) {
		ASSERT_OK(pid = wait(&status));
		ASSERT(WIFEXITED(status));
		codes[WEXITSTATUS(status)]++;
		waited += pid;
	}
	EXPECT_EQ(waited, sum);
	for (int i = 0; i < n && i < 200; i++)
		EXPECT_EQ(codes[i], (n - i + 199) / 200);
	EXPECT_ERRNO(wait(&status), ECHILD);
}

/* --- fork, exec, wait --- */

TEST(fork_exec_wait_goes_on_and_on)
{
	COVERS(fork, vfork, execve, wait4);
	int n = scaled(50, 100000);
	for (int i = 0; i < n; i++) {
		char *argv[] = { "/bin/true", NULL };
		pid_t pid;
		int status;
		if (i % 2) {
			ASSERT_EQ(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), 0);
		} else if (!(pid = fork())) {
			execve(argv[0], argv, environ);
			_exit(99);
		}
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		ASSERT_EQ(status, 0);
	}
}

/* --- signals between threads --- */

#define PEERS 8
static struct peer {
	pthread_t thread;
	int tid;
	long sent, next[PEERS];                    /* next: the number to come from each */
} peers[PEERS];
static __thread int me = -1;
static long got, wrong, signals_each;
static int ready_peers;

/* The value: to whom, from whom, which. */
static void on_numbered(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	long v = (long)si->si_value.sival_ptr;
	int to = v >> 56 & 0xff, from = v >> 48 & 0xff;
	if (to != me || si->si_code != SI_QUEUE || peers[me].next[from]++ != (v & 0xffffffffffff))
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&got, 1, __ATOMIC_RELAXED);
}

static void *send_numbered(void *arg)
{
	me = (int)(long)arg;
	peers[me].tid = (int)syscall(SYS_gettid);
	__atomic_add_fetch(&ready_peers, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&ready_peers, __ATOMIC_SEQ_CST) < PEERS)
		sched_yield();
	long to_each[PEERS] = { 0 };
	for (long i = 0; i < signals_each; i++) {
		int to = (int)((me + 1 + i % (PEERS - 1)) % PEERS);
		siginfo_t si = { .si_code = SI_QUEUE, .si_pid = getpid(), .si_uid = getuid() };
		si.si_value.sival_ptr = (void *)((long)to << 56 | (long)me << 48 | to_each[to]++);
		while (syscall(SYS_rt_tgsigqueueinfo, getpid(), peers[to].tid, SIGRTMIN, &si) < 0) {
			ASSERT_EQ(errno, EAGAIN);
			sched_yield();
		}
	}
	while (__atomic_load_n(&got, __ATOMIC_RELAXED) < PEERS * signals_each)
		sched_yield();
	return NULL;
}

TEST(signals_reach_the_thread_they_are_for_all_and_in_order)
{
	COVERS(rt_tgsigqueueinfo, rt_sigaction, rt_sigreturn);
	struct sigaction sa = { .sa_sigaction = on_numbered, .sa_flags = SA_SIGINFO | SA_RESTART };
	ASSERT_OK(sigaction(SIGRTMIN, &sa, NULL));
	signals_each = scaled(2000, 1000000) / PEERS;
	for (long i = 0; i < PEERS; i++)
		thread_start(&peers[i].thread, send_numbered, (void *)i);
	for (int i = 0; i < PEERS; i++)
		pthread_join(peers[i].thread, NULL);
	EXPECT_EQ(got, PEERS * signals_each);
	EXPECT_EQ(wrong, 0);
}

/* --- exec while threads run --- */

/* Some compute, some make calls, most wait. */
static void *run_on(void *arg)
{
	volatile unsigned long n = 0;
	char c;
	int fds[2];
	switch ((long)arg) {
	case 0:
		for (;;)
			n++;
	case 1:
		for (;;)
			syscall(SYS_getppid);
	case 2:
	case 3:
		for (;;)
			munmap(mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0), 65536);
	}
	ASSERT_OK(pipe2(fds, O_CLOEXEC));
	for (;;) {
		if ((long)arg % 2)
			read(fds[0], &c, 1);
		else
			usleep(1000);
	}
	return NULL;
}

static void *exec_again(void *arg)
{
	char **argv = arg;
	execve("/proc/self/exe", argv, environ);
	_exit(98);
}

/* What main() does as the program of this name: see the constructor below. */
static void exec_chain(int left, int pid)
{
	pthread_t thread;
	if (getpid() != pid || syscall(SYS_gettid) != pid)
		_exit(97);
	if (left == 0)
		_exit(0);
	for (long i = 0; i < scaled(10, 50); i++)
		thread_start(&thread, run_on, (void *)i);
	char count[20], number[20];
	snprintf(count, sizeof(count), "%d", left - 1);
	snprintf(number, sizeof(number), "%d", pid);
	static char *argv[] = { "exec_chain", NULL, NULL, NULL };
	argv[1] = count;
	argv[2] = number;
	if (left % 2)
		exec_again(argv);
	thread_start(&thread, exec_again, argv);
	for (;;)
		pause();
}

__attribute__((constructor)) static void exec_chain_goes_on(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[0], "exec_chain") == 0)
		exec_chain(atoi(argv[1]), atoi(argv[2]));
}

TEST(exec_while_threads_run)
{
	COVERS(execve, clone, exit_group);
	int status;
	pid_t pid = fork();
	ASSERT(pid >= 0);
	if (!pid)
		exec_chain(scaled(5, 1000), getpid());
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

/* --- kill -9 --- */

#define VICTIMS 8

static void *be_busy(void *arg)
{
	unsigned seed = (unsigned)(long)arg;
	for (;;) {
		int fds[2];
		char *p, buf[100];
		switch (rand_r(&seed) % 6) {
		case 0:
			if (!fork())
				_exit(0);
			while (waitpid(-1, NULL, WNOHANG) > 0) {}
			break;
		case 1:
			if (pipe(fds) == 0) {
				write(fds[1], buf, sizeof(buf));
				read(fds[0], buf, sizeof(buf));
				close(fds[0]);
				close(fds[1]);
			}
			break;
		case 2:
			p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (p != MAP_FAILED) {
				memset(p, 1, 100000);
				mprotect(p, 4096, PROT_READ);
				munmap(p, 1 << 20);
			}
			break;
		case 3:
			if (!vfork()) {
				execl("/bin/true", "true", NULL);
				_exit(1);
			}
			break;
		case 4:
			kill(getpid(), SIGURG);
			break;
		default:
			usleep(1000);
		}
	}
	return NULL;
}

static pid_t victim_start(unsigned seed)
{
	pid_t pid = fork();
	ASSERT(pid >= 0);
	if (pid)
		return pid;
	pthread_t thread;
	for (unsigned i = 1; i < 4; i++)
		pthread_create(&thread, NULL, be_busy, (void *)(long)(seed * 4 + i));
	be_busy((void *)(long)(seed * 4));
	_exit(1);
}

TEST(kill_9_of_whoever_leaves_nothing)
{
	COVERS(kill, wait4, prctl);
	pid_t victims[VICTIMS], died;
	unsigned seed = (unsigned)getpid();
	int seconds = scaled(1, 300), status, kills = 0;
	ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (int i = 0; i < VICTIMS; i++)
		victims[i] = victim_start(seed++);
	struct timespec start, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		usleep((unsigned)rand_r(&seed) % 10000);
		int i = rand_r(&seed) % VICTIMS;
		ASSERT_OK(kill(victims[i], SIGKILL));
		while ((died = waitpid(-1, &status, 0)) != victims[i])
			ASSERT(died > 0);
		ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		kills++;
		victims[i] = victim_start(seed++);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < seconds);
	for (int i = 0; i < VICTIMS; i++)
		ASSERT_OK(kill(victims[i], SIGKILL));
	while (wait(&status) > 0) {}
	EXPECT_EQ(errno, ECHILD);
	EXPECT(kills > 0);
}
