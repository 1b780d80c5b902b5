/* link_test.c - link(2), symlink(2), readlink(2), unlink(2), mknod(2). */
#include "tests/guest/fs.h"

#include <sys/sysmacros.h>

COVERS(link, linkat, symlink, symlinkat, readlink, readlinkat, unlink, unlinkat, mknod, mknodat, name_to_handle_at);

TEST(hard_links)
{
	scratch();
	int fd = file_with("f", "one");
	ASSERT_OK(mkdir("d", 0755));
	EXPECT_OK(link("f", "d/g"));
	EXPECT_STREQ(content_of("d/g"), "one");
	EXPECT_ERRNO(link("f", "d/g"), EEXIST);
	EXPECT_ERRNO(link("none", "x"), ENOENT);
	EXPECT_ERRNO(link("d", "x"), EPERM);
	EXPECT_ERRNO(link("f", "none/x"), ENOENT);
	EXPECT_ERRNO(link("f/", "x"), ENOTDIR);
	EXPECT_ERRNO(link("f", "x/"), ENOENT);
	ASSERT_EQ(pwrite(fd, "two", 3, 0), 3);
	EXPECT_STREQ(content_of("d/g"), "two");
	ASSERT_OK(unlink("f"));
	EXPECT_STREQ(content_of("d/g"), "two");
	ASSERT_OK(symlink("d/g", "l"));
	EXPECT_OK(link("l", "l2"));
	struct stat st;
	ASSERT_OK(lstat("l2", &st));
	EXPECT(S_ISLNK(st.st_mode));
	EXPECT_OK(linkat(AT_FDCWD, "l", AT_FDCWD, "g2", AT_SYMLINK_FOLLOW));
	ASSERT_OK(lstat("g2", &st));
	EXPECT(S_ISREG(st.st_mode));
	EXPECT_ERRNO(linkat(AT_FDCWD, "l", AT_FDCWD, "x", 1), EINVAL);
	scratch_end();
}

TEST(symbolic_links)
{
	scratch();
	char buf[PATH_MAX];
	EXPECT_OK(symlink("any thing", "l"));
	EXPECT_EQ(readlink("l", buf, sizeof(buf)), 9);
	EXPECT_EQ(memcmp(buf, "any thing", 9), 0);
	EXPECT_EQ(readlink("l", buf, 3), 3);
	EXPECT_ERRNO(readlink("l", buf, 0), EINVAL);
	EXPECT_ERRNO(syscall(SYS_readlink, "l", buf, -1), EINVAL);
	EXPECT_ERRNO(readlink("none", buf, 10), ENOENT);
	close(file_with("f", ""));
	EXPECT_ERRNO(readlink("f", buf, 10), EINVAL);
	EXPECT_ERRNO(readlink(".", buf, 10), EINVAL);
	EXPECT_ERRNO(symlink("x", "l"), EEXIST);
	EXPECT_ERRNO(symlink("", "e"), ENOENT);
	EXPECT_ERRNO(symlink("x", "none/e"), ENOENT);
	EXPECT_ERRNO(symlink("x", "s/"), ENOENT);
	memset(buf, 'x', sizeof(buf));
	buf[PATH_MAX - 1] = '\0';
	EXPECT(symlink(buf, "long") == 0 || errno == ENAMETOOLONG);      /* some file systems allow less */
	scratch_end();
}

TEST(forty_links_are_followed)
{
	scratch();
	char name[16], target[16];
	close(file_with("l0", ""));
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		ASSERT_OK(symlink(target, name));
	}
	EXPECT_OK(access("l40", F_OK));
	EXPECT_ERRNO(access("l41", F_OK), ELOOP);
	scratch_end();
}

TEST(an_unlinked_file_lives_while_open)
{
	scratch();
	int fd = file_with("f", "abc");
	ASSERT_OK(unlink("f"));
	EXPECT_ERRNO(unlink("f"), ENOENT);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_nlink, 0);
	char buf[8];
	EXPECT_EQ(pread(fd, buf, sizeof(buf), 0), 3);
	EXPECT_EQ(pwrite(fd, "xyz", 3, 3), 3);
	EXPECT_EQ(pread(fd, buf, sizeof(buf), 0), 6);
	close(file_with("f", "new"));
	EXPECT_EQ(pread(fd, buf, sizeof(buf), 0), 6);
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_nlink, 0);
	char link[64], text[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, text, sizeof(text) - 1);
	ASSERT(n > 10);
	text[n] = '\0';
	EXPECT_STREQ(text + n - 10, " (deleted)");
	scratch_end();
}

TEST(unlink_errors)
{
	scratch();
	ASSERT_OK(mkdir("d", 0755));
	close(file_with("f", ""));
	ASSERT_OK(symlink("d", "l"));
	EXPECT_ERRNO(unlink("d"), EISDIR);
	EXPECT_ERRNO(unlink("f/"), ENOTDIR);
	EXPECT_ERRNO(unlink("f/x"), ENOTDIR);
	EXPECT_ERRNO(unlink("."), EISDIR);
	EXPECT_ERRNO(unlink(""), ENOENT);
	EXPECT_ERRNO(unlink("l/"), ENOTDIR);
	EXPECT_OK(unlink("l"));
	AS_USER(1000, EXPECT_ERRNO(unlink("f"), EACCES));
	ASSERT_OK(chmod(".", 01777));
	AS_USER(1000, {
		EXPECT_ERRNO(unlink("f"), EPERM);
		EXPECT_ERRNO(rename("f", "g"), EPERM);
		EXPECT_OK(mkdir("own", 0755));
		EXPECT_OK(rmdir("own"));
	});
	scratch_end();
}

TEST(nodes)
{
	scratch();
	umask(0);
	struct stat st;
	EXPECT_OK(mknod("p", S_IFIFO | 0640, 0));
	ASSERT_OK(stat("p", &st));
	EXPECT_EQ(st.st_mode, S_IFIFO | 0640);
	EXPECT_OK(mknod("r", 0600, 0));
	ASSERT_OK(stat("r", &st));
	EXPECT_EQ(st.st_mode, S_IFREG | 0600);
	EXPECT_OK(mknod("s", S_IFSOCK | 0600, 0));
	EXPECT_ERRNO(mknod("d", S_IFDIR | 0755, 0), EPERM);
	EXPECT_ERRNO(mknod("l", S_IFLNK | 0755, 0), EINVAL);
	EXPECT_ERRNO(mknod("p", S_IFIFO | 0600, 0), EEXIST);
	ASSERT_OK(chmod(".", 0777));
	AS_USER(1000, {
		EXPECT_ERRNO(mknod("c", S_IFCHR | 0666, makedev(1, 3)), EPERM);
		EXPECT_OK(mknod("q", S_IFIFO | 0600, 0));
		EXPECT_OK(mknod("w", S_IFCHR | 0600, 0));                 /* a whiteout: nobody's device */
		EXPECT_ERRNO(mknod("b", S_IFBLK | 0600, 0), EPERM);
	});
	scratch_end();
}

TEST(no_handles_of_kernel_file_systems)
{
	struct file_handle handle = { .handle_bytes = 0 };
	int mount_id;
	EXPECT_ERRNO(name_to_handle_at(AT_FDCWD, "/proc/self", &handle, &mount_id, 0), EOPNOTSUPP);
}
