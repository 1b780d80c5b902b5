/* mremap_test.c - mappings that grow, shrink and move. */
#include <sys/mman.h>

#include "tests/guest/guest.h"

COVERS(mremap);

#define PG 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static char *anon(size_t pages)
{
	char *p = mmap(NULL, pages * PG, RW, ANON, -1, 0);
	ASSERT(p != MAP_FAILED);
	for (size_t i = 0; i < pages; i++)
		p[i * PG] = (char)(i + 1);
	return p;
}

static bool is_mapped(char *p)
{
	unsigned char vec;
	return mincore(p, PG, &vec) == 0;
}

TEST(shrinking_keeps_the_front)
{
	char *p = anon(4);
	EXPECT(mremap(p, 4 * PG, 2 * PG, 0) == p);
	EXPECT_EQ(p[PG], 2);
	EXPECT(!is_mapped(p + 2 * PG));
	EXPECT(!is_mapped(p + 3 * PG));
}

TEST(growing_in_place_needs_room)
{
	char *p = anon(8);
	ASSERT_OK(munmap(p + 2 * PG, 3 * PG));
	EXPECT(mremap(p, 2 * PG, 4 * PG, 0) == p);
	EXPECT_EQ(p[PG], 2);
	EXPECT_EQ(p[3 * PG], 0);
	p[3 * PG] = 9;
	EXPECT_EQ(p[5 * PG], 6);
	EXPECT_ERRNO((long)mremap(p, 4 * PG, 6 * PG, 0), ENOMEM);
	EXPECT_EQ(p[3 * PG], 9);
}

TEST(growing_moves_when_it_may)
{
	char *p = anon(4);
	char *q = mremap(p, 2 * PG, 64 * PG, MREMAP_MAYMOVE);
	ASSERT(q != MAP_FAILED && q != p);
	EXPECT_EQ(q[0], 1);
	EXPECT_EQ(q[PG], 2);
	EXPECT_EQ(q[2 * PG], 0);
	EXPECT(!is_mapped(p));
	EXPECT_EQ(p[2 * PG], 3);
	memset(q, 1, 64 * PG);
}

TEST(fixed_goes_where_it_is_told)
{
	char *p = anon(2), *target = anon(4);
	char *q = mremap(p, 2 * PG, 2 * PG, MREMAP_MAYMOVE | MREMAP_FIXED, target + PG);
	ASSERT(q == target + PG);
	EXPECT_EQ(target[0], 1);
	EXPECT_EQ(target[PG], 1);
	EXPECT_EQ(target[2 * PG], 2);
	EXPECT_EQ(target[3 * PG], 4);
	EXPECT(!is_mapped(p));
	/* smaller than it was: the tail goes, too */
	p = anon(4);
	q = mremap(p, 4 * PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	ASSERT(q == target);
	EXPECT(!is_mapped(p) && !is_mapped(p + 3 * PG));
}

TEST(a_part_of_a_mapping_moves_alone)
{
	char *p = anon(5);
	char *q = mremap(p + PG, 2 * PG, 3 * PG, MREMAP_MAYMOVE);
	ASSERT(q != MAP_FAILED);
	EXPECT_EQ(q[0], 2);
	EXPECT_EQ(q[PG], 3);
	EXPECT(is_mapped(p) && !is_mapped(p + PG) && !is_mapped(p + 2 * PG) && is_mapped(p + 3 * PG));
}

TEST(old_size_zero_duplicates_shared_memory)
{
	char *p = mmap(NULL, 2 * PG, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	char *q = mremap(p, 0, 2 * PG, MREMAP_MAYMOVE);
	ASSERT(q != MAP_FAILED && q != p);
	p[PG] = 7;
	EXPECT_EQ(q[PG], 7);
	char *a = anon(1);
	EXPECT_ERRNO((long)mremap(a, 0, PG, MREMAP_MAYMOVE), EINVAL);
}

TEST(dontunmap_leaves_an_empty_mapping)
{
	char *p = anon(2);
	char *q = mremap(p, 2 * PG, 2 * PG, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (q == MAP_FAILED && errno == EINVAL)
		SKIP("not in this kernel");
	ASSERT(q != MAP_FAILED && q != p);
	EXPECT_EQ(q[PG], 2);
	EXPECT_EQ(p[PG], 0);
	EXPECT_ERRNO((long)mremap(p, 2 * PG, PG, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
}

TEST(file_mappings_keep_their_offset)
{
	FILE *f = tmpfile();
	ASSERT(f);
	for (int i = 0; i < 6; i++) {
		char page[PG];
		memset(page, 'a' + i, PG);
		ASSERT_EQ(fwrite(page, 1, PG, f), PG);
	}
	fflush(f);
	char *p = mmap(NULL, 2 * PG, PROT_READ, MAP_SHARED, fileno(f), PG);
	ASSERT(p != MAP_FAILED);
	char *q = mremap(p, 2 * PG, 5 * PG, MREMAP_MAYMOVE);
	ASSERT(q != MAP_FAILED);
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(q[(unsigned long)i * PG], 'b' + i);
}

TEST(bad_arguments_are_refused)
{
	char *p = anon(4);
	EXPECT_ERRNO((long)mremap(p + 1, PG, PG, 0), EINVAL);
	EXPECT_ERRNO((long)mremap(p, PG, 0, 0), EINVAL);
	EXPECT_ERRNO((long)mremap(p, PG, PG, 64), EINVAL);
	EXPECT_ERRNO((long)mremap(p, PG, PG, MREMAP_FIXED, p + PG), EINVAL);
	EXPECT_ERRNO((long)mremap(p, 2 * PG, 2 * PG, MREMAP_FIXED | MREMAP_MAYMOVE, p + PG), EINVAL);    /* overlap */
	EXPECT_ERRNO((long)mremap(p, PG, PG, MREMAP_FIXED | MREMAP_MAYMOVE, p + 2 * PG + 1), EINVAL);
	EXPECT_ERRNO((long)mremap(p, PG, PG, MREMAP_FIXED | MREMAP_MAYMOVE, (void *)(1UL << 60)), EINVAL);
	ASSERT_OK(munmap(p + PG, PG));
	EXPECT_ERRNO((long)mremap(p + PG, PG, 2 * PG, MREMAP_MAYMOVE), EFAULT);
	EXPECT_ERRNO((long)mremap(p, 3 * PG, 4 * PG, MREMAP_MAYMOVE), EFAULT);
	EXPECT_ERRNO((long)mremap(p, PG, 1UL << 46, MREMAP_MAYMOVE), ENOMEM);
}

TEST(growing_step_by_step_keeps_everything)
{
	unsigned long *p = mmap(NULL, PG, RW, ANON, -1, 0);
	ASSERT(p != MAP_FAILED);
	size_t pages = 1;
	p[0] = 0;
	while (pages < 2048) {
		size_t more = pages + 1 + pages / 2;
		p = mremap(p, pages * PG, more * PG, MREMAP_MAYMOVE);
		ASSERT(p != MAP_FAILED);
		for (size_t i = pages; i < more; i++)
			p[i * PG / 8] = i;
		pages = more;
	}
	for (size_t i = 0; i < pages; i++)
		ASSERT_EQ(p[i * PG / 8], i);
}
