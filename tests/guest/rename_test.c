/* rename_test.c - rename(2), renameat2(2). */
#include "tests/guest/fs.h"

#include <linux/fs.h>

COVERS(rename, renameat, renameat2);

static long renameat2_(const char *from, const char *to, unsigned flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

TEST(files)
{
	scratch();
	close(file_with("a", "a"));
	close(file_with("b", "b"));
	ASSERT_OK(mkdir("d", 0755));
	int old = open("b", O_RDONLY);
	EXPECT_OK(rename("a", "b"));
	EXPECT_STREQ(content_of("b"), "a");
	EXPECT_ERRNO(access("a", F_OK), ENOENT);
	char c;
	EXPECT_EQ(read(old, &c, 1), 1);
	EXPECT_EQ(c, 'b');                        /* what was replaced lives while open */
	EXPECT_OK(renameat(AT_FDCWD, "b", AT_FDCWD, "d/c"));
	EXPECT_STREQ(content_of("d/c"), "a");
	EXPECT_ERRNO(rename("none", "x"), ENOENT);
	EXPECT_ERRNO(rename("d/c", "none/x"), ENOENT);
	EXPECT_ERRNO(rename("d/c", "d"), ENOTEMPTY);
	ASSERT_OK(mkdir("e", 0755));
	EXPECT_ERRNO(rename("d/c", "e"), EISDIR);
	EXPECT_ERRNO(rename("d/c/", "x"), ENOTDIR);
	EXPECT_ERRNO(rename("d/c", "x/"), ENOTDIR);
	EXPECT_ERRNO(rename("d/c", "d/c/x"), ENOTDIR);
	EXPECT_ERRNO(rename("", "x"), ENOENT);
	EXPECT_OK(rename("d/c", "d/c"));
	ASSERT_OK(link("d/c", "twin"));
	EXPECT_OK(rename("twin", "d/c"));
	EXPECT_OK(access("twin", F_OK));          /* two names of one file: nothing happens */
	scratch_end();
}

TEST(directories)
{
	scratch();
	ASSERT_OK(mkdir("d", 0755));
	ASSERT_OK(mkdir("d/sub", 0755));
	ASSERT_OK(mkdir("empty", 0755));
	ASSERT_OK(mkdir("full", 0755));
	close(file_with("full/f", "f"));
	close(file_with("f", ""));
	EXPECT_ERRNO(rename("d", "d/sub/x"), EINVAL);
	EXPECT_ERRNO(rename("d", "d/sub"), EINVAL);
	EXPECT_ERRNO(rename("d/sub", "d"), ENOTEMPTY);
	EXPECT_ERRNO(rename("d", "full"), ENOTEMPTY);
	EXPECT_ERRNO(rename("d", "f"), ENOTDIR);
	EXPECT_ERRNO(rename("d/.", "x"), EBUSY);
	EXPECT_ERRNO(rename("d", "full/.."), EBUSY);
	EXPECT_OK(rename("full", "empty"));
	EXPECT_STREQ(content_of("empty/f"), "f");
	ASSERT_OK(chdir("d/sub"));
	EXPECT_OK(rename("../../d", "../../moved/"));
	char buf[PATH_MAX];
	ASSERT(getcwd(buf, sizeof(buf)) != NULL);
	EXPECT_STREQ(buf + strlen(buf) - 10, "/moved/sub");
	EXPECT_OK(rename("../../empty", "inside"));
	EXPECT_STREQ(content_of("../../moved/sub/inside/f"), "f");
	struct stat st;
	ASSERT_OK(stat("inside/..", &st));
	ino_t parent = st.st_ino;
	ASSERT_OK(stat(".", &st));
	EXPECT_EQ(parent, st.st_ino);
	scratch_end();
}

TEST(flags)
{
	scratch();
	close(file_with("a", "a"));
	close(file_with("b", "b"));
	ASSERT_OK(mkdir("d", 0755));
	EXPECT_ERRNO(renameat2_("a", "b", RENAME_NOREPLACE), EEXIST);
	EXPECT_OK(renameat2_("a", "c", RENAME_NOREPLACE));
	EXPECT_OK(renameat2_("c", "a", RENAME_NOREPLACE));
	EXPECT_ERRNO(renameat2_("a", "none", RENAME_EXCHANGE), ENOENT);
	EXPECT_OK(renameat2_("a", "b", RENAME_EXCHANGE));
	EXPECT_STREQ(content_of("a"), "b");
	EXPECT_STREQ(content_of("b"), "a");
	EXPECT_OK(renameat2_("a", "d", RENAME_EXCHANGE));
	struct stat st;
	ASSERT_OK(stat("a", &st));
	EXPECT(S_ISDIR(st.st_mode));
	EXPECT_STREQ(content_of("d"), "b");
	EXPECT_ERRNO(renameat2_("a", "b", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	EXPECT_ERRNO(renameat2_("a", "b", 64), EINVAL);
	scratch_end();
}

TEST(permissions)
{
	scratch();
	ASSERT_OK(mkdir("open", 0777));
	ASSERT_OK(chmod("open", 0777));
	ASSERT_OK(mkdir("closed", 0755));
	close(file_with("closed/f", ""));
	close(file_with("open/f", ""));
	ASSERT_OK(mkdir("open/roots", 0755));
	AS_USER(1000, {
		EXPECT_ERRNO(rename("closed/f", "open/g"), EACCES);
		EXPECT_ERRNO(rename("open/f", "closed/g"), EACCES);
		EXPECT_OK(rename("open/f", "open/g"));
		EXPECT_OK(mkdir("open/mine", 0755));
		EXPECT_ERRNO(rename("open/roots", "open/mine/r"), EACCES);      /* its ".." would change */
		EXPECT_OK(rename("open/roots", "open/r"));
	});
	scratch_end();
}
