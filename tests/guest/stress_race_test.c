/* stress_race_test.c - all that the sandbox does beside a plain system call, at once and in one process: threads whose call
 * sites are being rewritten, signals that hit them anywhere, memory that appears, changes and vanishes, forks, execs.
 *
 * HOW     Small counts by default, more with STRESS=full. On all processors, and on one, where switches fall elsewhere. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool stress_full(void)
{
	const char *how = getenv("STRESS");
	return how && strcmp(how, "full") == 0;
}
#define GUEST_TIMEOUT_S (stress_full() ? 600 : 30)

#include "tests/guest/guest.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define CODE_BYTES 4096
#define CALLS_PER_PAGE 40
#define TESTERS 3

static volatile bool over, sent_enough;
static long signals_sent, signals_seen, bad;
static pthread_t testers[TESTERS];

static void complain(void)
{
	__atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
}

static void on_signal(int sig, siginfo_t *si, void *uc)
{
	(void)si;
	(void)uc;
	int saved = errno;
	if (sig != SIGRTMIN || syscall(SYS_getpid) != getpid())
		complain();
	__atomic_add_fetch(&signals_seen, 1, __ATOMIC_RELAXED);
	errno = saved;
}

/* mov $nr, %eax; syscall; ret: a fresh call site, to be rewritten when it has been used often. */
static size_t put_call(unsigned char *at, int nr)
{
	unsigned char code[] = { 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3 };
	memcpy(code + 1, &nr, sizeof(nr));
	memcpy(at, code, sizeof(code));
	return sizeof(code);
}

/* Code that is made, called until it is rewritten, made read-only and back, and unmapped. */
static void *make_code(void *arg)
{
	int pid = getpid(), uid = (int)getuid();
	while (!over) {
		unsigned char *page = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED)
			continue;
		size_t at = put_call(page, SYS_getpid);
		put_call(page + at, SYS_getuid);
		if (mprotect(page, CODE_BYTES, PROT_READ | PROT_EXEC))
			complain();
		long (*get_pid)(void) = (long (*)(void))(void *)page;
		long (*get_uid)(void) = (long (*)(void))(void *)(page + at);
		for (int i = 0; i < CALLS_PER_PAGE; i++) {
			if (get_pid() != pid || get_uid() != uid)
				complain();
			if (i == CALLS_PER_PAGE / 2 && mprotect(page, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC))
				complain();
		}
		munmap(page, CODE_BYTES);
	}
	return arg;
}

/* Bytes must come out as they went in, whatever interrupts. */
static void *move_bytes(void *arg)
{
	int fds[2];
	unsigned char n = 0;
	if (pipe(fds))
		return complain(), arg;
	while (!over) {
		unsigned char out[300], in[300];
		memset(out, ++n, sizeof(out));
		struct iovec w[] = { { out, 100 }, { out + 100, 200 } }, r[] = { { in, 250 }, { in + 250, 50 } };
		if (writev(fds[1], w, 2) != sizeof(out) || readv(fds[0], r, 2) != sizeof(in) || memcmp(in, out, sizeof(in)))
			complain();
		struct timespec ts;
		if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) || syscall(SYS_getppid) != getppid())
			complain();
	}
	close(fds[0]);
	close(fds[1]);
	return arg;
}

static void *change_memory(void *arg)
{
	while (!over) {
		char *p = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			continue;
		p[5 * 4096] = 1;
		if (mprotect(p + 12 * 4096, 4096, PROT_READ) || munmap(p + 8 * 4096, 4096) || p[5 * 4096] != 1)
			complain();
		char *q = mmap(NULL, 8 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (mremap(p, 8 * 4096, 8 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, q) != q || q[5 * 4096] != 1)
			complain();
		munmap(q, 8 * 4096);
		munmap(p + 9 * 4096, 7 * 4096);
	}
	return arg;
}

static void *end_at_once(void *arg)
{
	if (syscall(SYS_gettid) == getpid())
		complain();
	return arg;
}

static void *make_threads(void *arg)
{
	while (!over) {
		pthread_t t[4];
		int n = 0;
		while (n < 4 && pthread_create(&t[n], NULL, end_at_once, NULL) == 0)
			n++;
		while (n)
			pthread_join(t[--n], NULL);
	}
	return arg;
}

static void *send_signals(void *arg)
{
	unsigned seed = 1;
	while (!sent_enough) {
		if (pthread_kill(testers[rand_r(&seed) % TESTERS], SIGRTMIN) == 0)
			signals_sent++;
		if (signals_sent - __atomic_load_n(&signals_seen, __ATOMIC_RELAXED) > 100)
			sched_yield();
	}
	return arg;
}

/* The child checks that it has its parent's memory and code, and becomes another program, or ends. */
static void fork_once(bool exec)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		if (syscall(SYS_getpid) != getpid() || syscall(SYS_gettid) != getpid())
			_exit(1);
		if (exec)
			execl("/bin/true", "true", NULL);
		_exit(exec);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		complain();
}

static void race(int ms)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
	ASSERT_OK(sigaction(SIGRTMIN, &sa, NULL));
	static void *(*const tester[TESTERS])(void *) = { make_code, move_bytes, make_code };
	static void *(*const other[])(void *) = { change_memory, make_threads, send_signals };
	pthread_t others[3];
	for (int i = 0; i < TESTERS; i++)
		ASSERT_EQ(pthread_create(&testers[i], NULL, tester[i], NULL), 0);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(pthread_create(&others[i], NULL, other[i], NULL), 0);
	struct timespec start, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	int forks = 0;
	do {
		fork_once(forks++ % 2);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms || forks < 4);
	/* The sender first: a signal to a thread that is about to end, and has blocked them all, is nobody's. */
	sent_enough = true;
	pthread_join(others[2], NULL);
	over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(others[i], NULL);
	for (int i = 0; i < TESTERS; i++)
		pthread_join(testers[i], NULL);
	EXPECT_EQ(bad, 0);
	EXPECT_EQ(signals_seen, signals_sent);
	EXPECT(signals_sent > 0);
}

static int duration_ms(void)
{
	return getenv("STRESS_MS") ? atoi(getenv("STRESS_MS")) : stress_full() ? 60000 : 300;
}

TEST(everything_races_on_all_processors)
{
	COVERS(rt_sigreturn, mprotect, munmap, mremap, fork, execve, clone, tgkill, readv, writev);
	race(duration_ms());
}

TEST(everything_races_on_one_processor)
{
	COVERS(sched_setaffinity);
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_OK(sched_setaffinity(0, sizeof(one), &one));
	race(duration_ms());
}
