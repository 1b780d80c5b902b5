/* file.c - open regular files: everything goes to the file of the layer that has the data.
 *
 * HOW      A wrapper with the overlay's inode, so that locks, mappings and fstat see one file, and one pointer to the real
 *          file: a read costs one more call. When the file is copied up after it was opened for reading, the next use goes
 *          over to the copy (Linux would go on showing the old data); what is mapped stays as it was. */
#include <fcntl.h>
#include <unistd.h>

#include "sentry/fs/overlay/overlay_impl.h"

struct ovl_file {
	struct file file;
	struct file *real;
	struct file *old;                 /* lower's, after real went over to upper: mappings may still come from it */
};

static int open_real(struct inode *real, int flags, struct file **out)
{
	return real->ops->open(real, NULL, flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_APPEND), NULL, out);
}

/* The file of the layer that counts now. Opening upper's doesn't sleep. */
static int real_of(struct file *f, struct file **out)
{
	struct ovl_file *of = container_of(f, struct ovl_file, file);
	struct inode *upper = to_ovl(f->inode)->upper;
	if (upper && of->real->inode != upper) {
		struct file *now;
		int err = open_real(upper, f->flags, &now);
		if (err)
			return err;
		CHECK(!of->old);          /* from lower to upper, and never again */
		of->old = of->real;
		of->real = now;
	}
	*out = of->real;
	return 0;
}

static ssize_t ovl_read(struct file *f, struct uio *dst, off_t *pos)
{
	struct file *real;
	int err = real_of(f, &real);
	return err ? err : real->ops->read(real, dst, pos);
}

static ssize_t ovl_write(struct file *f, struct uio *src, off_t *pos)
{
	struct file *real;
	int err = real_of(f, &real);
	if (err)
		return err;
	ssize_t n = real->ops->write(real, src, pos);
	ovl_copy_attr(to_ovl(f->inode));
	return n;
}

static off_t ovl_llseek(struct file *f, off_t off, int whence)
{
	struct file *real;
	int err = real_of(f, &real);
	if (err)
		return err;
	real->pos = f->pos;
	off_t to = file_seek(real, off, whence);
	if (to >= 0)
		f->pos = to;
	return to;
}

static long ovl_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	struct file *real;
	int err = real_of(f, &real);
	if (err)
		return err;
	return real->ops->ioctl ? real->ops->ioctl(t, real, cmd, arg) : -ENOTTY;
}

static int ovl_mmap(struct file *f, uint64_t off, uint64_t len, int prot, int flags, struct mmap_source *out)
{
	struct file *real;
	int err = real_of(f, &real);
	if (err)
		return err;
	return real->ops->mmap ? real->ops->mmap(real, off, len, prot, flags, out) : -ENODEV;
}

static int ovl_fsync(struct file *f, bool datasync)
{
	struct file *real;
	int err = real_of(f, &real);
	/* What is in lower is as it ever was. */
	if (err || !to_ovl(f->inode)->upper)
		return err;
	return real->ops->fsync(real, datasync);
}

static int ovl_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	struct file *real;
	int err = real_of(f, &real);
	if (err)
		return err;
	err = real->ops->fallocate(real, mode, off, len);
	ovl_copy_attr(to_ovl(f->inode));
	return err;
}

static void ovl_file_release(struct file *f)
{
	struct ovl_file *of = container_of(f, struct ovl_file, file);
	file_put(of->real);
	file_put(of->old);
	file_fini(f);
	free(of);
}

static const struct file_ops ovl_reg_ops = {
	.read = ovl_read, .write = ovl_write, .llseek = ovl_llseek, .ioctl = ovl_ioctl, .mmap = ovl_mmap,
	.fsync = ovl_fsync, .fallocate = ovl_fallocate, .release = ovl_file_release,
};

int ovl_file_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	struct ovl_inode *oi = to_ovl(i);
	(void)t;
	struct file *real;
	int err = (flags & O_ACCMODE) != O_RDONLY ? ovl_copy_up(oi) : 0;
	if (!err)
		err = open_real(ovl_real(oi), flags, &real);
	if (err)
		return err;
	struct ovl_file *of = NEW(struct ovl_file);
	of->real = real;
	file_init(&of->file, &ovl_reg_ops, i, path, flags);
	of->file.mode |= FMODE_NOWAIT_POLL;
	*out = &of->file;
	return 0;
}
