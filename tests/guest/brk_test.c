/* brk_test.c - the heap's end. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(brk);

#define PG 4096UL

static unsigned long raw_brk(unsigned long to)
{
	return (unsigned long)syscall(SYS_brk, to);
}

TEST(grows_zeroed_and_shrinks)
{
	unsigned long old = raw_brk(0);
	ASSERT(old != 0);
	ASSERT_EQ(raw_brk(old + 3 * PG + 5), old + 3 * PG + 5);
	char *p = (char *)((old + PG - 1) & ~(PG - 1));
	for (size_t i = 0; i < 3 * PG; i++)
		ASSERT_EQ(p[i], 0);
	memset(p, 1, 3 * PG);
	EXPECT_EQ(raw_brk(old), old);
	unsigned char vec;
	EXPECT_ERRNO(mincore(p + PG, PG, &vec), ENOMEM);
	EXPECT_EQ(raw_brk(old + 3 * PG), old + 3 * PG);
	EXPECT_EQ(p[2 * PG - 1], 0);
}

TEST(never_fails_but_returns_where_it_is)
{
	unsigned long old = raw_brk(0);
	EXPECT_EQ(raw_brk(1), old);
	EXPECT_EQ(raw_brk(-1UL), old);
	EXPECT_EQ(raw_brk(1UL << 60), old);
	EXPECT_EQ(raw_brk(0), old);
	EXPECT_ERRNO((long)sbrk(1L << 46), ENOMEM);
}

TEST(stops_before_other_mappings)
{
	unsigned long old = raw_brk(0), page = (old + PG - 1) & ~(PG - 1);
	void *wall = mmap((void *)(page + 16 * PG), PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT(wall != MAP_FAILED);
	EXPECT_EQ(raw_brk(page + 17 * PG), old);
	EXPECT_EQ(raw_brk(page + 16 * PG), old);        /* a page stays free */
	EXPECT_EQ(raw_brk(page + 15 * PG), page + 15 * PG);
}

TEST(data_limit_holds)
{
	unsigned long old = raw_brk(0);
	struct rlimit rl = { .rlim_cur = 32UL << 20, .rlim_max = RLIM_INFINITY };
	if (setrlimit(RLIMIT_DATA, &rl))
		SKIP("cannot set RLIMIT_DATA");
	EXPECT_EQ(raw_brk(old + (64UL << 20)), old);
	EXPECT_EQ(raw_brk(old + (1UL << 20)), old + (1UL << 20));
}

TEST(heap_is_copied_by_fork)
{
	int *p = sbrk(64);
	ASSERT(p != (void *)-1);
	*p = 1;
	pid_t pid = fork();
	if (pid == 0) {
		if (*p != 1 || sbrk(1 << 20) == (void *)-1)
			_exit(1);
		*p = 2;
		_exit(0);
	}
	int st;
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	EXPECT_EQ(st, 0);
	EXPECT_EQ(*p, 1);
}
