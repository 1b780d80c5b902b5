/* permission.h - who may do what to an inode: the rules the path system calls share. */
#pragma once

#include "sentry/kernel/cred.h"
#include "sentry/vfs/path.h"

/* A capability over a file: held in a user namespace of the guest's own making, it counts for files whose ids are mapped there. */
bool cred_has_inode_cap(const struct cred *c, const struct inode *i, int cap);
bool inode_owner_or_capable(const struct inode *i, const struct cred *c);     /* owner, or CAP_FOWNER */

/* The check by mode, owner and group that inode_permission() makes for those without an op of their own. */
int generic_permission(struct inode *i, const struct cred *c, int mask) MUST_CHECK;

/* -EROFS when the mount or its file system is read-only. */
int path_want_write(const struct path *p) MUST_CHECK;

/* May `name` be made in dir: write and search permission, and dir not deleted (-ENOENT). */
int dir_may_create(const struct path *dir, const struct cred *c) MUST_CHECK;
/* May the entry be removed or renamed: also the sticky bit. is_dir: rmdir (-ENOTDIR, -EBUSY), else -EISDIR. */
int dir_may_delete(const struct path *dir, struct dentry *victim, const struct cred *c, bool is_dir) MUST_CHECK;

/* Sets attributes after the checks of chmod(2), chown(2), utimensat(2), truncate(2): ownership, EROFS, set-id bits
 * cleared. attr->mode is altered as Linux alters it. Takes i->lock. Sleeps. */
int inode_change(struct task *t, const struct path *p, struct iattr *attr) MUST_CHECK;
/* The same without a mount to check: for anonymous files. */
int inode_change_raw(struct task *t, struct inode *i, struct iattr *attr) MUST_CHECK;
/* A write or truncate takes the set-id bits away, unless CAP_FSETID. i->lock is held. Sleeps. */
int inode_drop_privs(struct inode *i, const struct cred *c) MUST_CHECK;
/* truncate(2) and O_TRUNC after the permission checks: RLIMIT_FSIZE, size, set-id bits. Takes i->lock. Sleeps. */
int inode_truncate(struct task *t, struct inode *i, off_t size) MUST_CHECK;
