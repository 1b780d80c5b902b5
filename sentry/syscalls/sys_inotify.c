/* sys_inotify.c - inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2). */
#include <fcntl.h>
#include <sys/inotify.h>

#include "sentry/fs/inotify/inotify.h"
#include "sentry/syscalls/table.h"

#define KNOWN_BITS (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW | \
		    IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ISDIR | IN_ONESHOT)

long sys_inotify_init1(struct task *t, int flags)
{
	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	AUTO(file_put) struct file *f = NULL;
	int err = inotify_new(t, flags & IN_NONBLOCK, &f);
	if (err)
		return err;
	int fd = fd_install(t, f, 0, flags & IN_CLOEXEC);
	if (fd >= 0)
		f = NULL;
	return fd;
}

long sys_inotify_init(struct task *t)
{
	return sys_inotify_init1(t, 0);
}

long sys_inotify_add_watch(struct task *t, int fd, uptr_t pathname, unsigned mask)
{
	if (!(mask & KNOWN_BITS) || (mask & ~(unsigned)KNOWN_BITS) || ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)))
		return -EINVAL;
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (!is_inotify(f))
		return -EINVAL;
	AUTO_PATH path = { 0 };
	unsigned lookup = (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0);
	int err = path_lookup_user(t, AT_FDCWD, pathname, lookup, &path);
	if (!err)
		err = inode_permission(path.dentry->inode, t->cred, MAY_READ);
	return err ? err : inotify_watch(f, path.dentry->inode, mask);
}

long sys_inotify_rm_watch(struct task *t, int fd, int wd)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	return is_inotify(f) ? inotify_unwatch(f, wd) : -EINVAL;
}
