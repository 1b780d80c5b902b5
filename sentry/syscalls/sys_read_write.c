/* sys_read_write.c - read(2), write(2) and their vectored and positioned forms, lseek(2).
 *
 * LINUX    fs/read_write.c. The verbs themselves are in vfs/file_rw.c.
 * MISSING  RWF_NOWAIT on files (they never make the caller wait for another guest). */
#include <linux/fs.h>

#include "sentry/net/socket.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/file_rw.h"

#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

static long rw_buf(struct task *t, int fd, uptr_t buf, uint64_t count, off_t *pos, bool write)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (pos && (f->mode & FMODE_STREAM))
		return -ESPIPE;               /* even of the end that can't be written at all */
	struct uio u;
	uio_init_user(&u, t, buf, MIN(count, MAX_RW_COUNT));
	if (write)
		return file_write(t, f, &u, pos);
	ssize_t n = file_read(t, f, &u, pos);
	if ((n == -EAGAIN || f->empties) && socket_of(f))
		socket_learn_empty(t, f, fd, n);
	return n;
}

static long rw_iov(struct task *t, int fd, uptr_t iov, int count, off_t *pos, int flags, bool write)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (pos && (f->mode & FMODE_STREAM))
		return -ESPIPE;
	if (!(f->mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (flags & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	struct uio u;
	int err = uio_init_iov(&u, t, iov, (uint64_t)(unsigned)count);
	if (err)
		return err;
	long n = write ? file_write_flags(t, f, &u, pos, flags) : file_read_flags(t, f, &u, pos, flags);
	uio_fini(&u);
	return n;
}

long sys_read(struct task *t, int fd, uptr_t buf, uint64_t count)
{
	return rw_buf(t, fd, buf, count, NULL, false);
}

long sys_write(struct task *t, int fd, uptr_t buf, uint64_t count)
{
	return rw_buf(t, fd, buf, count, NULL, true);
}

long sys_pread64(struct task *t, int fd, uptr_t buf, uint64_t count, int64_t offset)
{
	return offset < 0 ? -EINVAL : rw_buf(t, fd, buf, count, &offset, false);
}

long sys_pwrite64(struct task *t, int fd, uptr_t buf, uint64_t count, int64_t offset)
{
	return offset < 0 ? -EINVAL : rw_buf(t, fd, buf, count, &offset, true);
}

long sys_readv(struct task *t, int fd, uptr_t iov, int iovcnt)
{
	return rw_iov(t, fd, iov, iovcnt, NULL, 0, false);
}

long sys_writev(struct task *t, int fd, uptr_t iov, int iovcnt)
{
	return rw_iov(t, fd, iov, iovcnt, NULL, 0, true);
}

long sys_preadv(struct task *t, int fd, uptr_t iov, int iovcnt, int64_t offset)
{
	return offset < 0 ? -EINVAL : rw_iov(t, fd, iov, iovcnt, &offset, 0, false);
}

long sys_pwritev(struct task *t, int fd, uptr_t iov, int iovcnt, int64_t offset)
{
	return offset < 0 ? -EINVAL : rw_iov(t, fd, iov, iovcnt, &offset, 0, true);
}

/* An offset of -1 means the file's own. pos_h is the offset's upper half on 32-bit machines only. */
long sys_preadv2(struct task *t, int fd, uptr_t iov, int iovcnt, int64_t offset, uint64_t pos_h, int flags)
{
	(void)pos_h;
	if (offset < -1)
		return -EINVAL;
	return rw_iov(t, fd, iov, iovcnt, offset == -1 ? NULL : &offset, flags, false);
}

long sys_pwritev2(struct task *t, int fd, uptr_t iov, int iovcnt, int64_t offset, uint64_t pos_h, int flags)
{
	(void)pos_h;
	if (offset < -1)
		return -EINVAL;
	return rw_iov(t, fd, iov, iovcnt, offset == -1 ? NULL : &offset, flags, true);
}

long sys_lseek(struct task *t, int fd, int64_t offset, int whence)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (whence < SEEK_SET || whence > SEEK_HOLE)
		return -EINVAL;
	return file_seek(f, offset, whence);
}
