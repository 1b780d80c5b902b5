/* new_root.c - a new root for a mount namespace.
 *
 * HOW      A tmpfs is put over / and becomes the root by pivot_root(".", "."), which leaves the old root on top of it until that
 *          is detached: only ".." of the root leads there.
 *          pivot_root is impossible where the old root is the initial ramfs, or a chroot. There chroot must do: the old
 *          mounts stay in the namespace, but no path leads to them, and neither gofer nor sentry nor stubs have a
 *          capability or a system call to get out. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/start.h"

int tmpfs_new(const char *bytes, const char *inodes)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	int fd = -1, err = 0;
	if (fsconfig(fs, FSCONFIG_SET_STRING, "size", bytes, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", inodes, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ||
	    (fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)) < 0)
		err = -errno;
	close(fs);
	return err ? err : fd;
}

struct err *root_attach(int tmpfs_fd)
{
	if (move_mount(tmpfs_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_errno(errno, "mounting over the root");
	return NULL;
}

struct err *root_enter(int tmpfs_fd, bool *out_old_on_top)
{
	if (fchdir(tmpfs_fd) < 0)
		return err_errno(errno, "entering a new root");
	*out_old_on_top = syscall(SYS_pivot_root, ".", ".") == 0;
	if (!*out_old_on_top && (errno != EINVAL || chroot(".") < 0))
		return err_errno(errno, "changing the root");
	return chdir("/") < 0 ? err_errno(errno, "chdir /") : NULL;
}

struct err *root_forget_old(int tmpfs_fd)
{
	if (fchdir(tmpfs_fd) < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_errno(errno, "detaching the old root");
	return NULL;
}

struct err *root_enter_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchdir(fd) < 0 || chroot(".") < 0)
		return err_errno(errno, "entering an empty root");
	close(fd);
	return NULL;
}
