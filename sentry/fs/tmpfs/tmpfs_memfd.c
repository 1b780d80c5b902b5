/* tmpfs_memfd.c - regular files whose bytes are in a host memfd: moving there, and the sentry's own mapping of it.
 *
 * HOW      The memfd is as long as the file and mapped into the sentry, so that bytes go between it and the guest without a
 *          host call for the file. Only pages known to exist are touched there: a look at a hole would make a page that
 *          nobody is charged for, and what lies beyond the end raises SIGBUS. Everything else is pread and pwrite.
 *          "Known" errs on one side: guests can free pages of what they have mapped (MADV_REMOVE), never shorten the file.
 *          As long as every page is known and no guest can make any, counting them needs no look at the host.
 * MISSING  Files beyond VIEW_MAX have no mapping. */
#include <string.h>

#include "sentry/fs/tmpfs/host_memfd.h"
#include "sentry/fs/tmpfs/tmpfs_impl.h"

#define VIEW_MIN (4UL << 20)
#define VIEW_MAX (1UL << 30)
#define SMALL_BYTES 0x10000               /* mapped by who wants to read it once: our mapping would cost more than that */

/* --- the mapping --- */

static void view_drop(struct tmpfs_file_inode *fi)
{
	if (fi->view)
		host_memfd_unmap(fi->view, fi->view_pages * PAGE_SIZE);
	free(fi->present);
	fi->view = NULL;
	fi->present = NULL;
	fi->view_pages = 0;
}

/* A mapping and a bit map for all of the file; false: it stays as it is. */
static bool view_cover(struct tmpfs_file_inode *fi, uint64_t bytes)
{
	uint64_t pages = MAX(fi->view_pages, VIEW_MIN / PAGE_SIZE), old = fi->view_pages;
	if (bytes <= old * PAGE_SIZE)
		return true;
	if (bytes > VIEW_MAX)
		return false;
	while (pages * PAGE_SIZE < bytes)
		pages *= 2;
	uint64_t *present = realloc(fi->present, pages / 8);
	if (!present)
		return false;
	memset((char *)present + old / 8, 0, (pages - old) / 8);
	fi->present = present;
	char *view = host_memfd_map(fi->memfd, pages * PAGE_SIZE);
	if (!view)
		return false;
	if (fi->view)
		host_memfd_unmap(fi->view, old * PAGE_SIZE);
	fi->view = view;
	fi->view_pages = pages;
	return true;
}

static bool page_present(const struct tmpfs_file_inode *fi, uint64_t page)
{
	return page < fi->view_pages && (fi->present[page / 64] >> page % 64 & 1);
}

uint64_t tmpfs_memfd_made(struct tmpfs_file_inode *fi, off_t pos, size_t bytes)
{
	uint64_t end = (uint64_t)pos + bytes, made = 0;
	if (bytes == 0)
		return 0;
	if (!view_cover(fi, end)) {
		fi->all_known = false;
		return 0;
	}
	for (uint64_t page = (uint64_t)pos / PAGE_SIZE; page * PAGE_SIZE < end; page++) {
		made += !page_present(fi, page);
		fi->present[page / 64] |= 1ULL << page % 64;
	}
	return made;
}

void tmpfs_memfd_freed(struct tmpfs_file_inode *fi, uint64_t first, uint64_t end)
{
	for (uint64_t page = first; page < MIN(end, fi->view_pages); page++)
		fi->present[page / 64] &= ~(1ULL << page % 64);
}

char *tmpfs_memfd_at(struct tmpfs_file_inode *fi, off_t pos, size_t bytes)
{
	uint64_t end = (uint64_t)pos + bytes;
	if (!fi->view || bytes == 0 || end > (uint64_t)fi->ti.inode.size)
		return NULL;
	for (uint64_t page = (uint64_t)pos / PAGE_SIZE; page * PAGE_SIZE < end; page++) {
		if (!page_present(fi, page))
			return NULL;
	}
	return fi->view + pos;
}

/* --- the memfd --- */

void tmpfs_memfd_drop(struct tmpfs_file_inode *fi)
{
	if (fi->memfd < 0)
		return;
	if (fi->mapped)
		TAILQ_REMOVE(&to_tmpfs_sb(fi->ti.inode.sb)->mapped, fi, mapped_link);
	view_drop(fi);
	host_memfd_close(fi->memfd);
	fi->memfd = -1;
	fi->mapped = false;
}

/* Writes the tree's pages to the memfd and gives it the file's size. */
static int fill_memfd(struct tmpfs_file_inode *fi, int fd)
{
	off_t size = fi->ti.inode.size, filled = 0;
	uint64_t index = page_tree_next(&fi->tree, 0, true);
	for (; index < PAGE_TREE_MAX; index = page_tree_next(&fi->tree, index + 1, true)) {
		off_t pos = (off_t)(index * PAGE_SIZE);
		if (pos >= size) {        /* allocated beyond the end: FALLOC_FL_KEEP_SIZE */
			int err = host_memfd_allocate(fd, pos, PAGE_SIZE);
			if (err)
				return err;
			continue;
		}
		size_t n = (size_t)MIN((off_t)PAGE_SIZE, size - pos);
		ssize_t done = host_memfd_write(fd, page_tree_get(&fi->tree, index), n, pos);
		if (done != (ssize_t)n)
			return done < 0 ? (int)done : -ENOSPC;
		filled = pos + done;
	}
	return filled < size ? host_memfd_resize(fd, size) : 0;
}

static void note_tree_pages(struct tmpfs_file_inode *fi)
{
	uint64_t index = page_tree_next(&fi->tree, 0, true);
	for (; index < PAGE_TREE_MAX; index = page_tree_next(&fi->tree, index + 1, true))
		tmpfs_memfd_made(fi, (off_t)(index * PAGE_SIZE), 1);
}

int tmpfs_memfd_move(struct tmpfs_file_inode *fi)
{
	if (fi->memfd >= 0)
		return 0;
	int fd = host_memfd_create();
	if (fd < 0)
		return fd;
	int err = fill_memfd(fi, fd);
	if (err) {
		host_memfd_close(fd);
		return err;
	}
	fi->memfd = fd;
	fi->all_known = fi->ti.inode.size > SMALL_BYTES;
	if (fi->all_known)
		note_tree_pages(fi);
	page_tree_free(&fi->tree, 0, PAGE_TREE_MAX - 1);
	tmpfs_data_sync(fi);
	return 0;
}
