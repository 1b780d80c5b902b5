/* locks.h - advisory locks on files: flock(2), fcntl(2) record locks, open file description locks. */
#pragma once

#include <fcntl.h>

#include "sentry/vfs/file.h"

struct task;

/* flock(2): operation is LOCK_SH, LOCK_EX or LOCK_UN, with LOCK_NB. -EWOULDBLOCK, -EINVAL, -ERESTARTSYS. Sleeps. */
int flock_set(struct task *t, struct file *f, int operation) MUST_CHECK;

enum posix_owner { OWNER_PROCESS, OWNER_FILE };         /* F_SETLK: the descriptor table; F_OFD_SETLK: the open file */
/* F_SETLK, F_SETLKW: *fl as the guest gave it. -EAGAIN, -EDEADLK, -EBADF, -EINVAL, -EOVERFLOW, -ERESTARTSYS. Sleeps. */
int posix_lock_set(struct task *t, struct file *f, const struct flock *fl, enum posix_owner owner, bool wait) MUST_CHECK;
/* F_GETLK: *fl becomes what stands in the way, or l_type F_UNLCK. */
int posix_lock_test(struct task *t, struct file *f, struct flock *fl, enum posix_owner owner) MUST_CHECK;

/* close(2) of any descriptor of the file drops the process's record locks on it: t->files is the owner. */
struct fdtable;
void locks_release_process(struct fdtable *owner, struct inode *i);
void locks_release_file(struct file *f);                /* the open file goes: its flock and OFD locks */
void locks_inode_free(struct inode *i);

/* /proc/locks and fdinfo: calls fn for each lock of the inode, or of all (NULL). start, end: bytes, end inclusive, INT64_MAX: to
 * the end. pid: -1 if an open file is the owner; else whose. file: it was asked for by that, to be compared only. */
struct lock_info { const char *kind; bool exclusive; int pid; off_t start, end; const struct file *file; const void *owner; };
typedef void lock_fn(const struct inode *i, const struct lock_info *l, void *arg);
void locks_each(const struct inode *i, lock_fn *fn, void *arg);
