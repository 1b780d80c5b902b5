/* eventfd.c - a 64-bit counter you can poll (eventfd2(2)).
 *
 * HOW      The count lives in the sentry; every read and write wakes, for epoll's edges.
 * LINUX    fs/eventfd.c. Same: a read whose copy-out fails has still consumed the value; POLLERR once the count has
 *          overflowed, which only the kernel itself could bring about. */
#include "sentry/fs/eventfd/eventfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>

#define EVENTFD_MAX (UINT64_MAX - 1)

struct eventfd {
	struct file file;
	struct waitq wq;
	uint64_t count;
	bool semaphore;
};
#define to_eventfd(f) container_of(f, struct eventfd, file)

static ssize_t eventfd_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)pos;
	struct eventfd *e = to_eventfd(f);
	if (dst->resid < sizeof(e->count))
		return -EINVAL;
	if (e->count == 0)
		return -EAGAIN;
	uint64_t value = e->semaphore ? 1 : e->count;
	e->count -= value;
	waitq_wake(&e->wq, EPOLLOUT);
	ssize_t n = uio_fill(dst, &value, sizeof(value));
	return n == sizeof(value) ? n : -EFAULT;
}

static ssize_t eventfd_write(struct file *f, struct uio *src, off_t *pos)
{
	(void)pos;
	struct eventfd *e = to_eventfd(f);
	uint64_t value;
	if (src->resid < sizeof(value))
		return -EINVAL;
	size_t extra = src->resid - sizeof(value);
	if (uio_drain(src, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	if (e->count > EVENTFD_MAX || value > EVENTFD_MAX - e->count) {
		uio_rewind(src, sizeof(value));
		return -EAGAIN;
	}
	e->count += value;
	waitq_wake(&e->wq, EPOLLIN);
	/* Bytes beyond the eight are not written, and must not be taken for the rest of a short write. */
	uio_skip(src, extra);
	return sizeof(value);
}

static uint32_t eventfd_poll(struct file *f)
{
	struct eventfd *e = to_eventfd(f);
	uint32_t events = 0;
	if (e->count > 0)
		events |= EPOLLIN;
	if (e->count == UINT64_MAX)
		events |= EPOLLERR;
	if (e->count < EVENTFD_MAX)
		events |= EPOLLOUT;
	return events;
}

static int eventfd_show_fdinfo(struct file *f, char *buf, size_t bytes)
{
	struct eventfd *e = to_eventfd(f);
	return snprintf(buf, bytes, "eventfd-count: %16llx\neventfd-id: %llu\neventfd-semaphore: %d\n",
			(unsigned long long)e->count, (unsigned long long)f->id, e->semaphore);
}

static void eventfd_release(struct file *f)
{
	file_fini(f);
	free(to_eventfd(f));
}

static const struct file_ops eventfd_ops = {
	.name = "anon_inode:[eventfd]",
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.show_fdinfo = eventfd_show_fdinfo,
	.release = eventfd_release,
};

bool is_eventfd(const struct file *f)
{
	return f->ops == &eventfd_ops;
}

void eventfd_signal(struct file *f, uint64_t value)
{
	struct eventfd *e = to_eventfd(f);
	if (__builtin_add_overflow(e->count, value, &e->count))
		e->count = UINT64_MAX;
	waitq_wake(&e->wq, EPOLLIN | (e->count == UINT64_MAX ? EPOLLERR : 0));
}

int eventfd_new(unsigned count, bool semaphore, int flags, struct file **out)
{
	struct eventfd *e = NEW(struct eventfd);
	int err = file_init_anon(&e->file, &eventfd_ops, 0600, O_RDWR | (flags & O_NONBLOCK));
	if (err) {
		free(e);
		return err;
	}
	waitq_init(&e->wq);
	e->file.wq = &e->wq;
	e->file.mode |= FMODE_STREAM;
	e->count = count;
	e->semaphore = semaphore;
	*out = &e->file;
	return 0;
}
