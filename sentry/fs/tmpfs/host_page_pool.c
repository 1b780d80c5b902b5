/* host_page_pool.c - see page_pool.h.
 *
 * HOW   A chunk is aligned to its size, so that a page's address names its chunk; its first page is the header. */
#include "sentry/fs/tmpfs/page_pool.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#define CHUNK_PAGES 64
#define CHUNK_BYTES (CHUNK_PAGES * PAGE_SIZE)

struct chunk {
	TAILQ_ENTRY(chunk) link;          /* on `partial` while it has a free page */
	uint64_t used, dirty;             /* a bit a page; bit 0, the header, is always used */
};
static TAILQ_HEAD(, chunk) partial = TAILQ_HEAD_INITIALIZER(partial);
static struct chunk *spare;               /* one empty chunk is kept: a file written and removed in a loop */

static struct chunk *chunk_new(void)
{
	char *p = mmap(NULL, 2 * CHUNK_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	char *start = (char *)ALIGN_UP((uintptr_t)p, CHUNK_BYTES);
	if (start > p)
		munmap(p, (size_t)(start - p));
	if (start < p + CHUNK_BYTES)
		munmap(start + CHUNK_BYTES, (size_t)(p + CHUNK_BYTES - start));
	struct chunk *c = (struct chunk *)start;
	c->used = c->dirty = 1;
	return c;
}

void *page_alloc(void)
{
	struct chunk *c = TAILQ_FIRST(&partial);
	if (!c) {
		c = spare ? TAKE(spare) : chunk_new();
		if (!c)
			return NULL;
		TAILQ_INSERT_HEAD(&partial, c, link);
	}
	int n = __builtin_ctzll(~c->used);
	c->used |= 1ULL << n;
	if (c->used == UINT64_MAX)
		TAILQ_REMOVE(&partial, c, link);
	void *page = (char *)c + (size_t)n * PAGE_SIZE;
	if (c->dirty >> n & 1)
		memset(page, 0, PAGE_SIZE);
	c->dirty |= 1ULL << n;
	return page;
}

void page_free(void *page)
{
	if (!page)
		return;
	struct chunk *c = (struct chunk *)((uintptr_t)page & ~(CHUNK_BYTES - 1));
	uint64_t bit = 1ULL << ((uintptr_t)page / PAGE_SIZE % CHUNK_PAGES);
	CHECK(bit != 1 && (c->used & bit));
	if (c->used == UINT64_MAX)
		TAILQ_INSERT_HEAD(&partial, c, link);
	c->used &= ~bit;
	if (c->used != 1)
		return;
	TAILQ_REMOVE(&partial, c, link);
	if (spare)
		munmap(c, CHUNK_BYTES);
	else
		spare = c;
}
