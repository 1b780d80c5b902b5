/* sys_sync.c - fsync(2), sync(2), fallocate(2), posix_fadvise(2), readahead(2), sync_file_range(2).
 *
 * LINUX    fs/sync.c, fs/open.c, mm/fadvise.c. Advice is checked and then not needed: files have no cache of the
 *          sentry's own, and the host's reads ahead by itself. */
#include <fcntl.h>
#include <linux/falloc.h>

#include "sentry/syscalls/table.h"
#include "sentry/vfs/file_rw.h"

static long fsync_fd(struct task *t, int fd, bool datasync)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	return f ? file_fsync(f, datasync) : -EBADF;
}

long sys_fsync(struct task *t, int fd)
{
	return fsync_fd(t, fd, false);
}

long sys_fdatasync(struct task *t, int fd)
{
	return fsync_fd(t, fd, true);
}

long sys_sync(struct task *t)
{
	/* syncfs sleeps, and the list may change meanwhile: by number, never by pointer. */
	for (int last = -1;;) {
		struct mount *m, *next = NULL;
		TAILQ_FOREACH(m, &t->mnt_ns->mounts, link) {
			if (m->id > last && (!next || m->id < next->id))
				next = m;
		}
		if (!next)
			return 0;
		last = next->id;
		struct superblock *sb = superblock_get(next->sb);
		if (sb->ops->syncfs)
			sb->ops->syncfs(sb);
		superblock_put(sb);
	}
}

long sys_syncfs(struct task *t, int fd)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	struct superblock *sb = f->inode->sb;
	return sb->ops->syncfs ? sb->ops->syncfs(sb) : 0;
}

long sys_sync_file_range(struct task *t, int fd, int64_t offset, int64_t nbytes, unsigned flags)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	int64_t end;
	if (flags & ~(unsigned)(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER))
		return -EINVAL;
	if (offset < 0 || nbytes < 0 || __builtin_add_overflow(offset, nbytes, &end))
		return -EINVAL;
	if (!S_ISREG(f->inode->mode) && !S_ISDIR(f->inode->mode) && !S_ISLNK(f->inode->mode))
		return -ESPIPE;
	return flags && f->ops->fsync ? f->ops->fsync(f, true) : 0;
}

static int check_fallocate_mode(int mode)
{
	int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE |
		    FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE;
	if (mode & ~known)
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && (mode & FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_COLLAPSE_RANGE) && (mode & ~FALLOC_FL_COLLAPSE_RANGE))
		return -EINVAL;
	if ((mode & FALLOC_FL_INSERT_RANGE) && (mode & ~FALLOC_FL_INSERT_RANGE))
		return -EINVAL;
	return 0;
}

long sys_fallocate(struct task *t, int fd, int mode, int64_t offset, int64_t len)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (offset < 0 || len <= 0)
		return -EINVAL;
	int err = check_fallocate_mode(mode);
	if (err)
		return err;
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	int64_t end;
	switch (f->inode->mode & S_IFMT) {
	case S_IFREG:
		if (__builtin_add_overflow(offset, len, &end))
			return -EFBIG;
		return file_fallocate(t, f, mode, offset, len);
	case S_IFIFO:
		return -ESPIPE;
	case S_IFDIR:
		return -EISDIR;
	default:
		return -ENODEV;
	}
}

long sys_fadvise64(struct task *t, int fd, int64_t offset, int64_t len, int advice)
{
	(void)offset;
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (S_ISFIFO(f->inode->mode))
		return -ESPIPE;
	return len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE ? -EINVAL : 0;
}

long sys_readahead(struct task *t, int fd, int64_t offset, uint64_t count)
{
	(void)offset, (void)count;
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f || !(f->mode & FMODE_READ))
		return -EBADF;
	return S_ISREG(f->inode->mode) ? 0 : -EINVAL;
}
