/* empty_root.c - a root directory with nothing in it.
 *
 * HOW      A tmpfs is put over / and becomes the root by pivot_root(".", "."), which leaves the old root on top of it for the
 *          moment it takes to detach it.
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

struct err *root_enter(int tmpfs_fd)
{
	if (fchdir(tmpfs_fd) < 0)
		return err_errno(errno, "entering an empty root");
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			return err_errno(errno, "detaching the old root");
	} else if (errno != EINVAL || chroot(".") < 0) {
		return err_errno(errno, "changing the root");
	}
	return chdir("/") < 0 ? err_errno(errno, "chdir /") : NULL;
}

struct err *root_enter_empty(void)
{
	int fd = tmpfs_new("4k", "2");
	if (fd < 0)
		return err_errno(-fd, "tmpfs");
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	struct err *e = NULL;
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		e = err_errno(errno, "making the root read-only");
	if (!e)
		e = root_attach(fd);
	if (!e)
		e = root_enter(fd);
	close(fd);
	return e;
}
