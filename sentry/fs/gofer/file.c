/* file.c - open host files: reading, writing, mapping.
 *
 * HOW      All open files of an inode share its host descriptor and use positional calls; the guest's offset is its own. Reads ask
 *          only for what the host has cached; for the rest the gofer reads it in first, so that the sentry doesn't wait for a
 *          disk. Data passes through one bounce buffer: nothing sleeps while it is in use.
 * LINUX    mm/filemap.c. Appending to a shared mount is the host's O_APPEND, so it is atomic against the host's writers too.
 * MISSING  Writes that the host throttles make the sentry wait. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sentry/fs/gofer/gofer_inode.h"
#include "sentry/fs/gofer/host_io.h"

#define CHUNK (256 * 1024UL)
#define WILLNEED_BYTES (256 * 1024UL)
#define YIELD_EVERY 8                     /* chunks between looks at who else wants to run */

struct gofer_file {
	struct file file;
	struct gofer_inode *gi;           /* file.inode holds the reference */
};

static char bounce[CHUNK];

static struct gofer_file *to_gofer_file(struct file *f)
{
	return container_of(f, struct gofer_file, file);
}

/* Lets others run between chunks of a long transfer. */
static void breathe(unsigned chunks)
{
	if (chunks % YIELD_EVERY == 0 && co_current())
		co_yield();
}

static int fetch(struct gofer_inode *gi, off_t pos)
{
	struct gofer_msg q = { .type = GOFER_WILLNEED, .node = gi->node, .off = (uint64_t)pos, .len = WILLNEED_BYTES };
	return gofer_ask(&q, NULL);
}

/* Up to a chunk at pos into the bounce buffer. */
static ssize_t read_chunk(struct gofer_inode *gi, size_t bytes, off_t pos)
{
	int fd = gofer_inode_readable_fd(gi);
	if (fd < 0)
		return -EBADF;
	ssize_t n = gofer_host_pread(fd, bounce, bytes, pos, true);
	if (n != -EAGAIN)
		return n;
	/* A gofer that can't read it ahead leaves it to us, whatever its reason. */
	if (fetch(gi, pos) == 0) {
		n = gofer_host_pread(gofer_inode_readable_fd(gi), bounce, bytes, pos, true);
		if (n != -EAGAIN)
			return n;
	}
	return gofer_host_pread(gofer_inode_readable_fd(gi), bounce, MIN(bytes, WILLNEED_BYTES), pos, false);
}

static ssize_t file_op_read(struct file *f, struct uio *dst, off_t *pos)
{
	struct gofer_inode *gi = to_gofer_file(f)->gi;
	ssize_t done = 0;
	for (unsigned chunks = 1; dst->resid > 0; chunks++) {
		size_t want = MIN(dst->resid, CHUNK);
		ssize_t n = read_chunk(gi, want, *pos);
		if (n <= 0)
			return done ? done : n;
		ssize_t moved = uio_fill(dst, bounce, (size_t)n);
		if (moved < 0)
			return done ? done : moved;
		*pos += moved;
		done += moved;
		/* Less than asked for is the end of the file, or of what is cached; the size tells them apart. */
		if (moved < n || ((size_t)n < want && *pos >= f->inode->size))
			break;
		breathe(chunks);
	}
	return done;
}

static ssize_t file_op_write(struct file *f, struct uio *src, off_t *pos)
{
	struct gofer_inode *gi = to_gofer_file(f)->gi;
	struct inode *i = f->inode;
	bool append = (f->flags & O_APPEND) && to_gofer_sb(i->sb)->shared;
	ssize_t done = 0;
	for (unsigned chunks = 1; src->resid > 0; chunks++) {
		ssize_t n = uio_drain(src, bounce, MIN(src->resid, CHUNK));
		if (n <= 0)
			return done ? done : n;
		ssize_t put = gofer_host_pwrite(gi->rw_fd, bounce, (size_t)n, *pos, append);
		if (put < n)
			uio_rewind(src, (size_t)(n - MAX(put, (ssize_t)0)));
		if (put <= 0)
			return done ? done : put;
		*pos += put;
		done += put;
		if (append && gofer_getattr(i) == 0)
			*pos = i->size;
		i->size = MAX(i->size, *pos);
		i->mtime = i->ctime = inode_now();
		if (put < n)
			break;
		breathe(chunks);
	}
	return done;
}

static off_t seek_to(struct file *f, off_t base, off_t off)
{
	off_t to;
	if (__builtin_add_overflow(base, off, &to))
		return -EOVERFLOW;
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}

static off_t file_op_llseek(struct file *f, off_t off, int whence)
{
	struct gofer_inode *gi = to_gofer_file(f)->gi;
	int err;
	switch (whence) {
	case SEEK_SET:
		return seek_to(f, 0, off);
	case SEEK_CUR:
		return seek_to(f, f->pos, off);
	case SEEK_END:
		err = gofer_getattr(f->inode);
		return err ? err : seek_to(f, f->inode->size, off);
	case SEEK_DATA:
	case SEEK_HOLE:
		off = gofer_host_seek_hole(gi->rw_fd >= 0 ? gi->rw_fd : gi->ro_fd, off, whence);
		if (off >= 0)
			f->pos = off;
		return off;
	default:
		return -EINVAL;
	}
}

static int file_op_mmap(struct file *f, uint64_t off, uint64_t len, int prot, int flags, struct mmap_source *out)
{
	(void)off, (void)len, (void)prot;
	struct gofer_inode *gi = to_gofer_file(f)->gi;
	/* What a stub holds it could map writable: it gets a writable descriptor only where the guest has one too. */
	bool write = (flags & MAP_TYPE) != MAP_PRIVATE && (f->mode & FMODE_WRITE);
	int fd = write ? gi->rw_fd : gofer_inode_fd(gi, false);
	if (fd < 0)
		return fd == -1 ? -EACCES : fd;
	*out = (struct mmap_source){ .host_fd = fd, .of_host = true };
	return 0;
}

int gofer_fsync(struct file *f, bool datasync)
{
	struct gofer_inode *gi = to_gofer_inode(f->inode);
	if (to_gofer_sb(f->inode->sb)->read_only)
		return 0;
	struct gofer_msg q = { .type = GOFER_FSYNC, .node = gi->node, .flags = datasync };
	return gofer_ask(&q, NULL);
}

static int file_op_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	struct gofer_inode *gi = to_gofer_file(f)->gi;
	int err = gofer_host_fallocate(gi->rw_fd, mode, off, len);
	return err ? err : gofer_getattr(f->inode);
}

static void file_op_release(struct file *f)
{
	struct gofer_file *gf = to_gofer_file(f);
	gofer_inode_closed(gf->gi);
	file_fini(f);
	free(gf);
}

static const struct file_ops file_ops = {
	.read = file_op_read,
	.write = file_op_write,
	.llseek = file_op_llseek,
	.mmap = file_op_mmap,
	.fsync = gofer_fsync,
	.fallocate = file_op_fallocate,
	.release = file_op_release,
};

int gofer_open_file(struct gofer_inode *gi, const struct path *path, int flags, struct file **out)
{
	bool write = (flags & O_ACCMODE) != O_RDONLY;
	bool read = (flags & O_ACCMODE) != O_WRONLY;
	if (write && to_gofer_sb(gi->inode.sb)->read_only)
		return -EROFS;
	gofer_inode_opened(gi);                   /* first: descriptors must not go while we sleep for the other one */
	int fd = write ? gofer_inode_fd(gi, true) : 0;
	if (fd >= 0 && read && gofer_inode_readable_fd(gi) < 0)
		fd = gofer_inode_fd(gi, false);
	if (fd < 0) {
		gofer_inode_closed(gi);
		return fd;
	}
	struct gofer_file *gf = NEW(struct gofer_file);
	gf->gi = gi;
	file_init(&gf->file, &file_ops, &gi->inode, path, flags);
	gf->file.mode |= FMODE_NOWAIT_POLL;
	*out = &gf->file;
	return 0;
}
