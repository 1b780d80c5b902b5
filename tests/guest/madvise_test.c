/* madvise_test.c - advice that changes what a program sees. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "tests/guest/guest.h"

COVERS(madvise, prctl);

#define PG 4096UL
#define RW (PROT_READ | PROT_WRITE)
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static char *anon(size_t pages)
{
	char *p = mmap(NULL, pages * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	return p;
}

/* What fn(p) returns in a forked child; -1: it died. */
static int in_child(int (*fn)(char *), char *p)
{
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		_exit(fn(p));
	}
	int st;
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static int first_byte(char *p)
{
	return *(volatile char *)p;
}

TEST(dontneed_drops_anonymous_pages)
{
	char *p = anon(3);
	memset(p, 1, 3 * PG);
	ASSERT_OK(madvise(p + PG, PG, MADV_DONTNEED));
	EXPECT_EQ(p[0], 1);
	EXPECT_EQ(p[PG], 0);
	EXPECT_EQ(p[2 * PG], 1);
}

TEST(dontneed_rereads_private_file_pages)
{
	FILE *f = tmpfile();
	ASSERT(f && fputs("text", f) >= 0 && fflush(f) == 0);
	char *p = mmap(NULL, PG, RW, MAP_PRIVATE, fileno(f), 0);
	ASSERT(p != MAP_FAILED);
	p[0] = 'X';
	ASSERT_OK(madvise(p, PG, MADV_DONTNEED));
	EXPECT_EQ(p[0], 't');
}

TEST(hints_are_accepted)
{
	char *p = anon(2);
	p[0] = 1;
	EXPECT_OK(madvise(p, PG, MADV_NORMAL));
	EXPECT_OK(madvise(p, PG, MADV_RANDOM));
	EXPECT_OK(madvise(p, PG, MADV_SEQUENTIAL));
	EXPECT_OK(madvise(p, PG, MADV_WILLNEED));
	EXPECT_OK(madvise(p, PG, MADV_COLD));
	EXPECT_OK(madvise(p, PG, MADV_PAGEOUT));
	EXPECT_OK(madvise(p, PG, MADV_DONTDUMP));
	EXPECT_OK(madvise(p, PG, MADV_DODUMP));
	EXPECT_EQ(p[0], 1);
	EXPECT_OK(madvise(p, PG, MADV_FREE));
	p[0] = 2;
	EXPECT_EQ(p[0], 2);
	EXPECT_OK(madvise(p, 0, MADV_DONTNEED));
}

TEST(bad_arguments_are_refused)
{
	char *p = anon(3);
	memset(p, 1, 3 * PG);
	EXPECT_ERRNO(madvise(p + 1, PG, MADV_DONTNEED), EINVAL);
	EXPECT_ERRNO(madvise(p, PG, 12345), EINVAL);
	EXPECT_ERRNO(madvise(p, PG, -1), EINVAL);
	EXPECT_ERRNO(madvise(p, -1UL, MADV_DONTNEED), EINVAL);
	ASSERT_OK(munmap(p + PG, PG));
	/* what is around the hole is done all the same */
	EXPECT_ERRNO(madvise(p, 3 * PG, MADV_DONTNEED), ENOMEM);
	EXPECT_EQ(p[0], 0);
	EXPECT_EQ(p[2 * PG], 0);
	EXPECT_ERRNO(madvise(p + PG, PG, MADV_DONTNEED), ENOMEM);
	EXPECT_ERRNO(madvise(p + PG, PG, MADV_DONTDUMP), ENOMEM);
	EXPECT_ERRNO(madvise((void *)(1UL << 60), PG, MADV_DONTNEED), ENOMEM);
}

TEST(dontfork_memory_is_not_in_the_child)
{
	char *p = anon(2);
	p[0] = p[PG] = 5;
	ASSERT_OK(madvise(p, PG, MADV_DONTFORK));
	EXPECT_EQ(in_child(first_byte, p), -1);
	EXPECT_EQ(in_child(first_byte, p + PG), 5);
	ASSERT_OK(madvise(p, PG, MADV_DOFORK));
	EXPECT_EQ(in_child(first_byte, p), 5);
}

TEST(wipeonfork_memory_is_zero_in_the_child)
{
	char *p = anon(1);
	p[0] = 5;
	ASSERT_OK(madvise(p, PG, MADV_WIPEONFORK));
	EXPECT_EQ(in_child(first_byte, p), 0);
	EXPECT_EQ(p[0], 5);
	ASSERT_OK(madvise(p, PG, MADV_KEEPONFORK));
	EXPECT_EQ(in_child(first_byte, p), 5);
	char *q = mmap(NULL, PG, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT_ERRNO(madvise(q, PG, MADV_WIPEONFORK), EINVAL);
}

TEST(populate_brings_pages_in)
{
	char *p = anon(4);
	if (madvise(p, 4 * PG, MADV_POPULATE_WRITE)) {
		ASSERT_EQ(errno, EINVAL);
		SKIP("not in this kernel");
	}
	unsigned char vec[4] = { 0 };
	ASSERT_OK(mincore(p, 4 * PG, vec));
	EXPECT_EQ(vec[0] & vec[1] & vec[2] & vec[3] & 1, 1);
	p = mmap(NULL, 2 * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT(p != MAP_FAILED);
	ASSERT_OK(mincore(p, 2 * PG, vec));
	EXPECT_EQ(vec[0] & vec[1] & 1, 1);
}

TEST(remove_punches_a_hole_in_shared_memory)
{
	char *p = mmap(NULL, 2 * PG, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	memset(p, 1, 2 * PG);
	ASSERT_OK(madvise(p, PG, MADV_REMOVE));
	EXPECT_EQ(p[0], 0);
	EXPECT_EQ(p[PG], 1);
	EXPECT_ERRNO(madvise(anon(1), PG, MADV_REMOVE), EINVAL);
}

TEST(anonymous_mappings_can_be_named)
{
	char *p = anon(3), line[512];
	if (prctl(0x53564d41, 0, p + PG, PG, "test pool"))
		SKIP("no PR_SET_VMA_ANON_NAME in this kernel");
	FILE *f = fopen("/proc/self/maps", "r");
	if (!f)
		SKIP("no /proc/self/maps");
	bool found = false;
	char want[64];
	snprintf(want, sizeof(want), "%lx-%lx", (unsigned long)p + PG, (unsigned long)p + 2 * PG);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, want, strlen(want)) == 0)
			found = strstr(line, "[anon:test pool]") != NULL;
	}
	EXPECT(found);
	EXPECT_ERRNO(prctl(0x53564d41, 0, p, PG, "bad[name"), EINVAL);
	EXPECT_ERRNO(prctl(0x53564d41, 0, p + 1, PG, "x"), EINVAL);
	EXPECT_OK(prctl(0x53564d41, 0, p, PG, NULL));
}

TEST(mlock_makes_pages_present_even_if_they_can_only_be_written)
{
	COVERS(mlock, mmap);
	unsigned char vec[2] = { 0 };
	char *p = mmap(NULL, 2 * PG, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	if (mlock(p, PG) < 0)
		SKIP("no memory may be locked here");
	ASSERT_OK(mincore(p, 2 * PG, vec));
	EXPECT_EQ(vec[0] & 1, 1);
	EXPECT_EQ(vec[1] & 1, 0);
}
