/* open.c - open(2): from a path and flags to an open file.
 *
 * HOW      Without O_CREAT: look up, check, open. With it: walk to the parent, and under its lock find or make the last
 *          component; a symlink there is followed and the walk goes on. What is made is opened without permission checks.
 * LINUX    fs/namei.c (do_open, lookup_open, may_open), fs/open.c (build_open_flags, do_dentry_open).
 * MISSING  fs.protected_regular and protected_fifos (off, as in a kernel nobody configured). */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/chrdev.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/entry.h"
#include "sentry/vfs/lease.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permission.h"


#define KERNEL_O_LARGEFILE 0100000      /* always on in 64-bit open(2); the C library's constant is 0 */

/* --- O_PATH --- */

static void path_file_release(struct file *f)
{
	file_fini(f);
	free(f);
}

static const struct file_ops path_file_ops = { .name = "path", .release = path_file_release };

static int open_as_path(const struct path *p, int flags, struct file **out)
{
	struct file *f = NEW(struct file);
	file_init(f, &path_file_ops, p->dentry->inode, p, flags);
	*out = f;
	return 0;
}

/* --- opening what is there --- */

static int access_mask(int flags)
{
	static const unsigned char mask[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE };
	return mask[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

static int may_open(struct task *t, const struct path *p, int flags, int mask)
{
	struct inode *i = p->dentry->inode;
	if (S_ISLNK(i->mode))
		return -ELOOP;
	if (S_ISDIR(i->mode) && (mask & MAY_WRITE))
		return -EISDIR;
	if ((S_ISCHR(i->mode) || S_ISBLK(i->mode)) && (p->mnt->flags & MNT_NODEV))
		return -EACCES;
	int err = mask ? inode_permission(i, t->cred, mask) : 0;
	if (err)
		return err;
	if ((flags & O_NOATIME) && !inode_owner_or_capable(i, t->cred))
		return -EPERM;
	if ((mask & MAY_WRITE) && S_ISREG(i->mode))
		return path_want_write(p);
	return 0;
}

static int open_by_type(struct task *t, const struct path *p, int flags, struct file **out)
{
	struct inode *i = p->dentry->inode;
	if (i->ops->reopen)
		return i->ops->reopen(i, p, flags, t, out);
	switch (i->mode & S_IFMT) {
	case S_IFCHR:
		return chrdev_open(i, p, flags, t, out);
	case S_IFIFO:
		return fifo_open(i, p, flags, t, out);
	case S_IFBLK:
		return blkdev_open(i, p, flags, t, out);
	case S_IFSOCK:
		return -ENXIO;
	default:
		return i->ops->open ? i->ops->open(i, p, flags, t, out) : -ENXIO;
	}
}

/* After the permission checks. */
static int open_checked(struct task *t, const struct path *p, int flags, struct file **out)
{
	struct inode *i = p->dentry->inode;
	bool writes = S_ISREG(i->mode) && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC));
	if (writes && i->writers < 0)
		return -ETXTBSY;
	if (writes)
		i->writers++;
	AUTO(file_put) struct file *f = NULL;
	int err = i->leases ? lease_break(t, i, writes, flags & O_NONBLOCK) : 0;
	if (!err)
		err = open_by_type(t, p, flags & ~(O_CREAT | O_EXCL | O_TRUNC), &f);
	if (!err && (flags & O_TRUNC) && S_ISREG(i->mode))
		err = inode_truncate(t, i, 0);
	if (writes)
		i->writers--;
	if (err)
		return err;
	f->flags = (f->flags & ~O_NOCTTY) | KERNEL_O_LARGEFILE;
	if ((f->mode & FMODE_WRITE) && S_ISREG(f->inode->mode) && !(f->mode & FMODE_WRITER)) {
		f->inode->writers++;
		f->mode |= FMODE_WRITER;
	}
	if ((f->mode & (FMODE_READ | FMODE_WRITE)) == FMODE_READ && S_ISREG(f->inode->mode) && !(f->mode & FMODE_READER)) {
		f->inode->readers++;
		f->mode |= FMODE_READER;
	}
	if ((S_ISREG(i->mode) || S_ISDIR(i->mode)) && !f->ops->poll)
		f->mode |= FMODE_NOWAIT_POLL;
	if ((flags & O_TRUNC) && S_ISREG(i->mode))
		notify_dentry(p->dentry, IN_MODIFY);
	notify_dentry(p->dentry, IN_OPEN);
	*out = TAKE(f);
	return 0;
}

static int open_found(struct task *t, const struct path *p, int flags, struct file **out)
{
	if (flags & O_PATH)
		return open_as_path(p, flags, out);
	struct inode *i = p->dentry->inode;
	if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
		flags &= ~O_TRUNC;
	int err = may_open(t, p, flags, access_mask(flags));
	return err ? err : open_checked(t, p, flags, out);
}

int vfs_open_path(struct task *t, const struct path *p, int flags, struct file **out)
{
	return open_found(t, p, flags, out);
}

int vfs_open_exec(struct task *t, const struct path *p, struct file **out)
{
	struct inode *i = p->dentry->inode;
	if (!S_ISREG(i->mode) || (p->mnt->flags & MNT_NOEXEC))
		return S_ISLNK(i->mode) ? -ELOOP : -EACCES;
	int err = inode_permission(i, t->cred, MAY_EXEC);
	if (err)
		return err;
	if (i->writers > 0)
		return -ETXTBSY;
	AUTO(file_put) struct file *f = NULL;
	i->writers--;                     /* nobody may start to write while this sleeps */
	err = open_by_type(t, p, O_RDONLY, &f);
	i->writers++;
	if (err)
		return err;
	f->inode->writers--;
	f->mode |= FMODE_DENY_WRITE | FMODE_EXEC;
	*out = TAKE(f);
	return 0;
}

/* --- O_TMPFILE --- */

static int open_tmpfile(struct task *t, int dirfd, const char *name, int flags, mode_t mode, unsigned lookup_flags,
			struct file **out)
{
	AUTO_PATH dir = { 0 };
	int err = path_lookup(t, dirfd, name, lookup_flags | LOOKUP_DIRECTORY, &dir);
	if (err)
		return err;
	struct inode *d = dir.dentry->inode;
	err = path_want_write(&dir);
	if (!err)
		err = inode_permission(d, t->cred, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (!d->ops->tmpfile)
		return -EOPNOTSUPP;
	AUTO(inode_put) struct inode *i = NULL;
	err = d->ops->tmpfile(d, entry_mode(t, d, S_IFREG | mode), t->cred, &i);
	if (err)
		return err;
	struct path p = { .mnt = dir.mnt, .dentry = dcache_tmpfile(dir.dentry, i, !(flags & O_EXCL)) };
	err = open_checked(t, &p, flags & ~(O_TMPFILE | O_EXCL | O_CREAT | O_TRUNC), out);
	dentry_put(p.dentry);
	return err;
}

/* --- O_CREAT --- */

/* The last component is a name: finds it, or makes it (*out_made). dir's lock is held. *out: a reference. */
static int find_or_create(struct task *t, struct walk *w, int flags, mode_t mode, struct dentry **out, bool *out_made)
{
	struct dentry *d;
	struct inode *dir = w->cur.dentry->inode;
	if (w->cur.dentry->unhashed)
		return -ENOENT;
	int err = dcache_lookup(w->cur.dentry, w->last, w->last_len, true, &d);
	if (err)
		return err;
	if (!d->inode) {
		AUTO(inode_put) struct inode *i = NULL;
		err = path_want_write(&w->cur);
		if (!err)
			err = dir_may_create(&w->cur, t->cred);
		if (!err && !dir->ops->create)
			err = -EACCES;
		if (!err)
			err = dir->ops->create(dir, d->name, entry_mode(t, dir, S_IFREG | mode), t->cred, &i);
		if (err) {
			dcache_forget(d);
			dentry_put(d);
			/* Somebody below us was faster (a shared mount). */
			return err == -EEXIST && !(flags & O_EXCL) ? -EAGAIN : err;
		}
		dcache_instantiate(d, i);
		notify_dir(dir, d->name, IN_CREATE, 0);
		*out_made = true;
	}
	*out = d;
	return 0;
}

/* One turn of O_CREAT: WALK_AGAIN after a symlink. */
static int open_last(struct task *t, struct walk *w, int flags, mode_t mode, struct file **out)
{
	if (w->type != LAST_NORM) {
		int err = walk_last(w);
		return err ? err : flags & O_EXCL ? -EEXIST : -EISDIR;
	}
	if (w->slash)
		return -EISDIR;

	struct dentry *d = NULL;
	bool made = false;
	int err;
	struct inode *dir = w->cur.dentry->inode;
	do {
		sleep_lock_acquire(&dir->lock);
		err = find_or_create(t, w, flags, mode, &d, &made);
		sleep_lock_release(&dir->lock);
	} while (err == -EAGAIN && !task_interrupted(t));
	if (err)
		return err == -EAGAIN ? -ERESTARTNOINTR : err;

	struct path p = { .mnt = w->cur.mnt, .dentry = d };
	if (made)
		err = may_open(t, &p, flags & ~O_TRUNC, 0);
	else if (flags & O_EXCL)
		err = -EEXIST;
	else if (mount_top(&p) && (w->flags & LOOKUP_NO_XDEV))
		err = -EXDEV;
	if (!err && S_ISLNK(p.dentry->inode->mode)) {
		err = -ELOOP;
		if (!(flags & O_NOFOLLOW))
			err = walk_follow(w, p.dentry);
		if (err) {                /* WALK_AGAIN among others */
			dentry_put(d);
			return err;
		}
		p = w->cur;               /* a magic link took us there */
	}
	if (!err && S_ISDIR(p.dentry->inode->mode))
		err = -EISDIR;
	if (!err) {
		path_get(&p);
		err = made ? open_checked(t, &p, flags & ~O_TRUNC, out) : open_found(t, &p, flags, out);
		if (!err && made)
			(*out)->mode |= FMODE_CREATED;
		path_put(&p);
	}
	dentry_put(d);
	return err;
}

static int open_create(struct task *t, int dirfd, const char *name, int flags, mode_t mode, unsigned lookup_flags,
		       struct file **out)
{
	struct walk w;
	int err = walk_begin(&w, t, dirfd, name, lookup_flags);
	if (err)
		return err;
	do {
		err = walk_parent(&w);
		if (!err)
			err = open_last(t, &w, flags, mode, out);
	} while (err == WALK_AGAIN);
	walk_end(&w);
	return err;
}

/* --- open(2) --- */

int vfs_open(struct task *t, int dirfd, const char *name, int flags, mode_t mode, unsigned lookup_flags, struct file **out)
{
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (flags & (O_TMPFILE & ~O_DIRECTORY)) {
		if ((flags & O_TMPFILE) != O_TMPFILE || (flags & O_CREAT) || (flags & O_ACCMODE) == O_RDONLY)
			return -EINVAL;
	}
	if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		lookup_flags |= LOOKUP_FOLLOW;

	if (flags & (O_TMPFILE & ~O_DIRECTORY))
		return open_tmpfile(t, dirfd, name, flags, mode, lookup_flags, out);
	if (flags & O_CREAT)
		return open_create(t, dirfd, name, flags, mode, lookup_flags, out);

	if (flags & O_DIRECTORY)
		lookup_flags |= LOOKUP_DIRECTORY;
	else if (!(flags & O_PATH) && (flags & O_ACCMODE) == O_RDONLY)
		lookup_flags |= LOOKUP_OPEN;
	AUTO_PATH p = { 0 };
	int err = path_lookup(t, dirfd, name, lookup_flags, &p);
	return err ? err : open_found(t, &p, flags, out);
}
