/* sys_link.c - link(2), symlink(2), unlink(2), rename(2), mknod(2), readlink(2) and their *at forms.
 *
 * LINUX    fs/namei.c, fs/stat.c. What they do is in vfs/entry.c and vfs/rename.c. */
#include <fcntl.h>
#include <limits.h>

#include "sentry/syscalls/at.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/entry.h"
#include "sentry/vfs/namei.h"

long sys_unlinkat(struct task *t, int dirfd, uptr_t pathname, int flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	AUTO(free) char *name = NULL;
	int err = path_copy_user(t, pathname, &name);
	if (err)
		return err;
	return flags & AT_REMOVEDIR ? vfs_rmdir(t, dirfd, name) : vfs_unlink(t, dirfd, name);
}

long sys_unlink(struct task *t, uptr_t pathname)
{
	return sys_unlinkat(t, AT_FDCWD, pathname, 0);
}

long sys_renameat2(struct task *t, int olddirfd, uptr_t oldpath, int newdirfd, uptr_t newpath, unsigned flags)
{
	AUTO(free) char *old_name = NULL, *name = NULL;
	int err = path_copy_user(t, oldpath, &old_name);
	if (!err)
		err = path_copy_user(t, newpath, &name);
	return err ? err : vfs_rename(t, olddirfd, old_name, newdirfd, name, flags);
}

long sys_renameat(struct task *t, int olddirfd, uptr_t oldpath, int newdirfd, uptr_t newpath)
{
	return sys_renameat2(t, olddirfd, oldpath, newdirfd, newpath, 0);
}

long sys_rename(struct task *t, uptr_t oldpath, uptr_t newpath)
{
	return sys_renameat2(t, AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

long sys_linkat(struct task *t, int olddirfd, uptr_t oldpath, int newdirfd, uptr_t newpath, int flags)
{
	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	AUTO(free) char *old_name = NULL, *name = NULL;
	int err = path_copy_user(t, oldpath, &old_name);
	if (!err)
		err = path_copy_user(t, newpath, &name);
	return err ? err : vfs_link(t, olddirfd, old_name, newdirfd, name, flags);
}

long sys_link(struct task *t, uptr_t oldpath, uptr_t newpath)
{
	return sys_linkat(t, AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

long sys_symlinkat(struct task *t, uptr_t target, int newdirfd, uptr_t linkpath)
{
	AUTO(free) char *to = NULL, *name = NULL;
	int err = path_copy_user(t, target, &to);
	if (!err)
		err = path_copy_user(t, linkpath, &name);
	return err ? err : vfs_symlink(t, to, newdirfd, name);
}

long sys_symlink(struct task *t, uptr_t target, uptr_t linkpath)
{
	return sys_symlinkat(t, target, AT_FDCWD, linkpath);
}

long sys_mknodat(struct task *t, int dirfd, uptr_t pathname, uint32_t mode, unsigned dev)
{
	AUTO(free) char *name = NULL;
	int err = path_copy_user(t, pathname, &name);
	return err ? err : vfs_mknod(t, dirfd, name, mode, dev, NULL);
}

long sys_mknod(struct task *t, uptr_t pathname, uint32_t mode, unsigned dev)
{
	return sys_mknodat(t, AT_FDCWD, pathname, mode, dev);
}

long sys_readlinkat(struct task *t, int dirfd, uptr_t pathname, uptr_t buf, uint64_t bufsiz)
{
	if ((int)bufsiz <= 0)
		return -EINVAL;
	AUTO(free) char *name = NULL;
	int err = path_copy_user(t, pathname, &name);
	if (err)
		return err;
	AUTO_PATH p = { 0 };
	err = path_lookup(t, dirfd, name, LOOKUP_EMPTY, &p);
	if (err)
		return err;
	/* An empty name is only for a descriptor of a link (O_PATH | O_NOFOLLOW). */
	if (!S_ISLNK(p.dentry->inode->mode))
		return *name ? -EINVAL : -ENOENT;
	AUTO(free) char *text = malloc(PATH_MAX);
	if (!text)
		return -ENOMEM;
	struct inode *i = p.dentry->inode;
	ssize_t n = i->ops->readlink ? i->ops->readlink(i, t, text, PATH_MAX) : -EINVAL;
	if (n < 0)
		return n;
	n = MIN(n, (ssize_t)bufsiz);
	err = copy_to_user(t, buf, text, (size_t)n);
	return err ? err : n;
}

long sys_readlink(struct task *t, uptr_t pathname, uptr_t buf, uint64_t bufsiz)
{
	return sys_readlinkat(t, AT_FDCWD, pathname, buf, bufsiz);
}
