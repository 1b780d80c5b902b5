/* overlay_rw_test.c - directories that come from elsewhere can be changed like any other.
 *
 * In a sandbox the tests change system directories, which are those of the host, seen through an overlay. Elsewhere they work
 * on a copy. */
#include "tests/guest/guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#define SOURCE "/usr/include/linux"

static char copy[64];

/* Enters the parent of a directory `name` that holds headers and nothing else. Each test takes another one. */
static void begin(const char *name)
{
	struct utsname u;
	struct stat st;
	char cmd[200];
	snprintf(cmd, sizeof(cmd), "%s/%s", SOURCE, name);
	if (stat(cmd, &st) < 0)
		SKIP("no %s here", cmd);
	ASSERT_OK(uname(&u));
	if (strstr(u.release, "sbx")) {
		ASSERT_OK(chdir(SOURCE));
		return;
	}
	snprintf(copy, sizeof(copy), "/tmp/overlay_test.XXXXXX");
	ASSERT(mkdtemp(copy));
	snprintf(cmd, sizeof(cmd), "cp -rL %s/%s %s/", SOURCE, name, copy);
	ASSERT_EQ(system(cmd), 0);
	ASSERT_OK(chdir(copy));
}

static void end(void)
{
	char cmd[100];
	ASSERT_OK(chdir("/"));
	snprintf(cmd, sizeof(cmd), "rm -rf %s", copy);
	if (copy[0])
		ASSERT_EQ(system(cmd), 0);
}

/* How many names a directory has, and one of its regular files. */
static int count(const char *dir, char *file, size_t bytes)
{
	DIR *d = opendir(dir);
	if (!d)
		return -1;
	int n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (file && e->d_type == DT_REG)
			snprintf(file, bytes, "%s/%s", dir, e->d_name);
	}
	closedir(d);
	return n;
}

static bool listed(const char *dir, const char *name)
{
	DIR *d = opendir(dir);
	bool found = false;
	for (struct dirent *e; d && (e = readdir(d));)
		found |= strcmp(e->d_name, name) == 0;
	if (d)
		closedir(d);
	return found;
}

TEST(files_can_be_written)
{
	COVERS(openat, write, pread64, stat);
	begin("can");
	char file[300], buf[100], was[100];
	ASSERT(count("can", file, sizeof(file)) > 0);
	struct stat st, st2;
	ASSERT_OK(stat(file, &st));
	int reader = open(file, O_RDONLY);
	ASSERT_EQ(read(reader, was, 50), 50);
	int fd = open(file, O_RDWR);
	ASSERT(fd >= 0);
	ASSERT_OK(fstat(fd, &st2));
	EXPECT_EQ(st.st_ino, st2.st_ino);
	EXPECT_EQ(st.st_dev, st2.st_dev);
	EXPECT_EQ(st.st_size, st2.st_size);
	EXPECT_EQ(st.st_mtim.tv_nsec, st2.st_mtim.tv_nsec);
	ASSERT_EQ(pwrite(fd, "CHANGED", 7, 10), 7);
	ASSERT_EQ(pread(fd, buf, 50, 0), 50);
	EXPECT_EQ(memcmp(buf, was, 10), 0);
	EXPECT_EQ(memcmp(buf + 10, "CHANGED", 7), 0);
	EXPECT_EQ(memcmp(buf + 17, was + 17, 33), 0);
	ASSERT_EQ(pread(reader, buf, 7, 10), 7);
	EXPECT_EQ(memcmp(buf, "CHANGED", 7), 0);
	fd = open(file, O_WRONLY | O_APPEND);
	ASSERT_EQ(write(fd, "end", 3), 3);
	ASSERT_OK(stat(file, &st2));
	EXPECT_EQ(st2.st_size, st.st_size + 3);
	EXPECT_EQ(st2.st_ino, st.st_ino);
	ASSERT_OK(open(file, O_WRONLY | O_TRUNC));
	ASSERT_OK(stat(file, &st2));
	EXPECT_EQ(st2.st_size, 0);
	end();
}

TEST(attributes_can_be_changed)
{
	COVERS(chmod, chown, utimensat, truncate, stat);
	begin("dvb");
	char file[300];
	ASSERT(count("dvb", file, sizeof(file)) > 0);
	struct stat st, st2;
	ASSERT_OK(stat(file, &st));
	ASSERT_OK(chmod(file, 0600));
	ASSERT_OK(stat(file, &st2));
	EXPECT_EQ(st2.st_mode, S_IFREG | 0600);
	EXPECT_EQ(st2.st_ino, st.st_ino);
	EXPECT_EQ(st2.st_size, st.st_size);
	EXPECT_EQ(st2.st_mtim.tv_sec, st.st_mtim.tv_sec);
	struct timespec ts[2] = { { 5, 6 }, { 7, 8 } };
	ASSERT_OK(utimensat(AT_FDCWD, file, ts, 0));
	ASSERT_OK(truncate(file, 20));
	ASSERT_OK(utimensat(AT_FDCWD, "dvb", ts, 0));
	ASSERT_OK(stat("dvb", &st2));
	EXPECT_EQ(st2.st_mtim.tv_sec, 7);
	ASSERT_OK(stat(file, &st2));
	EXPECT_EQ(st2.st_size, 20);
	EXPECT_EQ(st2.st_atim.tv_sec, 5);
	ASSERT_OK(chmod("dvb", 0700));
	ASSERT_OK(stat("dvb", &st2));
	EXPECT_EQ(st2.st_mode, S_IFDIR | 0700);
	end();
}

TEST(removed_files_stay_removed)
{
	COVERS(unlink, mkdir, rmdir, getdents64, openat);
	begin("hdlc");
	char file[300];
	int n = count("hdlc", file, sizeof(file));
	ASSERT(n > 0);
	const char *name = strrchr(file, '/') + 1;
	int fd = open(file, O_RDONLY);
	EXPECT_ERRNO(rmdir("hdlc"), ENOTEMPTY);
	ASSERT_OK(unlink(file));
	struct stat st;
	EXPECT_ERRNO(stat(file, &st), ENOENT);
	EXPECT(!listed("hdlc", name));
	EXPECT_EQ(count("hdlc", NULL, 0), n - 1);
	char buf[10];
	EXPECT_EQ(read(fd, buf, 10), 10);
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_nlink, 0);
	ASSERT_OK(mkdir(file, 0755));             /* something else in its place */
	EXPECT_EQ(count(file, NULL, 0), 0);
	EXPECT_EQ(count("hdlc", NULL, 0), n);
	ASSERT_EQ(system("rm -r hdlc"), 0);
	EXPECT_ERRNO(stat("hdlc", &st), ENOENT);
	ASSERT_OK(mkdir("hdlc", 0755));
	EXPECT_EQ(count("hdlc", NULL, 0), 0);
	EXPECT(listed(".", "hdlc"));
	ASSERT_OK(rmdir("hdlc"));
	EXPECT(!listed(".", "hdlc"));
	end();
}

TEST(directories_can_be_moved)
{
	COVERS(rename, stat, chdir);
	begin("netfilter");
	char file[300], moved[400];
	int n = count("netfilter", file, sizeof(file));
	ASSERT(n > 1);
	struct stat st, st2;
	ASSERT_OK(stat(file, &st));
	ASSERT_OK(rename("netfilter", "other name"));
	EXPECT_ERRNO(stat(file, &st2), ENOENT);
	EXPECT_EQ(count("other name", NULL, 0), n);
	snprintf(moved, sizeof(moved), "other name/%s", strrchr(file, '/') + 1);
	ASSERT_OK(stat(moved, &st2));
	EXPECT_EQ(st2.st_ino, st.st_ino);
	EXPECT_EQ(st2.st_size, st.st_size);
	ASSERT_OK(chmod(moved, 0600));
	ASSERT_OK(mkdir("netfilter", 0755));
	EXPECT_EQ(count("netfilter", NULL, 0), 0);
	ASSERT_OK(rename("other name", "netfilter"));     /* over the empty one */
	EXPECT_EQ(count("netfilter", NULL, 0), n);
	ASSERT_OK(stat(file, &st2));
	EXPECT_EQ(st2.st_mode, S_IFREG | 0600);
	ASSERT_OK(mkdir("deep", 0755));
	ASSERT_OK(rename("netfilter", "deep/in"));
	EXPECT_EQ(count("deep/in", NULL, 0), n);
	EXPECT_ERRNO(rename("deep", "deep/in/x"), EINVAL);
	ASSERT_EQ(system("rm -r deep"), 0);
	EXPECT_ERRNO(stat("deep", &st), ENOENT);
	end();
}

TEST(files_can_be_moved_and_linked)
{
	COVERS(rename, link, renameat2, stat);
	begin("raid");
	char file[300];
	ASSERT(count("raid", file, sizeof(file)) > 0);
	struct stat st, st2;
	ASSERT_OK(stat(file, &st));
	ASSERT_OK(link(file, "raid/second"));
	ASSERT_OK(stat("raid/second", &st2));
	EXPECT_EQ(st2.st_ino, st.st_ino);
	EXPECT_EQ(st2.st_nlink, st.st_nlink + 1);
	ASSERT_OK(rename(file, "raid/third"));
	EXPECT_ERRNO(stat(file, &st2), ENOENT);
	int fd = open("raid/third", O_WRONLY);
	ASSERT_EQ(write(fd, "CHANGED", 7), 7);
	char buf[7];
	fd = open("raid/second", O_RDONLY);
	ASSERT_EQ(read(fd, buf, 7), 7);
	EXPECT_EQ(memcmp(buf, "CHANGED", 7), 0);
	ASSERT_OK(close(open("raid/new", O_CREAT | O_WRONLY, 0640)));
	ASSERT_OK(renameat2(AT_FDCWD, "raid/new", AT_FDCWD, "raid/third", RENAME_EXCHANGE));
	ASSERT_OK(stat("raid/new", &st2));
	EXPECT_EQ(st2.st_ino, st.st_ino);
	EXPECT_ERRNO(renameat2(AT_FDCWD, "raid/new", AT_FDCWD, "raid/third", RENAME_NOREPLACE), EEXIST);
	end();
}

TEST(mapped_files_can_be_changed)
{
	COVERS(mmap, msync, openat);
	begin("usb");
	char file[300];
	ASSERT(count("usb", file, sizeof(file)) > 0);
	int fd = open(file, O_RDWR);
	ASSERT(fd >= 0);
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(p != MAP_FAILED);
	memcpy(p, "CHANGED", 7);
	char buf[7];
	ASSERT_EQ(pread(fd, buf, 7, 0), 7);
	EXPECT_EQ(memcmp(buf, "CHANGED", 7), 0);
	EXPECT_OK(msync(p, 4096, MS_SYNC));
	EXPECT_OK(fsync(fd));
	end();
}

TEST(new_files_among_old_ones)
{
	COVERS(openat, getdents64, unlink);
	begin("tc_act");
	int n = count("tc_act", NULL, 0);
	ASSERT(n > 0);
	char name[40];
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "tc_act/new%d", i);
		int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		ASSERT(fd >= 0);
		ASSERT_EQ(write(fd, name, 10), 10);
		close(fd);
	}
	EXPECT_EQ(count("tc_act", NULL, 0), n + 100);
	/* Everything read exactly once, though all goes meanwhile. */
	DIR *d = opendir("tc_act");
	int seen = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		struct stat st;
		ASSERT_OK(fstatat(dirfd(d), e->d_name, &st, 0));
		EXPECT_EQ(st.st_ino, e->d_ino);
		ASSERT_OK(unlinkat(dirfd(d), e->d_name, 0));
		seen++;
	}
	EXPECT_EQ(seen, n + 100);
	ASSERT_OK(rmdir("tc_act"));
	end();
}

/* Many processes change one file of lower at once: one copy is made. */
TEST(copies_are_made_once)
{
	COVERS(fork, openat, pwrite64);
	begin("sched");
	char file[300];
	ASSERT(count("sched", file, sizeof(file)) > 0);
	for (int i = 0; i < 8; i++) {
		if (fork() == 0) {
			int fd = open(file, O_WRONLY);
			_exit(pwrite(fd, "0123456789" + i, 1, i) != 1);
		}
	}
	int status;
	while (wait(&status) > 0)
		EXPECT_EQ(status, 0);
	char buf[9] = "";
	int fd = open(file, O_RDONLY);
	ASSERT_EQ(read(fd, buf, 8), 8);
	EXPECT_STREQ(buf, "01234567");
	end();
}

static void random_change(unsigned *seed)
{
	static const char *const dirs[] = { ".", "byteorder", "a", "b", "a/c" };
	static const char *const names[] = { "a", "b", "c", "byteorder", "big_endian.h", "little_endian.h" };
	char one[64], two[64], buf[600];
	memset(buf, 'x', sizeof(buf));
	snprintf(one, sizeof(one), "%s/%s", dirs[rand_r(seed) % 5], names[rand_r(seed) % 6]);
	snprintf(two, sizeof(two), "%s/%s", dirs[rand_r(seed) % 5], names[rand_r(seed) % 6]);
	struct timespec ts[2] = { { 1, 0 }, { 2, 0 } };
	int fd = -1;
	switch (rand_r(seed) % 12) {
	case 0:
		unlink(one);
		break;
	case 1:
		rmdir(one);
		break;
	case 2:
		mkdir(one, 0755);
		break;
	case 3:
		rename(one, two);
		break;
	case 4:
		renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE);
		break;
	case 5:
		link(one, two);
		break;
	case 6:
		chmod(one, rand_r(seed) % 2 ? 0755 : 0700);
		break;
	case 7:
		truncate(one, rand_r(seed) % 10000);
		break;
	case 8:
		utimensat(AT_FDCWD, one, ts, 0);
		break;
	case 9:
		symlink(two, one);
		break;
	case 10:
		count(one, NULL, 0);
		break;
	default:
		fd = open(one, O_CREAT | O_RDWR | (rand_r(seed) % 2 ? O_TRUNC : 0), 0644);
		pwrite(fd, buf, sizeof(buf), rand_r(seed) % 20000);
		pread(fd, buf, sizeof(buf), 0);
		if (rand_r(seed) % 3 == 0) {
			char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			if (p != MAP_FAILED)
				munmap(p, 4096);
		}
	}
	if (fd >= 0)
		close(fd);
}

TEST(many_processes_change_one_tree)
{
	COVERS(rename, renameat2, link, unlink, mkdir, rmdir, symlink, truncate);
	begin("byteorder");
	ASSERT_OK(mkdir("tree", 0755));
	ASSERT_OK(rename("byteorder", "tree/byteorder"));
	ASSERT_OK(chdir("tree"));
	for (unsigned n = 1; n <= 4; n++) {
		if (fork() == 0) {
			unsigned seed = n;
			for (int i = 0; i < 2500; i++)
				random_change(&seed);
			_exit(0);
		}
	}
	int status;
	while (wait(&status) > 0)
		EXPECT_EQ(status, 0);
	/* What is listed is there, and the other way round. */
	DIR *d = opendir(".");
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		ASSERT_OK(lstat(e->d_name, &st));
	}
	ASSERT_OK(chdir(".."));
	ASSERT_EQ(system("rm -rf tree"), 0);
	EXPECT_EQ(count("tree", NULL, 0), -1);
	end();
}
