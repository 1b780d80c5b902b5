/* tmpfs_test.c - files and directories in /tmp, as on any file system of Linux that keeps what it is given. */
#include "tests/guest/guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

static char dir[] = "/tmp/tmpfs_test.XXXXXX";

/* A fresh directory, entered. */
static void begin(void)
{
	ASSERT(mkdtemp(dir));
	ASSERT_OK(chdir(dir));
}

static void end(void)
{
	char cmd[100];
	ASSERT_OK(chdir("/"));
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ASSERT_EQ(system(cmd), 0);
}

static void put(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static const char *get(const char *name)
{
	static char buf[4096];
	int fd = open(name, O_RDONLY);
	ASSERT(fd >= 0);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	ASSERT(n >= 0);
	buf[n] = '\0';
	close(fd);
	return buf;
}

TEST(sparse_files)
{
	COVERS(pwrite64, lseek, fstat, ftruncate);
	begin();
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	ASSERT_EQ(pwrite(fd, "end", 3, 100 << 20), 3);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_size, (100 << 20) + 3);
	EXPECT(st.st_blocks < 100);
	char buf[3] = "xyz";
	EXPECT_EQ(pread(fd, buf, 3, 50 << 20), 3);
	EXPECT_EQ(buf[0] | buf[1] | buf[2], 0);
	EXPECT_EQ(lseek(fd, 0, SEEK_DATA), 100 << 20);
	EXPECT_EQ(lseek(fd, 10, SEEK_HOLE), 10);
	EXPECT_EQ(lseek(fd, 100 << 20, SEEK_HOLE), st.st_size);
	EXPECT_ERRNO(lseek(fd, st.st_size, SEEK_DATA), ENXIO);
	EXPECT_OK(ftruncate(fd, 5));
	EXPECT_OK(ftruncate(fd, 105 << 20));
	EXPECT_EQ(pread(fd, buf, 3, 100 << 20), 3);
	EXPECT_EQ(buf[0] | buf[1] | buf[2], 0);
	EXPECT_ERRNO(ftruncate(fd, -1), EINVAL);
	end();
}

TEST(holes_are_punched_and_filled)
{
	COVERS(fallocate, fstat);
	begin();
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	char buf[16384];
	memset(buf, 'a', sizeof(buf));
	ASSERT_EQ(write(fd, buf, sizeof(buf)), (ssize_t)sizeof(buf));
	ASSERT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 10000));
	ASSERT_EQ(pread(fd, buf, sizeof(buf), 0), (ssize_t)sizeof(buf));
	for (int i = 0; i < (int)sizeof(buf); i++)
		ASSERT_EQ(buf[i], i >= 1000 && i < 11000 ? 0 : 'a');
	struct stat st;
	EXPECT_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 65536));
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_size, 16384);
	EXPECT(st.st_blocks >= 128);
	EXPECT_OK(fallocate(fd, 0, 60000, 10000));
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_size, 70000);
	EXPECT_ERRNO(fallocate(fd, 0, -1, 10), EINVAL);
	EXPECT_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
	end();
}

TEST(mappings_and_writes_see_each_other)
{
	COVERS(mmap, write, read, ftruncate);
	begin();
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	ASSERT_EQ(write(fd, "before", 6), 6);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT_EQ(memcmp(p, "before", 7), 0);
	memcpy(p + 2, "XX", 2);
	EXPECT_STREQ(get("f"), "beXXre");
	ASSERT_EQ(pwrite(fd, "YY", 2, 0), 2);
	EXPECT_EQ(memcmp(p, "YYXXre", 6), 0);
	/* Beyond the end but in its page: gone when the file grows. */
	p[100] = 'z';
	ASSERT_OK(ftruncate(fd, 50));
	ASSERT_OK(ftruncate(fd, 200));
	char c = 'x';
	EXPECT_EQ(pread(fd, &c, 1, 100), 1);
	EXPECT_EQ(c, 0);
	pid_t pid = fork();
	if (pid == 0) {
		p[1] = 'C';
		_exit(0);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(p[1], 'C');
	char *q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT(q != MAP_FAILED);
	q[0] = 'P';
	EXPECT_EQ(p[0], 'Y');
	end();
}

static int touch_page(char *p)
{
	pid_t pid = fork();
	if (pid == 0) {
		*(volatile char *)p = 1;
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(a_mapping_ends_with_its_file)
{
	COVERS(mmap, ftruncate);
	begin();
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	ASSERT_OK(ftruncate(fd, 3 * 4096));
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT_EQ(touch_page(p + 2 * 4096), 0);
	EXPECT_EQ(touch_page(p + 3 * 4096), SIGBUS);
	ASSERT_OK(ftruncate(fd, 4096));
	EXPECT_EQ(touch_page(p + 2 * 4096), SIGBUS);
	EXPECT_EQ(touch_page(p), 0);
	end();
}

TEST(large_files_keep_their_bytes)
{
	COVERS(write, pread64);
	begin();
	enum { COUNT = 300000 };
	uint64_t *buf = malloc(COUNT * 8);
	for (int i = 0; i < COUNT; i++)
		buf[i] = (uint64_t)i * 0x9e3779b97f4a7c15;
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	char *at = (char *)buf;
	for (size_t left = COUNT * 8, n; left > 0; left -= n, at += n) {
		n = left < 77777 ? left : 77777;
		ASSERT_EQ(write(fd, at, n), (ssize_t)n);
	}
	uint64_t *back = calloc(COUNT, 8);
	EXPECT_EQ(pread(fd, back, COUNT * 8, 0), COUNT * 8);
	EXPECT_EQ(memcmp(buf, back, COUNT * 8), 0);
	for (int i = 7; i < COUNT; i += 10007) {
		uint64_t v;
		ASSERT_EQ(pread(fd, &v, 8, i * 8), 8);
		ASSERT_EQ(v, buf[i]);
	}
	end();
}

TEST(append_and_truncate_on_open)
{
	COVERS(openat, write);
	begin();
	put("f", "0123456789");
	int fd = open("f", O_WRONLY | O_APPEND);
	ASSERT_EQ(write(fd, "ab", 2), 2);
	ASSERT_OK(lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(write(fd, "cd", 2), 2);
	EXPECT_STREQ(get("f"), "0123456789abcd");
	ASSERT_OK(open("f", O_WRONLY | O_TRUNC));
	EXPECT_STREQ(get("f"), "");
	ASSERT_EQ(write(fd, "x", 1), 1);
	EXPECT_STREQ(get("f"), "x");
	end();
}

TEST(links_and_unlinked_files)
{
	COVERS(link, unlink, linkat, stat);
	begin();
	put("a", "text");
	struct stat a, b;
	ASSERT_OK(link("a", "b"));
	EXPECT_ERRNO(link("a", "b"), EEXIST);
	ASSERT_OK(stat("a", &a));
	ASSERT_OK(stat("b", &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(a.st_nlink, 2);
	int fd = open("a", O_RDWR);
	ASSERT_OK(unlink("a"));
	ASSERT_OK(unlink("b"));
	ASSERT_OK(fstat(fd, &a));
	EXPECT_EQ(a.st_nlink, 0);
	char buf[5] = "";
	EXPECT_EQ(read(fd, buf, 4), 4);
	EXPECT_STREQ(buf, "text");
	EXPECT_ERRNO(unlink("a"), ENOENT);
	ASSERT_OK(mkdir("d", 0755));
	EXPECT_ERRNO(link("d", "e"), EPERM);
	EXPECT_ERRNO(unlink("d"), EISDIR);
	end();
}

TEST(unnamed_files_get_a_name_later)
{
	COVERS(openat, linkat);
	begin();
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);
	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "text", 4), 4);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_nlink, 0);
	ASSERT_OK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	EXPECT_STREQ(get("named"), "text");
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_nlink, 1);
	fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_ERRNO(linkat(AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW), ENOENT);
	EXPECT_ERRNO(open(".", O_TMPFILE | O_RDONLY, 0640), EINVAL);
	end();
}

TEST(renames)
{
	COVERS(rename, renameat2);
	begin();
	put("a", "A");
	put("b", "B");
	ASSERT_OK(rename("a", "b"));
	EXPECT_STREQ(get("b"), "A");
	EXPECT_ERRNO(rename("a", "c"), ENOENT);
	put("a", "2");
	EXPECT_ERRNO(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE), EEXIST);
	ASSERT_OK(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
	EXPECT_STREQ(get("a"), "A");
	EXPECT_STREQ(get("b"), "2");
	ASSERT_OK(mkdir("d", 0755));
	ASSERT_OK(mkdir("d/sub", 0755));
	EXPECT_ERRNO(rename("a", "d"), EISDIR);
	EXPECT_ERRNO(rename("d", "a"), ENOTDIR);
	EXPECT_ERRNO(rename("d", "d/sub/x"), EINVAL);
	ASSERT_OK(mkdir("e", 0755));
	EXPECT_ERRNO(rename("e", "d"), ENOTEMPTY);
	ASSERT_OK(rename("d/sub", "e"));
	ASSERT_OK(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_EXCHANGE));
	EXPECT_STREQ(get("d"), "A");
	struct stat st;
	ASSERT_OK(stat("a", &st));
	EXPECT(S_ISDIR(st.st_mode));
	ASSERT_OK(link("b", "b2"));
	ASSERT_OK(rename("b", "b2"));             /* two names of one file: nothing happens */
	EXPECT_STREQ(get("b"), "2");
	end();
}

TEST(directories)
{
	COVERS(mkdir, rmdir, stat, chdir, getcwd);
	begin();
	struct stat st, before;
	ASSERT_OK(stat(".", &before));
	ASSERT_OK(mkdir("d", 0750));
	EXPECT_ERRNO(mkdir("d", 0750), EEXIST);
	ASSERT_OK(stat("d", &st));
	EXPECT_EQ(st.st_mode, S_IFDIR | 0750);
	EXPECT_EQ(st.st_nlink, 2);
	ASSERT_OK(stat(".", &st));
	EXPECT_EQ(st.st_nlink, before.st_nlink + 1);
	put("d/f", "");
	EXPECT_ERRNO(rmdir("d"), ENOTEMPTY);
	EXPECT_ERRNO(rmdir("d/f"), ENOTDIR);
	ASSERT_OK(unlink("d/f"));
	ASSERT_OK(chdir("d"));
	ASSERT_OK(rmdir("../d"));
	char buf[200];
	EXPECT(!getcwd(buf, sizeof(buf)) && errno == ENOENT);
	EXPECT_ERRNO(open("x", O_CREAT | O_WRONLY, 0600), ENOENT);
	EXPECT_ERRNO(mkdir("x", 0700), ENOENT);
	end();
}

TEST(reading_a_directory_while_it_changes)
{
	COVERS(getdents64, lseek);
	begin();
	char name[300];
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		put(name, "");
	}
	DIR *d = opendir(".");
	int seen = 0, dots = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.') {
			dots++;
			EXPECT_EQ(e->d_type, DT_DIR);
			continue;
		}
		EXPECT_EQ(e->d_type, DT_REG);
		struct stat st;
		ASSERT_OK(stat(e->d_name, &st));
		EXPECT_EQ(st.st_ino, e->d_ino);
		ASSERT_OK(unlink(e->d_name));
		seen++;
	}
	EXPECT_EQ(seen, 300);
	EXPECT_EQ(dots, 2);
	rewinddir(d);
	seen = 0;
	while (readdir(d))
		seen++;
	EXPECT_EQ(seen, 2);
	/* Back to a remembered place. */
	put("a", "");
	put("b", "");
	put("c", "");
	rewinddir(d);
	for (int i = 0; i < 3; i++)
		ASSERT(readdir(d));
	long at = telldir(d);
	struct dirent *e = readdir(d);
	ASSERT(e);
	snprintf(name, sizeof(name), "%s", e->d_name);
	while (readdir(d))
		;
	seekdir(d, at);
	e = readdir(d);
	ASSERT(e);
	EXPECT_STREQ(e->d_name, name);
	end();
}

TEST(symlinks_and_special_files)
{
	COVERS(symlink, readlink, mknod, stat);
	begin();
	ASSERT_OK(symlink("target", "l"));
	char buf[20] = "";
	EXPECT_EQ(readlink("l", buf, 3), 3);
	EXPECT_STREQ(buf, "tar");
	struct stat st;
	ASSERT_OK(lstat("l", &st));
	EXPECT_EQ(st.st_size, 6);
	EXPECT_EQ(st.st_mode, S_IFLNK | 0777);
	EXPECT_ERRNO(open("l", O_RDONLY), ENOENT);
	put("l", "through");
	EXPECT_STREQ(get("target"), "through");
	EXPECT_ERRNO(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	ASSERT_OK(mknod("p", S_IFIFO | 0600, 0));
	ASSERT_OK(mknod("s", S_IFSOCK | 0600, 0));
	ASSERT_OK(stat("p", &st));
	EXPECT(S_ISFIFO(st.st_mode));
	EXPECT_ERRNO(open("s", O_RDONLY), ENXIO);
	end();
}

TEST(times_are_kept)
{
	COVERS(utimensat, stat);
	begin();
	put("f", "x");
	struct timespec ts[2] = { { 1000000000, 123456789 }, { -5, 1 } };
	ASSERT_OK(utimensat(AT_FDCWD, "f", ts, 0));
	struct stat st, st2;
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_atim.tv_sec, 1000000000);
	EXPECT_EQ(st.st_atim.tv_nsec, 123456789);
	EXPECT_EQ(st.st_mtim.tv_sec, -5);
	put("f", "y");
	ASSERT_OK(stat("f", &st2));
	EXPECT(st2.st_mtim.tv_sec > st.st_mtim.tv_sec);
	ASSERT_OK(stat(".", &st));
	put("g", "");
	ASSERT_OK(stat(".", &st2));
	EXPECT(st2.st_mtim.tv_sec > st.st_mtim.tv_sec ||
	       (st2.st_mtim.tv_sec == st.st_mtim.tv_sec && st2.st_mtim.tv_nsec >= st.st_mtim.tv_nsec));
	end();
}

TEST(mappings_move_the_times)
{
	COVERS(mmap, utimensat, fstat);
	begin();
	int fd = open("mapped-times", O_RDWR | O_CREAT | O_EXCL, 0600);
	ASSERT_OK(fd);
	ASSERT_OK(ftruncate(fd, 4096));
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	ASSERT_OK(futimens(fd, old));
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(p != MAP_FAILED);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	EXPECT(st.st_atime > 1000);
	EXPECT_EQ(st.st_mtime, 1000);
	p[0] = 'x';
	ASSERT_OK(msync(p, 4096, MS_SYNC));
	ASSERT_OK(fstat(fd, &st));
	EXPECT(st.st_mtime > 1000);
	p[1] = 'x';
	ASSERT_OK(futimens(fd, old));
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_mtime, 1000);
	close(fd);
	end();
}

TEST(extended_attributes)
{
	COVERS(setxattr, getxattr, listxattr, removexattr, fsetxattr, fgetxattr);
	begin();
	put("f", "");
	if (setxattr("f", "user.test", "value", 5, 0) < 0 && errno == EOPNOTSUPP)
		SKIP("no user attributes here");
	char buf[100];
	EXPECT_EQ(getxattr("f", "user.test", buf, sizeof(buf)), 5);
	EXPECT_EQ(memcmp(buf, "value", 5), 0);
	EXPECT_EQ(getxattr("f", "user.test", NULL, 0), 5);
	EXPECT_ERRNO(getxattr("f", "user.test", buf, 2), ERANGE);
	EXPECT_ERRNO(setxattr("f", "user.test", "v", 1, XATTR_CREATE), EEXIST);
	EXPECT_ERRNO(setxattr("f", "user.none", "v", 1, XATTR_REPLACE), ENODATA);
	ssize_t n = listxattr("f", buf, sizeof(buf));
	EXPECT(n >= 10 && memmem(buf, (size_t)n, "user.test", 10));
	EXPECT_OK(removexattr("f", "user.test"));
	EXPECT_ERRNO(getxattr("f", "user.test", buf, sizeof(buf)), ENODATA);
	EXPECT_ERRNO(setxattr("f", "nonsense", "v", 1, 0), EOPNOTSUPP);
	end();
}

TEST(statfs_tells)
{
	COVERS(statfs, fstatfs);
	struct statfs st;
	ASSERT_OK(statfs("/tmp", &st));
	EXPECT(st.f_bsize > 0);
	EXPECT(st.f_blocks >= st.f_bfree);
	EXPECT_EQ(st.f_namelen, 255);
}

TEST(a_mount_of_its_own_fills_up)
{
	COVERS(mount, umount2, statfs, write);
	begin();
	ASSERT_OK(mkdir("m", 0755));
	/* A sandbox's mounts are its own. */
	struct utsname u;
	ASSERT_OK(uname(&u));
	if (!strstr(u.release, "sbx") &&
	    (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
		SKIP("may not have mounts of its own");
	if (mount("none", "m", "tmpfs", 0, "size=1m,nr_inodes=10,mode=711") < 0)
		SKIP("may not mount here");
	struct stat st;
	ASSERT_OK(stat("m", &st));
	EXPECT_EQ(st.st_mode, S_IFDIR | 0711);
	struct statfs sf;
	ASSERT_OK(statfs("m", &sf));
	EXPECT_EQ(sf.f_type, 0x01021994);
	EXPECT_EQ(sf.f_blocks * (unsigned long)sf.f_bsize, 1 << 20);
	EXPECT_EQ(sf.f_files, 10);
	int fd = open("m/f", O_CREAT | O_RDWR, 0600);
	ASSERT(fd >= 0);
	char *buf = malloc(2 << 20);
	memset(buf, 'a', 2 << 20);
	EXPECT_EQ(write(fd, buf, 2 << 20), 1 << 20);
	EXPECT_ERRNO(write(fd, buf, 1), ENOSPC);
	EXPECT_EQ(pwrite(fd, buf, 4096, 0), 4096);
	ASSERT_OK(ftruncate(fd, 0));
	EXPECT_EQ(pwrite(fd, buf, 4096, 0), 4096);
	char name[20];
	int made = 0;
	for (; made < 20; made++) {
		snprintf(name, sizeof(name), "m/%d", made);
		if (mkdir(name, 0700) < 0)
			break;
	}
	EXPECT_EQ(errno, ENOSPC);
	EXPECT_EQ(made, 8);
	EXPECT_ERRNO(umount("m"), EBUSY);
	close(fd);
	EXPECT_OK(umount("m"));
	EXPECT_ERRNO(mount("none", "m", "tmpfs", 0, "size=nonsense"), EINVAL);
	end();
}
