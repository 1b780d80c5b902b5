/* proc_maps_test.c - ioctl(PROCMAP_QUERY) of /proc/PID/maps. */
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "tests/guest/guest.h"

static void exec_here(void)
{
}

struct procmap_query {
	uint64_t size, query_flags, query_addr, vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)

TEST(a_mapping_can_be_asked_for)
{
	COVERS(ioctl);
	char name[PATH_MAX], exe[PATH_MAX];
	int fd = open("/proc/self/maps", O_RDONLY);
	ASSERT_OK(fd);
	struct procmap_query q = { .size = sizeof(q), .query_addr = (uintptr_t)&exec_here, .vma_name_addr = (uintptr_t)name,
				   .vma_name_size = sizeof(name) };
	if (ioctl(fd, PROCMAP_QUERY, &q) < 0 && errno == ENOTTY)
		SKIP("no PROCMAP_QUERY");
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	ASSERT_OK(n);
	exe[n] = '\0';
	EXPECT_STREQ(name, exe);
	EXPECT_EQ(q.vma_name_size, n + 1);
	EXPECT_EQ(q.vma_flags, 5);
	EXPECT(q.vma_start <= q.query_addr && q.query_addr < q.vma_end);
	EXPECT(q.inode != 0);

	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	ASSERT_OK(munmap(p, 4096));
	ASSERT_OK(mprotect(p + 8192, 4096, PROT_READ));
	q = (struct procmap_query){ .size = sizeof(q), .query_addr = (uintptr_t)p };
	EXPECT_ERRNO(ioctl(fd, PROCMAP_QUERY, &q), ENOENT);
	q.query_flags = 16;
	EXPECT_OK(ioctl(fd, PROCMAP_QUERY, &q));
	EXPECT_EQ(q.vma_start, (uintptr_t)p + 4096);
	EXPECT_EQ(q.vma_flags, 3);
	q = (struct procmap_query){ .size = sizeof(q), .query_addr = (uintptr_t)p + 8192, .query_flags = 2 };
	EXPECT_ERRNO(ioctl(fd, PROCMAP_QUERY, &q), ENOENT);
	q.query_flags = 64;
	EXPECT_ERRNO(ioctl(fd, PROCMAP_QUERY, &q), EINVAL);
	q.query_flags = 0;
	q.vma_name_size = 1;
	EXPECT_ERRNO(ioctl(fd, PROCMAP_QUERY, &q), EINVAL);
	q.size = 8;
	EXPECT_ERRNO(ioctl(fd, PROCMAP_QUERY, &q), EINVAL);
	q.size = 8192;
	EXPECT_ERRNO(ioctl(fd, PROCMAP_QUERY, &q), E2BIG);
	q = (struct procmap_query){ .size = sizeof(q), .query_addr = (uintptr_t)&exec_here, .vma_name_addr = (uintptr_t)name,
				    .vma_name_size = 2 };
	EXPECT_ERRNO(ioctl(fd, PROCMAP_QUERY, &q), ENAMETOOLONG);
	EXPECT_ERRNO(ioctl(fd, PROCMAP_QUERY, (void *)8), EFAULT);
}
