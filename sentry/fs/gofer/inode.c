/* inode.c - inodes of host files: their identity, attributes, and the host descriptors they keep.
 *
 * HOW      A host object (device, inode number) is one struct inode, whatever name it was reached by. Its attributes are the
 *          host's as last seen. Who may have changed them: the host (shared mounts: asked in each call), the guest through the
 *          file's own descriptor (asked by fstat on it, which is cheap), or a request that did not tell them (`stale`).
 *          Descriptors outlive the open files, so that the next open costs no message; the longest unused go first.
 *          A read-write one is closed with the last open file, or the host could not execute what the guest compiled.
 * LINUX    fs/fuse/inode.c, fs/nfs/inode.c have the same tasks.
 * MISSING  Birth times are those of the lookup. */
#include "sentry/fs/gofer/gofer_inode.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform/platform.h"
#include "sentry/fs/gofer/ahead.h"
#include "sentry/fs/gofer/host_io.h"

static TAILQ_HEAD(, gofer_inode) idle_list = TAILQ_HEAD_INITIALIZER(idle_list);
static unsigned nidle;

/* --- attributes --- */

uint64_t gofer_map_ino(struct gofer_sb *gsb, uint64_t dev, uint64_t ino)
{
	unsigned n = 0;
	while (n < gsb->ndevices && gsb->devices[n] != dev)
		n++;
	if (n == gsb->ndevices && n < GOFER_DEVICES)
		gsb->devices[gsb->ndevices++] = dev;
	return ino + ((uint64_t)n << 48);         /* the first device's, which is mostly all there is, as they are */
}

static struct timespec to_timespec(const struct gofer_time *t)
{
	return (struct timespec){ .tv_sec = t->sec, .tv_nsec = t->ns };
}

int gofer_inode_update(struct gofer_inode *gi, const struct gofer_attr *a)
{
	struct inode *i = &gi->inode;
	if ((a->mode ^ i->mode) & S_IFMT)
		return -EIO;
	i->mode = a->mode;
	i->uid = a->uid;
	i->gid = a->gid;
	i->nlink = a->nlink;
	i->rdev = a->rdev;
	i->size = a->size;
	i->blocks = a->blocks;
	i->blksize = a->blksize;
	i->atime = to_timespec(&a->atime);
	i->mtime = to_timespec(&a->mtime);
	i->ctime = to_timespec(&a->ctime);
	gi->told_to = co_current();
	gi->told_during = pl_stats()->syscalls;
	gi->stale = false;
	return 0;
}

/* Since the guest made the call that this coroutine is in, whose next has another number. */
static bool just_told(const struct gofer_inode *gi)
{
	return !gi->stale && gi->told_to == co_current() && gi->told_during == pl_stats()->syscalls;
}

static int update_by_fd(struct gofer_inode *gi, int fd)
{
	struct gofer_attr a;
	int err = gofer_host_stat(fd, &a);
	return err ? err : gofer_inode_update(gi, &a);
}

int gofer_getattr(struct inode *i)
{
	struct gofer_inode *gi = to_gofer_inode(i);
	bool shared = to_gofer_sb(i->sb)->shared;
	if (gi->rw_fd >= 0)
		return update_by_fd(gi, gi->rw_fd);
	if ((!shared && !gi->stale) || just_told(gi))
		return 0;
	if (gi->ro_fd >= 0)
		return update_by_fd(gi, gi->ro_fd);

	struct gofer_msg q = { .type = GOFER_GETATTR, .node = gi->node };
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	int err = gofer_ask(&q, &a);
	return err ? err : gofer_inode_update(gi, &a->msg.attr[0]);
}

static int gofer_setattr(struct inode *i, const struct iattr *attr)
{
	struct gofer_inode *gi = to_gofer_inode(i);
	if (to_gofer_sb(i->sb)->read_only)
		return -EROFS;
	if (attr->valid == ATTR_SIZE && gi->rw_fd >= 0) {
		int err = gofer_host_truncate(gi->rw_fd, attr->size);
		return err ? err : update_by_fd(gi, gi->rw_fd);
	}
	_Static_assert((int)ATTR_MODE == GOFER_SET_MODE && (int)ATTR_UID == GOFER_SET_UID &&
		       (int)ATTR_GID == GOFER_SET_GID && (int)ATTR_SIZE == GOFER_SET_SIZE &&
		       (int)ATTR_ATIME == GOFER_SET_ATIME && (int)ATTR_MTIME == GOFER_SET_MTIME, "the same bits");
	struct gofer_msg q = { .type = GOFER_SETATTR, .node = gi->node, .set = {
		.valid = attr->valid & (GOFER_SET_MTIME * 2 - 1),
		.mode = attr->mode & 07777, .uid = attr->uid, .gid = attr->gid,
		.size = attr->valid & ATTR_SIZE ? attr->size : 0,
	} };
	if (attr->valid & ATTR_ATIME)
		q.set.atime = (struct gofer_time){ .sec = attr->atime.tv_sec, .ns = (uint32_t)attr->atime.tv_nsec };
	if (attr->valid & ATTR_MTIME)
		q.set.mtime = (struct gofer_time){ .sec = attr->mtime.tv_sec, .ns = (uint32_t)attr->mtime.tv_nsec };
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	int err = gofer_ask(&q, &a);
	if (err) {
		gi->stale = true;                 /* some of it may have been done */
		return err;
	}
	return gofer_inode_update(gi, &a->msg.attr[0]);
}

static ssize_t gofer_readlink(struct inode *i, struct task *t, char *buf, size_t bytes)
{
	(void)t;
	struct gofer_inode *gi = to_gofer_inode(i);
	if (!gi->link) {
		struct gofer_msg q = { .type = GOFER_READLINK, .node = gi->node };
		AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
		int err = gofer_ask(&q, &a);
		if (err)
			return err;
		if (!gi->link)                    /* nobody else asked meanwhile */
			gi->link = xstrdup(a->msg.text);
	}
	size_t len = MIN(strlen(gi->link), bytes);
	memcpy(buf, gi->link, len);
	return (ssize_t)len;
}

/* --- host descriptors --- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void idle_remove(struct gofer_inode *gi)
{
	if (!gi->is_idle)
		return;
	TAILQ_REMOVE(&idle_list, gi, idle);
	gi->is_idle = false;
	nidle--;
}

static unsigned idle_max(void)
{
	static unsigned max;
	struct rlimit r;
	if (!max)
		max = getrlimit(RLIMIT_NOFILE, &r) == 0 ? (unsigned)MIN(r.rlim_cur / 4, (rlim_t)8192) : 64;
	return max;
}

static void idle_insert(struct gofer_inode *gi)
{
	if (gi->is_idle || gi->opens > 0 || gi->ro_fd < 0)
		return;
	TAILQ_INSERT_TAIL(&idle_list, gi, idle);
	gi->is_idle = true;
	if (++nidle <= idle_max())
		return;
	struct gofer_inode *oldest = TAILQ_FIRST(&idle_list);
	idle_remove(oldest);
	close_fd(&oldest->ro_fd);
}

void gofer_inode_opened(struct gofer_inode *gi)
{
	gi->opens++;
	idle_remove(gi);
}

void gofer_inode_closed(struct gofer_inode *gi)
{
	CHECK(gi->opens > 0);
	if (--gi->opens > 0)
		return;
	if (gi->rw_fd >= 0) {
		if (update_by_fd(gi, gi->rw_fd))
			gi->stale = true;
		close_fd(&gi->rw_fd);
	}
	idle_insert(gi);
}

int gofer_inode_readable_fd(const struct gofer_inode *gi)
{
	if (gi->rw_fd >= 0 && !gi->rw_is_wo)
		return gi->rw_fd;
	return gi->ro_fd;
}

int gofer_inode_fd(struct gofer_inode *gi, bool write)
{
	int *fd = write ? &gi->rw_fd : &gi->ro_fd;
	if (*fd >= 0)
		return *fd;
	bool write_only = false;
	struct gofer_msg q = { .type = GOFER_OPEN, .node = gi->node, .flags = write ? O_RDWR : O_RDONLY };
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	int err = gofer_ask(&q, &a);
	if (err == -EACCES && write) {            /* a file of others that only lets itself be written */
		write_only = true;
		q.flags = O_WRONLY;
		err = gofer_ask(&q, &a);
	}
	if (err)
		return err;
	if (*fd >= 0)                             /* somebody was faster */
		return *fd;
	if (write)
		gi->rw_is_wo = write_only;
	*fd = a->fd;
	a->fd = -1;
	err = update_by_fd(gi, *fd);              /* and it is what it should be */
	if (err) {
		close_fd(fd);
		return err;
	}
	return *fd;
}

/* --- life --- */

static int gofer_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	struct gofer_inode *gi = to_gofer_inode(i);
	if (S_ISDIR(i->mode))
		return gofer_open_dir(gi, path, flags, out);
	return S_ISREG(i->mode) ? gofer_open_file(gi, path, flags, out) : -ENXIO;
}

static void gofer_release(struct inode *i)
{
	struct gofer_inode *gi = to_gofer_inode(i);
	struct gofer_sb *gsb = to_gofer_sb(i->sb);
	HASH_DEL(gsb->inodes, gi);
	idle_remove(gi);
	close_fd(&gi->ro_fd);
	close_fd(&gi->rw_fd);
	gofer_listing_drop(gi);
	gofer_forget(gi->node);
	free(gi->link);
	inode_fini(i);
	free(gi);
}

static const struct inode_ops dir_ops = {
	.lookup = gofer_lookup, .walk_ahead = gofer_walk_ahead, .create = gofer_create, .mkdir = gofer_mkdir, .mknod = gofer_mknod,
	.symlink = gofer_symlink, .link = gofer_link, .unlink = gofer_unlink, .rmdir = gofer_rmdir,
	.rename = gofer_rename, .tmpfile = gofer_tmpfile,
	.open = gofer_open, .getattr = gofer_getattr, .setattr = gofer_setattr,
	.getxattr = gofer_getxattr, .setxattr = gofer_setxattr, .listxattr = gofer_listxattr,
	.removexattr = gofer_removexattr, .release = gofer_release,
};

static const struct inode_ops link_ops = {
	.readlink = gofer_readlink, .getattr = gofer_getattr, .setattr = gofer_setattr, .release = gofer_release,
};

static const struct inode_ops file_ops = {
	.open = gofer_open, .getattr = gofer_getattr, .setattr = gofer_setattr,
	.getxattr = gofer_getxattr, .setxattr = gofer_setxattr, .listxattr = gofer_listxattr,
	.removexattr = gofer_removexattr, .release = gofer_release,
};

static struct gofer_inode *inode_new(struct gofer_sb *gsb, const struct gofer_entry *e)
{
	const struct gofer_attr *a = &e->attr;
	struct gofer_inode *gi = NEW(struct gofer_inode);
	gi->key = (struct gofer_key){ a->dev, a->ino };
	gi->node = e->node;
	gi->ro_fd = gi->rw_fd = -1;
	if (S_ISLNK(a->mode) && e->text && e->text[0])
		gi->link = xstrdup(e->text);
	const struct inode_ops *ops = S_ISDIR(a->mode) ? &dir_ops : S_ISLNK(a->mode) ? &link_ops : &file_ops;
	inode_init(&gi->inode, &gsb->sb, ops, gofer_map_ino(gsb, a->dev, a->ino), a->mode);
	gi->inode.btime = to_timespec(&a->btime);
	HASH_ADD(hh, gsb->inodes, key, sizeof(gi->key), gi);
	return gi;
}

/* A descriptor that came with an answer; it has to be one that can't make us wait. */
static int keep_fd(struct gofer_inode *gi, int fd, bool writable)
{
	struct gofer_attr a;
	int err = gofer_host_stat(fd, &a);
	int *slot = writable ? &gi->rw_fd : &gi->ro_fd;
	if (err || *slot >= 0) {
		close(fd);
		return err;
	}
	*slot = fd;
	if (writable)
		gi->rw_is_wo = false;
	else
		idle_insert(gi);
	return 0;
}

int gofer_inode_get(struct gofer_sb *gsb, const struct gofer_entry *e, int fd, bool writable, struct inode **out)
{
	struct gofer_key key = { e->attr.dev, e->attr.ino };
	struct gofer_inode *gi;
	int err = 0;
	HASH_FIND(hh, gsb->inodes, &key, sizeof(key), gi);
	if (!gi) {
		gi = inode_new(gsb, e);
		err = gofer_inode_update(gi, &e->attr);
	} else {
		inode_get(&gi->inode);
		if (gi->node == e->node)          /* one node, made twice */
			err = -EIO;
		else
			gofer_forget(e->node);
		if (!err && gi->rw_fd < 0)        /* else the guest may be writing, and what we know is newer */
			err = gofer_inode_update(gi, &e->attr);
	}
	if (fd >= 0 && !err)
		err = keep_fd(gi, fd, writable);
	else if (fd >= 0)
		close(fd);
	if (err)
		inode_put(&gi->inode);
	else
		*out = &gi->inode;
	return err;
}
