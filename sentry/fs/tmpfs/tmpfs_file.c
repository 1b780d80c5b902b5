/* tmpfs_file.c - open regular files: read, write, seek, map, allocate; and what seals forbid. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sentry/fs/tmpfs/tmpfs_impl.h"

#define SEALED_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* The access time, as a mount with relatime keeps it. */
static void touch_atime(struct file *f)
{
	struct inode *i = f->inode;
	if ((f->flags & O_NOATIME) || (f->path.mnt && (f->path.mnt->flags & MNT_NOATIME)))
		return;
	struct timespec now = inode_now();
	if (is_before(&i->atime, &i->mtime) || is_before(&i->atime, &i->ctime) || now.tv_sec - i->atime.tv_sec >= 86400)
		i->atime = now;
}

static ssize_t file_op_read(struct file *f, struct uio *dst, off_t *pos)
{
	ssize_t n = tmpfs_data_read(to_tmpfs_file(f->inode), dst, *pos);
	if (n >= 0)
		touch_atime(f);
	if (n > 0)
		*pos += n;
	return n;
}

static ssize_t file_op_write(struct file *f, struct uio *src, off_t *pos)
{
	struct tmpfs_file_inode *fi = to_tmpfs_file(f->inode);
	struct inode *i = f->inode;
	if (src->resid == 0)
		return 0;
	if (fi->seals & SEALED_WRITE)
		return -EPERM;
	if ((fi->seals & F_SEAL_GROW) && (*pos > i->size || src->resid > (uint64_t)(i->size - *pos)))
		return -EPERM;
	ssize_t n = tmpfs_data_write(fi, src, *pos);
	if (n > 0) {
		*pos += n;
		i->mtime = i->ctime = inode_now();
	}
	return n;
}

static off_t file_op_llseek(struct file *f, off_t off, int whence)
{
	off_t base = 0, to = 0;
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = f->pos;
		break;
	case SEEK_END:
		base = f->inode->size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		off = tmpfs_data_seek(to_tmpfs_file(f->inode), off, whence == SEEK_DATA);
		if (off < 0)
			return off;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &to))
		return -EOVERFLOW;
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}

static int file_op_mmap(struct file *f, uint64_t off, uint64_t len, int prot, int flags, struct mmap_source *out)
{
	struct tmpfs_file_inode *fi = to_tmpfs_file(f->inode);
	(void)off;
	(void)len;
	bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
	int deny = shared && (fi->seals & SEALED_WRITE) ? PROT_WRITE : 0;
	if (prot & deny)
		return -EPERM;
	int fd, err = tmpfs_data_map(fi, &fd);
	if (err)
		return err;
	touch_atime(f);
	*out = (struct mmap_source){ .host_fd = fd, .deny_prot = deny };
	return 0;
}

static int file_op_fsync(struct file *f, bool datasync)
{
	(void)f;
	(void)datasync;
	return 0;
}

static int file_op_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	struct tmpfs_file_inode *fi = to_tmpfs_file(f->inode);
	struct inode *i = f->inode;
	off_t end;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (off < 0 || len <= 0)
		return -EINVAL;
	if (__builtin_add_overflow(off, len, &end))
		return -EFBIG;
	int err;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (fi->seals & SEALED_WRITE)
			return -EPERM;
		err = tmpfs_data_punch(fi, off, len);
		i->mtime = i->ctime = inode_now();
		return err;
	}
	bool grows = !(mode & FALLOC_FL_KEEP_SIZE) && end > i->size;
	if (grows && (fi->seals & F_SEAL_GROW))
		return -EPERM;
	err = tmpfs_data_allocate(fi, off, len);
	if (!err && grows)
		err = tmpfs_data_resize(fi, end);
	i->ctime = inode_now();
	return err;
}

static void file_op_release(struct file *f)
{
	file_fini(f);
	free(f);
}

static const struct file_ops tmpfs_file_ops = {
	.read = file_op_read, .write = file_op_write, .llseek = file_op_llseek, .mmap = file_op_mmap,
	.fsync = file_op_fsync, .fallocate = file_op_fallocate, .release = file_op_release,
};

int tmpfs_open_file(struct inode *i, const struct path *path, int flags, struct file **out)
{
	CHECK(is_tmpfs_file(i));
	struct file *f = NEW(struct file);
	file_init(f, &tmpfs_file_ops, i, path, flags);
	f->mode |= FMODE_NOWAIT_POLL;
	*out = f;
	return 0;
}
