/* permission.c - who may do what to an inode (path_resolution(7), capabilities(7)).
 *
 * HOW      Generic checks of mode bits, owner and groups; a file system with its own idea fills inode_ops.permission.
 * LINUX    fs/namei.c (generic_permission, may_delete), fs/attr.c (setattr_prepare).
 * MISSING  POSIX ACLs; id-mapped mounts. */
#include "sentry/vfs/permission.h"

#include <linux/capability.h>
#include <sys/inotify.h>

#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/vfs/notify.h"

bool cred_has_inode_cap(const struct cred *c, const struct inode *i, int cap)
{
	return cred_has_own_cap(c, cap) && (!c->user_ns || (id_number(c->user_ns, ID_UID, i->uid) != ID_NONE &&
							    id_number(c->user_ns, ID_GID, i->gid) != ID_NONE));
}

bool inode_owner_or_capable(const struct inode *i, const struct cred *c)
{
	return c->fsuid == i->uid || cred_has_inode_cap(c, i, CAP_FOWNER);
}

int generic_permission(struct inode *i, const struct cred *c, int mask)
{
	mode_t bits = i->mode;
	if (c->fsuid == i->uid)
		bits >>= 6;
	else if (cred_in_group(c, i->gid))
		bits >>= 3;
	if ((mask & ~bits & 7) == 0)
		return 0;

	if (S_ISDIR(i->mode)) {
		if (!(mask & MAY_WRITE) && cred_has_inode_cap(c, i, CAP_DAC_READ_SEARCH))
			return 0;
		return cred_has_inode_cap(c, i, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (mask == MAY_READ && cred_has_inode_cap(c, i, CAP_DAC_READ_SEARCH))
		return 0;
	/* Even root may execute only what somebody may. */
	if ((!(mask & MAY_EXEC) || (i->mode & 0111)) && cred_has_inode_cap(c, i, CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *i, const struct cred *cred, int mask)
{
	if ((mask & MAY_WRITE) && i->sb && i->sb->read_only && (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		return -EROFS;
	if (i->ops->permission)
		return i->ops->permission(i, cred, mask);
	return generic_permission(i, cred, mask);
}

int path_want_write(const struct path *p)
{
	if (!p->mnt)
		return 0;
	return (p->mnt->flags & MNT_RDONLY) || p->mnt->sb->read_only ? -EROFS : 0;
}

int dir_may_create(const struct path *dir, const struct cred *c)
{
	struct inode *i = dir->dentry->inode;
	if (dir->dentry->unhashed || i->nlink == 0)
		return -ENOENT;
	return inode_permission(i, c, MAY_WRITE | MAY_EXEC);
}

int dir_may_delete(const struct path *dir, struct dentry *victim, const struct cred *c, bool is_dir)
{
	struct inode *i = dir->dentry->inode, *v = victim->inode;
	int err = inode_permission(i, c, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if ((i->mode & S_ISVTX) && c->fsuid != v->uid && c->fsuid != i->uid && !cred_has_inode_cap(c, i, CAP_FOWNER))
		return -EPERM;
	if (is_dir && !S_ISDIR(v->mode))
		return -ENOTDIR;
	if (is_dir && victim->parent == victim)
		return -EBUSY;
	if (!is_dir && S_ISDIR(v->mode))
		return -EISDIR;
	return dir->dentry->unhashed ? -ENOENT : 0;
}

/* --- changing attributes --- */

static int may_change_owner(const struct inode *i, const struct cred *c, const struct iattr *a)
{
	bool chown_cap = cred_has_inode_cap(c, i, CAP_CHOWN);
	if ((a->valid & ATTR_UID) && !chown_cap && (c->fsuid != i->uid || a->uid != i->uid))
		return -EPERM;
	if ((a->valid & ATTR_GID) && !chown_cap &&
	    (c->fsuid != i->uid || (a->gid != i->gid && !cred_in_group(c, a->gid))))
		return -EPERM;
	return 0;
}

/* The set-id bits that a change of owner or content takes away. Group execute off: S_ISGID means mandatory locking. */
static mode_t mode_without_privs(mode_t mode)
{
	mode &= ~(mode_t)S_ISUID;
	return mode & S_IXGRP ? mode & ~(mode_t)S_ISGID : mode;
}

static int check_and_adjust(struct task *t, struct inode *i, struct iattr *a)
{
	const struct cred *c = t->cred;
	int err = may_change_owner(i, c, a);
	if (err)
		return err;
	if ((a->valid & (ATTR_UID | ATTR_GID)) && !S_ISDIR(i->mode) && !(a->valid & ATTR_MODE)) {
		mode_t mode = mode_without_privs(i->mode);
		if (mode != i->mode) {
			a->valid |= ATTR_MODE;
			a->mode = mode & 07777;
		}
		return 0;
	}
	if (a->valid & ATTR_MODE) {
		if (!inode_owner_or_capable(i, c))
			return -EPERM;
		if (!cred_in_group(c, i->gid) && !cred_has_inode_cap(c, i, CAP_FSETID))
			a->mode &= ~(mode_t)S_ISGID;
	}
	return 0;
}

int inode_change_raw(struct task *t, struct inode *i, struct iattr *attr)
{
	if (!i->ops->setattr)
		return -EPERM;
	sleep_lock_acquire(&i->lock);
	int err = i->ops->getattr ? i->ops->getattr(i) : 0;
	if (!err)
		err = check_and_adjust(t, i, attr);
	if (!err && attr->valid)
		err = i->ops->setattr(i, attr);
	sleep_lock_release(&i->lock);
	return err;
}

int inode_change(struct task *t, const struct path *p, struct iattr *attr)
{
	int err = path_want_write(p);
	if (!err)
		err = inode_change_raw(t, p->dentry->inode, attr);
	if (!err)
		notify_dentry(p->dentry, IN_ATTRIB);
	return err;
}

int inode_drop_privs(struct inode *i, const struct cred *c)
{
	mode_t mode = mode_without_privs(i->mode);
	if (mode == i->mode || !S_ISREG(i->mode) || cred_has_inode_cap(c, i, CAP_FSETID) || !i->ops->setattr)
		return 0;
	return i->ops->setattr(i, &(struct iattr){ .valid = ATTR_MODE, .mode = mode & 07777 });
}

int inode_truncate(struct task *t, struct inode *i, off_t size)
{
	if ((uint64_t)size > t->tg->rlimits[RLIMIT_FSIZE].rlim_cur && size > i->size) {
		signal_send_task(t, SIGXFSZ, NULL);
		return -EFBIG;
	}
	if (!i->ops->setattr)
		return -EPERM;
	sleep_lock_acquire(&i->lock);
	int err = inode_drop_privs(i, t->cred);
	if (!err)
		err = i->ops->setattr(i, &(struct iattr){ .valid = ATTR_SIZE, .size = size });
	sleep_lock_release(&i->lock);
	return err;
}
