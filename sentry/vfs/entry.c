/* entry.c - making and removing directory entries (mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2)).
 *
 * HOW      The parent's lock is held from the lookup of the name to the change, so what was found is what is changed.
 *          Making something: entry_begin() finds the free name, the file system makes it, entry_end() publishes it.
 * LINUX    fs/namei.c. Same: "exists" comes before "read-only", "read-only" before "permission".
 * MISSING  fs.protected_hardlinks (off, as in a kernel nobody configured). */
#include "sentry/vfs/entry.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/inotify.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permission.h"

mode_t entry_mode(struct task *t, const struct inode *dir, mode_t mode)
{
	mode_t masked = mode & ~(t->fs->umask & 0777);
	if (!(dir->mode & S_ISGID))
		return masked;
	if (S_ISDIR(mode))
		return masked | S_ISGID;
	/* What was asked for counts: a umask that takes the group's x away does not save the set-group bit. */
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !cred_in_group(t->cred, dir->gid) &&
	    !cred_has_inode_cap(t->cred, dir, CAP_FSETID))
		masked &= ~(mode_t)S_ISGID;
	return masked;
}

/* A free name in a locked directory. */
struct entry {
	struct path dir;
	struct dentry *dentry;            /* negative */
};

static int find_free(struct task *t, struct entry *e, const char *last, size_t len, bool slash, bool is_dir)
{
	if (e->dir.dentry->unhashed)
		return -ENOENT;
	int err = dcache_lookup(e->dir.dentry, last, len, true, &e->dentry);
	if (err)
		return err;
	if (e->dentry->inode)
		return -EEXIST;
	if (slash && !is_dir)
		return -ENOENT;
	err = path_want_write(&e->dir);
	return err ? err : dir_may_create(&e->dir, t->cred);
}

static void entry_end(struct entry *e, int err)
{
	if (e->dentry) {
		if (err && !e->dentry->inode)
			dcache_forget(e->dentry);     /* perhaps it is there after all */
		dentry_put(e->dentry);
	}
	sleep_lock_release(&e->dir.dentry->inode->lock);
	path_put(&e->dir);
}

/* On success the directory is locked until entry_end(). */
static int entry_begin(struct task *t, int dirfd, const char *name, bool is_dir, struct entry *e)
{
	struct walk w;
	*e = (struct entry){ 0 };
	int err = walk_begin(&w, t, dirfd, name, 0);
	if (err)
		return err;
	err = walk_parent(&w);
	if (!err && w.type != LAST_NORM)
		err = -EEXIST;
	if (!err) {
		e->dir = w.cur;
		w.cur = (struct path){ 0 };
		sleep_lock_acquire(&e->dir.dentry->inode->lock);
		err = find_free(t, e, w.last, w.last_len, w.slash, is_dir);
		if (err)
			entry_end(e, err);
	}
	walk_end(&w);
	return err;
}

static void entry_made(struct entry *e, struct inode *i)
{
	dcache_instantiate(e->dentry, i);
	notify_dir(e->dir.dentry->inode, e->dentry->name, IN_CREATE | (S_ISDIR(i->mode) ? IN_ISDIR : 0), 0);
}

int vfs_mkdir(struct task *t, int dirfd, const char *name, mode_t mode)
{
	struct entry e;
	int err = entry_begin(t, dirfd, name, true, &e);
	if (err)
		return err;
	struct inode *dir = e.dir.dentry->inode;
	AUTO(inode_put) struct inode *i = NULL;
	mode = entry_mode(t, dir, S_IFDIR | (mode & 01777));
	err = dir->ops->mkdir ? dir->ops->mkdir(dir, e.dentry->name, mode, t->cred, &i) : -EPERM;
	if (!err)
		entry_made(&e, i);
	entry_end(&e, err);
	return err;
}

int vfs_mknod(struct task *t, int dirfd, const char *name, mode_t mode, dev_t dev, struct inode **out)
{
	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	struct entry e;
	int err = entry_begin(t, dirfd, name, false, &e);
	if (err)
		return err;
	struct inode *dir = e.dir.dentry->inode;
	AUTO(inode_put) struct inode *i = NULL;
	bool device = S_ISBLK(mode) || (S_ISCHR(mode) && dev != 0);       /* 0:0 is a whiteout: anybody may make one */
	mode = entry_mode(t, dir, mode & (S_IFMT | 07777));
	if (device && !cred_has_cap(t->cred, CAP_MKNOD))
		err = -EPERM;
	else if (S_ISREG(mode))
		err = dir->ops->create ? dir->ops->create(dir, e.dentry->name, mode, t->cred, &i) : -EPERM;
	else
		err = dir->ops->mknod ? dir->ops->mknod(dir, e.dentry->name, mode, device ? dev : 0, t->cred, &i) : -EPERM;
	if (!err)
		entry_made(&e, i);
	entry_end(&e, err);
	if (!err && out)
		*out = TAKE(i);
	return err;
}

int vfs_symlink(struct task *t, const char *target, int dirfd, const char *name)
{
	if (!*target)
		return -ENOENT;
	struct entry e;
	int err = entry_begin(t, dirfd, name, false, &e);
	if (err)
		return err;
	struct inode *dir = e.dir.dentry->inode;
	AUTO(inode_put) struct inode *i = NULL;
	err = dir->ops->symlink ? dir->ops->symlink(dir, e.dentry->name, target, t->cred, &i) : -EPERM;
	if (!err)
		entry_made(&e, i);
	entry_end(&e, err);
	return err;
}

int vfs_link(struct task *t, int old_dirfd, const char *old_name, int dirfd, const char *name, int flags)
{
	unsigned lookup = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	if ((flags & AT_EMPTY_PATH) && !*old_name && !cred_has_cap(t->cred, CAP_DAC_READ_SEARCH))
		return -ENOENT;
	AUTO_PATH old = { 0 };
	int err = path_lookup(t, old_dirfd, old_name, lookup, &old);
	if (err)
		return err;
	struct entry e;
	err = entry_begin(t, dirfd, name, false, &e);
	if (err)
		return err;
	struct inode *i = old.dentry->inode, *dir = e.dir.dentry->inode;
	bool nameless = i->nlink == 0;
	if (old.mnt != e.dir.mnt || old.dentry->sb != e.dir.dentry->sb)
		err = -EXDEV;
	else if (!dir->ops->link || S_ISDIR(i->mode))
		err = -EPERM;
	else if (nameless && !(old.dentry->flags & DENTRY_TMPFILE))
		err = -ENOENT;
	else
		err = dir->ops->link(dir, e.dentry->name, i);
	if (!err) {
		old.dentry->flags &= ~(uint64_t)DENTRY_TMPFILE;
		notify_inode(i, IN_ATTRIB);
		entry_made(&e, i);
	}
	entry_end(&e, err);
	return err;
}

/* --- removing --- */

static int check_victim(struct task *t, const struct path *dir, struct dentry *d, bool slash, bool is_dir)
{
	if (!d->inode)
		return -ENOENT;
	if (slash && !is_dir)
		return S_ISDIR(d->inode->mode) ? -EISDIR : -ENOTDIR;
	int err = path_want_write(dir);
	if (!err)
		err = dir_may_delete(dir, d, t->cred, is_dir);
	if (!err && d->mounted)
		err = -EBUSY;
	return err;
}

static int remove_locked(struct inode *dir, struct dentry *d, bool is_dir)
{
	struct inode *i = d->inode;
	int err = -EPERM;
	if (!is_dir)
		return dir->ops->unlink ? dir->ops->unlink(dir, d->name, i) : err;
	if (!dir->ops->rmdir)
		return err;
	sleep_lock_acquire(&i->lock);     /* nobody may fill it while it is being found empty */
	err = dir->ops->rmdir(dir, d->name, i);
	if (!err)
		d->unhashed = true;
	sleep_lock_release(&i->lock);
	return err;
}

static void tell_removed(struct inode *dir, const char *name, struct inode *i)
{
	bool is_dir = S_ISDIR(i->mode);
	if (i->watches && !is_dir)        /* the number of links changed */
		notify_inode(i, IN_ATTRIB);
	notify_dir(dir, name, IN_DELETE | (is_dir ? IN_ISDIR : 0), 0);
}

static int remove_entry(struct task *t, const struct path *dir, const char *name, size_t len, bool slash, bool is_dir)
{
	struct dentry *d;
	struct inode *di = dir->dentry->inode;
	sleep_lock_acquire(&di->lock);
	int err = dir->dentry->unhashed ? -ENOENT : dcache_lookup(dir->dentry, name, len, true, &d);
	if (err) {
		sleep_lock_release(&di->lock);
		return err;
	}
	err = check_victim(t, dir, d, slash, is_dir);
	if (!err)
		err = remove_locked(di, d, is_dir);
	if (!err) {
		dcache_delete(d);
		tell_removed(di, name, d->inode);
	}
	sleep_lock_release(&di->lock);
	dentry_put(d);                    /* may be the file's end: without the lock */
	return err;
}

static int remove_path(struct task *t, int dirfd, const char *name, bool is_dir, const int errors[])
{
	struct walk w;
	int err = walk_begin(&w, t, dirfd, name, 0);
	if (err)
		return err;
	err = walk_parent(&w);
	if (!err)
		err = w.type == LAST_NORM ? remove_entry(t, &w.cur, w.last, w.last_len, w.slash, is_dir) : errors[w.type];
	walk_end(&w);
	return err;
}

int vfs_unlink_in(struct task *t, const struct path *dir, const char *name)
{
	return remove_entry(t, dir, name, strlen(name), false, false);
}

int vfs_unlink(struct task *t, int dirfd, const char *name)
{
	static const int errors[] = { [LAST_DOT] = -EISDIR, [LAST_DOTDOT] = -EISDIR, [LAST_ROOT] = -EISDIR };
	return remove_path(t, dirfd, name, false, errors);
}

int vfs_rmdir(struct task *t, int dirfd, const char *name)
{
	static const int errors[] = { [LAST_DOT] = -EINVAL, [LAST_DOTDOT] = -ENOTEMPTY, [LAST_ROOT] = -EBUSY };
	return remove_path(t, dirfd, name, true, errors);
}
