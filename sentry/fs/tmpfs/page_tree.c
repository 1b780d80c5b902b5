/* page_tree.c - see page_tree.h. */
#include "sentry/fs/tmpfs/page_tree.h"

#include "sentry/fs/tmpfs/page_pool.h"

#define BITS 6
#define SLOTS (1U << BITS)

struct node {
	void *slot[SLOTS];
	unsigned count;
};

/* How many indexes a tree (or subtree) of this height can hold. */
static uint64_t span(unsigned height)
{
	return 1ULL << (BITS * height);
}

void *page_tree_get(const struct page_tree *t, uint64_t index)
{
	if (index >= span(t->height))
		return NULL;
	void *p = t->root;
	for (unsigned h = t->height; p && h > 0; h--)
		p = ((struct node *)p)->slot[index / span(h - 1) % SLOTS];
	return p;
}

static struct node *node_new(struct page_tree *t)
{
	struct node *n = calloc(1, sizeof(*n));
	if (n)
		t->nodes++;
	return n;
}

static bool grow(struct page_tree *t, uint64_t index)
{
	while (index >= span(t->height)) {
		if (t->root) {
			struct node *n = node_new(t);
			if (!n)
				return false;
			n->slot[0] = t->root;
			n->count = 1;
			t->root = n;
		}
		t->height++;
	}
	return true;
}

void *page_tree_make(struct page_tree *t, uint64_t index)
{
	CHECK(index < PAGE_TREE_MAX);
	if (!grow(t, index))
		return NULL;
	void **slot = &t->root;
	struct node *parent = NULL;
	for (unsigned h = t->height; h > 0; h--) {
		/* A node left empty by a failure below is found by the next page_tree_free(). */
		if (!*slot) {
			struct node *n = node_new(t);
			if (!n)
				return NULL;
			*slot = n;
			if (parent)
				parent->count++;
		}
		parent = *slot;
		slot = &parent->slot[index / span(h - 1) % SLOTS];
	}
	if (!*slot) {
		*slot = page_alloc();
		if (!*slot)
			return NULL;
		if (parent)
			parent->count++;
		t->pages++;
	}
	return *slot;
}

/* Returns true if what *slot points to is gone. first and last count from the subtree's first index. */
static bool free_range(struct page_tree *t, void **slot, unsigned height, uint64_t first, uint64_t last)
{
	if (!*slot)
		return false;
	if (height == 0) {
		page_free(TAKE(*slot));
		t->pages--;
		return true;
	}
	struct node *n = *slot;
	uint64_t each = span(height - 1);
	for (uint64_t i = first / each; i <= last / each; i++) {
		uint64_t base = i * each;
		uint64_t lo = first > base ? first - base : 0;
		uint64_t hi = MIN(last - base, each - 1);
		if (free_range(t, &n->slot[i], height - 1, lo, hi))
			n->count--;
	}
	if (n->count > 0)
		return false;
	free(TAKE(*slot));
	t->nodes--;
	return true;
}

void page_tree_free(struct page_tree *t, uint64_t first, uint64_t last)
{
	last = MIN(last, span(t->height) - 1);
	if (first > last)
		return;
	free_range(t, &t->root, t->height, first, last);
	if (!t->root)
		t->height = 0;
}

/* The same within a subtree; span(height) if there is none. */
static uint64_t next_in(const void *p, unsigned height, uint64_t from, bool has)
{
	if (!p)
		return has ? span(height) : from;
	if (height == 0)
		return has ? from : 1;
	const struct node *n = p;
	uint64_t each = span(height - 1);
	for (uint64_t i = from / each; i < SLOTS; i++) {
		uint64_t lo = from > i * each ? from - i * each : 0;
		uint64_t found = next_in(n->slot[i], height - 1, lo, has);
		if (found < each)
			return i * each + found;
	}
	return span(height);
}

uint64_t page_tree_next(const struct page_tree *t, uint64_t from, bool has)
{
	uint64_t all = span(t->height);
	uint64_t found = from < all ? next_in(t->root, t->height, from, has) : all;
	if (found < all)
		return found;
	return has ? PAGE_TREE_MAX : MAX(from, all);
}
