/* notify.h - who changes a file tells those who watch it (inotify(7)).
 *
 * Masks are inotify's IN_* bits; IN_ISDIR is added by the caller for a directory as the object. Cheap where nobody watches.
 * None of these sleeps. Implemented in sentry/fs/inotify/. */
#pragma once

#include "platform/base/base.h"

struct dentry;
struct fdtable;
struct file;
struct inode;
struct task;

/* Something happened to the inode itself: IN_ATTRIB, IN_MODIFY, IN_DELETE_SELF, IN_MOVE_SELF, IN_UNMOUNT … */
void notify_inode(struct inode *i, uint32_t mask);

/* Something happened to the entry `name` of dir: IN_CREATE, IN_DELETE, IN_MOVED_FROM/TO (with a cookie that is not 0) … */
void notify_dir(struct inode *dir, const char *name, uint32_t mask, uint32_t cookie);

/* What happens to a file by its name, told to itself and to its parent: IN_OPEN, IN_ACCESS, IN_MODIFY, IN_CLOSE_*, IN_ATTRIB.
 * Adds IN_ISDIR by itself. d may be NULL (anonymous files). */
void notify_dentry(struct dentry *d, uint32_t mask);

/* A rename's cookie. */
uint32_t notify_cookie(void);

/* The last link and the last open are gone: inode_put() calls it when only i->watches has a reference left. */
void notify_inode_gone(struct inode *i);

/* F_NOTIFY (fcntl(2)). mask: DN_*; no event in it: no longer. -ENOTDIR. Ends with a close(2) of any descriptor of f in the
 * table that asked (owner), or with f itself (owner NULL); released may sleep. */
int dnotify_set(struct task *t, struct file *f, int fd, unsigned mask) MUST_CHECK;
void dnotify_released(struct file *f, const struct fdtable *owner);
