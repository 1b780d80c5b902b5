/* loop_file.c - an open loop device: its bytes.
 *
 * HOW      Bytes go to the file at once; the file is locked for a write as vfs/ would. What lies beyond the file's end, because
 *          it was cut under us, reads as zeros. A device without a file is one of no bytes.
 * LINUX    block/fops.c. Same: opening a device that can't be written for writing works, writing is EPERM.
 * MISSING  mmap, O_DIRECT's rules of alignment. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/sysmacros.h>

#include "sentry/fs/loop/loop.h"
#include "sentry/vfs/chrdev.h"

struct loop_file {
	struct file file;
	struct loop_dev *dev;
};
static struct loop_dev *dev_of(struct file *f) { return container_of(f, struct loop_file, file)->dev; }

/* Bytes from pos to the device's end; 0: at it or beyond. */
static uint64_t bytes_from(const struct loop_dev *d, off_t pos)
{
	uint64_t bytes = d->sectors * LOOP_SECTOR;
	return (uint64_t)pos < bytes ? bytes - (uint64_t)pos : 0;
}

/* As much as is asked for; fewer: an error, or the guest's memory ends. */
static ssize_t read_all(struct loop_dev *d, struct uio *dst, off_t pos)
{
	AUTO(file_put) struct file *backing = file_get(d->backing);
	ssize_t done = 0;
	off_t at = pos + (off_t)d->offset;
	while (dst->resid > 0) {
		ssize_t n = backing->ops->read(backing, dst, &at);
		if (n == 0)
			n = uio_fill_zero(dst, dst->resid);
		if (n <= 0)
			return done ? done : n;
		done += n;
	}
	return done;
}

static ssize_t write_all(struct loop_dev *d, struct uio *src, off_t pos)
{
	AUTO(file_put) struct file *backing = file_get(d->backing);
	ssize_t done = 0, n = 1;
	off_t at = pos + (off_t)d->offset;
	sleep_lock_acquire(&backing->inode->lock);
	while (src->resid > 0 && n > 0) {
		n = backing->ops->write(backing, src, &at);
		done += MAX(n, 0);
	}
	sleep_lock_release(&backing->inode->lock);
	return done ? done : n;
}

static ssize_t loop_read(struct file *f, struct uio *dst, off_t *pos)
{
	struct loop_dev *d = dev_of(f);
	size_t want = (size_t)MIN((uint64_t)dst->resid, bytes_from(d, *pos)), cut = dst->resid - want;
	if (want == 0)
		return 0;
	if (!loop_is_bound(d))
		return -EIO;
	dst->resid = want;
	ssize_t n = read_all(d, dst, *pos);
	dst->resid += cut;
	if (n <= 0)
		return n;
	d->reads++;
	d->read_sectors += (uint64_t)n / LOOP_SECTOR;
	*pos += n;
	return n;
}

static ssize_t loop_write(struct file *f, struct uio *src, off_t *pos)
{
	struct loop_dev *d = dev_of(f);
	size_t want = (size_t)MIN((uint64_t)src->resid, bytes_from(d, *pos)), cut = src->resid - want;
	if (d->read_only)
		return -EPERM;
	if (src->resid == 0)
		return 0;
	if (want == 0)
		return -ENOSPC;
	if (!loop_is_bound(d))
		return -EIO;
	src->resid = want;
	ssize_t n = write_all(d, src, *pos);
	src->resid += cut;
	if (n <= 0)
		return n;
	d->writes++;
	d->written_sectors += (uint64_t)n / LOOP_SECTOR;
	*pos += n;
	return n;
}

static off_t loop_llseek(struct file *f, off_t off, int whence)
{
	off_t to = off, end = (off_t)(dev_of(f)->sectors * LOOP_SECTOR);
	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	if (whence != SEEK_SET && __builtin_add_overflow(whence == SEEK_CUR ? f->pos : end, off, &to))
		return -EINVAL;
	if (to < 0 || to > end)
		return -EINVAL;
	f->pos = to;
	return to;
}

static int loop_fsync(struct file *f, bool datasync)
{
	struct loop_dev *d = dev_of(f);
	if (!loop_is_bound(d))
		return 0;
	AUTO(file_put) struct file *backing = file_get(d->backing);
	return backing->ops->fsync ? backing->ops->fsync(backing, datasync) : 0;
}

static int loop_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	struct loop_dev *d = dev_of(f);
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if ((mode & ~FALLOC_FL_KEEP_SIZE) != FALLOC_FL_PUNCH_HOLE && (mode & ~FALLOC_FL_KEEP_SIZE) != FALLOC_FL_ZERO_RANGE)
		return -EOPNOTSUPP;
	if (((off | len) & (d->block_bytes - 1)) != 0)
		return -EINVAL;
	return d->read_only ? -EPERM : loop_punch(d, (uint64_t)off, (uint64_t)len);
}

static long file_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	long n = loop_ioctl(t, f, dev_of(f), cmd, arg);
	return n == -ENOTTY ? loop_block_ioctl(t, f, dev_of(f), cmd, arg) : n;
}

static void loop_release(struct file *f)
{
	struct loop_dev *d = dev_of(f);
	if (--d->opens == 0 && d->backing && (d->rundown || (d->flags & LO_FLAGS_AUTOCLEAR)))
		loop_unbind_last(d);
	file_fini(f);
	free(container_of(f, struct loop_file, file));
}

static const struct file_ops loop_ops = {
	.read = loop_read, .write = loop_write, .llseek = loop_llseek, .ioctl = file_ioctl, .fsync = loop_fsync,
	.fallocate = loop_fallocate, .release = loop_release,
};

static int loop_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	struct loop_file *lf = NEW(struct loop_file);
	lf->dev = loop_nth((int)minor(i->rdev));
	lf->dev->opens++;
	file_init(&lf->file, &loop_ops, i, path, flags);
	lf->file.mode |= FMODE_NOWAIT_POLL;
	*out = &lf->file;
	return 0;
}

static void control_release(struct file *f)
{
	file_fini(f);
	free(f);
}

static const struct file_ops control_ops = { .ioctl = loop_control_ioctl, .release = control_release };

static int control_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	struct file *f = NEW(struct file);
	file_init(f, &control_ops, i, path, flags);
	*out = f;
	return 0;
}

void loop_devices_register(void)
{
	blkdev_register(LOOP_MAJOR, 0, LOOP_DEVICES - 1, "loop", loop_open);
	chrdev_register(10, LOOP_CONTROL_MINOR, LOOP_CONTROL_MINOR, "misc", control_open);
}
