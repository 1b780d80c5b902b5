/* mqueue_fs.c - the names of message queues: a flat file system, mounted or not (mq_overview(7)).
 *
 * HOW      mq_open() works on the root directory of the one file system there is, through the dentry cache as open(2) would, so
 *          that permissions, the sticky bit and open files are the VFS's. What a user's queues may hold together is
 *          charged in full when a queue is made.
 * LINUX    ipc/mqueue.c. Limits are its defaults.
 * MISSING  Making a queue by open(2) in a mounted file system (EACCES): mq_open makes them. IPC namespaces. Changing
 *          /proc/sys/fs/mqueue. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <uthash.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/mqueue_impl.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/entry.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permission.h"

#define MQUEUE_MAGIC 0x19800202
#define MSG_OVERHEAD 48                   /* of a message, and of a priority, as Linux counts them */
#define FILE_SIZE 80                      /* st_size of a queue */
#define DIRENT_SIZE 20

struct entry {
	UT_hash_handle hh;
	uint64_t cookie;
	struct mqueue *q;                 /* a reference */
	char name[];
};

int mqueue_queues_max = 256, mqueue_msg_max = 10, mqueue_msgsize_max = 8192;
int mqueue_msg_default = 10, mqueue_msgsize_default = 8192;

struct mq_sb {
	struct superblock sb;
	struct entry *entries;            /* in the order made */
};
#define to_mq_sb(sb_) container_of(sb_, struct mq_sb, sb)

/* --- what users hold (RLIMIT_MSGQUEUE) --- */

struct user_bytes {
	UT_hash_handle hh;
	uint32_t uid;
	uint64_t bytes;
};
static struct user_bytes *users;

static int charge_user(uint32_t uid, uint64_t bytes, uint64_t limit)
{
	struct user_bytes *u;
	HASH_FIND_INT(users, &uid, u);
	uint64_t held = u ? u->bytes : 0;
	if (held + bytes < held || held + bytes > limit)
		return -EMFILE;
	if (!u) {
		u = NEW(struct user_bytes);
		u->uid = uid;
		HASH_ADD_INT(users, uid, u);
	}
	u->bytes += bytes;
	return 0;
}

static void uncharge_user(uint32_t uid, uint64_t bytes)
{
	struct user_bytes *u;
	HASH_FIND_INT(users, &uid, u);
	CHECK(u && u->bytes >= bytes);
	u->bytes -= bytes;
	if (u->bytes == 0) {
		HASH_DEL(users, u);
		free(u);
	}
}

/* --- an open queue --- */

static ssize_t mq_file_read(struct file *f, struct uio *dst, off_t *pos)
{
	char text[100];
	int len = mqueue_show(to_mqueue(f->inode), text, sizeof(text));
	if (*pos >= len)
		return 0;
	ssize_t n = uio_fill(dst, text + *pos, MIN(dst->resid, (size_t)(len - *pos)));
	if (n > 0)
		*pos += n;
	return n;
}

static uint32_t mq_file_poll(struct file *f)
{
	struct mqueue *q = to_mqueue(f->inode);
	uint32_t events = 0;
	if (q->curmsgs > 0)
		events |= EPOLLIN | EPOLLRDNORM;
	if (q->curmsgs < q->maxmsg)
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

static int mq_file_flush(struct task *t, struct file *f)
{
	mqueue_flush(t, to_mqueue(f->inode));
	return 0;
}

static void mq_file_release(struct file *f)
{
	file_fini(f);
	free(f);
}

static const struct file_ops mq_file_ops = {
	.read = mq_file_read, .poll = mq_file_poll, .flush = mq_file_flush, .release = mq_file_release,
};

struct mqueue *mqueue_of(struct file *f)
{
	return f->ops == &mq_file_ops ? to_mqueue(f->inode) : NULL;
}

/* --- inodes --- */

static int mq_inode_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	struct file *f = NEW(struct file);
	file_init(f, &mq_file_ops, i, path, flags);
	f->wq = &to_mqueue(i)->wq;
	*out = f;
	return 0;
}

static int mq_inode_setattr(struct inode *i, const struct iattr *attr)
{
	struct iattr a = *attr;
	a.valid &= ~(unsigned)ATTR_SIZE;  /* O_TRUNC does nothing */
	inode_apply_attr(i, &a);
	return 0;
}

static void mq_inode_release(struct inode *i)
{
	struct mqueue *q = to_mqueue(i);
	mqueue_fini(q);
	uncharge_user(q->uid, q->charged_bytes);
	fs_memory_uncharge(sizeof(*q));
	inode_fini(i);
	free(q);
}

static const struct inode_ops mq_inode_ops = {
	.open = mq_inode_open, .setattr = mq_inode_setattr, .release = mq_inode_release,
};

/* --- the directory --- */

static int dir_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct entry *e;
	HASH_FIND_STR(to_mq_sb(dir->sb)->entries, name, e);
	if (!e)
		return -ENOENT;
	*out = inode_get(&e->q->inode);
	return 0;
}

static int dir_unlink(struct inode *dir, const char *name, struct inode *target)
{
	struct entry *e;
	HASH_FIND_STR(to_mq_sb(dir->sb)->entries, name, e);
	if (!e)
		return -ENOENT;
	HASH_DEL(to_mq_sb(dir->sb)->entries, e);
	target->nlink--;
	target->ctime = dir->atime = dir->mtime = dir->ctime = inode_now();
	dir->size -= DIRENT_SIZE;
	inode_put(&e->q->inode);
	free(e);
	return 0;
}

static int dir_iterate(struct file *f, struct dir_context *ctx)
{
	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, f->inode->ino, DT_DIR, 1))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		struct dentry *at = f->path.dentry;
		uint64_t ino = at && at->parent->inode ? at->parent->inode->ino : f->inode->ino;
		if (!ctx->emit(ctx, "..", 2, ino, DT_DIR, 2))
			return 0;
		ctx->pos = 2;
	}
	/* uthash keeps the order of insertion, which is that of the cookies. */
	for (struct entry *e = to_mq_sb(f->inode->sb)->entries; e; e = e->hh.next) {
		if (e->cookie < (uint64_t)ctx->pos)
			continue;
		if (!ctx->emit(ctx, e->name, strlen(e->name), e->q->inode.ino, DT_REG, (off_t)e->cookie + 1))
			return 0;
		ctx->pos = (off_t)e->cookie + 1;
	}
	return 0;
}

static const struct file_ops dir_file_ops = { .iterate = dir_iterate, .release = mq_file_release };

static int dir_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	struct file *f = NEW(struct file);
	file_init(f, &dir_file_ops, i, path, flags);
	*out = f;
	return 0;
}

static int dir_setattr(struct inode *i, const struct iattr *attr)
{
	inode_apply_attr(i, attr);
	return 0;
}

static void dir_release(struct inode *i)
{
	inode_fini(i);
	free(i);
}

static const struct inode_ops dir_inode_ops = {
	.lookup = dir_lookup, .unlink = dir_unlink, .open = dir_open, .setattr = dir_setattr, .release = dir_release,
};

/* --- the file system --- */

static int mq_statfs(struct superblock *sb, struct statfs *out)
{
	*out = (struct statfs){ .f_type = (long)sb->magic, .f_bsize = PAGE_SIZE, .f_frsize = PAGE_SIZE, .f_namelen = NAME_MAX };
	return 0;
}

static void mq_sb_release(struct superblock *sb)
{
	free(to_mq_sb(sb));
}

static const struct superblock_ops mq_sb_ops = { .statfs = mq_statfs, .release = mq_sb_release };

static struct superblock *new_sb(void)
{
	struct mq_sb *ms = NEW(struct mq_sb);
	superblock_init(&ms->sb, &mq_sb_ops, "mqueue", MQUEUE_MAGIC);
	ms->sb.cache_negative = true;
	struct inode *root = NEW(struct inode);
	inode_init(root, &ms->sb, &dir_inode_ops, inode_next_ino(), S_IFDIR | S_ISVTX | 0777);
	root->nlink = 2;
	root->size = 2 * DIRENT_SIZE;
	ms->sb.root = root;
	return &ms->sb;
}

int mqueue_mount(struct ipc_ns *ns, struct superblock **out)
{
	if (!ns->mqueues)
		ns->mqueues = mount_internal(new_sb(), "mqueue");
	*out = superblock_get(ns->mqueues->sb);
	return 0;
}

void mqueue_end(struct mount *m)
{
	struct mq_sb *ms = to_mq_sb(m->sb);
	for (struct entry *e; (e = ms->entries); ) {
		HASH_DEL(ms->entries, e);
		e->q->inode.nlink--;
		inode_put(&e->q->inode);
		free(e);
	}
	mount_put(m);
}

/* --- making queues --- */

/* How much a queue may hold, as Linux counts it; -EINVAL, -EOVERFLOW. */
static int check_attr(const struct cred *c, const struct mq_attr *a, uint64_t *out_bytes)
{
	bool may = cred_has_cap(c, CAP_SYS_RESOURCE);
	if (a->mq_maxmsg <= 0 || a->mq_msgsize <= 0)
		return -EINVAL;
	if (a->mq_maxmsg > (may ? MQ_HARD_MSG_MAX : mqueue_msg_max) ||
	    a->mq_msgsize > (may ? MQ_HARD_MSGSIZE_MAX : mqueue_msgsize_max))
		return -EINVAL;
	uint64_t maxmsg = (uint64_t)a->mq_maxmsg, overhead = maxmsg + MIN(maxmsg, (uint64_t)MQ_PRIO_MAX), bytes;
	if (__builtin_mul_overflow(maxmsg, (uint64_t)a->mq_msgsize, &bytes) ||
	    __builtin_add_overflow(bytes, overhead * MSG_OVERHEAD, &bytes))
		return -EOVERFLOW;
	*out_bytes = bytes;
	return 0;
}

static int mqueue_new(struct task *t, struct mq_sb *ms, mode_t mode, const struct mq_attr *attr, struct mqueue **out)
{
	const struct mq_attr defaults = { .mq_maxmsg = MIN(mqueue_msg_max, mqueue_msg_default),
					  .mq_msgsize = MIN(mqueue_msgsize_max, mqueue_msgsize_default) };
	const struct mq_attr *a = attr ? attr : &defaults;
	const struct cred *c = t->cred;
	uint64_t bytes;
	if (HASH_COUNT(ms->entries) >= (unsigned)mqueue_queues_max && !cred_has_cap(c, CAP_SYS_RESOURCE))
		return -ENOSPC;
	int err = check_attr(c, a, &bytes);
	if (err)
		return err;
	err = fs_memory_charge(sizeof(struct mqueue));
	if (err)
		return err;
	err = charge_user(c->uid, bytes, t->tg->rlimits[RLIMIT_MSGQUEUE].rlim_cur);
	if (err) {
		fs_memory_uncharge(sizeof(struct mqueue));
		return err;
	}
	struct mqueue *q = NEW(struct mqueue);
	mqueue_init(q, a->mq_maxmsg, a->mq_msgsize);
	q->uid = c->uid;
	q->charged_bytes = bytes;
	inode_init(&q->inode, &ms->sb, &mq_inode_ops, inode_next_ino(), S_IFREG | (mode & 07777));
	q->inode.uid = c->fsuid;
	q->inode.gid = c->fsgid;
	q->inode.size = FILE_SIZE;
	*out = q;
	return 0;
}

/* dir's lock is held; d is negative and becomes the queue. */
static int make_entry(struct task *t, const struct path *dir, struct dentry *d, mode_t mode, const struct mq_attr *attr)
{
	static uint64_t next_cookie = 2;
	struct inode *di = dir->dentry->inode;
	int err = dir_may_create(dir, t->cred);
	struct mqueue *q;
	if (!err)
		err = mqueue_new(t, to_mq_sb(di->sb), mode & ~t->fs->umask, attr, &q);
	if (err)
		return err;
	size_t len = strlen(d->name);
	struct entry *e = xzalloc(sizeof(*e) + len + 1);
	memcpy(e->name, d->name, len);
	e->cookie = next_cookie++;
	e->q = q;
	HASH_ADD_STR(to_mq_sb(di->sb)->entries, name, e);
	di->size += DIRENT_SIZE;
	di->atime = di->mtime = di->ctime = inode_now();
	dcache_instantiate(d, &q->inode);
	notify_dir(di, d->name, IN_CREATE, 0);
	return 0;
}

/* --- by name --- */

/* The directory that names of queues are looked up in. out: references. */
static int mqueue_dir(struct ipc_ns *ns, struct path *out)
{
	struct superblock *sb;
	int err = mqueue_mount(ns, &sb);
	if (err)
		return err;
	*out = (struct path){ .mnt = mount_get(ns->mqueues), .dentry = dcache_root(sb) };
	superblock_put(sb);
	return 0;
}

static int check_name(const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '/'))
		return -EACCES;
	return strlen(name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

static int open_entry(struct task *t, const struct path *dir, struct dentry *d, int oflag, mode_t mode,
		      const struct mq_attr *attr)
{
	if (!d->inode)
		return oflag & O_CREAT ? make_entry(t, dir, d, mode, attr) : -ENOENT;
	if ((oflag & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	static const int mask[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE };
	int access = oflag & O_ACCMODE;
	return access == O_ACCMODE ? -EINVAL : inode_permission(d->inode, t->cred, mask[access]);
}

int mqueue_open(struct task *t, const char *name, int oflag, mode_t mode, const struct mq_attr *attr, struct file **out)
{
	int err = check_name(name);
	if (err)
		return err;
	AUTO_PATH dir = { 0 };
	err = mqueue_dir(t->ipc_ns, &dir);
	if (err)
		return err;
	struct inode *di = dir.dentry->inode;
	struct path p = { .mnt = dir.mnt };
	sleep_lock_acquire(&di->lock);
	err = dcache_lookup(dir.dentry, name, strlen(name), true, &p.dentry);
	if (!err)
		err = open_entry(t, &dir, p.dentry, oflag, mode, attr);
	sleep_lock_release(&di->lock);
	if (!p.dentry)
		return err;
	if (!err)
		err = mq_inode_open(p.dentry->inode, &p, oflag, t, out);
	dentry_put(p.dentry);
	return err;
}

int mqueue_unlink(struct task *t, const char *name)
{
	int err = check_name(name);
	if (err)
		return err;
	AUTO_PATH dir = { 0 };
	err = mqueue_dir(t->ipc_ns, &dir);
	return err ? err : vfs_unlink_in(t, &dir, name);
}
