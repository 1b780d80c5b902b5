/* sys_ioctl.c - ioctl(2): what every descriptor knows; the rest is the file's own.
 *
 * LINUX    fs/ioctl.c. */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "sentry/syscalls/table.h"
#include "sentry/vfs/async.h"

static long set_nonblock(struct task *t, struct file *f, uptr_t arg)
{
	int on;
	int err = get_user(t, &on, arg);
	if (err)
		return err;
	int flags = on ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
	empties_drop_file(f);
	err = f->ops->set_flags ? f->ops->set_flags(f, flags) : 0;
	if (!err)
		f->flags = flags;
	return err;
}

/* ENOTTY: a file that sends no signals. */
static long set_async(struct task *t, struct file *f, int fd, uptr_t arg)
{
	int on;
	int err = get_user(t, &on, arg);
	if (err)
		return err;
	file_set_async(f, fd, on);
	return on && !(f->flags & O_ASYNC) ? -ENOTTY : 0;
}

/* The older way to fcntl(2)'s F_SETOWN, F_GETOWN. */
static long owner_ioctl(struct task *t, int fd, unsigned cmd, uptr_t arg)
{
	int owner;
	if (cmd == FIOSETOWN || cmd == SIOCSPGRP)
		return get_user(t, &owner, arg) ? -EFAULT : sys_fcntl(t, fd, F_SETOWN, (uint64_t)(int64_t)owner);
	owner = (int)sys_fcntl(t, fd, F_GETOWN, 0);
	return put_user(t, arg, &owner);
}

static long regular_ioctl(struct task *t, struct file *f, unsigned cmd, uptr_t arg)
{
	struct inode *i = f->inode;
	if (cmd == FIONREAD) {
		int err = i->ops->getattr ? i->ops->getattr(i) : 0;
		int left = (int)MIN(MAX(i->size - f->pos, 0), INT32_MAX);
		return err ? err : put_user(t, arg, &left);
	}
	if (cmd == FICLONE || cmd == FICLONERANGE)
		return -EOPNOTSUPP;
	return f->ops->ioctl ? f->ops->ioctl(t, f, cmd, arg.addr) : -ENOTTY;
}

long sys_ioctl(struct task *t, int fd, unsigned request, uint64_t arg)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	switch (request) {
	case FIOCLEX:
		return fd_set_cloexec(t, fd, true);
	case FIONCLEX:
		return fd_set_cloexec(t, fd, false);
	case FIONBIO:
		return set_nonblock(t, f, UPTR(arg));
	case FIOASYNC:
		return set_async(t, f, fd, UPTR(arg));
	case FIGETBSZ: {
		int size = (int)f->inode->blksize;
		return put_user(t, UPTR(arg), &size);
	}
	default:
		break;
	}
	if (S_ISSOCK(f->inode->mode) &&
	    (request == FIOSETOWN || request == SIOCSPGRP || request == FIOGETOWN || request == SIOCGPGRP))
		return owner_ioctl(t, fd, request, UPTR(arg));
	if (S_ISREG(f->inode->mode))
		return regular_ioctl(t, f, request, UPTR(arg));
	return f->ops->ioctl ? f->ops->ioctl(t, f, request, arg) : -ENOTTY;
}
