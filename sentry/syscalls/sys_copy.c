/* sys_copy.c - sendfile(2), copy_file_range(2), splice(2), vmsplice(2), tee(2).
 *
 * LINUX    fs/read_write.c, fs/splice.c. The copying is in vfs/file_copy.c and fs/pipe/pipe_splice.c.
 * MISSING  SPLICE_F_GIFT and zero copy. */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/epoll.h>

#include "sentry/fs/pipe/pipe.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/file_rw.h"

/* Reads an optional offset. *out: where it is kept, or NULL. */
static int get_offset(struct task *t, uptr_t ptr, off_t *value, off_t **out)
{
	*out = NULL;
	if (uptr_null(ptr))
		return 0;
	int err = get_user(t, value, ptr);
	if (!err && *value < 0)
		err = -EINVAL;
	*out = value;
	return err;
}

static long put_offset(struct task *t, uptr_t ptr, const off_t *value, long result)
{
	if (value && result > 0) {
		int err = put_user(t, ptr, value);
		if (err)
			return err;
	}
	return result;
}

long sys_sendfile(struct task *t, int out_fd, int in_fd, uptr_t offset, uint64_t count)
{
	off_t value, *pos;
	int err = get_offset(t, offset, &value, &pos);
	AUTO(file_put) struct file *in = fd_get(t, in_fd);
	if (!in || !(in->mode & FMODE_READ))
		return -EBADF;
	if (pos && (in->mode & FMODE_STREAM))
		return -ESPIPE;
	AUTO(file_put) struct file *out = fd_get(t, out_fd);
	if (!out || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (err)
		return err;
	if (S_ISDIR(in->inode->mode) || (out->flags & O_APPEND))
		return -EINVAL;
	/* What can't be put back goes to a pipe only; and a pipe's bytes are for splice. */
	if ((in->mode & FMODE_STREAM) && (is_pipe(in) || !is_pipe(out)))
		return -EINVAL;
	long n = file_copy(t, in, pos, out, NULL, MIN(count, MAX_RW_COUNT), false);
	/* Whatever came of it, as in Linux: an offset that can't be written is an error even when nothing was copied. */
	return pos && put_user(t, offset, pos) ? -EFAULT : n;
}

static int check_copy_range(struct file *in, off_t in_pos, struct file *out, off_t out_pos, uint64_t len)
{
	if (S_ISDIR(in->inode->mode) || S_ISDIR(out->inode->mode))
		return -EISDIR;
	if (!S_ISREG(in->inode->mode) || !S_ISREG(out->inode->mode))
		return -EINVAL;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE) || (out->flags & O_APPEND))
		return -EBADF;
	/* Beyond what a number holds, or only beyond what a file holds. */
	uint64_t in_end, out_end;
	if (__builtin_add_overflow((uint64_t)in_pos, len, &in_end) || __builtin_add_overflow((uint64_t)out_pos, len, &out_end))
		return -EOVERFLOW;
	if (out_pos == INT64_MAX && len > 0)
		return -EFBIG;
	if (in->inode == out->inode && out_end > (uint64_t)in_pos && (uint64_t)out_pos < in_end)
		return -EINVAL;
	return 0;
}

long sys_copy_file_range(struct task *t, int fd_in, uptr_t off_in, int fd_out, uptr_t off_out, uint64_t len,
			 unsigned flags)
{
	AUTO(file_put) struct file *in = fd_get(t, fd_in);
	AUTO(file_put) struct file *out = fd_get(t, fd_out);
	if (!in || !out)
		return -EBADF;
	off_t in_value, out_value, *in_pos, *out_pos;
	int err = get_offset(t, off_in, &in_value, &in_pos);
	if (!err)
		err = get_offset(t, off_out, &out_value, &out_pos);
	if (err)
		return err;
	if (flags)
		return -EINVAL;
	err = check_copy_range(in, in_pos ? *in_pos : in->pos, out, out_pos ? *out_pos : out->pos, len);
	if (err)
		return err;
	off_t room = INT64_MAX - (out_pos ? *out_pos : out->pos);
	len = MIN(len, MIN(MAX_RW_COUNT, (uint64_t)MAX(room, 0)));
	long n = file_copy(t, in, in_pos, out, out_pos, len, false);
	n = put_offset(t, off_in, in_pos, n);
	return n < 0 ? n : put_offset(t, off_out, out_pos, n);
}

#define SPLICE_KNOWN (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

static int check_splice(struct file *in, const off_t *in_pos, struct file *out, const off_t *out_pos)
{
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (!is_pipe(in) && !is_pipe(out))
		return -EINVAL;
	if ((is_pipe(in) && in_pos) || (is_pipe(out) && out_pos))
		return -ESPIPE;
	if ((in_pos && (in->mode & FMODE_STREAM)) || (out_pos && (out->mode & FMODE_STREAM)))
		return -EINVAL;
	if (is_pipe(in) && is_pipe(out) && in->inode == out->inode)
		return -EINVAL;
	/* Anonymous files without a type (eventfd …) move records, not bytes: they are not spliced. */
	if (!(in->inode->mode & S_IFMT) || !(out->inode->mode & S_IFMT) || !out->ops->write)
		return -EINVAL;
	return S_ISDIR(in->inode->mode) || (out->flags & O_APPEND) ? -EINVAL : 0;
}

long sys_splice(struct task *t, int fd_in, uptr_t off_in, int fd_out, uptr_t off_out, uint64_t len, unsigned flags)
{
	if (len == 0)
		return 0;
	if (flags & ~(unsigned)SPLICE_KNOWN)
		return -EINVAL;
	AUTO(file_put) struct file *in = fd_get(t, fd_in);
	AUTO(file_put) struct file *out = fd_get(t, fd_out);
	if (!in || !out)
		return -EBADF;
	off_t in_value, out_value, *in_pos, *out_pos;
	int err = get_offset(t, off_in, &in_value, &in_pos);
	if (!err)
		err = get_offset(t, off_out, &out_value, &out_pos);
	if (!err)
		err = check_splice(in, in_pos, out, out_pos);
	if (err)
		return err;
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	len = MIN(len, MAX_RW_COUNT);
	long n = is_pipe(in) && out->wq ? pipe_splice(t, in, out, len, nonblock) :
					  file_copy(t, in, in_pos, out, out_pos, len, nonblock);
	n = put_offset(t, off_in, in_pos, n);
	return n < 0 ? n : put_offset(t, off_out, out_pos, n);
}

long sys_vmsplice(struct task *t, int fd, uptr_t iov, uint64_t nr_segs, unsigned flags)
{
	if (flags & ~(unsigned)SPLICE_KNOWN)
		return -EINVAL;
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f || !is_pipe(f))
		return -EBADF;
	struct uio u;
	int err = uio_init_iov(&u, t, iov, nr_segs);
	if (err)
		return err;
	int rwf = flags & SPLICE_F_NONBLOCK ? RWF_NOWAIT : 0;
	long n = 0;
	/* Room is waited for once, not for all the bytes. */
	if ((f->mode & FMODE_WRITE) && !rwf && u.resid)
		n = wait_event(t, f->wq, file_poll(f) & (EPOLLOUT | EPOLLERR));
	if (n == 0)
		n = f->mode & FMODE_WRITE ? file_write_flags(t, f, &u, NULL, RWF_NOWAIT) : file_read_flags(t, f, &u, NULL, rwf);
	uio_fini(&u);
	return n;
}

long sys_tee(struct task *t, int fd_in, int fd_out, uint64_t len, unsigned flags)
{
	if (flags & ~(unsigned)SPLICE_KNOWN)
		return -EINVAL;
	if (len == 0)
		return 0;
	AUTO(file_put) struct file *in = fd_get(t, fd_in);
	AUTO(file_put) struct file *out = fd_get(t, fd_out);
	if (!in || !out || !(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (!is_pipe(in) || !is_pipe(out) || in->inode == out->inode)
		return -EINVAL;
	bool nonblock = (flags & SPLICE_F_NONBLOCK) || ((in->flags | out->flags) & O_NONBLOCK);
	for (;;) {
		ssize_t n = pipe_tee(in, out, MIN(len, MAX_RW_COUNT));
		if (n == -EPIPE)
			signal_send_task(t, SIGPIPE, NULL);
		if (n != -EAGAIN || nonblock)
			return n;
		/* Data first, then room. */
		int err = wait_event(t, in->wq, file_poll(in) & (EPOLLIN | EPOLLHUP));
		if (!err)
			err = wait_event(t, out->wq, file_poll(out) & (EPOLLOUT | EPOLLERR));
		if (err)
			return err;
	}
}
