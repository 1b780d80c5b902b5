/* sys_access.c - access(2), faccessat(2), faccessat2(2).
 *
 * LINUX    fs/open.c (do_faccessat). The whole lookup is done as the real user, for what is asked is whether a
 *          set-user-ID program's caller could have done it. */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <fcntl.h>
#include <unistd.h>

#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/at.h"
#include "sentry/syscalls/table.h"

/* The credentials that count, or NULL: the task's own. *: a reference. */
static struct cred *real_cred(const struct cred *c)
{
	uint64_t caps = c->cap_effective;
	if (!(c->securebits & SECBIT_NO_SETUID_FIXUP))
		caps = c->uid == cred_root(c) ? c->cap_permitted : 0;
	if (c->uid == c->fsuid && c->gid == c->fsgid && caps == c->cap_effective)
		return NULL;
	struct cred *real = cred_copy(c);
	real->fsuid = c->uid;
	real->fsgid = c->gid;
	real->cap_effective = caps;
	return real;
}

static long check_access(struct task *t, int dirfd, uptr_t pathname, int mode, int flags)
{
	AUTO_PATH p = { 0 };
	int err = at_lookup(t, dirfd, pathname, flags, &p);
	if (err)
		return err;
	struct inode *i = p.dentry->inode;
	if ((mode & X_OK) && S_ISREG(i->mode) && (p.mnt->flags & MNT_NOEXEC))
		return -EACCES;
	err = mode == F_OK ? 0 : inode_permission(i, t->cred, mode);
	if (!err && (mode & W_OK) && (p.mnt->flags & MNT_RDONLY) && (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		err = -EROFS;
	return err;
}

long sys_faccessat2(struct task *t, int dirfd, uptr_t pathname, int mode, int flags)
{
	if ((mode & ~(R_OK | W_OK | X_OK)) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	/* R_OK, W_OK and X_OK are MAY_READ, MAY_WRITE and MAY_EXEC. */
	struct cred *real = flags & AT_EACCESS ? NULL : real_cred(t->cred), *own = t->cred;
	if (real)
		t->cred = real;
	long err = check_access(t, dirfd, pathname, mode, flags);
	if (real) {
		t->cred = own;
		cred_put(real);
	}
	return err;
}

long sys_faccessat(struct task *t, int dirfd, uptr_t pathname, int mode)
{
	return sys_faccessat2(t, dirfd, pathname, mode, 0);
}

long sys_access(struct task *t, uptr_t pathname, int mode)
{
	return sys_faccessat2(t, AT_FDCWD, pathname, mode, 0);
}
