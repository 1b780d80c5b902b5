/* file_rw.c - the one blocking read, the one blocking write, and lseek.
 *
 * HOW      A kind's read and write never wait: they say -EAGAIN. Here is decided what that means: O_NONBLOCK, time-outs,
 *          signals, sleeping on f->wq. Writes to regular files run under inode->lock, so O_APPEND, RLIMIT_FSIZE and
 *          the set-id bits see the size they act on.
 * LINUX    fs/read_write.c, fs/pipe.c (SIGPIPE), mm/filemap.c (generic_write_checks). The shared offset is locked for a
 *          read or write as POSIX wants; a blocking device that has no positions doesn't take that lock.
 * MISSING  RWF_NOWAIT is honoured by what has a wait queue only. */
#include "sentry/vfs/file_rw.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permission.h"

typedef ssize_t (*rw_op)(struct file *f, struct uio *u, off_t *pos);

/* Calls op until it is something other than "not now". */
static ssize_t wait_for_op(struct task *t, struct file *f, rw_op op, struct uio *u, off_t *pos, uint64_t timeout_ns)
{
	uint64_t deadline = timeout_ns ? now_mono_ns() + timeout_ns : UINT64_MAX;
	struct sleeper s;
	sleeper_begin(&s, t, f->wq, deadline);
	ssize_t n;
	while ((n = op(f, u, pos)) == -EAGAIN) {
		if (task_interrupted(t)) {
			n = -ERESTARTSYS;
			break;
		}
		if (s.timed_out)
			break;
		t->sleeping = true;       /* an op that slept inside has cleared it */
		co_sleep();
	}
	sleeper_end(&s, t);
	return n;
}

static bool may_wait(const struct file *f, int rwf)
{
	return f->wq && !(f->flags & O_NONBLOCK) && !(rwf & RWF_NOWAIT);
}

static ssize_t do_read(struct task *t, struct file *f, struct uio *dst, off_t *pos, int rwf)
{
	ssize_t n = f->ops->read(f, dst, pos);
	if (n == -EAGAIN && may_wait(f, rwf))
		n = wait_for_op(t, f, f->ops->read, dst, pos, f->rcv_timeout_ns);
	return n;
}

/* A write goes on until all is taken, unless the kind moves records (anonymous files without a type: eventfd …). */
static ssize_t do_write(struct task *t, struct file *f, struct uio *src, off_t *pos, int rwf)
{
	size_t done = 0;
	for (;;) {
		ssize_t n = f->ops->write(f, src, pos);
		if (n == -EAGAIN && may_wait(f, rwf))
			n = wait_for_op(t, f, f->ops->write, src, pos, f->snd_timeout_ns);
		if (n == -EPIPE && (S_ISFIFO(f->inode->mode) || S_ISSOCK(f->inode->mode)))
			signal_send_task(t, SIGPIPE, NULL);
		if (n <= 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		if (src->resid == 0 || !may_wait(f, rwf) || !(f->inode->mode & S_IFMT))
			return (ssize_t)done;
	}
}

/* The offset a call works on: the caller's, or the file's own under its lock; *none where there are no positions. */
static off_t *pos_begin(struct file *f, off_t *pos, off_t *none)
{
	if (f->mode & FMODE_STREAM)
		return none;
	if (pos)
		return pos;
	sleep_lock_acquire(&f->pos_lock);
	return &f->pos;
}

static void pos_end(struct file *f, off_t *pos)
{
	if (!(f->mode & FMODE_STREAM) && !pos)
		sleep_lock_release(&f->pos_lock);
}

static int check_pos(const struct file *f, const off_t *pos)
{
	if (!pos)
		return 0;
	if (f->mode & FMODE_STREAM)
		return -ESPIPE;
	return *pos < 0 ? -EINVAL : 0;
}

ssize_t file_read_flags(struct task *t, struct file *f, struct uio *dst, off_t *pos, int rwf)
{
	if (!(f->mode & FMODE_READ))
		return -EBADF;
	int err = check_pos(f, pos);
	if (err)
		return err;
	if (S_ISDIR(f->inode->mode))
		return -EISDIR;
	if (!f->ops->read)
		return -EINVAL;
	off_t none = 0, *at = pos_begin(f, pos, &none);
	ssize_t n = do_read(t, f, dst, at, rwf);
	pos_end(f, pos);
	if (n > 0)
		notify_file(f, IN_ACCESS);
	return n;
}

ssize_t file_read(struct task *t, struct file *f, struct uio *dst, off_t *pos)
{
	return file_read_flags(t, f, dst, pos, 0);
}

/* RLIMIT_FSIZE: how many of the bytes may be written at pos, or -EFBIG (and SIGXFSZ). */
static ssize_t limit_to_fsize(struct task *t, off_t pos, size_t bytes)
{
	uint64_t limit = t->tg->rlimits[RLIMIT_FSIZE].rlim_cur;
	if (limit > INT64_MAX)
		limit = INT64_MAX;
	if ((uint64_t)pos < limit)
		return (ssize_t)MIN((uint64_t)bytes, limit - (uint64_t)pos);
	if (bytes == 0)
		return 0;
	if (limit != INT64_MAX)
		signal_send_task(t, SIGXFSZ, NULL);
	return -EFBIG;
}

static ssize_t write_regular(struct task *t, struct file *f, struct uio *src, off_t *pos, int rwf)
{
	struct inode *i = f->inode;
	sleep_lock_acquire(&i->lock);
	ssize_t n = 0;
	if ((f->flags & O_APPEND) || (rwf & RWF_APPEND)) {
		if (i->ops->getattr)
			n = i->ops->getattr(i);
		*pos = i->size;
	}
	if (n == 0)
		n = limit_to_fsize(t, *pos, src->resid);
	size_t cut = 0;
	if (n >= 0) {
		cut = src->resid - (size_t)n;
		src->resid -= cut;
		n = n > 0 ? inode_drop_privs(i, t->cred) : 0;
	}
	if (n == 0)
		n = do_write(t, f, src, pos, rwf);
	src->resid += cut;
	sleep_lock_release(&i->lock);
	return n;
}

ssize_t file_write_flags(struct task *t, struct file *f, struct uio *src, off_t *pos, int rwf)
{
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	int err = check_pos(f, pos);
	if (err)
		return err;
	if (!f->ops->write)
		return -EINVAL;
	off_t none = 0, *at = pos_begin(f, pos, &none);
	ssize_t n;
	if (S_ISREG(f->inode->mode) && !(f->mode & FMODE_STREAM))
		n = write_regular(t, f, src, at, rwf);
	else
		n = do_write(t, f, src, at, rwf);
	pos_end(f, pos);
	if (n > 0) {
		notify_file(f, IN_MODIFY);
		if (((f->flags & O_DSYNC) || (rwf & (RWF_DSYNC | RWF_SYNC))) && f->ops->fsync) {
			err = f->ops->fsync(f, (f->flags & O_SYNC) != O_SYNC && !(rwf & RWF_SYNC));
			if (err)
				return err;
		}
	}
	return n;
}

ssize_t file_write(struct task *t, struct file *f, struct uio *src, off_t *pos)
{
	return file_write_flags(t, f, src, pos, 0);
}

ssize_t file_read_kernel(struct file *f, void *buf, size_t bytes, off_t pos)
{
	if (!f->ops->read)
		return -EINVAL;
	struct uio u;
	uio_init_kernel(&u, buf, bytes);
	size_t done = 0;
	while (done < bytes) {
		ssize_t n = f->ops->read(f, &u, &pos);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static off_t seek_regular(struct file *f, off_t off, int whence)
{
	struct inode *i = f->inode;
	if (i->ops->getattr && whence >= SEEK_END) {
		int err = i->ops->getattr(i);
		if (err)
			return err;
	}
	off_t to = off;
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if (__builtin_add_overflow(f->pos, off, &to))
			return -EOVERFLOW;
		break;
	case SEEK_END:
		if (__builtin_add_overflow(i->size, off, &to))
			return -EOVERFLOW;
		break;
	case SEEK_DATA:                   /* a file without holes: all data, and one hole at its end */
	case SEEK_HOLE:
		if (off < 0 || off >= i->size)
			return -ENXIO;
		to = whence == SEEK_DATA ? off : i->size;
		break;
	default:
		return -EINVAL;
	}
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}

off_t file_seek(struct file *f, off_t off, int whence)
{
	if (f->mode & FMODE_STREAM)
		return -ESPIPE;
	sleep_lock_acquire(&f->pos_lock);
	off_t to = f->ops->llseek ? f->ops->llseek(f, off, whence) : seek_regular(f, off, whence);
	sleep_lock_release(&f->pos_lock);
	return to;
}

int file_fsync(struct file *f, bool datasync)
{
	return f->ops->fsync ? f->ops->fsync(f, datasync) : -EINVAL;
}

int file_fallocate(struct task *t, struct file *f, int mode, off_t off, off_t len)
{
	struct inode *i = f->inode;
	uint64_t limit = t->tg->rlimits[RLIMIT_FSIZE].rlim_cur;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && (uint64_t)(off + len) > limit && off + len > i->size) {
		signal_send_task(t, SIGXFSZ, NULL);
		return -EFBIG;
	}
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	sleep_lock_acquire(&i->lock);
	int err = inode_drop_privs(i, t->cred);
	if (!err)
		err = f->ops->fallocate(f, mode, off, len);
	sleep_lock_release(&i->lock);
	if (!err)
		notify_file(f, IN_MODIFY);
	return err;
}
