/* rename.c - rename(2), renameat2(2).
 *
 * HOW      Both parents are locked, an ancestor before what is below it, else by address; one lock for all renames
 *          across directories keeps the tree's shape still meanwhile.
 * LINUX    fs/namei.c (do_renameat2, vfs_rename, lock_rename). */
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/inotify.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/entry.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permission.h"

struct rename {
	struct task *t;
	struct walk from, to;             /* cur: the directories; last: the names */
	struct dentry *source, *target;   /* references; target may be negative */
	unsigned flags;
};

static struct sleep_lock *across_lock(void)
{
	static struct sleep_lock lock;
	static bool ready;
	if (!ready)
		sleep_lock_init(&lock);
	ready = true;
	return &lock;
}

static void lock_both(struct dentry *a, struct dentry *b)
{
	if (a->inode == b->inode) {
		sleep_lock_acquire(&a->inode->lock);
		return;
	}
	sleep_lock_acquire(across_lock());
	bool b_first = dentry_is_below(a, b) || (!dentry_is_below(b, a) && b < a);
	sleep_lock_acquire(b_first ? &b->inode->lock : &a->inode->lock);
	sleep_lock_acquire(b_first ? &a->inode->lock : &b->inode->lock);
}

static void unlock_both(struct dentry *a, struct dentry *b)
{
	sleep_lock_release(&a->inode->lock);
	if (a->inode == b->inode)
		return;
	sleep_lock_release(&b->inode->lock);
	sleep_lock_release(across_lock());
}

static int look_up_both(struct rename *r)
{
	struct dentry *from = r->from.cur.dentry, *to = r->to.cur.dentry;
	if (from->unhashed || to->unhashed)
		return -ENOENT;
	int err = dcache_lookup(from, r->from.last, r->from.last_len, true, &r->source);
	if (!err && !r->source->inode)
		err = -ENOENT;
	if (!err)
		err = dcache_lookup(to, r->to.last, r->to.last_len, true, &r->target);
	if (err)
		return err;
	if (r->target->inode && (r->flags & RENAME_NOREPLACE))
		return -EEXIST;
	bool exchange = r->flags & RENAME_EXCHANGE;
	if (exchange && !r->target->inode)
		return -ENOENT;
	if (exchange && !S_ISDIR(r->target->inode->mode) && r->to.slash)
		return -ENOTDIR;
	if (!S_ISDIR(r->source->inode->mode) && (r->from.slash || (!exchange && r->to.slash)))
		return -ENOTDIR;
	if (dentry_is_below(to, r->source))
		return -EINVAL;
	if (dentry_is_below(from, r->target))
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_permission(struct rename *r)
{
	const struct cred *c = r->t->cred;
	struct inode *source = r->source->inode, *target = r->target->inode;
	struct inode *from = r->from.cur.dentry->inode, *to = r->to.cur.dentry->inode;
	bool is_dir = S_ISDIR(source->mode), exchange = r->flags & RENAME_EXCHANGE;
	int err = dir_may_delete(&r->from.cur, r->source, c, is_dir);
	if (!err && !target)
		err = dir_may_create(&r->to.cur, c);
	else if (!err)
		err = dir_may_delete(&r->to.cur, r->target, c, exchange ? S_ISDIR(target->mode) : is_dir);
	if (!err && from != to && is_dir)         /* its ".." changes */
		err = inode_permission(source, c, MAY_WRITE);
	if (!err && from != to && exchange && S_ISDIR(target->mode))
		err = inode_permission(target, c, MAY_WRITE);
	if (err)
		return err;
	if (!from->ops->rename)
		return -EPERM;
	return r->source->mounted || r->target->mounted ? -EBUSY : 0;
}

static void tell_renamed(struct rename *r, struct inode *replaced)
{
	struct inode *i = r->source->inode;
	uint32_t dir = S_ISDIR(i->mode) ? IN_ISDIR : 0, cookie = notify_cookie();
	notify_dir(r->from.cur.dentry->inode, r->from.last, IN_MOVED_FROM | dir, cookie);
	notify_dir(r->to.cur.dentry->inode, r->to.last, IN_MOVED_TO | dir, cookie);
	notify_inode(i, IN_MOVE_SELF | dir);
	if (replaced && (r->flags & RENAME_EXCHANGE)) {
		dir = S_ISDIR(replaced->mode) ? IN_ISDIR : 0;
		cookie = notify_cookie();
		notify_dir(r->to.cur.dentry->inode, r->to.last, IN_MOVED_FROM | dir, cookie);
		notify_dir(r->from.cur.dentry->inode, r->from.last, IN_MOVED_TO | dir, cookie);
		notify_inode(replaced, IN_MOVE_SELF | dir);
	} else if (replaced) {
		notify_inode(replaced, IN_ATTRIB);
	}
}

static int rename_locked(struct rename *r)
{
	int err = look_up_both(r);
	if (err)
		return err;
	if (r->source->inode == r->target->inode)
		return 0;                 /* two links to one file: POSIX wants nothing to happen */
	err = check_permission(r);
	if (err)
		return err;
	struct inode *target = r->target->inode;
	bool lock_target = target && S_ISDIR(target->mode) && !(r->flags & RENAME_EXCHANGE);
	if (lock_target)
		sleep_lock_acquire(&target->lock);        /* nobody may fill it meanwhile */
	struct inode *from = r->from.cur.dentry->inode, *to = r->to.cur.dentry->inode;
	err = from->ops->rename(from, r->from.last, r->source->inode, to, r->to.last, target, r->flags);
	if (!err && lock_target)
		r->target->unhashed = true;
	if (lock_target)
		sleep_lock_release(&target->lock);
	if (err)
		return err;
	if (r->flags & RENAME_EXCHANGE) {
		dcache_exchange(r->source, r->target);
	} else {
		dcache_delete(r->target);
		dcache_move(r->source, r->to.cur.dentry, r->to.last);
	}
	tell_renamed(r, target);
	return 0;
}

static int rename_walked(struct rename *r)
{
	if (r->from.cur.mnt != r->to.cur.mnt)
		return -EXDEV;
	if (r->from.type != LAST_NORM)
		return -EBUSY;
	if (r->to.type != LAST_NORM)
		return r->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	int err = path_want_write(&r->from.cur);
	if (err)
		return err;
	lock_both(r->from.cur.dentry, r->to.cur.dentry);
	err = rename_locked(r);
	unlock_both(r->from.cur.dentry, r->to.cur.dentry);
	if (r->source)
		dentry_put(r->source);
	if (r->target)
		dentry_put(r->target);
	return err;
}

int vfs_rename(struct task *t, int old_dirfd, const char *old_name, int new_dirfd, const char *new_name, unsigned flags)
{
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	if ((flags & RENAME_WHITEOUT) && !cred_has_cap(t->cred, CAP_MKNOD))
		return -EPERM;
	struct rename *r = NEW(struct rename);
	r->t = t;
	r->flags = flags;
	int err = walk_begin(&r->from, t, old_dirfd, old_name, 0);
	if (!err) {
		err = walk_parent(&r->from);
		if (!err)
			err = walk_begin(&r->to, t, new_dirfd, new_name, 0);
		if (!err) {
			err = walk_parent(&r->to);
			if (!err)
				err = rename_walked(r);
			walk_end(&r->to);
		}
		walk_end(&r->from);
	}
	free(r);
	return err;
}
