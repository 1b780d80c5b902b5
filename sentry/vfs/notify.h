/* notify.h - tells watchers what happens to inodes (inotify(7)).
 *
 * vfs/ and the path system calls report; fs/inotify hangs watches on inodes and queues what they hear. An inode
 * with no watches costs one test of a pointer. */
#pragma once

#include <sys/inotify.h>
#include <sys/queue.h>

#include "sentry/vfs/path.h"

struct file;

struct notify_watch {
	TAILQ_ENTRY(notify_watch) link;
	struct inode *inode;              /* a reference, from notify_watch_add to notify_watch_del */
	/* mask: one IN_* event, with IN_ISDIR if it is about a directory; name: what in this directory, or NULL: the inode
	 * itself. Must not sleep. May delete its own watch, no other. */
	void (*event)(struct notify_watch *w, uint32_t mask, uint32_t cookie, const char *name);
};
void notify_watch_add(struct notify_watch *w, struct inode *i);
void notify_watch_del(struct notify_watch *w);          /* may sleep: the inode's last reference */

/* To the inode's own watches. name NULL: about the inode itself. */
void notify_inode(struct inode *i, uint32_t mask, uint32_t cookie, const char *name);
/* To the watches of the object and, with its name, of the directory it is in. IN_ISDIR is added. */
void notify_dentry(struct dentry *d, uint32_t mask);
void notify_file(struct file *f, uint32_t mask);        /* nothing for anonymous files */
/* An entry of dir came, went or was renamed: IN_CREATE, IN_DELETE, IN_MOVED_FROM, IN_MOVED_TO. */
void notify_dirent(struct inode *dir, const char *name, struct inode *about, uint32_t mask, uint32_t cookie);
/* The last name is gone: IN_DELETE_SELF. */
void notify_gone(struct inode *i);
void notify_rename(struct inode *old_dir, const char *old_name, struct inode *new_dir, const char *new_name, struct inode *about);
uint32_t notify_cookie(void);
