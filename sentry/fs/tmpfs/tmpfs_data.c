/* tmpfs_data.c - the bytes of regular files. What is in a memfd: tmpfs_memfd.c.
 *
 * HOW      Small files are pages of the sentry's own in a radix tree, holes cost nothing. A file moves into a host memfd
 *          of the same size when it grows past HEAP_PAGES or is mapped, for only a host file can be mapped into a
 *          guest's address space; once handed out the memfd stays until the file goes. Without descriptors to spare a
 *          file stays in the tree, however large.
 *          Bytes pass through one bounce buffer where a transfer from or to guest memory is a host call, which is far
 *          dearer than a copy within the sentry: one for all pages. Runs of contiguous pages skip it, and so do bytes
 *          that came along with the call.
 * LINUX    mm/shmem.c. A guest that writes through a mapping into a hole takes a page without asking us: it is
 *          accounted when we look next (stat, write, statfs), where Linux would raise SIGBUS at the limit. The host's
 *          cgroup is what bounds it until then. */
#include <string.h>
#include <unistd.h>

#include "sentry/fs/tmpfs/host_memfd.h"
#include "sentry/fs/tmpfs/page_pool.h"
#include "sentry/fs/tmpfs/tmpfs_impl.h"

#define HEAP_PAGES 256                    /* 1 MB */
#define BOUNCE_BYTES (64 * 1024UL)
#define DIRECT_BYTES (32 * 1024UL)        /* a contiguous run of this length isn't worth a bounce */
#define BREATH_BYTES (4UL << 20)          /* let others run after so much copying */

static char bounce[BOUNCE_BYTES];         /* never in use across a sleep */

static struct tmpfs_sb *sb_of(struct tmpfs_file_inode *fi)
{
	return to_tmpfs_sb(fi->ti.inode.sb);
}

static void account(struct tmpfs_file_inode *fi, uint64_t pages)
{
	if (pages > fi->charged_pages)
		tmpfs_charge_pages_force(sb_of(fi), pages - fi->charged_pages);
	else
		tmpfs_uncharge_pages(sb_of(fi), fi->charged_pages - pages);
	fi->charged_pages = pages;
	fs_memory_recharge(fi->charged_nodes * PAGE_TREE_NODE_BYTES, fi->tree.nodes * PAGE_TREE_NODE_BYTES);
	fi->charged_nodes = fi->tree.nodes;
	fi->ti.inode.blocks = pages * (PAGE_SIZE / 512);
}

void tmpfs_data_sync(struct tmpfs_file_inode *fi)
{
	if (fi->memfd < 0) {
		account(fi, fi->tree.pages);
		return;
	}
	struct timespec mtime = fi->memfd_mtime;
	account(fi, host_memfd_pages(fi->memfd, &mtime));
	if (mtime.tv_sec == fi->memfd_mtime.tv_sec && mtime.tv_nsec == fi->memfd_mtime.tv_nsec)
		return;
	/* Our own writes set the file's time after this; what is left are stores through a mapping. */
	fi->memfd_mtime = mtime;
	if (fi->mapped)
		fi->ti.inode.mtime = fi->ti.inode.ctime = mtime;
}

void tmpfs_data_init(struct tmpfs_file_inode *fi)
{
	fi->memfd = -1;
}

void tmpfs_data_fini(struct tmpfs_file_inode *fi)
{
	tmpfs_memfd_drop(fi);
	page_tree_free(&fi->tree, 0, PAGE_TREE_MAX - 1);
	account(fi, 0);
}

static void breathe(size_t *since, size_t bytes)
{
	*since += bytes;
	if (*since < BREATH_BYTES || !co_current())
		return;
	*since = 0;
	co_yield();
}

int tmpfs_data_map(struct tmpfs_file_inode *fi, int *out_fd)
{
	int err = tmpfs_memfd_move(fi);
	if (err)
		return err == -EMFILE ? -ENOMEM : err;
	if (!fi->mapped) {
		tmpfs_data_sync(fi);
		fi->mapped = true;
		TAILQ_INSERT_TAIL(&sb_of(fi)->mapped, fi, mapped_link);
	}
	*out_fd = fi->memfd;
	return 0;
}

/* --- reading --- */

/* The contiguous bytes at pos, at most bytes: *out is NULL for a hole. */
static size_t tree_run(struct tmpfs_file_inode *fi, off_t pos, size_t bytes, const char **out)
{
	uint64_t index = (uint64_t)pos / PAGE_SIZE;
	size_t off = (size_t)pos % PAGE_SIZE;
	const char *page = page_tree_get(&fi->tree, index);
	size_t n = PAGE_SIZE - off;
	if (!page) {
		uint64_t next = page_tree_next(&fi->tree, index, true);
		n += (next - index - 1) * PAGE_SIZE;
	} else {
		while (n < bytes && page_tree_get(&fi->tree, ++index) == page + off + n)
			n += PAGE_SIZE;
	}
	*out = page ? page + off : NULL;
	return MIN(n, bytes);
}

static size_t tree_gather(struct tmpfs_file_inode *fi, off_t pos, size_t bytes)
{
	bytes = MIN(bytes, BOUNCE_BYTES);
	for (size_t done = 0, n; done < bytes; done += n) {
		const char *run;
		n = tree_run(fi, pos + (off_t)done, bytes - done, &run);
		if (run)
			memcpy(bounce + done, run, n);
		else
			memset(bounce + done, 0, n);
	}
	return bytes;
}

static ssize_t read_memfd(struct tmpfs_file_inode *fi, struct uio *dst, off_t pos, size_t bytes)
{
	const char *run = tmpfs_memfd_at(fi, pos, MIN(bytes, BREATH_BYTES));
	if (run)
		return uio_fill(dst, run, MIN(bytes, BREATH_BYTES));
	ssize_t n = host_memfd_read(fi->memfd, bounce, MIN(bytes, BOUNCE_BYTES), pos);
	return n > 0 ? uio_fill(dst, bounce, (size_t)n) : n;
}

/* One transfer of at most bytes, all of them before the end of the file. */
static ssize_t read_some(struct tmpfs_file_inode *fi, struct uio *dst, off_t pos, size_t bytes)
{
	if (fi->memfd >= 0)
		return read_memfd(fi, dst, pos, bytes);
	const char *run;
	size_t n = tree_run(fi, pos, MIN(bytes, BREATH_BYTES), &run);
	if (n == bytes || n >= DIRECT_BYTES || uio_is_near(dst, n, true))
		return run ? uio_fill(dst, run, n) : uio_fill_zero(dst, n);
	n = tree_gather(fi, pos, bytes);
	return uio_fill(dst, bounce, n);
}

ssize_t tmpfs_data_read(struct tmpfs_file_inode *fi, struct uio *dst, off_t pos)
{
	ssize_t total = 0;
	size_t since = 0;
	while (dst->resid > 0 && pos < fi->ti.inode.size) {
		size_t want = (size_t)MIN((uint64_t)dst->resid, (uint64_t)(fi->ti.inode.size - pos));
		ssize_t n = read_some(fi, dst, pos, want);
		if (n <= 0)
			return total > 0 ? total : n;
		total += n;
		pos += n;
		breathe(&since, (size_t)n);
	}
	return total;
}

/* --- writing --- */

static uint64_t pages_spanned(off_t pos, size_t bytes)
{
	return ((uint64_t)pos + bytes - 1) / PAGE_SIZE - (uint64_t)pos / PAGE_SIZE + 1;
}

static uint64_t memfd_missing_pages(int fd, off_t pos, off_t end)
{
	uint64_t missing = 0;
	pos = (off_t)PAGE_ALIGN_DOWN((uint64_t)pos);
	end = (off_t)PAGE_ALIGN_UP((uint64_t)end);
	while (pos < end) {
		off_t data = host_memfd_seek(fd, pos, SEEK_DATA);
		if (data < 0 || data > end)
			data = end;
		missing += (uint64_t)(data - pos) / PAGE_SIZE;
		if (data >= end)
			break;
		off_t hole = host_memfd_seek(fd, data, SEEK_HOLE);
		pos = hole > data ? (off_t)PAGE_ALIGN_UP((uint64_t)hole) : end;
	}
	return missing;
}

/* What a mapping left beyond the end of the file, in its last page, must not appear when the file grows. */
static int clear_tail(struct tmpfs_file_inode *fi)
{
	off_t size = fi->ti.inode.size, end = (off_t)PAGE_ALIGN_UP((uint64_t)size);
	return fi->mapped && size < end ? host_memfd_punch(fi->memfd, size, end - size) : 0;
}

static ssize_t store_memfd(struct tmpfs_file_inode *fi, size_t bytes, off_t pos)
{
	int err = pos > fi->ti.inode.size ? clear_tail(fi) : 0;
	if (err)
		return err;
	uint64_t left = tmpfs_free_pages(sb_of(fi));
	if (pages_spanned(pos, bytes) > left) {
		/* Nearly full: page by page, each only if it is there already or there is one left. */
		bytes = MIN(bytes, PAGE_SIZE - (size_t)pos % PAGE_SIZE);
		if (memfd_missing_pages(fi->memfd, pos, pos + (off_t)bytes) > left)
			return -ENOSPC;
	}
	ssize_t n = host_memfd_write(fi->memfd, bounce, bytes, pos);
	uint64_t made = tmpfs_memfd_made(fi, pos, n > 0 ? (size_t)n : 0);
	if (fi->all_known && !fi->mapped)
		account(fi, fi->charged_pages + made);
	else
		tmpfs_data_sync(fi);
	return n;
}

/* The page at index, made and charged if need be; NULL: -ENOSPC. */
static char *tree_page(struct tmpfs_file_inode *fi, uint64_t index)
{
	char *page = page_tree_get(&fi->tree, index);
	if (page || tmpfs_charge_pages(sb_of(fi), 1) < 0)
		return page;
	fi->charged_pages++;
	page = page_tree_make(&fi->tree, index);
	tmpfs_data_sync(fi);
	return page;
}

/* From src, or, if that is NULL, from the bounce buffer. */
static ssize_t store_tree(struct tmpfs_file_inode *fi, struct uio *src, size_t bytes, off_t pos)
{
	size_t done = 0;
	while (done < bytes) {
		off_t at = pos + (off_t)done;
		size_t off = (size_t)at % PAGE_SIZE;
		char *page = tree_page(fi, (uint64_t)at / PAGE_SIZE);
		if (!page)
			return done > 0 ? (ssize_t)done : -ENOSPC;
		size_t n = MIN(bytes - done, PAGE_SIZE - off);
		if (!src)
			memcpy(page + off, bounce + done, n);
		else if (uio_drain(src, page + off, n) != (ssize_t)n)
			return done > 0 ? (ssize_t)done : -EFAULT;
		done += n;
	}
	return (ssize_t)done;
}

/* By way of the bounce buffer: nothing is allocated for bytes that can't be had. */
static ssize_t write_bounced(struct tmpfs_file_inode *fi, struct uio *src, size_t want, off_t pos)
{
	ssize_t got = uio_drain(src, bounce, want);
	if (got <= 0)
		return got;
	ssize_t n = fi->memfd >= 0 ? store_memfd(fi, (size_t)got, pos) : store_tree(fi, NULL, (size_t)got, pos);
	if (n < got)
		uio_rewind(src, (size_t)(n < 0 ? got : got - n));
	return n;
}

/* One transfer. */
static ssize_t write_some(struct tmpfs_file_inode *fi, struct uio *src, size_t want, off_t pos)
{
	if (fi->memfd < 0 && fi->tree.pages + pages_spanned(pos, want) > HEAP_PAGES) {
		int err = tmpfs_memfd_move(fi);
		(void)err;                /* it stays in the tree */
	}
	ssize_t n;
	char *at = fi->memfd >= 0 ? tmpfs_memfd_at(fi, pos, want) : NULL;
	if (at) {
		n = uio_drain(src, at, want);
		if (fi->mapped)           /* the mapping has seen a store, which was ours */
			tmpfs_data_sync(fi);
	} else if (fi->memfd < 0 && uio_is_near(src, want, false)) {
		n = store_tree(fi, src, want, pos);
	} else {
		n = write_bounced(fi, src, want, pos);
	}
	if (n > 0 && pos + n > fi->ti.inode.size)
		fi->ti.inode.size = pos + n;
	return n;
}

ssize_t tmpfs_data_write(struct tmpfs_file_inode *fi, struct uio *src, off_t pos)
{
	if (pos < 0)
		return -EINVAL;
	if (src->resid > 0 && pos == INT64_MAX)
		return -EFBIG;
	uint64_t room = (uint64_t)(INT64_MAX - pos);
	ssize_t total = 0;
	size_t since = 0;
	while (src->resid > 0 && (uint64_t)total < room) {
		size_t want = MIN(MIN(src->resid, BOUNCE_BYTES), room - (uint64_t)total);
		/* End at a page boundary, so that the next round starts at one. */
		if (want == BOUNCE_BYTES)
			want -= (size_t)pos % PAGE_SIZE;
		ssize_t n = write_some(fi, src, want, pos);
		if (n <= 0)
			return total > 0 ? total : n;
		total += n;
		pos += n;
		breathe(&since, (size_t)n);
	}
	return total;
}

/* --- size and holes --- */

static void tree_zero(struct tmpfs_file_inode *fi, off_t from, off_t to)
{
	char *page = page_tree_get(&fi->tree, (uint64_t)from / PAGE_SIZE);
	if (page && to > from)
		memset(page + from % (off_t)PAGE_SIZE, 0, (size_t)(to - from));
}

int tmpfs_data_resize(struct tmpfs_file_inode *fi, off_t size)
{
	struct inode *i = &fi->ti.inode;
	if (fi->memfd >= 0) {
		int err = size > i->size ? clear_tail(fi) : 0;
		if (!err)
			err = host_memfd_resize(fi->memfd, size);
		if (err)
			return err;
		tmpfs_memfd_freed(fi, PAGE_ALIGN_UP((uint64_t)size) / PAGE_SIZE, UINT64_MAX);
		if (size == 0 && !fi->mapped)
			tmpfs_memfd_drop(fi);
	} else if (size < i->size) {
		uint64_t keep = PAGE_ALIGN_UP((uint64_t)size);
		tree_zero(fi, size, (off_t)MIN(keep, (uint64_t)i->size));
		page_tree_free(&fi->tree, keep / PAGE_SIZE, PAGE_TREE_MAX - 1);
	}
	i->size = size;
	tmpfs_data_sync(fi);
	return 0;
}

int tmpfs_data_punch(struct tmpfs_file_inode *fi, off_t off, off_t len)
{
	int err = 0;
	if (fi->memfd >= 0) {
		err = host_memfd_punch(fi->memfd, off, len);
		fi->all_known = false;            /* of the first and the last page a part may be left */
		tmpfs_memfd_freed(fi, (uint64_t)off / PAGE_SIZE, PAGE_ALIGN_UP((uint64_t)off + (uint64_t)len) / PAGE_SIZE);
	} else {
		off_t end = off + len;
		off_t first = (off_t)PAGE_ALIGN_UP((uint64_t)off), last = (off_t)PAGE_ALIGN_DOWN((uint64_t)end);
		if (first > last) {       /* within one page */
			tree_zero(fi, off, end);
		} else {
			tree_zero(fi, off, first);
			tree_zero(fi, last, end);
			if (first < last)
				page_tree_free(&fi->tree, (uint64_t)first / PAGE_SIZE, (uint64_t)last / PAGE_SIZE - 1);
		}
	}
	tmpfs_data_sync(fi);
	return err;
}

static uint64_t tree_missing_pages(struct tmpfs_file_inode *fi, uint64_t first, uint64_t end)
{
	uint64_t missing = 0;
	while (first < end) {
		uint64_t data = MIN(page_tree_next(&fi->tree, first, true), end);
		missing += data - first;
		first = MIN(page_tree_next(&fi->tree, data, false), end);
	}
	return missing;
}

int tmpfs_data_allocate(struct tmpfs_file_inode *fi, off_t off, off_t len)
{
	uint64_t first = (uint64_t)off / PAGE_SIZE, end = PAGE_ALIGN_UP((uint64_t)off + (uint64_t)len) / PAGE_SIZE;
	if (end - first > tmpfs_free_pages(sb_of(fi)) + fi->charged_pages)
		return -ENOSPC;
	uint64_t missing = fi->memfd >= 0 ? memfd_missing_pages(fi->memfd, off, off + len)
					  : tree_missing_pages(fi, first, end);
	if (missing > tmpfs_free_pages(sb_of(fi)))
		return -ENOSPC;
	if (fi->memfd < 0 && fi->tree.pages + missing > HEAP_PAGES) {
		int err = tmpfs_memfd_move(fi);
		(void)err;                /* it stays in the tree */
	}
	size_t since = 0;
	for (uint64_t index = first, n; index < end; index += n) {
		int err = 0;
		n = fi->memfd >= 0 ? MIN(end - index, BREATH_BYTES / PAGE_SIZE) : 1;
		fi->all_known = false;
		if (fi->memfd >= 0)
			err = host_memfd_allocate(fi->memfd, (off_t)(index * PAGE_SIZE), (off_t)(n * PAGE_SIZE));
		else if (!tree_page(fi, index))
			err = -ENOSPC;
		tmpfs_data_sync(fi);
		if (err)
			return err;
		breathe(&since, n * PAGE_SIZE);
	}
	return 0;
}

off_t tmpfs_data_seek(struct tmpfs_file_inode *fi, off_t off, bool data)
{
	off_t size = fi->ti.inode.size;
	if (off < 0 || off >= size)
		return -ENXIO;
	if (fi->memfd >= 0)
		return host_memfd_seek(fi->memfd, off, data ? SEEK_DATA : SEEK_HOLE);
	uint64_t index = page_tree_next(&fi->tree, (uint64_t)off / PAGE_SIZE, data);
	uint64_t at = index >= PAGE_TREE_MAX ? (uint64_t)size : MAX(index * PAGE_SIZE, (uint64_t)off);
	if (at >= (uint64_t)size)
		return data ? -ENXIO : size;
	return (off_t)at;
}
