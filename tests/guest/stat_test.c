/* stat_test.c - stat(2), statx(2), access(2), statfs(2), and changing attributes. */
#include "tests/guest/fs.h"

#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

COVERS(stat, lstat, fstat, newfstatat, statx, access, faccessat, faccessat2, statfs, fstatfs, umask);
COVERS(chmod, fchmod, fchmodat, fchmodat2, chown, fchown, lchown, fchownat, truncate, ftruncate);
COVERS(utime, utimes, futimesat, utimensat);

TEST(what_stat_tells)
{
	scratch();
	int fd = file_with("f", "hello");
	struct stat a, b;
	ASSERT_OK(fstat(fd, &a));
	ASSERT_OK(stat("f", &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(a.st_dev, b.st_dev);
	EXPECT_EQ(a.st_size, 5);
	EXPECT_EQ(a.st_nlink, 1);
	EXPECT_EQ(a.st_uid, geteuid());
	EXPECT_EQ(a.st_gid, getegid());
	EXPECT(S_ISREG(a.st_mode));
	ASSERT_OK(link("f", "g"));
	ASSERT_OK(fstat(fd, &a));
	EXPECT_EQ(a.st_nlink, 2);
	ASSERT_OK(symlink("f", "l"));
	ASSERT_OK(lstat("l", &b));
	EXPECT(S_ISLNK(b.st_mode));
	EXPECT_EQ(b.st_mode & 0777, 0777);
	EXPECT_EQ(b.st_size, 1);
	ASSERT_OK(stat("l", &b));
	EXPECT_EQ(b.st_ino, a.st_ino);
	ASSERT_OK(stat("/dev/null", &a));
	EXPECT(S_ISCHR(a.st_mode));
	EXPECT_EQ(a.st_rdev, makedev(1, 3));
	EXPECT_ERRNO(stat("none", &a), ENOENT);
	EXPECT_ERRNO(stat("f/x", &a), ENOTDIR);
	EXPECT_ERRNO(syscall(SYS_stat, "f", 8), EFAULT);
	EXPECT_ERRNO(fstat(999, &a), EBADF);
	EXPECT_ERRNO(fstatat(AT_FDCWD, "f", &a, 0x40000), EINVAL);
	EXPECT_ERRNO(fstatat(AT_FDCWD, "", &a, 0), ENOENT);
	EXPECT_OK(fstatat(fd, "", &a, AT_EMPTY_PATH));
	EXPECT_OK(fstatat(AT_FDCWD, "", &a, AT_EMPTY_PATH));
	EXPECT(S_ISDIR(a.st_mode));
	int p[2];
	ASSERT_OK(pipe(p));
	EXPECT_OK(fstatat(p[0], "", &a, AT_EMPTY_PATH));
	EXPECT(S_ISFIFO(a.st_mode));
	ASSERT_OK(fstat(p[1], &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	scratch_end();
}

TEST(statx_agrees_with_stat)
{
	scratch();
	close(file_with("f", "hello"));
	struct statx sx;
	struct stat st;
	ASSERT_OK(stat("f", &st));
	ASSERT_OK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx));
	EXPECT_EQ(sx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	EXPECT_EQ(sx.stx_ino, st.st_ino);
	EXPECT_EQ(sx.stx_size, 5);
	EXPECT_EQ(sx.stx_mode, st.st_mode);
	EXPECT_EQ(makedev(sx.stx_dev_major, sx.stx_dev_minor), st.st_dev);
	EXPECT_EQ(sx.stx_mtime.tv_sec, st.st_mtim.tv_sec);
	EXPECT_EQ(sx.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
	EXPECT_ERRNO(statx(AT_FDCWD, "f", 0, 0x80000000U, &sx), EINVAL);
	EXPECT_ERRNO(statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0, &sx), EINVAL);
	EXPECT_ERRNO(statx(AT_FDCWD, "f", 0x100000, 0, &sx), EINVAL);
	EXPECT_ERRNO(statx(AT_FDCWD, "none", 0, 0, &sx), ENOENT);
	scratch_end();
}

TEST(accessing)
{
	scratch();
	close(file_with("f", ""));
	ASSERT_OK(chmod("f", 0644));
	EXPECT_OK(access("f", F_OK));
	EXPECT_OK(access("f", R_OK | W_OK));
	EXPECT_ERRNO(access("f", X_OK), EACCES);          /* even root */
	EXPECT_ERRNO(access("f", 8), EINVAL);
	EXPECT_ERRNO(access("none", F_OK), ENOENT);
	EXPECT_ERRNO(access("f/", F_OK), ENOTDIR);
	EXPECT_OK(access(".", X_OK));
	ASSERT_OK(symlink("none", "l"));
	EXPECT_ERRNO(access("l", F_OK), ENOENT);
	EXPECT_OK(faccessat(AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW));
	EXPECT_ERRNO(syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, 1), EINVAL);
	scratch_end();
}

TEST(access_asks_for_the_real_user)
{
	scratch();
	close(file_with("f", ""));
	ASSERT_OK(chmod("f", 0600));
	if (geteuid() != 0)
		SKIP("needs root");
	if (setresuid(1000, 0, 0) < 0)
		SKIP("this user has no other identities");
	EXPECT_ERRNO(access("f", R_OK), EACCES);
	EXPECT_OK(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
	EXPECT_OK(setresuid(0, 0, 0));
	scratch_end();
}

TEST(chmod_and_set_id_bits)
{
	scratch();
	int fd = file_with("f", "x");
	struct stat st;
	ASSERT_OK(chmod("f", 07777));
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_mode & 07777, 07777);
	ASSERT_OK(fchmod(fd, 0600));
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_mode & 07777, 0600);
	ASSERT_OK(symlink("f", "l"));
	ASSERT_OK(chmod("l", 0640));
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_mode & 07777, 0640);
	EXPECT_ERRNO(chmod("none", 0600), ENOENT);
	AS_USER(1000, {
		EXPECT_ERRNO(chmod("f", 0777), EPERM);
		EXPECT_ERRNO(chown("f", 1000, 1000), EPERM);
	});
	scratch_end();
}

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

TEST(fchmodat2_has_flags)
{
	scratch();
	int fd = file_with("f", "");
	if (syscall(SYS_fchmodat2, AT_FDCWD, "f", 0600, 0) < 0 && errno == ENOSYS)
		SKIP("older than Linux 6.6");
	struct stat st;
	ASSERT_OK(symlink("f", "l"));
	EXPECT_ERRNO(syscall(SYS_fchmodat2, AT_FDCWD, "f", 0600, 1), EINVAL);
	EXPECT_ERRNO(syscall(SYS_fchmodat2, AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
	EXPECT_OK(syscall(SYS_fchmodat2, fd, "", 0640, AT_EMPTY_PATH));
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_mode & 07777, 0640);
	scratch_end();
}

TEST(writing_and_chown_clear_set_id_bits)
{
	if (geteuid() != 0)
		SKIP("needs root");
	scratch();
	close(file_with("f", "x"));
	ASSERT_OK(chmod(".", 0777));
	struct stat st;
	ASSERT_OK(chmod("f", 06777));
	AS_USER(1000, {
		int fd = open("f", O_WRONLY);
		ASSERT_OK(fd);
		EXPECT_EQ(write(fd, "y", 1), 1);
	});
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_mode & 07777, 0777);
	ASSERT_OK(chmod("f", 06755));
	ASSERT_OK(chown("f", 1000, 1000));
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_mode & 07777, 0755);
	EXPECT_EQ(st.st_uid, 1000);
	ASSERT_OK(chown("f", (uid_t)-1, 5));
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_uid, 1000);
	EXPECT_EQ(st.st_gid, 5);
	ASSERT_OK(symlink("f", "l"));
	ASSERT_OK(lchown("l", 7, 7));
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_uid, 1000);
	ASSERT_OK(lstat("l", &st));
	EXPECT_EQ(st.st_uid, 7);
	ASSERT_OK(mkdir("d", 0755));
	ASSERT_OK(chmod("d", 06755));
	ASSERT_OK(chown("d", 1000, 1000));
	ASSERT_OK(stat("d", &st));
	EXPECT_EQ(st.st_mode & 07777, 06755);             /* directories keep theirs */
	scratch_end();
}

TEST(set_group_id_directories)
{
	if (geteuid() != 0)
		SKIP("needs root");
	scratch();
	umask(0);
	ASSERT_OK(mkdir("d", 0777));
	ASSERT_OK(chown("d", 0, 50));
	ASSERT_OK(chmod("d", 02777));
	AS_USER(1000, {
		struct stat st;
		ASSERT_OK(mkdir("d/sub", 0755));
		close(open("d/f", O_CREAT | O_WRONLY, 02775));
		ASSERT_OK(stat("d/sub", &st));
		EXPECT_EQ(st.st_gid, 50);
		EXPECT_EQ(st.st_mode & 07777, 02755);
		ASSERT_OK(stat("d/f", &st));
		EXPECT_EQ(st.st_gid, 50);
		EXPECT_EQ(st.st_mode & 07777, 0775);
	});
	scratch_end();
}

TEST(truncating)
{
	scratch();
	int fd = file_with("f", "hello"), rd = open("f", O_RDONLY);
	ASSERT_OK(mkdir("d", 0755));
	ASSERT_OK(truncate("f", 2));
	EXPECT_STREQ(content_of("f"), "he");
	ASSERT_OK(ftruncate(fd, 4));
	char buf[8] = "zzzzzzz";
	EXPECT_EQ(pread(fd, buf, sizeof(buf), 0), 4);
	EXPECT_EQ(memcmp(buf, "he\0\0", 4), 0);
	EXPECT_ERRNO(truncate("f", -1), EINVAL);
	EXPECT_ERRNO(ftruncate(fd, -1), EINVAL);
	EXPECT_ERRNO(ftruncate(rd, 0), EINVAL);
	EXPECT_ERRNO(truncate("d", 0), EISDIR);
	EXPECT_ERRNO(truncate("none", 0), ENOENT);
	EXPECT_ERRNO(truncate("/dev/null", 0), EINVAL);
	EXPECT_ERRNO(ftruncate(999, 0), EBADF);
	int p[2];
	ASSERT_OK(pipe(p));
	EXPECT_ERRNO(ftruncate(p[1], 0), EINVAL);
	scratch_end();
}

TEST(setting_times)
{
	scratch();
	int fd = file_with("f", "");
	struct stat st;
	struct timespec ts[2] = { { 100, 5 }, { 200, 6 } };
	ASSERT_OK(utimensat(AT_FDCWD, "f", ts, 0));
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_atim.tv_sec, 100);
	EXPECT_EQ(st.st_atim.tv_nsec, 5);
	EXPECT_EQ(st.st_mtim.tv_sec, 200);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = UTIME_NOW;
	ASSERT_OK(futimens(fd, ts));
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_atim.tv_sec, 100);
	EXPECT(st.st_mtim.tv_sec > 1000000);
	ts[0].tv_nsec = 1000000000;
	EXPECT_ERRNO(utimensat(AT_FDCWD, "f", ts, 0), EINVAL);
	ts[0].tv_nsec = ts[1].tv_nsec = UTIME_OMIT;
	EXPECT_OK(utimensat(AT_FDCWD, "none", ts, 0));
	EXPECT_ERRNO(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
	struct utimbuf ut = { 7, 8 };
	ASSERT_OK(utime("f", &ut));
	struct timeval tv[2] = { { 9, 10 }, { 11, 1000000 } };
	EXPECT_ERRNO(utimes("f", tv), EINVAL);
	tv[1].tv_usec = 12;
	ASSERT_OK(utimes("f", tv));
	ASSERT_OK(stat("f", &st));
	EXPECT_EQ(st.st_mtim.tv_sec, 11);
	EXPECT_EQ(st.st_mtim.tv_nsec, 12000);
	ASSERT_OK(symlink("f", "l"));
	ts[0] = (struct timespec){ 1, 1 };
	ts[1] = (struct timespec){ 2, 2 };
	ASSERT_OK(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
	ASSERT_OK(lstat("l", &st));
	EXPECT_EQ(st.st_mtim.tv_sec, 2);
	ASSERT_OK(chmod("f", 0666));
	AS_USER(1000, {
		EXPECT_OK(utimensat(AT_FDCWD, "f", NULL, 0));
		EXPECT_ERRNO(utimensat(AT_FDCWD, "f", ts, 0), EPERM);
	});
	scratch_end();
}

TEST(times_move_with_changes)
{
	scratch();
	int fd = file_with("f", "");
	struct timespec ts[2] = { { 100, 0 }, { 100, 0 } };
	struct stat st;
	ASSERT_OK(futimens(fd, ts));
	ASSERT_EQ(write(fd, "x", 1), 1);
	ASSERT_OK(fstat(fd, &st));
	EXPECT(st.st_mtim.tv_sec > 100);
	ASSERT_OK(mkdir("d", 0755));
	ASSERT_OK(utimensat(AT_FDCWD, "d", ts, 0));
	close(file_with("d/f", ""));
	ASSERT_OK(stat("d", &st));
	EXPECT(st.st_mtim.tv_sec > 100);
	ASSERT_OK(utimensat(AT_FDCWD, "d", ts, 0));
	ASSERT_OK(unlink("d/f"));
	ASSERT_OK(stat("d", &st));
	EXPECT(st.st_mtim.tv_sec > 100);
	scratch_end();
}

TEST(file_systems)
{
	struct statfs a, b;
	ASSERT_OK(statfs("/proc", &a));
	EXPECT_EQ(a.f_type, 0x9fa0);
	EXPECT_EQ(a.f_namelen, 255);
	int fd = open("/proc", O_PATH);
	ASSERT_OK(fd);
	ASSERT_OK(fstatfs(fd, &b));
	EXPECT_EQ(b.f_type, 0x9fa0);
	EXPECT_ERRNO(statfs("/none", &a), ENOENT);
	EXPECT_ERRNO(fstatfs(999, &a), EBADF);
}
