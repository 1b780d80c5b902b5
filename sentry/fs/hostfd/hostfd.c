/* hostfd.c - host descriptors as guest files (hostfd.h).
 *
 * HOW      The inode has the descriptor; every guest file on it shares it, as open files of one terminal do. Streams are read and
 *          written without waiting; where that is not possible now, the loop watches. Regular files keep the host's own
 *          position, because others may share it: 1 and 2 on one file, or the shell that goes on after us. Opened again
 *          by name (/dev/stdout) a regular file gets a position of its own, as on Linux.
 * LINUX    A descriptor that a program inherits from who started it.
 * MISSING  A read whose guest buffer is bad loses what it had read from a stream. */
#include "sentry/fs/hostfd/hostfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sentry/fs/hostfd/host_fd_io.h"
#include "sentry/fs/hostfd/hostfd_impl.h"

#define CHUNK 65536UL
static char bounce[CHUNK];                /* nothing sleeps while it is in use */

/* --- inodes --- */

static int hostfd_getattr(struct inode *i)
{
	struct stat st;
	int err = host_fd_stat(to_hostfd_inode(i)->fd, &st);
	if (err)
		return err;
	i->mode = (i->mode & S_IFMT) | (st.st_mode & 07777);
	i->uid = st.st_uid;
	i->gid = st.st_gid;
	i->nlink = (uint32_t)st.st_nlink;
	i->rdev = st.st_rdev;
	i->size = S_ISREG(st.st_mode) ? st.st_size : 0;
	i->blocks = (uint64_t)st.st_blocks;
	i->blksize = (uint32_t)st.st_blksize;
	i->atime = st.st_atim;
	i->mtime = st.st_mtim;
	i->ctime = st.st_ctim;
	return 0;
}

/* Only what the descriptor itself allows; the rest of the file is not the guest's. */
static int hostfd_setattr(struct inode *i, const struct iattr *attr)
{
	struct hostfd_inode *hi = to_hostfd_inode(i);
	if (attr->valid != ATTR_SIZE || hi->accmode == O_RDONLY)
		return -EPERM;
	int err = host_fd_truncate(hi->fd, attr->size);
	return err ? err : hostfd_getattr(i);
}

/* Opening it again gives no more than the descriptor does; hostfd_reopen() sees to that. */
static int hostfd_permission(struct inode *i, const struct cred *cred, int mask)
{
	(void)i, (void)cred;
	return mask & MAY_EXEC ? -EACCES : 0;
}

static void hostfd_inode_release(struct inode *i)
{
	struct hostfd_inode *hi = to_hostfd_inode(i);
	hostfd_watch_fini(hi);
	close(hi->fd);
	inode_fini(i);
	free(hi);
}

static int hostfd_reopen(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out);

static const struct inode_ops hostfd_inode_ops = {
	.reopen = hostfd_reopen,
	.getattr = hostfd_getattr,
	.setattr = hostfd_setattr,
	.permission = hostfd_permission,
	.release = hostfd_inode_release,
};

/* --- moving bytes --- */

/* The position of a call: the host descriptor's own (-1), or the one given. */
static off_t host_pos(struct file *f, const off_t *pos)
{
	return pos == &f->pos && !to_hostfd_file(f)->own_pos ? -1 : *pos;
}

static ssize_t read_stream(struct hostfd_inode *hi, struct uio *dst)
{
	ssize_t n = host_fd_read_stream(hi->fd, bounce, MIN(dst->resid, CHUNK));
	if (n == -EAGAIN)
		hostfd_watch(hi, EPOLLIN);
	return n > 0 ? uio_fill(dst, bounce, (size_t)n) : n;
}

static ssize_t hostfd_read(struct file *f, struct uio *dst, off_t *pos)
{
	struct hostfd_inode *hi = to_hostfd_inode(f->inode);
	if (dst->resid == 0)
		return 0;
	if (hi->stream)
		return read_stream(hi, dst);
	ssize_t done = 0;
	while (dst->resid > 0) {
		off_t at = host_pos(f, pos);
		ssize_t n = host_fd_read(hi->fd, bounce, MIN(dst->resid, CHUNK), at);
		if (n <= 0)
			return done ? done : n;
		ssize_t moved = uio_fill(dst, bounce, (size_t)n);
		if (at < 0 && moved < n) {        /* what the guest didn't get stays to be read */
			off_t back = host_fd_seek(hi->fd, MAX(moved, (ssize_t)0) - n, SEEK_CUR);
			if (back < 0)
				return back;
		}
		if (moved < 0)
			return done ? done : moved;
		*pos += moved;
		done += moved;
		if (moved < n || n < (ssize_t)CHUNK)
			break;
	}
	return done;
}

static ssize_t hostfd_write(struct file *f, struct uio *src, off_t *pos)
{
	struct hostfd_inode *hi = to_hostfd_inode(f->inode);
	if (src->resid == 0)
		return 0;
	ssize_t n = uio_drain(src, bounce, MIN(src->resid, CHUNK));
	if (n <= 0)
		return n;
	ssize_t put = hi->stream ? host_fd_write_stream(hi->fd, bounce, (size_t)n) :
				   host_fd_write(hi->fd, bounce, (size_t)n, host_pos(f, pos));
	if (put < n)
		uio_rewind(src, (size_t)(n - MAX(put, (ssize_t)0)));
	if (put == -EAGAIN)
		hostfd_watch(hi, EPOLLOUT);
	if (put > 0 && !hi->stream)
		*pos += put;
	return put;
}

static uint32_t hostfd_poll(struct file *f)
{
	struct hostfd_inode *hi = to_hostfd_inode(f->inode);
	if (!hi->pollable)
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLHUP == POLLHUP && EPOLLERR == POLLERR &&
		       EPOLLPRI == POLLPRI && EPOLLRDHUP == POLLRDHUP, "the bits mean the same");
	uint32_t r = (uint32_t)(unsigned short)host_fd_poll(hi->fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP);
	/* Somebody is going to wait. News of input is wanted also when there is some: it may be an edge-triggered wait.
	 * A watch that is on tells of every change since. */
	uint32_t want = EPOLLIN | EPOLLRDHUP | (r & EPOLLOUT ? 0U : EPOLLOUT);
	if (hi->accmode == O_WRONLY)
		want &= ~(uint32_t)(EPOLLIN | EPOLLRDHUP);
	if (!hi->watched || (want & ~hi->watch.events))
		hostfd_watch(hi, want);
	if (r & EPOLLIN)
		r |= EPOLLRDNORM;
	if (r & EPOLLOUT)
		r |= EPOLLWRNORM;
	return r;
}

static off_t hostfd_llseek(struct file *f, off_t off, int whence)
{
	struct hostfd_inode *hi = to_hostfd_inode(f->inode);
	off_t to;
	if (to_hostfd_file(f)->own_pos && whence == SEEK_CUR) {
		if (__builtin_add_overflow(f->pos, off, &to))
			return -EOVERFLOW;
		off = to;
		whence = SEEK_SET;
	}
	if (to_hostfd_file(f)->own_pos && whence == SEEK_SET) {
		to = off < 0 ? -EINVAL : off;
	} else if (to_hostfd_file(f)->own_pos && whence == SEEK_END) {
		int err = hostfd_getattr(f->inode);
		if (err)
			return err;
		if (__builtin_add_overflow(f->inode->size, off, &to))
			return -EOVERFLOW;
		to = to < 0 ? -EINVAL : to;
	} else {
		to = host_fd_seek(hi->fd, off, whence);
	}
	if (to >= 0)
		f->pos = to;
	return to;
}

static int hostfd_mmap(struct file *f, uint64_t off, uint64_t len, int prot, int flags, struct mmap_source *out)
{
	(void)off, (void)len;
	struct hostfd_inode *hi = to_hostfd_inode(f->inode);
	/* A stub that holds a descriptor can map it as it likes, so it gets none that can do more than the guest's file. */
	if (hi->accmode == O_RDWR && !(f->mode & FMODE_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE)
		return -EACCES;
	(void)prot;
	*out = (struct mmap_source){ .host_fd = hi->fd };
	return 0;
}

static int hostfd_fsync(struct file *f, bool datasync)
{
	return host_fd_sync(to_hostfd_inode(f->inode)->fd, datasync);
}

static void hostfd_release(struct file *f)
{
	file_fini(f);
	free(to_hostfd_file(f));
}

#define STREAM_OPS(name_) { .name = (name_), .read = hostfd_read, .write = hostfd_write, .poll = hostfd_poll, \
			    .ioctl = hostfd_ioctl, .release = hostfd_release }
static const struct file_ops pipe_ops = STREAM_OPS("pipe");
static const struct file_ops socket_ops = STREAM_OPS("socket");
static const struct file_ops tty_ops = STREAM_OPS("/dev/tty");

#define SEEKABLE_OPS(name_) .name = (name_), .read = hostfd_read, .write = hostfd_write, .llseek = hostfd_llseek, \
			    .ioctl = hostfd_ioctl, .release = hostfd_release
static const struct file_ops null_ops = { SEEKABLE_OPS("/dev/null"), .poll = hostfd_poll };
static const struct file_ops device_ops = { SEEKABLE_OPS("host:[device]"), .poll = hostfd_poll };
static const struct file_ops regular_ops = { SEEKABLE_OPS("host:[file]"), .mmap = hostfd_mmap, .fsync = hostfd_fsync };

/* --- life --- */

static const struct file_ops *ops_for(const struct hostfd_inode *hi)
{
	switch (hi->inode.mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
		return &regular_ops;
	case S_IFIFO:
		return &pipe_ops;
	case S_IFSOCK:
		return &socket_ops;
	default:
		if (hi->stream)
			return &tty_ops;
		return hi->inode.rdev == makedev(1, 3) ? &null_ops : &device_ops;
	}
}

static struct file *file_new(struct hostfd_inode *hi, const struct path *path, int flags, bool own_pos)
{
	struct hostfd_file *hf = NEW(struct hostfd_file);
	file_init(&hf->file, ops_for(hi), &hi->inode, path, flags);
	hf->own_pos = own_pos;
	if (hi->stream)
		hf->file.mode |= FMODE_STREAM;
	if (S_ISREG(hi->inode.mode) || S_ISDIR(hi->inode.mode))
		hf->file.mode |= FMODE_NOWAIT_POLL;
	if (hi->pollable)
		hf->file.wq = &hi->wq;
	return &hf->file;
}

/* open("/dev/stderr"), open("/proc/self/fd/1"). */
static int hostfd_reopen(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	struct hostfd_inode *hi = to_hostfd_inode(i);
	int want = flags & O_ACCMODE;
	if (want != hi->accmode && hi->accmode != O_RDWR)
		return -EACCES;
	*out = file_new(hi, path, flags, S_ISREG(i->mode));
	return 0;
}

int hostfd_open(int host_fd, int flags, struct file **out)
{
	struct stat st;
	int host_flags = host_fd_flags(host_fd);
	int err = host_flags < 0 ? host_flags : host_fd_stat(host_fd, &st);
	if (!err && (host_flags & O_PATH))
		err = -EBADF;
	if (err)
		return err;
	struct hostfd_inode *hi = NEW(struct hostfd_inode);
	hi->fd = host_fd;
	hi->accmode = host_flags & O_ACCMODE;
	hi->stream = host_fd_seek(host_fd, 0, SEEK_CUR) == -ESPIPE;
	inode_init(&hi->inode, anon_superblock(), &hostfd_inode_ops, inode_next_ino(), st.st_mode);
	hostfd_watch_init(hi);
	err = hostfd_getattr(&hi->inode);
	if (!err) {
		flags = hi->accmode | (flags & O_NONBLOCK) | ((flags | host_flags) & O_APPEND);
		*out = file_new(hi, NULL, flags, false);
	} else {
		hi->fd = -1;              /* not taken over */
	}
	inode_put(&hi->inode);
	return err;
}
