/* bufq.c - see bufq.h.
 *
 * HOW      Buffers come in five sizes. A writer first fills what is left of the last one, so that a stream of single bytes
 *          costs no more memory than a large write. The largest are kept when they are free: what goes through a busy
 *          connection stays in the processor's cache, and the allocator is not asked. */
#include "sentry/net/bufq.h"

#include "sentry/fs/tmpfs/tmpfs.h"

#define LARGE_BYTES (128 * 1024U)
#define LITTLE_BYTES (16 * 1024U)         /* is moved rather than kept in a large one */
#define FREE_BYTES 4096U                  /* of who has none, when there is none */
#define SPARE_MAX 32

struct nbuf {
	TAILQ_ENTRY(nbuf) link;
	uint32_t off, end, cap;           /* of data: read up to off, filled up to end */
	uint32_t charged;                 /* bytes of the sandbox's memory */
	char data[];
};

static TAILQ_HEAD(, nbuf) spare = TAILQ_HEAD_INITIALIZER(spare);
static unsigned nspare;

/* charged: what of the sandbox's memory it counts as; given back if there is no buffer. */
static struct nbuf *nbuf_make(uint32_t cap, uint32_t charged)
{
	struct nbuf *b = cap == LARGE_BYTES ? TAILQ_FIRST(&spare) : NULL;
	if (b) {
		TAILQ_REMOVE(&spare, b, link);
		nspare--;
	} else if (!(b = malloc(sizeof(*b) + cap))) {
		fs_memory_uncharge(charged);
		return NULL;
	}
	b->off = b->end = 0;
	b->cap = cap;
	b->charged = charged;
	return b;
}

static struct nbuf *nbuf_new(size_t want)
{
	/* Programs write powers of two: they fit. */
	static const uint32_t caps[] = { 512 - sizeof(struct nbuf), 4096, 16384, 65536, LARGE_BYTES };
	uint32_t cap = LARGE_BYTES;
	for (size_t i = ARRAY_SIZE(caps); i-- > 0;)
		if (want <= caps[i])
			cap = caps[i];
	uint32_t size = cap + (uint32_t)sizeof(struct nbuf);
	return fs_memory_charge(size) ? NULL : nbuf_make(cap, size);
}

static void nbuf_free(struct nbuf *b)
{
	fs_memory_uncharge(b->charged);
	if (b->cap == LARGE_BYTES && nspare < SPARE_MAX) {
		TAILQ_INSERT_HEAD(&spare, b, link);
		nspare++;
	} else {
		free(b);
	}
}

void bufq_init(struct bufq *q)
{
	TAILQ_INIT(&q->bufs);
	q->bytes = 0;
}

void bufq_purge(struct bufq *q)
{
	struct nbuf *b;
	while ((b = TAILQ_FIRST(&q->bufs))) {
		TAILQ_REMOVE(&q->bufs, b, link);
		nbuf_free(b);
	}
	q->bytes = 0;
}

ssize_t bufq_write(struct bufq *q, struct uio *src, size_t bytes)
{
	size_t done = 0;
	bytes = MIN(bytes, src->resid);
	while (done < bytes) {
		struct nbuf *b = TAILQ_LAST(&q->bufs, nbufs), *fresh = NULL;
		if (!b || b->end == b->cap) {
			b = fresh = nbuf_new(MAX(bytes - done, MIN(q->bytes, (size_t)LARGE_BYTES / 2)));
			if (!fresh)
				return done ? (ssize_t)done : -ENOBUFS;
		}
		size_t want = MIN(bytes - done, (size_t)(b->cap - b->end));
		ssize_t n = uio_drain(src, b->data + b->end, want);
		if (n <= 0) {
			if (fresh)
				nbuf_free(fresh);
			return done ? (ssize_t)done : -EFAULT;
		}
		if (fresh)
			TAILQ_INSERT_TAIL(&q->bufs, fresh, link);
		b->end += (uint32_t)n;
		q->bytes += (size_t)n;
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	return (ssize_t)done;
}

/* How many bytes there are is known only afterwards: few are moved to where they take no more memory than they need. Who has
 * nothing yet gets a little even if there is no memory (LINUX: tcp_try_rmem_schedule()): what it waits for may be what others, who
 * have it all, wait for. */
ssize_t bufq_append(struct bufq *q, size_t bytes, bufq_get_fn *get, void *arg)
{
	struct nbuf *b = nbuf_new(LARGE_BYTES);
	if (!b && q->bytes == 0)
		b = nbuf_make(FREE_BYTES, 0);
	if (!b)
		return -ENOBUFS;
	ssize_t n = get(arg, b->data, MIN(bytes, (size_t)b->cap));
	if (n <= 0) {
		nbuf_free(b);
		return n;
	}
	b->end = (uint32_t)n;
	if ((size_t)n < LITTLE_BYTES && b->charged) {
		struct uio src;
		uio_init_kernel(&src, b->data, (size_t)n);
		ssize_t moved = bufq_write(q, &src, (size_t)n);
		b->off = moved > 0 ? (uint32_t)moved : 0;
	}
	if (b->off < b->end) {
		TAILQ_INSERT_TAIL(&q->bufs, b, link);
		q->bytes += b->end - b->off;
	} else {
		nbuf_free(b);
	}
	return n;
}

int bufq_iov(const struct bufq *q, struct iovec *iov, int n)
{
	struct nbuf *b;
	int used = 0;
	TAILQ_FOREACH(b, &q->bufs, link) {
		if (used == n)
			break;
		iov[used++] = (struct iovec){ .iov_base = b->data + b->off, .iov_len = b->end - b->off };
	}
	return used;
}

ssize_t bufq_peek(struct bufq *q, struct uio *dst, size_t skip, size_t bytes)
{
	size_t done = 0;
	struct nbuf *b;
	TAILQ_FOREACH(b, &q->bufs, link) {
		size_t have = b->end - b->off;
		if (skip >= have) {
			skip -= have;
			continue;
		}
		if (done == bytes)
			break;
		size_t want = MIN(have - skip, bytes - done);
		ssize_t n = uio_fill(dst, b->data + b->off + skip, want);
		if (n < 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		if ((size_t)n < want)
			break;
		skip = 0;
	}
	return (ssize_t)done;
}

ssize_t bufq_read(struct bufq *q, struct uio *dst, size_t bytes)
{
	size_t done = 0;
	struct nbuf *b;
	while (done < bytes && (b = TAILQ_FIRST(&q->bufs))) {
		size_t want = MIN((size_t)(b->end - b->off), bytes - done);
		ssize_t n = uio_fill(dst, b->data + b->off, want);
		if (n < 0)
			return done ? (ssize_t)done : n;
		bufq_drop(q, (size_t)n);
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	return (ssize_t)done;
}

void bufq_drop(struct bufq *q, size_t bytes)
{
	struct nbuf *b;
	while (bytes > 0 && (b = TAILQ_FIRST(&q->bufs))) {
		size_t n = MIN((size_t)(b->end - b->off), bytes);
		b->off += (uint32_t)n;
		q->bytes -= n;
		bytes -= n;
		if (b->off == b->end) {
			TAILQ_REMOVE(&q->bufs, b, link);
			nbuf_free(b);
		}
	}
}

size_t bufq_move(struct bufq *to, struct bufq *from, size_t bytes)
{
	size_t done = 0;
	struct nbuf *b;
	while (done < bytes && (b = TAILQ_FIRST(&from->bufs))) {
		size_t n = b->end - b->off;
		TAILQ_REMOVE(&from->bufs, b, link);
		from->bytes -= n;
		TAILQ_INSERT_TAIL(&to->bufs, b, link);
		to->bytes += n;
		done += n;
	}
	return done;
}
