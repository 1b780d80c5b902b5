/* proc_sys_test.c - /proc's files about the machine, and /proc/sys. */
#include "tests/guest/guest.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>

static char text[1 << 20];

static ssize_t slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	ssize_t len = 0, n;
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = '\0';
	return n < 0 ? -1 : len;
}

static int count(const char *needle)
{
	int n = 0;
	for (char *p = text; (p = strstr(p, needle)); p++)
		n++;
	return n;
}

TEST(proc_is_a_procfs)
{
	COVERS(statfs);
	struct statfs fs;
	ASSERT_OK(statfs("/proc", &fs));
	EXPECT_EQ(fs.f_type, 0x9fa0);
}

TEST(cpuinfo_has_an_entry_a_processor)
{
	COVERS(sched_getaffinity);
	ASSERT(slurp("/proc/cpuinfo") > 0);
	EXPECT_EQ(count("processor\t: "), sysconf(_SC_NPROCESSORS_ONLN));
	EXPECT(strstr(text, " sse2 "));
	EXPECT(strstr(text, "model name\t: "));
}

TEST(meminfo_agrees_with_sysinfo)
{
	COVERS(sysinfo);
	struct sysinfo si;
	unsigned long total = 0, avail = 0;
	ASSERT(slurp("/proc/meminfo") > 0);
	ASSERT_OK(sysinfo(&si));
	ASSERT_EQ(sscanf(text, "MemTotal: %lu kB", &total), 1);
	EXPECT_EQ(total, si.totalram * si.mem_unit / 1024);
	char *line = strstr(text, "\nMemAvailable:");
	ASSERT(line);
	ASSERT_EQ(sscanf(line, " MemAvailable: %lu kB", &avail), 1);
	EXPECT(avail > 0 && avail <= total);
}

TEST(stat_uptime_and_loadavg_parse)
{
	unsigned long long user, nice, sys, idle, btime = 0;
	ASSERT(slurp("/proc/stat") > 0);
	EXPECT_EQ(sscanf(text, "cpu %llu %llu %llu %llu", &user, &nice, &sys, &idle), 4);
	EXPECT_EQ(count("\ncpu"), sysconf(_SC_NPROCESSORS_ONLN));
	char *line = strstr(text, "\nbtime ");
	ASSERT(line && sscanf(line, " btime %llu", &btime) == 1);
	double up, idle_s, a, b, c;
	int running, total, last;
	ASSERT(slurp("/proc/uptime") > 0);
	ASSERT_EQ(sscanf(text, "%lf %lf", &up, &idle_s), 2);
	double diff = (double)time(NULL) - (double)btime - up;
	EXPECT(diff > -3 && diff < 3);
	ASSERT(slurp("/proc/loadavg") > 0);
	ASSERT_EQ(sscanf(text, "%lf %lf %lf %d/%d %d", &a, &b, &c, &running, &total, &last), 6);
	EXPECT(running >= 1 && total >= running && last >= 1);
}

TEST(version_and_names_agree_with_uname)
{
	COVERS(uname);
	struct utsname u;
	char want[200];
	ASSERT_OK(uname(&u));
	ASSERT(slurp("/proc/sys/kernel/osrelease") > 0);
	snprintf(want, sizeof(want), "%s\n", u.release);
	EXPECT_STREQ(text, want);
	ASSERT(slurp("/proc/sys/kernel/hostname") > 0);
	snprintf(want, sizeof(want), "%s\n", u.nodename);
	EXPECT_STREQ(text, want);
	ASSERT(slurp("/proc/version") > 0);
	snprintf(want, sizeof(want), "%s version %s ", u.sysname, u.release);
	EXPECT(!strncmp(text, want, strlen(want)));
}

TEST(uuid_is_new_every_time_and_boot_id_is_not)
{
	char first[64];
	ASSERT_EQ(slurp("/proc/sys/kernel/random/uuid"), 37);
	memcpy(first, text, 38);
	ASSERT_EQ(slurp("/proc/sys/kernel/random/uuid"), 37);
	EXPECT(strcmp(first, text));
	ASSERT_EQ(slurp("/proc/sys/kernel/random/boot_id"), 37);
	memcpy(first, text, 38);
	ASSERT_EQ(slurp("/proc/sys/kernel/random/boot_id"), 37);
	EXPECT_STREQ(text, first);
}

TEST(parameters_are_numbers)
{
	static const char *const names[] = {
		"kernel/pid_max", "kernel/threads-max", "kernel/cap_last_cap", "kernel/ngroups_max", "kernel/overflowuid",
		"kernel/randomize_va_space", "kernel/msgmax", "kernel/shmmni", "kernel/random/entropy_avail", "vm/overcommit_memory",
		"vm/max_map_count", "vm/mmap_min_addr", "vm/swappiness", "fs/file-max", "fs/nr_open", "fs/pipe-max-size",
		"fs/inotify/max_user_watches", "fs/epoll/max_user_watches",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128], *end;
		snprintf(path, sizeof(path), "/proc/sys/%s", names[i]);
		if (slurp(path) <= 0)
			FAIL("%s: errno %d", path, errno);
		(void)strtoull(text, &end, 10);
		if (end == text || *end != '\n')
			FAIL("%s is not a number: %s", path, text);
	}
}

TEST(files_of_numbers_cannot_be_opened_for_writing)
{
	EXPECT_ERRNO(open("/proc/sys/kernel/cap_last_cap", O_WRONLY), EACCES);
}

TEST(nothing_can_be_made_in_proc)
{
	COVERS(mkdir, open);
	EXPECT_ERRNO(mkdir("/proc/new", 0777), ENOENT);
	EXPECT_ERRNO(open("/proc/new", O_CREAT | O_WRONLY, 0666), ENOENT);
	struct stat st;
	EXPECT_ERRNO(stat("/proc/99999999", &st), ENOENT);
	EXPECT_ERRNO(stat("/proc/01", &st), ENOENT);
	EXPECT_ERRNO(stat("/proc/-1", &st), ENOENT);
}

TEST(the_kernels_configuration_is_a_gzipped_text)
{
	if (access("/proc/config.gz", R_OK))
		SKIP("this kernel does not tell");
	ASSERT(slurp("/proc/config.gz") > 18);
	EXPECT_EQ((unsigned char)text[0], 0x1f);
	EXPECT_EQ((unsigned char)text[1], 0x8b);
	FILE *zcat = popen("zcat /proc/config.gz", "r");
	ASSERT(zcat);
	size_t len = fread(text, 1, sizeof(text) - 1, zcat);
	text[len] = '\0';
	ASSERT_EQ(pclose(zcat), 0);
	EXPECT(strstr(text, "\nCONFIG_EVENTFD=y\n"));
	EXPECT(strstr(text, "\nCONFIG_PROC_FS=y\n"));
}

TEST(filesystems_and_swaps)
{
	ASSERT(slurp("/proc/filesystems") > 0);
	EXPECT(strstr(text, "nodev\tproc\n"));
	EXPECT(strstr(text, "nodev\ttmpfs\n"));
	ASSERT(slurp("/proc/swaps") > 0);
	EXPECT(!strncmp(text, "Filename", 8));
}

static int put(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		SKIP("%s: %s", path, strerror(errno));
	ssize_t n = write(fd, what, strlen(what));
	int err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

TEST(the_pipe_limit_is_rounded_up_to_a_power_of_two)
{
	char less[32];
	ASSERT(slurp("/proc/sys/fs/pipe-max-size") > 0);
	long max = atol(text);
	snprintf(less, sizeof(less), "%ld", max - 1);
	if (max & (max - 1) || put("/proc/sys/fs/pipe-max-size", less) < 0)
		SKIP("the limit can't be changed");
	ASSERT(slurp("/proc/sys/fs/pipe-max-size") > 0);
	EXPECT_EQ(atol(text), max);
	EXPECT_ERRNO(put("/proc/sys/fs/pipe-max-size", "-1"), EINVAL);
}

static int bind_low(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(81) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0;
	close(fd);
	return err;
}

static int ping(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	return fd < 0 ? errno : close(fd);
}

/* A container engine's: in a network of its own, with what it lets an ordinary user do. */
TEST(a_network_says_who_may_ping_and_bind_low_ports)
{
	static const char range[] = "/proc/sys/net/ipv4/ping_group_range", start[] = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
	if (unshare(CLONE_NEWNET))
		SKIP("no network namespaces");
	ASSERT(slurp(range) > 0);
	EXPECT_STREQ(text, "1\t0\n");
	EXPECT_EQ(ping(), EACCES);
	EXPECT_ERRNO(put(range, "0 -1"), EINVAL);
	EXPECT_ERRNO(put(range, "x"), EINVAL);
	ASSERT_OK(put(range, "0 5"));
	EXPECT_EQ(ping(), 0);
	ASSERT_OK(put(range, "5 0"));
	ASSERT(slurp(range) > 0);
	EXPECT_STREQ(text, "1\t0\n");
	ASSERT_OK(put(range, "1000 1000"));
	EXPECT_EQ(ping(), EACCES);
	EXPECT_ERRNO(put(start, "65536"), EINVAL);
	ASSERT_OK(put(start, "81"));
	ASSERT(slurp(start) > 0);
	EXPECT_STREQ(text, "81\n");
	ASSERT_OK(setgid(1000));
	ASSERT_OK(setuid(1000));
	EXPECT_EQ(ping(), 0);
	EXPECT_EQ(bind_low(), 0);
}

TEST(the_next_process_id_can_be_chosen)
{
	COVERS(fork);
	int hits = 0;
	/* On a busy host somebody else may take it first. */
	for (int i = 0; i < 50 && !hits; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
		char last[32];
		snprintf(last, sizeof(last), "%d", pid - 1);
		ASSERT_OK(put("/proc/sys/kernel/ns_last_pid", last));
		pid_t again = fork();
		if (again == 0)
			_exit(0);
		ASSERT_EQ(waitpid(again, NULL, 0), again);
		hits += again == pid;
	}
	EXPECT_EQ(hits, 1);
	EXPECT_ERRNO(put("/proc/sys/kernel/ns_last_pid", "99999999999"), EINVAL);
}
