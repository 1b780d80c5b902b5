/* arguments_test.c - arguments at awkward places: they may travel with the call, or be fetched, and nobody is to see a difference. */
#include "tests/guest/guest.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

COVERS(read, write, open, stat, pread64, pwrite64, readlink, pipe2);

#define PAGE 4096UL

/* n writable pages with a page behind them that can't be touched. */
static char *guarded(size_t n)
{
	char *p = mmap(NULL, (n + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	ASSERT(mprotect(p + n * PAGE, PAGE, PROT_NONE) == 0);
	return p;
}

TEST(a_path_may_end_where_memory_ends)
{
	char *p = guarded(1);
	struct stat st;
	strcpy(p + PAGE - 2, "/");
	EXPECT_EQ(stat(p + PAGE - 2, &st), 0);
	p[PAGE - 1] = 'x';                /* no NUL before the end */
	EXPECT_ERRNO(stat(p + PAGE - 2, &st), EFAULT);
	EXPECT_ERRNO(open(p + PAGE, O_RDONLY), EFAULT);
	EXPECT_ERRNO(stat("/", (struct stat *)(p + PAGE - 8)), EFAULT);
}

TEST(paths_of_every_length)
{
	static char path[5000];
	struct stat st;
	for (size_t len = 1; len < 4200; len += len < 300 || (len > 1000 && len < 1050) || len > 4080 ? 1 : 97) {
		memset(path, '/', len);
		path[len] = '\0';
		if (len < 4096)
			EXPECT_EQ(stat(path, &st), 0);
		else
			EXPECT_ERRNO(stat(path, &st), ENAMETOOLONG);
	}
}

TEST(a_bad_buffer_takes_nothing_from_a_pipe)
{
	int fd[2];
	char *p = guarded(1), got[8];
	ASSERT(pipe(fd) == 0);
	EXPECT_EQ(write(fd[1], "abc", 3), 3);
	EXPECT_ERRNO(read(fd[0], p + PAGE, 3), EFAULT);
	char *ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_ERRNO(read(fd[0], ro, 3), EFAULT);
	EXPECT_EQ(read(fd[0], got, sizeof(got)), 3);
	EXPECT_ERRNO(write(fd[1], p + PAGE, 3), EFAULT);
	EXPECT_EQ(write(fd[1], ro, 3), 3);
}

TEST(only_what_was_read_changes)
{
	int fd[2];
	static char buf[70000];
	ASSERT(pipe(fd) == 0);
	for (size_t room = 8; room <= sizeof(buf); room = room * 3 + 1) {
		memset(buf, '-', sizeof(buf));
		EXPECT_EQ(write(fd[1], "abcde", 5), 5);
		EXPECT_EQ(read(fd[0], buf, room), 5);
		EXPECT(memcmp(buf, "abcde---", 8) == 0);
		EXPECT(buf[room - 1] == '-');
	}
}

TEST(buffers_of_every_size_go_through)
{
	char name[] = "/tmp/argumentsXXXXXX";
	static char out[200000], in[200000];
	int fd = mkstemp(name);
	ASSERT(fd >= 0);
	unlink(name);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 31 + i / 251);
	static const size_t sizes[] = { 1, 15, 16, 17, 4095, 4096, 4097, 8192, 65519, 65535, 65536, 65537, 69632, 131072, 199000 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i], off = i * 7;
		EXPECT_EQ(pwrite(fd, out + off, n, 5), (long)n);
		memset(in, 0, sizeof(in));
		EXPECT_EQ(pread(fd, in + off, n, 5), (long)n);
		EXPECT(memcmp(in + off, out + off, n) == 0);
		EXPECT(in[off + n] == 0 && (off == 0 || in[off - 1] == 0));
	}
	close(fd);
}

TEST(one_buffer_for_two_arguments)
{
	char buf[600];
	strcpy(buf, "/proc/self/exe");
	long n = syscall(SYS_readlink, buf, buf, sizeof(buf));
	ASSERT(n > 0);
	EXPECT_EQ(buf[0], '/');
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	EXPECT_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &set, 8), 0);
	EXPECT_EQ(sigismember(&set, SIGUSR2), 0);
	EXPECT_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &set, 8), 0);
	EXPECT_EQ(sigismember(&set, SIGUSR2), 1);
}

static volatile sig_atomic_t seen;
static char shared_buf[4];
static void look(int sig)
{
	(void)sig;
	seen = shared_buf[0];
}

TEST(a_handler_sees_what_the_interrupted_call_did)
{
	int fd[2];
	ASSERT(pipe(fd) == 0);
	EXPECT_EQ(write(fd[1], "q", 1), 1);
	ASSERT(signal(SIGIO, look) != SIG_ERR);
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	/* A call that writes to memory and lets a pending signal in: the handler runs when it returns. */
	ASSERT(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	raise(SIGIO);
	memset(&old, 0, sizeof(old));
	EXPECT_EQ(read(fd[0], shared_buf, 4), 1);
	EXPECT_EQ(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, &old, 8), 0);
	EXPECT_EQ(seen, 'q');
	EXPECT_EQ(sigismember(&old, SIGIO), 1);
}

static int pp[2];
static void *blocked_reader(void *arg)
{
	return (void *)read(pp[0], arg, 65536);
}

TEST(a_read_that_waited_fills_its_buffer)
{
	static char buf[65536], data[65536];
	pthread_t t;
	void *n;
	ASSERT(pipe(pp) == 0);
	memset(data, 'd', sizeof(data));
	ASSERT(pthread_create(&t, NULL, blocked_reader, buf) == 0);
	EXPECT_EQ(write(pp[1], data, sizeof(data)), (long)sizeof(data));
	pthread_join(t, &n);
	ASSERT((long)n > 0);
	EXPECT(memcmp(buf, data, (size_t)(long)n) == 0);
}

static _Atomic int stop;
static char race_path[64];
static void *racer(void *arg)
{
	(void)arg;
	while (!stop) {
		memcpy(race_path, "/proc\0", 6);
		memcpy(race_path, "/nope\0", 6);
	}
	return NULL;
}

TEST(a_path_that_changes_is_one_or_the_other)
{
	pthread_t t;
	struct stat st;
	strcpy(race_path, "/proc");
	ASSERT(pthread_create(&t, NULL, racer, NULL) == 0);
	for (int i = 0; i < 2000; i++) {
		if (stat(race_path, &st) == 0)
			EXPECT(S_ISDIR(st.st_mode));
		else
			EXPECT_EQ(errno, ENOENT);
	}
	stop = 1;
	pthread_join(t, NULL);
}
