/* gofer_inode.h - the file system's own objects; for the files of this folder. */
#pragma once

#include <sys/queue.h>
#include <uthash.h>

#include "sentry/fs/gofer/rpc.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"

#define GOFER_DEVICES 64                  /* host devices told apart in one export */

struct gofer_key { uint64_t dev, ino; };

struct gofer_sb {
	struct superblock sb;
	int export;
	bool shared, read_only;
	uint64_t root_node;
	struct gofer_inode *inodes;       /* hash by key; no references */
	uint64_t devices[GOFER_DEVICES];
	unsigned ndevices;
};

struct gofer_inode {
	struct inode inode;
	struct gofer_key key;             /* the host's */
	UT_hash_handle hh;
	uint64_t node;
	struct gofer_listing *listing;    /* of a directory, see dir.c; or NULL */
	uint64_t names_changed;           /* how often, through us */
	char *link;                       /* a symlink's target, or NULL: not known */
	int ro_fd, rw_fd;                 /* the host's file, or -1; rw_fd also for reading unless rw_is_wo */
	bool rw_is_wo;
	const struct co *told_to;         /* the attributes came last for it, during which of the guests' calls */
	uint64_t told_during;
	bool stale;                       /* the attributes may have changed by our own doing: ask before they are told */
	unsigned opens;                   /* open files on it */
	TAILQ_ENTRY(gofer_inode) idle;    /* while it has a descriptor and no open file */
	bool is_idle;
};

static inline struct gofer_inode *to_gofer_inode(struct inode *i) { return container_of(i, struct gofer_inode, inode); }
static inline struct gofer_sb *to_gofer_sb(struct superblock *sb) { return container_of(sb, struct gofer_sb, sb); }

/* --- inode.c --- */

/* The inode of an entry that the gofer has made a node for: an old acquaintance, or a new one. Takes over node and fd (-1:
 * none; for reading, or read-write if `writable`). -EIO: the gofer contradicts itself. *out: a reference. Never sleeps. */
int gofer_inode_get(struct gofer_sb *gsb, const struct gofer_entry *e, int fd, bool writable, struct inode **out) MUST_CHECK;
/* Takes attributes over; -EIO: of another type. */
int gofer_inode_update(struct gofer_inode *gi, const struct gofer_attr *a) MUST_CHECK;
/* A host inode number as the guest sees it: unique in the superblock though the export has several devices. */
uint64_t gofer_map_ino(struct gofer_sb *gsb, uint64_t dev, uint64_t ino);
int gofer_getattr(struct inode *i);

/* A host descriptor for reading, or for writing. Stays until release, or gofer_inode_idle(). -errno. Sleeps. */
int gofer_inode_fd(struct gofer_inode *gi, bool write) MUST_CHECK;
/* For reading data: whichever is there. Never sleeps; -1: none. */
int gofer_inode_readable_fd(const struct gofer_inode *gi);
void gofer_inode_opened(struct gofer_inode *gi);
void gofer_inode_closed(struct gofer_inode *gi);

/* --- names.c, xattr.c, ahead.c, file.c, dir.c: pieces of the ops table in inode.c --- */

int gofer_lookup(struct inode *dir, const char *name, struct inode **out);
int gofer_create(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out);
int gofer_mkdir(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out);
int gofer_mknod(struct inode *dir, const char *name, mode_t mode, dev_t dev, const struct cred *cred, struct inode **out);
int gofer_symlink(struct inode *dir, const char *name, const char *target, const struct cred *cred, struct inode **out);
int gofer_link(struct inode *dir, const char *name, struct inode *target);
int gofer_unlink(struct inode *dir, const char *name, struct inode *target);
int gofer_rmdir(struct inode *dir, const char *name, struct inode *target);
int gofer_rename(struct inode *old_dir, const char *old_name, struct inode *source, struct inode *new_dir,
		 const char *new_name, struct inode *target, unsigned flags);
int gofer_tmpfile(struct inode *dir, mode_t mode, const struct cred *cred, struct inode **out);
bool gofer_revalidate(struct dentry *d);
void gofer_revalidate_all(struct dentry *const d[], bool good[], unsigned n);

ssize_t gofer_getxattr(struct inode *i, const char *name, void *buf, size_t bytes);
int gofer_setxattr(struct inode *i, const char *name, const void *value, size_t bytes, int flags);
ssize_t gofer_listxattr(struct inode *i, char *buf, size_t bytes);
int gofer_removexattr(struct inode *i, const char *name);

int gofer_open_file(struct gofer_inode *gi, const struct path *path, int flags, struct file **out) MUST_CHECK;
int gofer_open_dir(struct gofer_inode *gi, const struct path *path, int flags, struct file **out) MUST_CHECK;
/* A name in the directory has changed, or may have. */
void gofer_listing_drop(struct gofer_inode *gi);
int gofer_fsync(struct file *f, bool datasync);
