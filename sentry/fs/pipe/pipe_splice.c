/* pipe_splice.c - a pipe's bytes to another pipe, a socket, a terminal (splice(2)).
 *
 * HOW      The bytes are looked at, offered to the other side, and only what that took leaves the pipe. So nothing is lost
 *          when it takes less, has no room, or a signal ends the wait; and it says itself whether it has room: poll may be
 *          stricter (a socket is writable with a quarter of its buffer free).
 * LINUX    fs/splice.c: splice_from_pipe, splice_pipe_to_pipe. Same: more bytes than the first ones are not waited for; room
 *          for what is there is, but not in a pipe.
 * MISSING  Moving pages: bytes are copied twice. */
#include <fcntl.h>
#include <linux/fs.h>

#include "sentry/fs/pipe/pipe.h"
#include "sentry/fs/pipe/pipe_impl.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/file_rw.h"

#define CHUNK_BYTES (64 * 1024UL)

/* -EAGAIN: nothing there, or no room. */
static ssize_t offer(struct task *t, struct file *in, struct file *out, char *buf, size_t bytes)
{
	ssize_t n = pipe_peek(in, buf, bytes);
	if (n <= 0)
		return n;
	struct uio u;
	uio_init_kernel(&u, buf, (size_t)n);
	n = file_write_flags(t, out, &u, NULL, RWF_NOWAIT);
	if (n > 0)
		pipe_take(in, (size_t)n);
	return n;
}

/* SPLICE_F_NONBLOCK is about pipes only. */
static bool may_wait(const struct file *in, const struct file *out, bool nonblock, bool moved)
{
	if (!pipe_has_bytes(in))
		return !moved && !nonblock && !(in->flags & O_NONBLOCK);
	if (is_pipe(out))
		return !moved && !nonblock && !(out->flags & O_NONBLOCK);
	return !(out->flags & O_NONBLOCK);
}

/* Waits until there are bytes, or room for them; then offers once more. What that gave; -EAGAIN: see again. */
static ssize_t wait_and_offer(struct task *t, struct file *in, struct file *out, char *buf, size_t bytes)
{
	bool empty = !pipe_has_bytes(in);
	uint64_t limit = empty ? 0 : out->snd_timeout_ns;
	ssize_t n = -EAGAIN;
	int err = wait_event_deadline(t, empty ? in->wq : out->wq,
				      (n = offer(t, in, out, buf, bytes)) != -EAGAIN || pipe_has_bytes(in) == empty,
				      limit ? now_mono_ns() + limit : UINT64_MAX);
	return err ? err : n;
}

ssize_t pipe_splice(struct task *t, struct file *in, struct file *out, size_t bytes, bool nonblock)
{
	AUTO(free) char *buf = malloc(MIN(bytes, CHUNK_BYTES));
	if (!buf)
		return -ENOMEM;
	size_t done = 0;
	while (done < bytes) {
		size_t chunk = MIN(bytes - done, CHUNK_BYTES);
		ssize_t n = offer(t, in, out, buf, chunk);
		if (n == -EAGAIN) {
			if (!may_wait(in, out, nonblock, done > 0))
				break;
			n = wait_and_offer(t, in, out, buf, chunk);
			if (n == -EAGAIN)
				continue;
		}
		if (n == -ETIMEDOUT)
			break;
		if (n <= 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		co_yield();
	}
	return done ? (ssize_t)done : -EAGAIN;
}
