/* select_test.c - select(2), pselect6(2). */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/guest/guest.h"

COVERS(select, pselect6);

static void on_signal(int sig)
{
	(void)sig;
}

TEST(counts_bits_in_all_sets)
{
	int a[2], b[2];
	ASSERT_OK(pipe(a));
	ASSERT_OK(pipe(b));
	write(b[1], "x", 1);
	fd_set rd, wr, ex;
	FD_ZERO(&rd);
	FD_ZERO(&wr);
	FD_ZERO(&ex);
	FD_SET(a[0], &rd);
	FD_SET(b[0], &rd);
	FD_SET(b[1], &wr);
	FD_SET(b[1], &ex);
	EXPECT_EQ(select(b[1] + 1, &rd, &wr, &ex, NULL), 2);
	EXPECT(!FD_ISSET(a[0], &rd) && FD_ISSET(b[0], &rd));
	EXPECT(FD_ISSET(b[1], &wr) && !FD_ISSET(b[1], &ex));
}

/* Sets as short as the number of descriptors says, one behind the other, where memory ends; and one that is read-only behind. */
TEST(sets_may_be_short)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *mem = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(mem != MAP_FAILED);
	ASSERT(mprotect(mem + page, page, PROT_NONE) == 0);
	int p[2];
	ASSERT(pipe(p) == 0);
	ASSERT(p[1] < 64);
	uint64_t *sets = (uint64_t *)(mem + page) - 2;
	for (int i = 0; i < 40; i++) {
		sets[0] = 1ULL << p[0];
		sets[1] = 1ULL << p[1];
		EXPECT_EQ(syscall(SYS_select, p[1] + 1, &sets[0], &sets[1], NULL, NULL), 1);
		EXPECT_EQ(sets[0], 0);
		EXPECT_EQ(sets[1], 1ULL << p[1]);
	}
	ASSERT(mprotect(mem + page, page, PROT_READ) == 0);
	for (int i = 0; i < 40; i++) {
		struct timespec none = { 0 };
		sets[1] = 1ULL << p[0];
		EXPECT_EQ(syscall(SYS_pselect6, p[0] + 1, &sets[1], NULL, NULL, &none, NULL), 0);
		EXPECT_EQ(sets[1], 0);
	}
	close(p[0]);
	close(p[1]);
	munmap(mem, 2 * page);
}

TEST(end_of_file_is_readable)
{
	int a[2];
	ASSERT_OK(pipe(a));
	close(a[1]);
	fd_set rd;
	FD_ZERO(&rd);
	FD_SET(a[0], &rd);
	EXPECT_EQ(select(a[0] + 1, &rd, NULL, NULL, NULL), 1);
}

TEST(bad_arguments)
{
	fd_set rd;
	FD_ZERO(&rd);
	FD_SET(60, &rd);
	EXPECT_ERRNO(select(61, &rd, NULL, NULL, NULL), EBADF);
	EXPECT(FD_ISSET(60, &rd));
	EXPECT_ERRNO(select(-1, NULL, NULL, NULL, NULL), EINVAL);
	struct timeval tv = { -1, 0 };
	EXPECT_ERRNO(select(0, NULL, NULL, NULL, &tv), EINVAL);
	EXPECT_ERRNO(syscall(SYS_select, 1, 8, NULL, NULL, NULL), EFAULT);
}

TEST(time_left_is_written_back)
{
	int a[2];
	ASSERT_OK(pipe(a));
	struct timeval tv = { 0, 3000 };
	fd_set rd;
	FD_ZERO(&rd);
	FD_SET(a[0], &rd);
	EXPECT_EQ(select(a[0] + 1, &rd, NULL, NULL, &tv), 0);
	EXPECT(!FD_ISSET(a[0], &rd));
	EXPECT(tv.tv_sec == 0 && tv.tv_usec == 0);
	write(a[1], "x", 1);
	FD_SET(a[0], &rd);
	tv.tv_sec = 9;
	EXPECT_EQ(select(a[0] + 1, &rd, NULL, NULL, &tv), 1);
	EXPECT_EQ(tv.tv_sec, 8);
	/* More than a second of microseconds is fine. */
	tv = (struct timeval){ 0, 2000000 };
	FD_SET(a[0], &rd);
	EXPECT_EQ(select(a[0] + 1, &rd, NULL, NULL, &tv), 1);
	EXPECT_EQ(tv.tv_sec, 1);
}

TEST(a_signal_interrupts)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &sa, NULL);
	struct itimerval it = { .it_value = { 0, 20000 }, .it_interval = { 0, 20000 } };
	ASSERT_OK(setitimer(ITIMER_REAL, &it, NULL));
	struct timeval tv = { 10, 0 };
	EXPECT_ERRNO(select(0, NULL, NULL, NULL, &tv), EINTR);
	EXPECT_EQ(tv.tv_sec, 9);
}

TEST(pselect_swaps_the_mask)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(SIGUSR1, &sa, NULL);
	sigset_t block, none, now;
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	kill(getpid(), SIGUSR1);
	struct timespec ts = { 0, 1000000 };
	EXPECT_EQ(pselect(0, NULL, NULL, NULL, &ts, NULL), 0);
	EXPECT_ERRNO(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
	sigprocmask(SIG_SETMASK, NULL, &now);
	EXPECT(sigismember(&now, SIGUSR1));
}

TEST(a_personality_may_keep_time_outs)
{
	COVERS(personality, ppoll);
	ASSERT_OK(personality(PER_LINUX | STICKY_TIMEOUTS));
	struct timeval tv = { .tv_usec = 10 };
	EXPECT_EQ(select(0, NULL, NULL, NULL, &tv), 0);
	EXPECT_EQ(tv.tv_usec, 10);
	struct timespec ts = { .tv_nsec = 10 };
	EXPECT_EQ(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, NULL), 0);
	EXPECT_EQ(ts.tv_nsec, 10);
	EXPECT_EQ(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8), 0);
	EXPECT_EQ(ts.tv_nsec, 10);
	/* What can't be started again with the time that is left is interrupted for good. */
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_signal, .sa_flags = SA_RESTART }, NULL);
	ualarm(10000, 0);
	ts = (struct timespec){ .tv_sec = 10 };
	EXPECT_ERRNO(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8), EINTR);
	EXPECT_EQ(ts.tv_sec, 10);
}
