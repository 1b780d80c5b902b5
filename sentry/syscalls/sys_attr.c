/* sys_attr.c - chmod(2), chown(2), truncate(2), utimensat(2) and their relatives.
 *
 * LINUX    fs/open.c, fs/utimes.c, fs/attr.c. The rules are in vfs/permission.c. */
#include <fcntl.h>
#include <sys/inotify.h>
#include <utime.h>

#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/at.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/lease.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permission.h"

/* --- chmod --- */

static long chmod_path(struct task *t, const struct path *p, uint32_t mode)
{
	if (S_ISLNK(p->dentry->inode->mode))
		return -EOPNOTSUPP;
	struct iattr attr = { .valid = ATTR_MODE, .mode = mode & 07777 };
	return inode_change(t, p, &attr);
}

long sys_fchmodat2(struct task *t, int dirfd, uptr_t pathname, uint32_t mode, int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	AUTO_PATH p = { 0 };
	int err = at_lookup(t, dirfd, pathname, flags, &p);
	return err ? err : chmod_path(t, &p, mode);
}

long sys_fchmodat(struct task *t, int dirfd, uptr_t pathname, uint32_t mode)
{
	return sys_fchmodat2(t, dirfd, pathname, mode, 0);
}

long sys_chmod(struct task *t, uptr_t pathname, uint32_t mode)
{
	return sys_fchmodat2(t, AT_FDCWD, pathname, mode, 0);
}

long sys_fchmod(struct task *t, int fd, uint32_t mode)
{
	AUTO_PATH p = { 0 };
	int err = fd_path(t, fd, false, &p);
	return err ? err : chmod_path(t, &p, mode);
}

/* --- chown --- */

static long chown_path(struct task *t, const struct path *p, uint32_t owner, uint32_t group)
{
	struct iattr attr = { .uid = uid_given(t->cred, owner), .gid = gid_given(t->cred, group) };
	if ((owner != UINT32_MAX && attr.uid == ID_NONE) || (group != UINT32_MAX && attr.gid == ID_NONE))
		return -EINVAL;
	if (owner != UINT32_MAX)
		attr.valid |= ATTR_UID;
	if (group != UINT32_MAX)
		attr.valid |= ATTR_GID;
	return inode_change(t, p, &attr);
}

long sys_fchownat(struct task *t, int dirfd, uptr_t pathname, uint32_t owner, uint32_t group, int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	AUTO_PATH p = { 0 };
	int err = at_lookup(t, dirfd, pathname, flags, &p);
	return err ? err : chown_path(t, &p, owner, group);
}

long sys_chown(struct task *t, uptr_t pathname, uint32_t owner, uint32_t group)
{
	return sys_fchownat(t, AT_FDCWD, pathname, owner, group, 0);
}

long sys_lchown(struct task *t, uptr_t pathname, uint32_t owner, uint32_t group)
{
	return sys_fchownat(t, AT_FDCWD, pathname, owner, group, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(struct task *t, int fd, uint32_t owner, uint32_t group)
{
	AUTO_PATH p = { 0 };
	int err = fd_path(t, fd, false, &p);
	return err ? err : chown_path(t, &p, owner, group);
}

/* --- truncate --- */

long sys_truncate(struct task *t, uptr_t path, int64_t length)
{
	if (length < 0)
		return -EINVAL;
	AUTO_PATH p = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, path, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	struct inode *i = p.dentry->inode;
	if (!S_ISREG(i->mode))
		return S_ISDIR(i->mode) ? -EISDIR : -EINVAL;
	err = path_want_write(&p);
	if (!err)
		err = inode_permission(i, t->cred, MAY_WRITE);
	if (!err && i->writers < 0)
		err = -ETXTBSY;
	if (err)
		return err;
	i->writers++;
	err = lease_break(t, i, true, false);
	if (!err)
		err = inode_truncate(t, i, length);
	i->writers--;
	if (!err)
		notify_dentry(p.dentry, IN_MODIFY);
	return err;
}

long sys_ftruncate(struct task *t, int fd, int64_t length)
{
	if (length < 0)
		return -EINVAL;
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (!S_ISREG(f->inode->mode) || !(f->mode & FMODE_WRITE))
		return -EINVAL;
	int err = inode_truncate(t, f->inode, length);
	if (!err)
		notify_file(f, IN_MODIFY);
	return err;
}

/* --- times --- */

static bool valid_nsec(const struct timespec *ts)
{
	return (ts->tv_nsec >= 0 && ts->tv_nsec < (long)NS_PER_SEC) || ts->tv_nsec == UTIME_NOW || ts->tv_nsec == UTIME_OMIT;
}

/* times NULL: both now, which whoever may write may do; everything else wants the owner. */
static long set_times(struct task *t, const struct path *p, const struct timespec times[2])
{
	struct inode *i = p->dentry->inode;
	struct timespec now = inode_now();
	struct iattr attr = { .valid = ATTR_ATIME | ATTR_MTIME, .atime = now, .mtime = now };
	int err = path_want_write(p);
	if (err)
		return err;
	if (times && times[0].tv_nsec == UTIME_NOW && times[1].tv_nsec == UTIME_NOW)
		times = NULL;
	if (!inode_owner_or_capable(i, t->cred)) {
		err = times ? -EPERM : inode_permission(i, t->cred, MAY_WRITE);
		if (err)
			return err;
	}
	if (times && times[0].tv_nsec == UTIME_OMIT)
		attr.valid &= ~(unsigned)ATTR_ATIME;
	else if (times && times[0].tv_nsec != UTIME_NOW)
		attr.atime = times[0];
	if (times && times[1].tv_nsec == UTIME_OMIT)
		attr.valid &= ~(unsigned)ATTR_MTIME;
	else if (times && times[1].tv_nsec != UTIME_NOW)
		attr.mtime = times[1];
	return inode_change(t, p, &attr);
}

static long utimes_at(struct task *t, int dirfd, uptr_t pathname, const struct timespec times[2], int flags)
{
	AUTO_PATH p = { 0 };
	int err;
	if (uptr_null(pathname) && dirfd != AT_FDCWD)
		err = flags ? -EINVAL : fd_path(t, dirfd, false, &p);
	else
		err = at_lookup(t, dirfd, pathname, flags, &p);
	return err ? err : set_times(t, &p, times);
}

long sys_utimensat(struct task *t, int dirfd, uptr_t pathname, uptr_t times, int flags)
{
	struct timespec ts[2];
	if (!uptr_null(times)) {
		int err = get_user(t, &ts, times);
		if (err)
			return err;
		if (ts[0].tv_nsec == UTIME_OMIT && ts[1].tv_nsec == UTIME_OMIT)
			return 0;
		if (!valid_nsec(&ts[0]) || !valid_nsec(&ts[1]))
			return -EINVAL;
	}
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return utimes_at(t, dirfd, pathname, uptr_null(times) ? NULL : ts, flags);
}

long sys_futimesat(struct task *t, int dirfd, uptr_t pathname, uptr_t times)
{
	struct timeval tv[2];
	struct timespec ts[2];
	if (uptr_null(times))
		return utimes_at(t, dirfd, pathname, NULL, 0);
	int err = get_user(t, &tv, times);
	if (err)
		return err;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return -EINVAL;
		ts[i] = (struct timespec){ .tv_sec = tv[i].tv_sec, .tv_nsec = tv[i].tv_usec * 1000 };
	}
	return utimes_at(t, dirfd, pathname, ts, 0);
}

long sys_utimes(struct task *t, uptr_t filename, uptr_t times)
{
	return sys_futimesat(t, AT_FDCWD, filename, times);
}

long sys_utime(struct task *t, uptr_t filename, uptr_t times)
{
	struct utimbuf ut;
	if (uptr_null(times))
		return utimes_at(t, AT_FDCWD, filename, NULL, 0);
	int err = get_user(t, &ut, times);
	if (err)
		return err;
	struct timespec ts[2] = { { .tv_sec = ut.actime }, { .tv_sec = ut.modtime } };
	return utimes_at(t, AT_FDCWD, filename, ts, 0);
}
