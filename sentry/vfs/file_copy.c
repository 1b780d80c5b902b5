/* file_copy.c - bytes from file to file: what sendfile(2), splice(2) and copy_file_range(2) share.
 *
 * HOW      Through a buffer, a chunk at a time. Positions advance by what was written, so nothing is lost when the
 *          writer takes less than was read. Bytes from a socket or terminal can't be put back: there the writer is waited
 *          for first, and given no more than a pipe with room surely takes. From a pipe to what may make wait: pipe_splice.
 * LINUX    fs/splice.c, without its page references. */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/epoll.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/file_rw.h"

#define CHUNK_BYTES (64 * 1024UL)

static int wait_writable(struct task *t, struct file *out, bool nonblock)
{
	uint32_t want = EPOLLOUT | EPOLLERR | EPOLLHUP;
	if (!out->wq || (file_poll(out) & want))
		return 0;
	if (nonblock || (out->flags & O_NONBLOCK))
		return -EAGAIN;
	return wait_event(t, out->wq, file_poll(out) & want);
}

/* One chunk: the bytes written, 0 at the end of input. */
static ssize_t copy_chunk(struct task *t, struct file *in, off_t *in_pos, struct file *out, off_t *out_pos, char *buf,
			  size_t bytes, int rwf)
{
	if (in->mode & FMODE_STREAM) {
		int err = wait_writable(t, out, rwf & RWF_NOWAIT);
		if (err)
			return err;
		if (out->mode & FMODE_STREAM)
			bytes = MIN(bytes, (size_t)PAGE_SIZE);
	}
	off_t pos = in_pos ? *in_pos : in->pos;
	struct uio u;
	uio_init_kernel(&u, buf, bytes);
	ssize_t n = file_read_flags(t, in, &u, in->mode & FMODE_STREAM ? NULL : &pos, rwf);
	if (n <= 0)
		return n;
	uio_init_kernel(&u, buf, (size_t)n);
	ssize_t written = file_write_flags(t, out, &u, out_pos, out->wq && (rwf & RWF_NOWAIT) ? RWF_NOWAIT : 0);
	if (written > 0 && !(in->mode & FMODE_STREAM)) {
		if (in_pos)
			*in_pos += written;
		else
			in->pos += written;
	}
	return written;
}

ssize_t file_copy(struct task *t, struct file *in, off_t *in_pos, struct file *out, off_t *out_pos, size_t bytes,
		  bool nonblock)
{
	AUTO(free) char *buf = malloc(MAX(MIN(bytes, CHUNK_BYTES), 1UL));
	if (!buf)
		return -ENOMEM;
	size_t done = 0;
	while (done < bytes) {
		/* What comes after the first bytes is not waited for. */
		int rwf = nonblock || (done && (in->mode & FMODE_STREAM)) ? RWF_NOWAIT : 0;
		ssize_t n = copy_chunk(t, in, in_pos, out, out_pos, buf, MIN(bytes - done, CHUNK_BYTES), rwf);
		if (n <= 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		if (task_interrupted(t))
			break;
		co_yield();               /* a big file must not keep everybody else waiting */
	}
	return (ssize_t)done;
}
