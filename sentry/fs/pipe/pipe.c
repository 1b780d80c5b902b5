/* pipe.c - the bytes in a pipe: a ring of page-sized slots (pipe(7)).
 *
 * HOW      The slots lie side by side in one block, so that a large read or write copies each run of full slots at once. A pipe
 *          that runs empty starts again at slot 0: small traffic touches one page. One wait queue serves both ends;
 *          the bits it is woken with tell them apart.
 * LINUX    fs/pipe.c. Same: capacity counts slots, a write goes into the last slot only if it fits there whole, else into
 *          fresh ones, which makes writes of up to PIPE_BUF bytes atomic; POLLOUT means a free slot; writers are told
 *          of room only when the pipe was full.
 * MISSING  pipe-user-pages limits; splice moves bytes, not pages. */
#include "sentry/fs/pipe/pipe.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "platform/base/live.h"
#include "sentry/fs/pipe/pipe_impl.h"
#include "sentry/kernel/task.h"

unsigned pipe_max_bytes = PIPE_MAX_BYTES;

static char *slot_mem(struct pipe *p, unsigned i)
{
	return p->mem + (size_t)(i & (p->nslots - 1)) * PAGE_SIZE;
}

static struct pipe_slot *slot_at(struct pipe *p, unsigned i)
{
	return &p->slots[i & (p->nslots - 1)];
}

static bool pipe_empty(const struct pipe *p)
{
	return p->head == p->tail;
}

static bool pipe_full(const struct pipe *p)
{
	return p->head - p->tail >= p->nslots;
}

struct pipe *pipe_alloc(void)
{
	struct pipe *p = NEW(struct pipe);
	live_born(PIPE);
	waitq_init(&p->wq);
	p->nslots = PIPE_DEF_SLOTS;
	return p;
}

void pipe_free(struct pipe *p)
{
	free(p->mem);
	free(p->slots);
	live_died(PIPE);
	free(p);
}

/* The memory comes with the first write: most descriptors of most pipes are closed before. */
static int pipe_memory(struct pipe *p)
{
	if (p->mem)
		return 0;
	p->mem = malloc(p->nslots * PAGE_SIZE);
	p->slots = calloc(p->nslots, sizeof(*p->slots));
	if (p->mem && p->slots)
		return 0;
	free(p->mem);
	free(p->slots);
	p->mem = NULL;
	p->slots = NULL;
	return -ENOMEM;
}

/* How many bytes can be read from slot i on in one copy; and how many slots that is. */
static size_t readable_run(struct pipe *p, unsigned i, size_t want)
{
	size_t bytes = 0;
	for (unsigned n = i; n != p->head && bytes < want; n++) {
		struct pipe_slot *s = slot_at(p, n);
		if (n != i && (s->off != 0 || s->packet || (n & (p->nslots - 1)) == 0))
			break;
		bytes += s->len;
		if (s->packet || s->off + s->len != PAGE_SIZE)
			break;
	}
	return MIN(bytes, want);
}

static void pipe_consume(struct pipe *p, size_t bytes)
{
	while (bytes > 0 && !pipe_empty(p)) {
		struct pipe_slot *s = slot_at(p, p->tail);
		size_t n = MIN(bytes, (size_t)s->len);
		s->off += n;
		s->len -= n;
		bytes -= n;
		if (s->len == 0)
			p->tail++;
	}
	if (pipe_empty(p))
		p->head = p->tail = 0;
}

ssize_t pipe_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)pos;
	struct pipe *p = to_pipe_end(f)->pipe;
	if (dst->resid == 0)
		return 0;
	if (pipe_empty(p))
		return p->writers ? -EAGAIN : 0;

	bool was_full = pipe_full(p);
	unsigned old_used = p->head - p->tail;
	ssize_t total = 0;
	while (dst->resid > 0 && !pipe_empty(p)) {
		struct pipe_slot *s = slot_at(p, p->tail);
		bool packet = s->packet;
		size_t run = readable_run(p, p->tail, dst->resid);
		ssize_t n = uio_fill(dst, slot_mem(p, p->tail) + s->off, run);
		if (n < 0) {
			total = total ? total : n;
			break;
		}
		total += n;
		/* What a reader leaves of a packet is lost. */
		pipe_consume(p, packet ? s->len : (size_t)n);
		if (packet || (size_t)n < run)
			break;
	}
	if (was_full && p->head - p->tail < old_used)
		waitq_wake(&p->wq, EPOLLOUT | EPOLLWRNORM);
	return total;
}

/* The odd bytes of a write go behind what the last slot holds, if they fit. */
static ssize_t write_merge(struct pipe *p, struct uio *src)
{
	size_t odd = src->resid & (PAGE_SIZE - 1);
	if (pipe_empty(p) || odd == 0)
		return 0;
	struct pipe_slot *s = slot_at(p, p->head - 1);
	if (s->packet || s->off + s->len + odd > PAGE_SIZE)
		return 0;
	ssize_t n = uio_drain(src, slot_mem(p, p->head - 1) + s->off + s->len, odd);
	if (n != (ssize_t)odd)
		return -EFAULT;
	s->len += odd;
	return n;
}

/* Fills as many free slots as lie side by side (one, for a packet): the bytes, or -errno. *out_all: nothing was cut short. */
static ssize_t write_slots(struct pipe *p, struct uio *src, bool packet, bool *out_all)
{
	unsigned first = p->head & (p->nslots - 1);
	size_t run = MIN(p->nslots - (p->head - p->tail), p->nslots - first);
	size_t want = MIN(src->resid, packet ? PAGE_SIZE : run * PAGE_SIZE);
	ssize_t n = uio_drain(src, slot_mem(p, p->head), want);
	for (size_t left = n > 0 ? (size_t)n : 0; left > 0; p->head++) {
		struct pipe_slot *s = slot_at(p, p->head);
		*s = (struct pipe_slot){ .len = MIN(left, PAGE_SIZE), .packet = packet };
		left -= s->len;
	}
	*out_all = n == (ssize_t)want;
	return n;
}

ssize_t pipe_write(struct file *f, struct uio *src, off_t *pos)
{
	(void)pos;
	struct pipe *p = to_pipe_end(f)->pipe;
	if (src->resid == 0)
		return 0;
	if (!p->readers)
		return -EPIPE;
	int err = pipe_memory(p);
	if (err)
		return err;

	bool packet = f->flags & O_DIRECT;
	ssize_t total = packet ? 0 : write_merge(p, src);
	bool all = total >= 0;
	while (all && src->resid > 0 && !pipe_full(p)) {
		ssize_t n = write_slots(p, src, packet, &all);
		if (n > 0)
			total += n;
		else if (total == 0)
			total = n;
	}
	if (total > 0)
		waitq_wake(&p->wq, EPOLLIN | EPOLLRDNORM);
	return total ? total : -EAGAIN;
}

ssize_t pipe_tee(struct file *in, struct file *out, size_t bytes)
{
	struct pipe *p = to_pipe_end(in)->pipe;
	if (pipe_empty(p))
		return p->writers ? -EAGAIN : 0;
	size_t done = 0;
	for (unsigned i = p->tail; i != p->head && done < bytes; i++) {
		struct pipe_slot *s = slot_at(p, i);
		struct uio src;
		uio_init_kernel(&src, slot_mem(p, i) + s->off, MIN((size_t)s->len, bytes - done));
		ssize_t n = pipe_write(out, &src, NULL);
		if (n < 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		if (src.resid > 0)
			break;
	}
	return (ssize_t)done;
}

ssize_t pipe_peek(struct file *f, char *buf, size_t bytes)
{
	struct pipe *p = to_pipe_end(f)->pipe;
	if (pipe_empty(p))
		return p->writers ? -EAGAIN : 0;
	size_t done = 0;
	for (unsigned i = p->tail; i != p->head && done < bytes; i++) {
		struct pipe_slot *s = slot_at(p, i);
		if (s->packet && done)
			break;
		size_t n = MIN((size_t)s->len, bytes - done);
		memcpy(buf + done, slot_mem(p, i) + s->off, n);
		done += n;
		if (s->packet)
			break;
	}
	return (ssize_t)done;
}

void pipe_take(struct file *f, size_t bytes)
{
	struct pipe *p = to_pipe_end(f)->pipe;
	bool was_full = pipe_full(p);
	pipe_consume(p, bytes);
	if (was_full && !pipe_full(p))
		waitq_wake(&p->wq, EPOLLOUT | EPOLLWRNORM);
}

bool pipe_has_bytes(const struct file *f)
{
	return !pipe_empty(to_pipe_end(f)->pipe);
}

uint32_t pipe_poll(struct file *f)
{
	struct pipe *p = to_pipe_end(f)->pipe;
	uint32_t events = 0;
	if (f->mode & FMODE_READ) {
		if (!pipe_empty(p))
			events |= EPOLLIN | EPOLLRDNORM;
		/* A FIFO opened before its first writer has not been hung up on. */
		if (!p->writers && to_pipe_end(f)->w_seen != p->w_count)
			events |= EPOLLHUP;
	}
	if (f->mode & FMODE_WRITE) {
		if (!pipe_full(p))
			events |= EPOLLOUT | EPOLLWRNORM;
		if (!p->readers)
			events |= EPOLLERR;
	}
	return events;
}

long pipe_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	struct pipe *p = to_pipe_end(f)->pipe;
	if (cmd != FIONREAD)
		return -ENOTTY;
	int bytes = 0;
	for (unsigned i = p->tail; i != p->head; i++)
		bytes += slot_at(p, i)->len;
	return put_user(t, UPTR(arg), &bytes);
}

int pipe_get_size(struct file *f)
{
	return is_pipe(f) ? (int)(to_pipe_end(f)->pipe->nslots * PAGE_SIZE) : -EBADF;
}

/* Moves what is in the pipe to the start of a ring of nslots. */
static int pipe_resize(struct pipe *p, unsigned nslots)
{
	unsigned used = p->head - p->tail;
	if (used > nslots)
		return -EBUSY;
	if (!p->mem) {
		p->nslots = nslots;
		return 0;
	}
	char *mem = malloc(nslots * PAGE_SIZE);
	struct pipe_slot *slots = calloc(nslots, sizeof(*slots));
	if (!mem || !slots) {
		free(mem);
		free(slots);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < used; i++) {
		slots[i] = *slot_at(p, p->tail + i);
		memcpy(mem + i * PAGE_SIZE, slot_mem(p, p->tail + i), PAGE_SIZE);
	}
	free(p->mem);
	free(p->slots);
	p->mem = mem;
	p->slots = slots;
	p->nslots = nslots;
	p->tail = 0;
	p->head = used;
	return 0;
}

int pipe_set_size(struct task *t, struct file *f, unsigned bytes)
{
	if (!is_pipe(f))
		return -EBADF;
	if (bytes > 1U << 31)
		return -EINVAL;
	unsigned nslots = 1;
	while (nslots * PAGE_SIZE < bytes)
		nslots *= 2;
	struct pipe *p = to_pipe_end(f)->pipe;
	/* Linux sets CAP_SYS_RESOURCE no limit; nobody may make the sentry hold more than this. */
	unsigned max = cred_has_cap(t->cred, CAP_SYS_RESOURCE) ? PIPE_MAX_BYTES : pipe_max_bytes;
	if (nslots > p->nslots && nslots * PAGE_SIZE > max)
		return -EPERM;
	bool was_full = pipe_full(p);
	int err = pipe_resize(p, nslots);
	if (err)
		return err;
	if (was_full && !pipe_full(p))
		waitq_wake(&p->wq, EPOLLOUT | EPOLLWRNORM);
	return (int)(nslots * PAGE_SIZE);
}
