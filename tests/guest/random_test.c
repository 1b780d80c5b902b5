/* random_test.c - getrandom(2). */
#include "tests/guest/guest.h"

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>

TEST(bytes_differ)
{
	COVERS(getrandom);
	char a[32] = "", b[32] = "";
	ASSERT_EQ(getrandom(a, sizeof(a), 0), 32);
	ASSERT_EQ(getrandom(b, sizeof(b), GRND_NONBLOCK), 32);
	EXPECT(memcmp(a, b, sizeof(a)));
	EXPECT_EQ(getrandom(a, 0, 0), 0);
}

TEST(flags_are_checked)
{
	char c;
	EXPECT_ERRNO(getrandom(&c, 1, 0x80), EINVAL);
	EXPECT_ERRNO(getrandom(&c, 1, GRND_RANDOM | GRND_INSECURE), EINVAL);
	EXPECT_ERRNO(syscall(SYS_getrandom, 8L, 1L, 0L), EFAULT);
}

TEST(a_long_request_is_filled)
{
	enum { LEN = 1 << 20 };
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	ASSERT_EQ(getrandom(p, LEN, 0), LEN);
	int zeros = 0;
	for (int i = LEN - 4096; i < LEN; i++)
		zeros += !p[i];
	EXPECT(zeros < 100);
}

TEST(memory_that_ends_gives_a_short_count)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	munmap(p + 4096, 4096);
	long n = getrandom(p, 8192, 0);
	EXPECT(n > 0 && n <= 4096);
}
