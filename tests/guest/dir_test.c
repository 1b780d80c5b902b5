/* dir_test.c - directories: making, reading, removing them, and being in them. */
#include "tests/guest/fs.h"

COVERS(mkdir, mkdirat, rmdir, getdents, getdents64, getcwd, chdir, fchdir, chroot);

TEST(making_and_removing)
{
	scratch();
	close(file_with("f", ""));
	EXPECT_OK(mkdir("d", 0755));
	EXPECT_ERRNO(mkdir("d", 0755), EEXIST);
	EXPECT_ERRNO(mkdir("f", 0755), EEXIST);
	EXPECT_ERRNO(mkdir("f/x", 0755), ENOTDIR);
	EXPECT_ERRNO(mkdir("none/x", 0755), ENOENT);
	EXPECT_ERRNO(mkdir("", 0755), ENOENT);
	EXPECT_ERRNO(mkdir("/", 0755), EEXIST);
	EXPECT_OK(mkdir("e/", 0755));
	struct stat st;
	ASSERT_OK(stat(".", &st));
	EXPECT_OK(mkdirat(AT_FDCWD, "d/x", 0755));
	ASSERT_OK(stat("d", &st));
	EXPECT_ERRNO(rmdir("d"), ENOTEMPTY);
	EXPECT_ERRNO(rmdir("f"), ENOTDIR);
	EXPECT_ERRNO(rmdir("none"), ENOENT);
	EXPECT_ERRNO(rmdir("d/."), EINVAL);
	EXPECT_ERRNO(rmdir("d/x/.."), ENOTEMPTY);
	EXPECT_ERRNO(rmdir("/"), EBUSY);
	ASSERT_OK(symlink("d", "l"));
	EXPECT_ERRNO(rmdir("l"), ENOTDIR);
	EXPECT_ERRNO(unlinkat(AT_FDCWD, "d", 0), EISDIR);
	EXPECT_ERRNO(unlinkat(AT_FDCWD, "d", 1), EINVAL);
	EXPECT_OK(unlinkat(AT_FDCWD, "d/x", AT_REMOVEDIR));
	EXPECT_OK(rmdir("d/"));
	EXPECT_ERRNO(chdir("d"), ENOENT);
	scratch_end();
}

TEST(reading_sees_every_name_once)
{
	scratch();
	char name[16];
	int seen[500] = { 0 }, others = 0;
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		close(file_with(name, ""));
	}
	DIR *d = opendir(".");
	ASSERT(d != NULL);
	for (struct dirent *e; (e = readdir(d));) {
		int n;
		if (sscanf(e->d_name, "f%d", &n) == 1 && n >= 0 && n < 500)
			seen[n]++;
		else
			others++;
		EXPECT(e->d_type == DT_REG || e->d_type == DT_DIR);
	}
	for (int i = 0; i < 500; i++)
		EXPECT_EQ(seen[i], 1);
	EXPECT_EQ(others, 2);
	rewinddir(d);
	EXPECT(readdir(d) != NULL);
	closedir(d);
	scratch_end();
}

TEST(removing_while_reading)
{
	scratch();
	char name[16];
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		close(file_with(name, ""));
	}
	DIR *d = opendir(".");
	int removed = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == 'f') {
			ASSERT_OK(unlink(e->d_name));
			removed++;
		}
	}
	closedir(d);
	EXPECT_EQ(removed, 300);
	scratch_end();
}

TEST(telldir_and_seekdir)
{
	scratch();
	for (int i = 0; i < 20; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%d", i);
		close(file_with(name, ""));
	}
	DIR *d = opendir(".");
	for (int i = 0; i < 7; i++)
		readdir(d);
	long at = telldir(d);
	char next[256];
	snprintf(next, sizeof(next), "%s", readdir(d)->d_name);
	while (readdir(d))
		;
	seekdir(d, at);
	EXPECT_STREQ(readdir(d)->d_name, next);
	closedir(d);
	scratch_end();
}

TEST(getdents_and_small_buffers)
{
	scratch();
	close(file_with("a_rather_long_name_for_a_file", ""));
	int fd = open(".", O_RDONLY | O_DIRECTORY), f = open("a_rather_long_name_for_a_file", O_RDONLY);
	char buf[1024];
	EXPECT_ERRNO(syscall(SYS_getdents64, fd, buf, 4), EINVAL);
	EXPECT_ERRNO(syscall(SYS_getdents64, f, buf, sizeof(buf)), ENOTDIR);
	EXPECT_ERRNO(syscall(SYS_getdents64, 999, buf, sizeof(buf)), EBADF);
	EXPECT_ERRNO(syscall(SYS_getdents64, fd, 8, sizeof(buf)), EFAULT);
	long total = 0, n;
	while ((n = syscall(SYS_getdents64, fd, buf, 64)) > 0)
		total += n;
	EXPECT_EQ(n, 0);
	EXPECT_EQ(total, 24 + 24 + 56);
	ASSERT_EQ(lseek(fd, 0, SEEK_SET), 0);
	n = syscall(SYS_getdents, fd, buf, sizeof(buf));
	EXPECT(n > 0);
	unsigned short reclen;
	memcpy(&reclen, buf + 16, sizeof(reclen));
	EXPECT(buf[reclen - 1] == DT_DIR || buf[reclen - 1] == DT_REG);
	scratch_end();
}

TEST(a_removed_directory)
{
	scratch();
	ASSERT_OK(mkdir("d", 0755));
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	ASSERT_OK(chdir("d"));
	ASSERT_OK(rmdir("../d"));
	char buf[1024];
	struct stat st;
	EXPECT_ERRNO(syscall(SYS_getcwd, buf, sizeof(buf)), ENOENT);
	EXPECT_ERRNO(open("f", O_CREAT | O_WRONLY, 0644), ENOENT);
	EXPECT_ERRNO(mkdir("x", 0755), ENOENT);
	EXPECT_ERRNO(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOENT);
	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_nlink, 0);
	EXPECT_OK(chdir(".."));
	scratch_end();
}

TEST(where_we_are)
{
	scratch();
	char buf[PATH_MAX], real[PATH_MAX];
	ASSERT(realpath(scratch_dir, real) != NULL);
	EXPECT_EQ(syscall(SYS_getcwd, buf, sizeof(buf)), strlen(real) + 1);
	EXPECT_STREQ(buf, real);
	EXPECT_ERRNO(syscall(SYS_getcwd, buf, 3), ERANGE);
	EXPECT_ERRNO(syscall(SYS_getcwd, buf, 0), ERANGE);
	EXPECT_ERRNO(syscall(SYS_getcwd, 8, 100), EFAULT);
	close(file_with("f", ""));
	EXPECT_ERRNO(chdir("f"), ENOTDIR);
	EXPECT_ERRNO(chdir("none"), ENOENT);
	int fd = open("f", O_RDONLY);
	EXPECT_ERRNO(fchdir(fd), ENOTDIR);
	EXPECT_ERRNO(fchdir(999), EBADF);
	ASSERT_OK(mkdir("d", 0755));
	fd = open("d", O_PATH);
	EXPECT_OK(fchdir(fd));
	ASSERT(getcwd(buf, sizeof(buf)) != NULL);
	EXPECT_STREQ(buf + strlen(real), "/d");
	ASSERT_OK(rename("../d", "../e"));
	ASSERT(getcwd(buf, sizeof(buf)) != NULL);
	EXPECT_STREQ(buf + strlen(real), "/e");
	ASSERT_OK(chdir(".."));
	ASSERT_OK(mkdir("locked", 0700));
	AS_USER(1000, {
		EXPECT_ERRNO(chdir("locked"), EACCES);
		EXPECT_ERRNO(chroot("."), EPERM);
	});
	scratch_end();
}

TEST(chroot_changes_the_top)
{
	if (geteuid() != 0)
		SKIP("needs root");
	scratch();
	ASSERT_OK(mkdir("jail", 0755));
	ASSERT_OK(mkdir("jail/d", 0755));
	EXPECT_ERRNO(chroot("none"), ENOENT);
	if (chroot("jail") < 0)
		SKIP("no chroot here");
	char buf[PATH_MAX];
	struct stat st;
	EXPECT_OK(stat("/d", &st));
	EXPECT_OK(stat("/../../d", &st));
	EXPECT(syscall(SYS_getcwd, buf, sizeof(buf)) > 0);        /* still outside */
	EXPECT(strncmp(buf, "(unreachable)/", 14) == 0);
	EXPECT_OK(stat("jail/d", &st));
	ASSERT_OK(chdir("/d"));
	ASSERT(getcwd(buf, sizeof(buf)) != NULL);
	EXPECT_STREQ(buf, "/d");
	ASSERT_OK(chdir("../../.."));
	ASSERT(getcwd(buf, sizeof(buf)) != NULL);
	EXPECT_STREQ(buf, "/");
}
