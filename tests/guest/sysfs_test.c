/* sysfs_test.c - /sys: processors and memory nodes. */
#include "tests/guest/guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static char text[65536];

static ssize_t slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n;
}

TEST(sys_is_a_sysfs)
{
	COVERS(statfs);
	struct statfs fs;
	ASSERT_OK(statfs("/sys", &fs));
	EXPECT_EQ(fs.f_type, 0x62656572);
}

TEST(online_processors_are_those_of_sysconf)
{
	char want[32];
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	ASSERT(slurp("/sys/devices/system/cpu/online") > 0);
	snprintf(want, sizeof(want), n > 1 ? "0-%ld\n" : "0\n", n - 1);
	EXPECT_STREQ(text, want);
	EXPECT(slurp("/sys/devices/system/cpu/possible") > 0);
	EXPECT(slurp("/sys/devices/system/cpu/present") > 0);
	ASSERT(slurp("/sys/devices/system/cpu/kernel_max") > 0);
	EXPECT(atoi(text) >= n - 1);
}

TEST(each_processor_has_a_directory_with_its_topology)
{
	COVERS(getdents64);
	int dirs = 0, cpu;
	char rest;
	DIR *d = opendir("/sys/devices/system/cpu");
	ASSERT(d);
	for (struct dirent *e; (e = readdir(d));)
		if (sscanf(e->d_name, "cpu%d%c", &cpu, &rest) == 1)
			dirs++;
	closedir(d);
	EXPECT(dirs >= sysconf(_SC_NPROCESSORS_ONLN));
	EXPECT(slurp("/sys/devices/system/cpu/cpu0/topology/core_id") > 0);
	EXPECT(slurp("/sys/devices/system/cpu/cpu0/topology/physical_package_id") > 0);
	EXPECT(slurp("/sys/devices/system/cpu/cpu0/topology/thread_siblings") > 0);
	EXPECT(slurp("/sys/devices/system/cpu/cpu0/topology/core_siblings_list") > 0);
	struct stat st;
	EXPECT_ERRNO(stat("/sys/devices/system/cpu/cpu100000", &st), ENOENT);
}

static long cache_field(const char *name)
{
	char path[100];
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index0/%s", name);
	return slurp(path) > 0 ? atol(text) : -1;
}

TEST(caches_are_described)
{
	COVERS(openat, read);
	if (access("/sys/devices/system/cpu/cpu0/cache/index0", F_OK))
		SKIP("this processor tells nothing of its caches");
	EXPECT_EQ(cache_field("level"), 1);
	long line = cache_field("coherency_line_size"), ways = cache_field("ways_of_associativity");
	long sets = cache_field("number_of_sets"), parts = cache_field("physical_line_partition"), kb = cache_field("size");
	EXPECT(line >= 16 && ways > 0 && sets > 0 && parts > 0);
	EXPECT_EQ(line * ways * sets * parts, kb * 1024);
	EXPECT(strchr(text, 'K'));
	EXPECT_EQ(cache_field("shared_cpu_list"), 0);
	ASSERT(slurp("/sys/devices/system/cpu/cpu0/cache/index0/type") > 0);
	EXPECT(strcmp(text, "Data\n") == 0 || strcmp(text, "Unified\n") == 0);
	EXPECT(access("/sys/devices/system/cpu/cpu0/cache/index99", F_OK) != 0);
}

TEST(node0_has_all_memory_and_processors)
{
	ASSERT(slurp("/sys/devices/system/node/online") > 0);
	EXPECT_EQ(text[0], '0');
	ASSERT(slurp("/sys/devices/system/node/node0/meminfo") > 0);
	EXPECT(strstr(text, "Node 0 MemTotal:"));
	EXPECT(slurp("/sys/devices/system/node/node0/cpulist") > 0);
}

TEST(huge_pages_are_two_megabytes)
{
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		SKIP("this kernel has none");
	ASSERT(slurp("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size") > 0);
	EXPECT_STREQ(text, "2097152\n");
	ASSERT(slurp("/sys/kernel/mm/transparent_hugepage/enabled") > 0);
	EXPECT(strchr(text, '['));
}

TEST(read_only_attributes_cannot_be_opened_for_writing)
{
	EXPECT_ERRNO(open("/sys/devices/system/cpu/online", O_WRONLY), EACCES);
}
