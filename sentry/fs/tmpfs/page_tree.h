/* page_tree.h - the pages of a sparse file, by index: a radix tree that grows with the largest index in it.
 *
 * A file of one page is just that page. Holes cost nothing; nodes that become empty are freed. */
#pragma once

#include "platform/base/base.h"

#define PAGE_TREE_MAX (1ULL << 51)        /* indexes are below this */
#define PAGE_TREE_NODE_BYTES 528          /* what a node costs */

struct page_tree {
	void *root;                       /* height 0: the page of index 0, or NULL; else a node */
	unsigned height;
	uint64_t pages, nodes;
};

void *page_tree_get(const struct page_tree *t, uint64_t index);              /* NULL: a hole */
/* The page, made (zeroed) where there is none. NULL: no memory. */
void *page_tree_make(struct page_tree *t, uint64_t index) MUST_CHECK;
/* Frees the pages of [first, last]. */
void page_tree_free(struct page_tree *t, uint64_t first, uint64_t last);
/* The first index >= from that has a page (has true) or has none (has false); PAGE_TREE_MAX if there is none. */
uint64_t page_tree_next(const struct page_tree *t, uint64_t from, bool has);
