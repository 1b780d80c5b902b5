/* sys_fcntl.c - dup(2), dup2(2), dup3(2), fcntl(2), flock(2).
 *
 * LINUX    fs/fcntl.c, fs/file.c, fs/locks.c.
 * MISSING  Write-life hints. */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/file.h>

#include "sentry/fs/memfd/memfd.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/async.h"
#include "sentry/vfs/lease.h"
#include "sentry/vfs/locks.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permission.h"

static long dup_from(struct task *t, int fd, int min, bool cloexec)
{
	AUTO(file_put) struct file *f = fd_get_raw(t, fd);
	if (!f)
		return -EBADF;
	int new_fd = fd_install(t, f, min, cloexec);
	if (new_fd >= 0)
		file_get(f);
	return new_fd;
}

long sys_dup(struct task *t, int oldfd)
{
	return dup_from(t, oldfd, 0, false);
}

long sys_dup3(struct task *t, int oldfd, int newfd, int flags)
{
	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	if (newfd < 0 || (uint64_t)newfd >= t->tg->rlimits[RLIMIT_NOFILE].rlim_cur)
		return -EBADF;
	AUTO(file_put) struct file *f = fd_get_raw(t, oldfd);
	return f ? fd_dup_to(t, f, newfd, flags & O_CLOEXEC) : -EBADF;
}

long sys_dup2(struct task *t, int oldfd, int newfd)
{
	if (oldfd != newfd)
		return sys_dup3(t, oldfd, newfd, 0);
	AUTO(file_put) struct file *f = fd_get_raw(t, oldfd);
	return f ? newfd : -EBADF;
}

/* --- locks --- */

static long setlk(struct task *t, int fd, struct file *f, uptr_t arg, enum posix_owner owner, bool wait)
{
	struct flock fl;
	int err = get_user(t, &fl, arg);
	if (err)
		return err;
	if (owner == OWNER_FILE && fl.l_pid != 0)
		return -EINVAL;
	err = posix_lock_set(t, f, &fl, owner, wait);
	if (err || owner == OWNER_FILE || fl.l_type == F_UNLCK)
		return err;
	/* Another thread may have closed the descriptor while this one waited: then nobody would release the lock. */
	AUTO(file_put) struct file *now = fd_get(t, fd);
	if (now == f)
		return 0;
	fl.l_type = F_UNLCK;
	err = posix_lock_set(t, f, &fl, owner, false);
	return err ? err : -EBADF;
}

static long getlk(struct task *t, struct file *f, uptr_t arg, enum posix_owner owner)
{
	struct flock fl;
	int err = get_user(t, &fl, arg);
	if (err)
		return err;
	if (owner == OWNER_FILE && fl.l_pid != 0)
		return -EINVAL;
	err = posix_lock_test(t, f, &fl, owner);
	return err ? err : put_user(t, arg, &fl);
}

long sys_flock(struct task *t, int fd, int operation)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if ((operation & ~LOCK_NB) != LOCK_UN && !(f->mode & (FMODE_READ | FMODE_WRITE)))
		return -EBADF;
	return flock_set(t, f, operation);
}

/* --- status flags --- */

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

static long setfl(struct task *t, int fd, struct file *f, int arg)
{
	if ((arg & O_NOATIME) && !(f->flags & O_NOATIME) && !inode_owner_or_capable(f->inode, t->cred))
		return -EPERM;
	int flags = (f->flags & ~SETFL_MASK) | (arg & SETFL_MASK);
	if (f->ops->set_flags) {
		int err = f->ops->set_flags(f, flags);
		if (err)
			return err;
	}
	f->flags = flags;
	if (((arg ^ f->flags) & O_ASYNC))
		file_set_async(f, fd, arg & O_ASYNC);
	return 0;
}

/* --- owner of signals --- */

static long set_owner(struct task *t, struct file *f, int type, int pid)
{
	if (pid < 0)
		return -EINVAL;
	bool found = type == F_OWNER_PGRP ? pgrp_find_for(t, pid) != NULL :
		     type == F_OWNER_PID  ? tg_find_for(t, pid) != NULL :
					    task_find_for(t, pid) != NULL;
	if (pid != 0 && !found)
		return -ESRCH;
	f->owner.pid = pid_given(t, pid);
	f->owner.type = type;
	f->owner.uid = t->cred->uid;
	f->owner.euid = t->cred->euid;
	return 0;
}

static long setown(struct task *t, struct file *f, int who)
{
	if (who == INT32_MIN)
		return -EINVAL;
	return who < 0 ? set_owner(t, f, F_OWNER_PGRP, -who) : set_owner(t, f, F_OWNER_PID, who);
}

static long setown_ex(struct task *t, struct file *f, uptr_t arg)
{
	struct f_owner_ex owner;
	int err = get_user(t, &owner, arg);
	if (err)
		return err;
	if ((int)owner.type < F_OWNER_TID || (int)owner.type > F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(t, f, (int)owner.type, owner.pid);
}

static long getown_ex(struct task *t, struct file *f, uptr_t arg)
{
	struct f_owner_ex owner = { .type = f->owner.type, .pid = pid_shown(t, f->owner.pid) };
	return put_user(t, arg, &owner);
}

/* --- fcntl --- */

/* Younger than the C library: F_DUPFD_QUERY (6.10), F_CREATED_QUERY (6.12). */
enum { GET_SAME_FILE = 1024 + 3, GET_CREATED = 1024 + 4 };

static long fcntl_dup(struct task *t, int fd, uint64_t min, bool cloexec)
{
	if (min >= t->tg->rlimits[RLIMIT_NOFILE].rlim_cur || min > INT32_MAX)
		return -EINVAL;
	return dup_from(t, fd, (int)min, cloexec);
}

static long fcntl_file(struct task *t, int fd, struct file *f, int cmd, uint64_t arg)
{
	switch (cmd) {
	case F_SETFL:
		empties_drop_file(f);
		return setfl(t, fd, f, (int)arg);
	case F_GETLK:
		return getlk(t, f, UPTR(arg), OWNER_PROCESS);
	case F_SETLK:
	case F_SETLKW:
		return setlk(t, fd, f, UPTR(arg), OWNER_PROCESS, cmd == F_SETLKW);
	case F_OFD_GETLK:
		return getlk(t, f, UPTR(arg), OWNER_FILE);
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return setlk(t, fd, f, UPTR(arg), OWNER_FILE, cmd == F_OFD_SETLKW);
	case F_GETOWN:
		return f->owner.type == F_OWNER_PGRP ? -f->owner.pid : f->owner.pid;
	case F_SETOWN:
		return setown(t, f, (int)arg);
	case F_GETOWN_EX:
		return getown_ex(t, f, UPTR(arg));
	case F_SETOWN_EX:
		return setown_ex(t, f, UPTR(arg));
	case F_GETSIG:
		return f->owner.sig;
	case F_SETSIG:
		if (arg > NSIG64)
			return -EINVAL;
		f->owner.sig = (int)arg;
		return 0;
	case F_NOTIFY:
		return dnotify_set(t, f, fd, (unsigned)arg);
	case F_GETLEASE:
		return lease_get(f);
	case F_SETLEASE:
		return lease_set(t, f, fd, (int)arg);
	case GET_CREATED:
		return !!(f->mode & FMODE_CREATED);
	case GET_SAME_FILE: {
		AUTO(file_put) struct file *other = fd_get_raw(t, (int)arg);
		return other ? other == f : -EBADF;
	}
	case F_GETPIPE_SZ:
		return is_pipe(f) ? pipe_get_size(f) : -EBADF;
	case F_SETPIPE_SZ:
		return is_pipe(f) ? pipe_set_size(t, f, (unsigned)arg) : -EBADF;
	case F_ADD_SEALS:
		return memfd_add_seals(t, f, (unsigned)arg);
	case F_GET_SEALS:
		return memfd_get_seals(f);
	default:
		return -EINVAL;
	}
}

long sys_fcntl(struct task *t, int fd, int cmd, uint64_t arg)
{
	AUTO(file_put) struct file *f = fd_get_raw(t, fd);
	if (!f)
		return -EBADF;
	switch (cmd) {                    /* what O_PATH descriptors can do, too */
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return fcntl_dup(t, fd, arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_get_cloexec(t, fd) ? FD_CLOEXEC : 0;
	case F_SETFD:
		return fd_set_cloexec(t, fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return f->flags;
	default:
		return f->mode & FMODE_PATH ? -EBADF : fcntl_file(t, fd, f, cmd, arg);
	}
}
