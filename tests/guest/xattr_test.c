/* xattr_test.c - extended attributes: names, namespaces, sizes, and the three ways to say which file. */
#include "tests/guest/fs.h"

#include <sys/xattr.h>

COVERS(setxattr, lsetxattr, fsetxattr, getxattr, lgetxattr, fgetxattr);
COVERS(listxattr, llistxattr, flistxattr, removexattr, lremovexattr, fremovexattr);

/* user.* needs a file system that has it: not every scratch directory does. */
static int file_with_xattrs(void)
{
	scratch();
	int fd = file_with("f", "");
	if (fsetxattr(fd, "user.probe", "", 0, 0) < 0 && errno == EOPNOTSUPP) {
		scratch_end();
		SKIP("no user attributes on this file system");
	}
	ASSERT_OK(fremovexattr(fd, "user.probe"));
	return fd;
}

TEST(set_get_list_remove)
{
	int fd = file_with_xattrs();
	char buf[256];
	ASSERT_OK(symlink("f", "l"));
	EXPECT_ERRNO(getxattr("f", "user.a", buf, sizeof(buf)), ENODATA);
	EXPECT_ERRNO(removexattr("f", "user.a"), ENODATA);
	EXPECT_ERRNO(setxattr("f", "user.a", "1", 1, XATTR_REPLACE), ENODATA);
	EXPECT_OK(setxattr("l", "user.a", "one", 3, XATTR_CREATE));
	EXPECT_ERRNO(setxattr("f", "user.a", "1", 1, XATTR_CREATE), EEXIST);
	EXPECT_OK(fsetxattr(fd, "user.b", "", 0, 0));
	EXPECT_EQ(getxattr("f", "user.a", NULL, 0), 3);
	EXPECT_EQ(getxattr("l", "user.a", buf, sizeof(buf)), 3);
	EXPECT_EQ(memcmp(buf, "one", 3), 0);
	EXPECT_ERRNO(fgetxattr(fd, "user.a", buf, 2), ERANGE);
	EXPECT_EQ(fgetxattr(fd, "user.b", buf, 2), 0);
	ssize_t n = listxattr("f", buf, sizeof(buf));
	EXPECT_EQ(n >= 14, 1);
	EXPECT(memmem(buf, (size_t)n, "user.a", 7) && memmem(buf, (size_t)n, "user.b", 7));
	EXPECT_EQ(flistxattr(fd, NULL, 0), n);
	EXPECT_ERRNO(listxattr("l", buf, 3), ERANGE);
	EXPECT_OK(removexattr("l", "user.a"));
	EXPECT_OK(fremovexattr(fd, "user.b"));
	EXPECT_ERRNO(fgetxattr(fd, "user.b", buf, 2), ENODATA);
	scratch_end();
}

TEST(links_themselves)
{
	int fd = file_with_xattrs();
	char buf[64];
	ASSERT_OK(symlink("f", "l"));
	EXPECT_ERRNO(lsetxattr("l", "user.a", "1", 1, 0), EPERM);
	EXPECT_ERRNO(lgetxattr("l", "user.a", buf, sizeof(buf)), ENODATA);
	EXPECT_ERRNO(lremovexattr("l", "user.a"), EPERM);
	EXPECT_OK(lsetxattr("f", "user.a", "1", 1, 0));
	EXPECT_EQ(lgetxattr("f", "user.a", buf, sizeof(buf)), 1);
	EXPECT_EQ(llistxattr("f", NULL, 0) >= 7, 1);
	EXPECT_OK(lremovexattr("f", "user.a"));
	close(fd);
	scratch_end();
}

TEST(arguments)
{
	int fd = file_with_xattrs();
	char name[300] = "user.";
	static char big[70000];
	EXPECT_ERRNO(setxattr("f", "user.a", "1", 1, 8), EINVAL);
	EXPECT_ERRNO(setxattr("f", "", "1", 1, 0), ERANGE);
	memset(name + 5, 'x', 251);
	EXPECT_ERRNO(setxattr("f", name, "1", 1, 0), ERANGE);
	EXPECT_ERRNO(setxattr("f", "user.a", big, 65537, 0), E2BIG);
	EXPECT_ERRNO(setxattr("f", "nonsense.a", "1", 1, 0), EOPNOTSUPP);
	EXPECT_ERRNO(setxattr("none", "user.a", "1", 1, 0), ENOENT);
	EXPECT_ERRNO(fsetxattr(999, "user.a", "1", 1, 0), EBADF);
	EXPECT_ERRNO(syscall(SYS_setxattr, "f", 8, "1", 1, 0), EFAULT);
	EXPECT_ERRNO(syscall(SYS_setxattr, "f", "user.a", 8, 1, 0), EFAULT);
	close(fd);
	int path = open("f", O_PATH);
	EXPECT_ERRNO(fgetxattr(path, "user.a", big, 10), EBADF);
	scratch_end();
}

TEST(permissions)
{
	int fd = file_with_xattrs();
	ASSERT_OK(fchmod(fd, 0644));
	ASSERT_OK(fsetxattr(fd, "user.a", "1", 1, 0));
	bool trusted = fsetxattr(fd, "trusted.t", "1", 1, 0) == 0;
	AS_USER(1000, {
		char buf[64];
		EXPECT_EQ(getxattr("f", "user.a", buf, sizeof(buf)), 1);
		EXPECT_ERRNO(setxattr("f", "user.a", "2", 1, 0), EACCES);
		EXPECT_ERRNO(removexattr("f", "user.a"), EACCES);
		EXPECT_ERRNO(setxattr("f", "trusted.x", "2", 1, 0), EPERM);
		EXPECT_ERRNO(getxattr("f", "trusted.t", buf, sizeof(buf)), ENODATA);
		EXPECT_ERRNO(setxattr("f", "security.x", "2", 1, 0), EPERM);
		ssize_t n = listxattr("f", buf, sizeof(buf));
		EXPECT(n > 0 && (!trusted || !memmem(buf, (size_t)n, "trusted.", 8)));
	});
	scratch_end();
}
