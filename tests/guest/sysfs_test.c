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
