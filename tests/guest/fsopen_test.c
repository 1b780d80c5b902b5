/* fsopen_test.c - mounts by descriptor: fsopen(2), fsconfig(2), fsmount(2), fspick(2), open_tree(2), move_mount(2), mount_setattr(2). */
#include "tests/guest/fs.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

COVERS(fsopen, fsconfig, fsmount, fspick, open_tree, move_mount, mount_setattr, mount, umount2);

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
#define MS_NOSYMFOLLOW_ 256
#define MS_REC_ 16384
#define MS_PRIVATE_ (1 << 18)
#define MS_SHARED_ (1 << 20)
#define BENEATH 0x200

static int fsopen_(const char *type, unsigned flags) { return (int)syscall(SYS_fsopen, type, flags); }
static int fsconfig_(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}
static int fsmount_(int fd, unsigned flags, unsigned attrs) { return (int)syscall(SYS_fsmount, fd, flags, attrs); }
static int open_tree_(int dir, const char *path, unsigned flags) { return (int)syscall(SYS_open_tree, dir, path, flags); }
static int place(int tree, const char *to)
{
	return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH);
}
static int setattr(const char *path, unsigned flags, struct mount_attr *a)
{
	return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, flags, a, sizeof(*a));
}

static void own_namespace(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC_ | MS_PRIVATE_, NULL) < 0)
		SKIP("no mount namespace here");
	scratch();
	ASSERT_OK(mkdir("m", 0755));
	ASSERT_OK(mkdir("d", 0755));
	int fd = fsopen_("tmpfs", FSOPEN_CLOEXEC);
	if (fd < 0)
		SKIP("no fsopen here");
	close(fd);
}

static int new_tmpfs(const char *size)
{
	int fd = fsopen_("tmpfs", FSOPEN_CLOEXEC);
	ASSERT_OK(fd);
	EXPECT_OK(fsconfig_(fd, FSCONFIG_SET_STRING, "size", size, 0));
	EXPECT_OK(fsconfig_(fd, FSCONFIG_SET_STRING, "source", "here", 0));
	EXPECT_OK(fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	int tree = fsmount_(fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	ASSERT_OK(tree);
	close(fd);
	return tree;
}

TEST(a_file_system_in_steps)
{
	own_namespace();
	int tree = new_tmpfs("1m"), fd;
	fd = openat(tree, "early", O_CREAT | O_WRONLY, 0600);     /* before it lies anywhere */
	EXPECT_OK(fd);
	close(fd);
	EXPECT_OK(place(tree, "m"));
	EXPECT_OK(access("m/early", F_OK));
	struct statvfs sv;
	ASSERT_OK(statvfs("m", &sv));
	EXPECT_EQ(sv.f_blocks * sv.f_frsize, 1 << 20);
	EXPECT(sv.f_flag & 4 /* ST_NODEV */);
	close(tree);
	EXPECT_OK(access("m/early", F_OK));
	EXPECT_OK(umount2("m", 0));
	EXPECT_ERRNO(access("m/early", F_OK), ENOENT);
	scratch_end();
}

TEST(a_mount_nobody_placed_goes_with_its_descriptor)
{
	own_namespace();
	int tree = new_tmpfs("64k");
	int inside = openat(tree, "f", O_CREAT | O_RDWR, 0600);
	ASSERT_OK(inside);
	close(tree);
	EXPECT_EQ(write(inside, "x", 1), 1);                       /* who is inside stays */
	close(inside);
	scratch_end();
}

TEST(what_is_wrong_is_said)
{
	own_namespace();
	EXPECT_ERRNO(fsopen_("no such type", 0), ENODEV);
	EXPECT_ERRNO(fsopen_("tmpfs", 2), EINVAL);
	int fd = fsopen_("tmpfs", 0), other = open("/", O_RDONLY);
	EXPECT_ERRNO(fsconfig_(-1, FSCONFIG_SET_FLAG, "ro", NULL, 0), EINVAL);
	EXPECT_ERRNO(fsconfig_(other, FSCONFIG_SET_FLAG, "ro", NULL, 0), EINVAL);
	EXPECT_ERRNO(fsconfig_(fd, 100, "ro", NULL, 0), EOPNOTSUPP);
	EXPECT_ERRNO(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", "x", 0), EINVAL);
	EXPECT_ERRNO(fsconfig_(fd, FSCONFIG_SET_STRING, "nothing of tmpfs", "x", 0), EINVAL);
	EXPECT_ERRNO(fsconfig_(fd, FSCONFIG_SET_STRING, NULL, "x", 0), EINVAL);
	EXPECT_ERRNO(fsconfig_(fd, FSCONFIG_SET_FD, "size", NULL, 999), EBADF);
	EXPECT_ERRNO(fsconfig_(fd, FSCONFIG_SET_STRING, (char *)8, "x", 0), EFAULT);
	EXPECT_ERRNO(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0), EBUSY);
	EXPECT_ERRNO(fsmount_(fd, 0, 0), EINVAL);
	EXPECT_OK(fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	EXPECT_ERRNO(fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0), EBUSY);
	EXPECT_ERRNO(fsmount_(fd, 0x80, 0), EINVAL);
	EXPECT_ERRNO(fsmount_(fd, 0, 0x40000000), EINVAL);
	EXPECT_ERRNO(fsmount_(-1, 0, 0), EBADF);
	EXPECT_ERRNO(syscall(SYS_move_mount, -1, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), EBADF);
	EXPECT_ERRNO(syscall(SYS_move_mount, AT_FDCWD, "m", AT_FDCWD, "d", 8), EINVAL);
	EXPECT_ERRNO(syscall(SYS_move_mount, AT_FDCWD, "m", AT_FDCWD, "d", 0), EINVAL);
	EXPECT_ERRNO(open_tree_(AT_FDCWD, "m", AT_RECURSIVE), EINVAL);
	EXPECT_ERRNO(open_tree_(AT_FDCWD, "gone", OPEN_TREE_CLONE), ENOENT);
	scratch_end();
}

TEST(a_tree_is_copied_with_what_is_on_it)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
	ASSERT_OK(mkdir("m/sub", 0755));
	ASSERT_OK(mount("none", "m/sub", "tmpfs", 0, NULL));
	close(file_with("m/sub/f", "x"));
	int shallow = open_tree_(AT_FDCWD, "m", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int deep = open_tree_(AT_FDCWD, "m", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	ASSERT_OK(shallow);
	ASSERT_OK(deep);
	EXPECT_ERRNO(faccessat(shallow, "sub/f", F_OK, 0), ENOENT);
	EXPECT_OK(faccessat(deep, "sub/f", F_OK, 0));
	EXPECT_OK(place(deep, "d"));
	EXPECT_OK(access("d/sub/f", F_OK));
	EXPECT_ERRNO(umount2("d", 0), EBUSY);
	close(deep);
	EXPECT_OK(umount2("d/sub", 0));
	EXPECT_OK(umount2("d", 0));
	EXPECT_OK(umount2("m", 2 /* MNT_DETACH */));
	scratch_end();
}

TEST(beneath_what_is_seen)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
	close(file_with("m/upper", "x"));
	int tree = new_tmpfs("64k");
	int fd = openat(tree, "lower", O_CREAT | O_WRONLY, 0600);
	ASSERT_OK(fd);
	close(fd);
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH | BENEATH) < 0 && errno == EINVAL)
		SKIP("no MOVE_MOUNT_BENEATH before Linux 6.5");
	close(tree);
	EXPECT_OK(access("m/upper", F_OK));
	EXPECT_ERRNO(access("m/lower", F_OK), ENOENT);
	ASSERT_OK(umount2("m", 0));
	EXPECT_OK(access("m/lower", F_OK));
	EXPECT_OK(umount2("m", 2 /* MNT_DETACH */));
	scratch_end();
}

TEST(attributes_are_set_and_cleared)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
	ASSERT_OK(mkdir("m/sub", 0755));
	ASSERT_OK(mount("none", "m/sub", "tmpfs", 0, NULL));
	struct mount_attr a = { .attr_set = MOUNT_ATTR_RDONLY };
	EXPECT_OK(setattr("m", 0, &a));
	EXPECT_ERRNO(mkdir("m/x", 0755), EROFS);
	EXPECT_OK(mkdir("m/sub/x", 0755));
	EXPECT_OK(setattr("m", AT_RECURSIVE, &a));
	EXPECT_ERRNO(mkdir("m/sub/y", 0755), EROFS);
	a = (struct mount_attr){ .attr_clr = MOUNT_ATTR_RDONLY };
	EXPECT_OK(setattr("m", 0, &a));
	EXPECT_OK(mkdir("m/y", 0755));
	a = (struct mount_attr){ .attr_set = MOUNT_ATTR_NOATIME };
	EXPECT_ERRNO(setattr("m", 0, &a), EINVAL);                 /* without clearing the others first */
	a.attr_clr = MOUNT_ATTR__ATIME;
	EXPECT_OK(setattr("m", 0, &a));
	a = (struct mount_attr){ .propagation = MS_SHARED_ | MS_PRIVATE_ };
	EXPECT_ERRNO(setattr("m", 0, &a), EINVAL);
	a.propagation = MS_SHARED_;
	EXPECT_OK(setattr("m", 0, &a));
	EXPECT_ERRNO(setattr("m/y", 0, &a), EINVAL);
	EXPECT_ERRNO(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &a, 8), EINVAL);
	EXPECT_ERRNO(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &a, 1 << 20), E2BIG);
	EXPECT_OK(umount2("m", 2 /* MNT_DETACH */));
	scratch_end();
}

TEST(links_are_not_followed_where_that_is_forbidden)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", MS_NOSYMFOLLOW_, NULL));
	close(file_with("m/f", "x"));
	ASSERT_OK(symlink("f", "m/link"));
	char buf[8];
	EXPECT_ERRNO(open("m/link", O_RDONLY), ELOOP);
	EXPECT_EQ(readlink("m/link", buf, sizeof(buf)), 1);
	EXPECT_OK(access("m/f", F_OK));
	EXPECT_OK(umount2("m", 2 /* MNT_DETACH */));
	scratch_end();
}

TEST(a_mounted_file_system_is_picked_and_changed)
{
	own_namespace();
	ASSERT_OK(mount("none", "m", "tmpfs", 0, "size=64k"));
	int fd = (int)syscall(SYS_fspick, AT_FDCWD, "m", FSPICK_CLOEXEC);
	ASSERT_OK(fd);
	EXPECT_OK(fsconfig_(fd, FSCONFIG_SET_STRING, "size", "1m", 0));
	EXPECT_OK(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0));
	EXPECT_OK(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	struct statvfs sv;
	ASSERT_OK(statvfs("m", &sv));
	EXPECT_EQ(sv.f_blocks * sv.f_frsize, 1 << 20);
	EXPECT_ERRNO(mkdir("m/x", 0755), EROFS);
	EXPECT_ERRNO(syscall(SYS_fspick, AT_FDCWD, "d", 0), EINVAL);
	EXPECT_ERRNO(syscall(SYS_fspick, AT_FDCWD, "m", 0x10), EINVAL);
	EXPECT_OK(umount2("m", 2 /* MNT_DETACH */));
	scratch_end();
}
