/* ustat_test.c - sysfs(2) and ustat(2), which System V had. */
#include "tests/guest/guest.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

COVERS(sysfs, ustat);

static long count_or_skip(void)
{
	long n = syscall(SYS_sysfs, 3);
	if (n < 0 && errno == ENOSYS)
		SKIP("this kernel has no sysfs(2)");
	return n;
}

TEST(types_of_file_systems_have_numbers)
{
	char name[64];
	long n = count_or_skip();
	ASSERT(n > 0);
	long proc = syscall(SYS_sysfs, 1, "proc");
	ASSERT(proc >= 0 && proc < n);
	ASSERT_OK(syscall(SYS_sysfs, 2, proc, name));
	EXPECT_STREQ(name, "proc");
}

TEST(unknown_types_and_options_are_refused)
{
	char name[64];
	long n = count_or_skip();
	EXPECT_ERRNO(syscall(SYS_sysfs, 1, "no such type"), EINVAL);
	EXPECT_ERRNO(syscall(SYS_sysfs, 1, (char *)-1L), EFAULT);
	EXPECT_ERRNO(syscall(SYS_sysfs, 2, n, name), EINVAL);
	EXPECT_ERRNO(syscall(SYS_sysfs, 2, 0, (char *)-1L), EFAULT);
	EXPECT_ERRNO(syscall(SYS_sysfs, 4), EINVAL);
}

/* As the kernel packs it for old programs. */
static unsigned packed(dev_t dev)
{
	return (minor(dev) & 0xff) | major(dev) << 8 | (minor(dev) & ~0xffU) << 12;
}

TEST(a_mounted_file_system_tells_its_free_space)
{
	struct { int32_t tfree; uint64_t tinode; char names[12]; } u;
	struct stat st;
	ASSERT_OK(stat("/proc", &st));
	memset(&u, 1, sizeof(u));
	if (syscall(SYS_ustat, packed(st.st_dev), &u) == -1 && errno == ENOSYS)
		SKIP("this kernel has no ustat(2)");
	EXPECT_EQ(u.tfree, 0);            /* procfs has no room */
	EXPECT_ERRNO(syscall(SYS_ustat, packed(st.st_dev), (void *)-1L), EFAULT);
	EXPECT_ERRNO(syscall(SYS_ustat, ~0U, &u), EINVAL);
}
