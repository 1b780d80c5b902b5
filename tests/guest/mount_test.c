/* mount_test.c - mount(2), umount2(2), pivot_root(2), in a mount namespace of the test's own where there are several. */
#include "tests/guest/fs.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

COVERS(mount, umount2, pivot_root);

static void own_namespace(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) == 0) {
		if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			SKIP("no private mounts here");
	} else if (errno != ENOSYS && errno != EINVAL) {
		SKIP("no mount namespace here");
	}
	scratch();
	ASSERT_OK(mkdir("m", 0755));
	ASSERT_OK(mkdir("d", 0755));
	if (mount("none", "m", "tmpfs", 0, NULL) < 0)
		SKIP("mounting is not allowed here");
	ASSERT_OK(umount("m"));
}

TEST(a_tmpfs_covers_what_was_there)
{
	own_namespace();
	close(file_with("m/below", "below"));
	ASSERT_OK(mount("none", "m", "tmpfs", MS_NOSUID, "size=1m,mode=0700"));
	EXPECT_ERRNO(access("m/below", F_OK), ENOENT);
	struct stat st, up;
	ASSERT_OK(stat("m", &st));
	EXPECT_EQ(st.st_mode & 07777, 0700);
	ASSERT_OK(stat("m/..", &up));
	ASSERT_OK(stat(".", &st));
	EXPECT_EQ(up.st_ino, st.st_ino);
	close(file_with("m/f", "x"));
	EXPECT_ERRNO(rename("m/f", "f"), EXDEV);
	EXPECT_ERRNO(link("m/f", "f"), EXDEV);
	EXPECT_ERRNO(rmdir("m"), EBUSY);
	struct statvfs sv;
	ASSERT_OK(statvfs("m", &sv));
	EXPECT(sv.f_flag & ST_NOSUID);
	EXPECT_EQ(sv.f_blocks * sv.f_frsize, 1 << 20);
	int fd = open("m/f", O_RDONLY);
	EXPECT_ERRNO(umount("m"), EBUSY);
	EXPECT_OK(umount2("m", MNT_DETACH));
	EXPECT_EQ(access("m/below", F_OK), 0);
	char c;
	EXPECT_EQ(read(fd, &c, 1), 1);            /* a detached mount lives while in use */
	EXPECT_ERRNO(umount("m"), EINVAL);
	scratch_end();
}

TEST(a_ramfs_is_one_without_limits)
{
	own_namespace();
	struct statfs sf;
	ASSERT_OK(mount("none", "m", "ramfs", MS_NODEV, "mode=0710,whatever=1"));
	ASSERT_OK(statfs("m", &sf));
	EXPECT_EQ(sf.f_type, 0x858458f6);
	struct stat st;
	ASSERT_OK(stat("m", &st));
	EXPECT_EQ(st.st_mode & 07777, 0710);
	int fd = file_with("m/f", "x");
	ASSERT_OK(ftruncate(fd, 1 << 20));
	EXPECT_EQ(pwrite(fd, "y", 1, (1 << 20) - 1), 1);
	close(fd);
	EXPECT_OK(umount("m"));
	scratch_end();
}

TEST(read_only)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
	close(file_with("m/f", "x"));
	ASSERT_OK(mount("none", "m", NULL, MS_REMOUNT | MS_RDONLY | MS_BIND, NULL));
	EXPECT_ERRNO(open("m/f", O_WRONLY), EROFS);
	EXPECT_ERRNO(open("m/g", O_WRONLY | O_CREAT, 0644), EROFS);
	EXPECT_ERRNO(mkdir("m/d", 0755), EROFS);
	EXPECT_ERRNO(mkdir("m/f", 0755), EEXIST);
	EXPECT_ERRNO(unlink("m/f"), EROFS);
	EXPECT_ERRNO(chmod("m/f", 0600), EROFS);
	EXPECT_ERRNO(access("m/f", W_OK), EROFS);
	EXPECT_ERRNO(truncate("m/f", 0), EROFS);
	EXPECT_ERRNO(rename("m/f", "m/g"), EROFS);
	EXPECT_STREQ(content_of("m/f"), "x");
	ASSERT_OK(mount("none", "m", NULL, MS_REMOUNT | MS_BIND, NULL));
	EXPECT_OK(unlink("m/f"));
	ASSERT_OK(umount("m"));
	scratch_end();
}

TEST(noexec_and_nodev)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", MS_NOEXEC | MS_NODEV, NULL));
	close(file_with("m/prog", "#!/bin/sh\n"));
	ASSERT_OK(chmod("m/prog", 0755));
	EXPECT_ERRNO(access("m/prog", X_OK), EACCES);
	char *argv[] = { "prog", NULL };
	EXPECT_ERRNO(execv("m/prog", argv), EACCES);
	if (mknod("m/null", S_IFCHR | 0666, 0x103) == 0)
		EXPECT_ERRNO(open("m/null", O_RDONLY), EACCES);
	ASSERT_OK(umount("m"));
	scratch_end();
}

TEST(binding)
{
	own_namespace();
	close(file_with("d/f", "text"));
	close(file_with("file", "old"));
	ASSERT_OK(mount("d", "m", NULL, MS_BIND, NULL));
	EXPECT_STREQ(content_of("m/f"), "text");
	close(file_with("m/g", "new"));
	EXPECT_STREQ(content_of("d/g"), "new");
	ASSERT_OK(mount("d/f", "file", NULL, MS_BIND, NULL));
	EXPECT_STREQ(content_of("file"), "text");
	EXPECT_ERRNO(unlink("file"), EBUSY);
	EXPECT_ERRNO(mount("d", "file", NULL, MS_BIND, NULL), ENOTDIR);
	EXPECT_ERRNO(mount("d/f", "m", NULL, MS_BIND, NULL), ENOTDIR);
	ASSERT_OK(mount("none", "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	EXPECT_ERRNO(open("m/f", O_WRONLY), EROFS);
	int fd = open("d/f", O_WRONLY);
	EXPECT_OK(fd);                            /* the other way in is as before */
	close(fd);
	EXPECT_OK(umount("file"));
	EXPECT_STREQ(content_of("file"), "old");
	EXPECT_OK(umount("m"));
	scratch_end();
}

TEST(moving)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
	ASSERT_OK(mkdir("m/in", 0755));
	ASSERT_OK(mount("none", "m/in", "tmpfs", 0, NULL));
	close(file_with("m/in/f", "f"));
	EXPECT_ERRNO(umount("m"), EBUSY);
	EXPECT_ERRNO(mount("m", "m/in", NULL, MS_MOVE, NULL), ELOOP);
	ASSERT_OK(mount("m", "d", NULL, MS_MOVE, NULL));
	EXPECT_STREQ(content_of("d/in/f"), "f");
	EXPECT_ERRNO(access("m/in", F_OK), ENOENT);
	EXPECT_ERRNO(mount("d/in/f", "m", NULL, MS_MOVE, NULL), EINVAL);
	ASSERT_OK(umount("d/in"));
	ASSERT_OK(umount("d"));
	scratch_end();
}

TEST(errors)
{
	own_namespace();
	EXPECT_ERRNO(mount("none", "m", "no_such_fs", 0, NULL), ENODEV);
	EXPECT_ERRNO(mount("none", "none", "tmpfs", 0, NULL), ENOENT);
	EXPECT_ERRNO(mount("none", "m", NULL, 0, NULL), EINVAL);
	EXPECT_ERRNO(umount("m"), EINVAL);
	EXPECT_ERRNO(umount("none"), ENOENT);
	EXPECT_ERRNO(umount2("m", 1 << 20), EINVAL);
	AS_USER(1000, {
		EXPECT_ERRNO(mount("none", "m", "tmpfs", 0, NULL), EPERM);
		EXPECT_ERRNO(umount("m"), EPERM);
	});
	scratch_end();
}

TEST(nothing_can_be_mounted_on_a_link_of_proc)
{
	char path[64];
	own_namespace();
	int fd = file_with("f", "x");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int link = open(path, O_PATH | O_NOFOLLOW);
	ASSERT_OK(link);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", link);
	EXPECT_EQ(mount("f", path, "", MS_BIND, NULL), -1);
	EXPECT(errno == ENOENT || errno == EACCES);
	scratch_end();
}

TEST(mounts_are_listed)
{
	own_namespace();
	ASSERT_OK(mount("a_source", "m", "tmpfs", MS_NODEV, NULL));
	char line[4096], want[PATH_MAX + 64];
	snprintf(want, sizeof(want), "a_source %s/m tmpfs rw,nodev", scratch_dir);
	bool found = false;
	FILE *f = fopen("/proc/self/mounts", "r");
	ASSERT(f != NULL);
	while (fgets(line, sizeof(line), f))
		found |= strncmp(line, want, strlen(want)) == 0;
	fclose(f);
	EXPECT(found);
	ASSERT_OK(umount("m"));
	scratch_end();
}

TEST(pivoting)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
	ASSERT_OK(mkdir("m/old", 0755));
	close(file_with("m/f", "new root"));
	/* Not a mount; on the root's own mount that is noticed later. */
	EXPECT(syscall(SYS_pivot_root, "d", "d") == -1 && (errno == EINVAL || errno == EBUSY));
	/* Everything of this namespace moves along, so do it in one of its own or not at all. */
	if (unshare(CLONE_NEWNS) < 0)
		SKIP("no mount namespaces here");
	ASSERT_OK(syscall(SYS_pivot_root, "m", "m/old"));
	ASSERT_OK(chdir("/"));
	EXPECT_STREQ(content_of("/f"), "new root");
	EXPECT_OK(access("/old/proc", F_OK));
	EXPECT_OK(umount2("/old", MNT_DETACH));
	EXPECT_ERRNO(access("/old/proc", F_OK), ENOENT);
}

/* Of a task in a chroot that is a mount: the new root comes to lie where that lies. */
TEST(pivoting_in_a_chroot)
{
	own_namespace();
	if (unshare(CLONE_NEWNS) < 0)
		SKIP("no mount namespaces here");
	ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
	close(file_with("m/outer", "x"));
	ASSERT_OK(mkdir("m/new", 0755));
	ASSERT_OK(chroot("m"));
	ASSERT_OK(chdir("/"));
	EXPECT_ERRNO(syscall(SYS_pivot_root, "new", "new"), EBUSY);        /* not a mount: the root's own */
	ASSERT_OK(mount("none", "new", "tmpfs", 0, NULL));
	ASSERT_OK(mkdir("new/old", 0755));
	ASSERT_OK(syscall(SYS_pivot_root, "new", "new/old"));
	ASSERT_OK(chdir("/"));
	EXPECT_OK(access("/old/outer", F_OK));
	EXPECT_OK(umount2("/old", MNT_DETACH));
	EXPECT_ERRNO(access("/old/outer", F_OK), ENOENT);
}

TEST(expiry_takes_two_calls_in_a_row)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
	EXPECT_ERRNO(umount2("m", MNT_EXPIRE | MNT_FORCE), EINVAL);
	EXPECT_ERRNO(umount2("m", MNT_EXPIRE), EAGAIN);
	EXPECT_OK(access("m", F_OK));                                      /* somebody came */
	EXPECT_ERRNO(umount2("m", MNT_EXPIRE), EAGAIN);
	EXPECT_OK(umount2("m", MNT_EXPIRE));
	EXPECT_ERRNO(umount2("m", 0), EINVAL);
	scratch_end();
}

TEST(access_times_of_directories_stay_where_told_so)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", MS_NODIRATIME, NULL));
	struct stat before, after;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
	ASSERT_OK(utimensat(AT_FDCWD, "m", old, 0));
	ASSERT_OK(stat("m", &before));
	char buf[256];
	int fd = open("m", O_RDONLY | O_DIRECTORY);
	ASSERT_OK(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	close(fd);
	ASSERT_OK(stat("m", &after));
	EXPECT_EQ(after.st_atim.tv_sec, before.st_atim.tv_sec);
	ASSERT_OK(umount("m"));
	scratch_end();
}
