/* tmpfs_dir.c - directories.
 *
 * HOW      An entry is found by name in a hash and by cookie in a tree. A cookie is a number given once, in ascending
 *          order, so that a position in getdents stays right whatever is added and removed meanwhile.
 *          An open directory remembers the last cookie as of its start: a loop that renames each file it is shown comes
 *          to an end.
 * LINUX    mm/shmem.c and fs/libfs.c's simple_offset. st_size counts 20 bytes an entry, as there. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/tmpfs/tmpfs_impl.h"

static int compare(const struct tmpfs_dirent *a, const struct tmpfs_dirent *b)
{
	return a->cookie < b->cookie ? -1 : a->cookie > b->cookie;
}
RB_GENERATE_INTERNAL(tmpfs_dirents, tmpfs_dirent, link, compare, static __attribute__((unused)))

enum { COOKIE_DOT, COOKIE_DOTDOT, COOKIE_FIRST };

void tmpfs_dir_init(struct tmpfs_dir *d)
{
	RB_INIT(&d->by_cookie);
	d->next_cookie = COOKIE_FIRST;
}

/* --- entries --- */

static struct tmpfs_dirent *find(struct inode *dir, const char *name)
{
	struct tmpfs_dirent *e;
	HASH_FIND_STR(to_tmpfs_dir(dir)->by_name, name, e);
	return e;
}

static struct tmpfs_dirent *entry_new(const char *name)
{
	size_t len = strlen(name);
	struct tmpfs_dirent *e = xzalloc(sizeof(*e) + len + 1);
	memcpy(e->name, name, len);
	return e;
}

static void touch(struct inode *dir)
{
	dir->mtime = dir->ctime = inode_now();
}

/* Takes e and the reference on i over. */
static void insert(struct inode *dir, struct tmpfs_dirent *e, struct inode *i)
{
	struct tmpfs_dir *d = to_tmpfs_dir(dir);
	e->inode = i;
	e->cookie = d->next_cookie++;
	HASH_ADD_STR(d->by_name, name, e);
	RB_INSERT(tmpfs_dirents, &d->by_cookie, e);
	dir->size += TMPFS_DIRENT_SIZE;
	if (S_ISDIR(i->mode))
		dir->nlink++;
	touch(dir);
}

/* The opposite: the caller has e and its reference. */
static void take_out(struct inode *dir, struct tmpfs_dirent *e)
{
	struct tmpfs_dir *d = to_tmpfs_dir(dir);
	HASH_DEL(d->by_name, e);
	RB_REMOVE(tmpfs_dirents, &d->by_cookie, e);
	dir->size -= TMPFS_DIRENT_SIZE;
	if (S_ISDIR(e->inode->mode))
		dir->nlink--;
	touch(dir);
}

static void entry_free(struct tmpfs_dirent *e)
{
	inode_put(e->inode);
	free(e);
}

/* --- lookup and making --- */

static int dir_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct tmpfs_dirent *e = find(dir, name);
	if (!e)
		return -ENOENT;
	*out = inode_get(e->inode);
	return 0;
}

static int may_insert(struct inode *dir, const char *name)
{
	if (dir->nlink == 0)
		return -ENOENT;
	return find(dir, name) ? -EEXIST : 0;
}

/* A new inode gets its first name; *out: a reference. */
static int publish(struct inode *dir, const char *name, struct inode *i, struct inode **out)
{
	insert(dir, entry_new(name), i);
	*out = inode_get(i);
	return 0;
}

static int dir_mknod(struct inode *dir, const char *name, mode_t mode, dev_t dev, const struct cred *cred,
		     struct inode **out)
{
	struct inode *i;
	int err = may_insert(dir, name);
	if (err)
		return err;
	err = tmpfs_inode_new(to_tmpfs_sb(dir->sb), dir, mode, dev, cred, &i);
	return err ? err : publish(dir, name, i, out);
}

static int dir_create(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out)
{
	return dir_mknod(dir, name, S_IFREG | (mode & 07777), 0, cred, out);
}

static int dir_mkdir(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out)
{
	struct inode *i;
	int err = dir_mknod(dir, name, S_IFDIR | (mode & 07777), 0, cred, &i);
	if (err)
		return err;
	*out = i;
	return 0;
}

static int dir_symlink(struct inode *dir, const char *name, const char *target, const struct cred *cred,
		       struct inode **out)
{
	struct inode *i;
	int err = may_insert(dir, name);
	if (err)
		return err;
	err = tmpfs_symlink_new(to_tmpfs_sb(dir->sb), dir, target, cred, &i);
	return err ? err : publish(dir, name, i, out);
}

static int dir_tmpfile(struct inode *dir, mode_t mode, const struct cred *cred, struct inode **out)
{
	struct inode *i;
	int err = tmpfs_inode_new(to_tmpfs_sb(dir->sb), dir, S_IFREG | (mode & 07777), 0, cred, &i);
	if (err)
		return err;
	i->nlink = 0;
	*out = i;
	return 0;
}

/* A further name counts as an inode, as in Linux: entries must not be free, or they would be without limit. An inode
 * is released with one count for itself; the others go with their names. */
static int dir_link(struct inode *dir, const char *name, struct inode *target)
{
	int err = may_insert(dir, name);
	if (!err && target->nlink > 0)
		err = tmpfs_charge_inode(to_tmpfs_sb(dir->sb));
	if (err)
		return err;
	insert(dir, entry_new(name), inode_get(target));
	target->nlink++;
	target->ctime = inode_now();
	return 0;
}

/* --- removing --- */

static void drop_link(struct inode *i)
{
	CHECK(i->nlink > 0);
	if (S_ISDIR(i->mode))
		i->nlink = 0;
	else if (--i->nlink > 0)
		tmpfs_uncharge_inode(to_tmpfs_sb(i->sb));
	i->ctime = inode_now();
}

static int dir_unlink(struct inode *dir, const char *name, struct inode *target)
{
	struct tmpfs_dirent *e = find(dir, name);
	if (!e || e->inode != target)
		return -ENOENT;
	take_out(dir, e);
	drop_link(e->inode);
	entry_free(e);
	return 0;
}

static int dir_rmdir(struct inode *dir, const char *name, struct inode *target)
{
	if (to_tmpfs_dir(target)->by_name)
		return -ENOTEMPTY;
	return dir_unlink(dir, name, target);
}

static int exchange(struct inode *old_dir, struct tmpfs_dirent *old, struct inode *new_dir, struct tmpfs_dirent *new)
{
	struct inode *a = old->inode, *b = new->inode;
	take_out(old_dir, old);
	take_out(new_dir, new);
	insert(old_dir, old, b);
	insert(new_dir, new, a);
	a->ctime = b->ctime = inode_now();
	return 0;
}

static int dir_rename(struct inode *old_dir, const char *old_name, struct inode *source, struct inode *new_dir,
		      const char *new_name, struct inode *target, unsigned flags)
{
	struct tmpfs_dirent *old = find(old_dir, old_name), *new = find(new_dir, new_name);
	if (!old || old->inode != source || (new ? new->inode : NULL) != target)
		return -ENOENT;
	if (new_dir->nlink == 0)
		return -ENOENT;
	if (source == target)
		return 0;
	if (flags & RENAME_EXCHANGE)
		return target ? exchange(old_dir, old, new_dir, new) : -ENOENT;
	if (target && S_ISDIR(target->mode) && to_tmpfs_dir(target)->by_name)
		return -ENOTEMPTY;
	struct inode *whiteout = NULL;
	if (flags & RENAME_WHITEOUT) {
		int err = tmpfs_inode_new(to_tmpfs_sb(old_dir->sb), old_dir, S_IFCHR, 0, NULL, &whiteout);
		if (err)
			return err;
	}
	if (new) {
		take_out(new_dir, new);
		drop_link(target);
		entry_free(new);
	}
	take_out(old_dir, old);
	insert(new_dir, entry_new(new_name), old->inode);
	free(old);
	if (whiteout)
		insert(old_dir, entry_new(old_name), whiteout);
	source->ctime = inode_now();
	return 0;
}

/* --- end of life --- */

/* A directory with entries ends only together with its file system. Its children are ended one after the other, not by
 * recursion: a guest decides how deep a tree is. */
static void dir_release(struct inode *i)
{
	struct tmpfs_dir *d = to_tmpfs_dir(i);
	struct tmpfs_sb *ts = to_tmpfs_sb(i->sb);
	struct tmpfs_dirent *e, *tmp;
	HASH_ITER(hh, d->by_name, e, tmp)
	{
		HASH_DEL(d->by_name, e);
		TAILQ_INSERT_TAIL(&ts->reap, e, reap);
	}
	bool reaper = !ts->reaping;
	if (!reaper) {
		tmpfs_inode_destroy(i, d);
		return;
	}
	ts->reaping = true;
	while ((e = TAILQ_FIRST(&ts->reap))) {
		TAILQ_REMOVE(&ts->reap, e, reap);
		if (!S_ISDIR(e->inode->mode))
			drop_link(e->inode);
		entry_free(e);
	}
	ts->reaping = false;
	tmpfs_inode_destroy(i, d);        /* last: it may take ts with it */
}

/* --- reading --- */

struct tmpfs_dir_file {
	struct file file;
	uint64_t end_cookie;
};

static int dir_iterate(struct file *f, struct dir_context *ctx)
{
	struct tmpfs_dir *d = to_tmpfs_dir(f->inode);
	struct tmpfs_dir_file *df = container_of(f, struct tmpfs_dir_file, file);
	struct inode *i = f->inode;
	if (ctx->pos == COOKIE_DOT) {
		df->end_cookie = d->next_cookie;
		if (!ctx->emit(ctx, ".", 1, i->ino, DT_DIR, COOKIE_DOTDOT))
			return 0;
		ctx->pos = COOKIE_DOTDOT;
	}
	if (ctx->pos == COOKIE_DOTDOT) {
		struct dentry *at = f->path.dentry;
		uint64_t ino = at && at->parent->inode ? at->parent->inode->ino : i->ino;
		if (!ctx->emit(ctx, "..", 2, ino, DT_DIR, COOKIE_FIRST))
			return 0;
		ctx->pos = COOKIE_FIRST;
	}
	struct tmpfs_dirent from = { .cookie = (uint64_t)ctx->pos };
	struct tmpfs_dirent *e = RB_NFIND(tmpfs_dirents, &d->by_cookie, &from);
	for (; e && e->cookie < df->end_cookie; e = RB_NEXT(tmpfs_dirents, &d->by_cookie, e)) {
		off_t next = (off_t)e->cookie + 1;
		if (!ctx->emit(ctx, e->name, strlen(e->name), e->inode->ino, (e->inode->mode & S_IFMT) >> 12, next))
			break;
		ctx->pos = next;
	}
	if (!(f->flags & O_NOATIME) && !(f->path.mnt && (f->path.mnt->flags & (MNT_NOATIME | MNT_NODIRATIME))))
		i->atime = inode_now();
	return 0;
}

static int dir_fsync(struct file *f, bool datasync)
{
	(void)f;
	(void)datasync;
	return 0;
}

static void dir_file_release(struct file *f)
{
	file_fini(f);
	free(container_of(f, struct tmpfs_dir_file, file));
}

static const struct file_ops dir_file_ops = {
	.iterate = dir_iterate,
	.fsync = dir_fsync,
	.release = dir_file_release,
};

int tmpfs_dir_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	struct tmpfs_dir_file *df = NEW(struct tmpfs_dir_file);
	df->end_cookie = UINT64_MAX;
	file_init(&df->file, &dir_file_ops, i, path, flags);
	df->file.mode |= FMODE_NOWAIT_POLL;
	*out = &df->file;
	return 0;
}

const struct inode_ops tmpfs_dir_ops = {
	.lookup = dir_lookup, .create = dir_create, .mkdir = dir_mkdir, .mknod = dir_mknod, .symlink = dir_symlink,
	.link = dir_link, .unlink = dir_unlink, .rmdir = dir_rmdir, .rename = dir_rename, .tmpfile = dir_tmpfile,
	.open = tmpfs_dir_open, .setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr, .removexattr = tmpfs_removexattr,
	.release = dir_release,
};
