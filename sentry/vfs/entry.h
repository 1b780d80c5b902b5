/* entry.h - making, removing and renaming directory entries, for the system calls and whoever else makes names.
 *
 * All sleep. name is resolved from dirfd like path_lookup()'s. */
#pragma once

#include "sentry/vfs/path.h"

int vfs_mkdir(struct task *t, int dirfd, const char *name, mode_t mode) MUST_CHECK;
/* mode: type and permissions, before the umask. out, if not NULL: the new inode, a reference (bind(2) of AF_UNIX). */
int vfs_mknod(struct task *t, int dirfd, const char *name, mode_t mode, dev_t dev, struct inode **out) MUST_CHECK;
int vfs_symlink(struct task *t, const char *target, int dirfd, const char *name) MUST_CHECK;
/* flags: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH. */
int vfs_link(struct task *t, int old_dirfd, const char *old_name, int dirfd, const char *name, int flags) MUST_CHECK;
int vfs_unlink(struct task *t, int dirfd, const char *name) MUST_CHECK;
/* name is an entry's, not a path. */
int vfs_unlink_in(struct task *t, const struct path *dir, const char *name) MUST_CHECK;
int vfs_rmdir(struct task *t, int dirfd, const char *name) MUST_CHECK;
/* flags: RENAME_*, checked here. */
int vfs_rename(struct task *t, int old_dirfd, const char *old_name, int new_dirfd, const char *new_name, unsigned flags) MUST_CHECK;

/* The mode of something new in dir: umask, and what S_ISGID of the directory does to it. */
mode_t entry_mode(struct task *t, const struct inode *dir, mode_t mode);
