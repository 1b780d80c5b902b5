/* inode.h - a file system object and what a file system implements.
 *
 * The generic part keeps the attributes; a file system whose truth is elsewhere (gofer) refreshes them in getattr.
 * Inode ops check nothing that vfs/ can check: permissions, read-only mounts, name lengths, "." and "..",
 * existence (the dentry was looked up, and the parent's lock is held), sticky bits, EXDEV. Times are for the file system
 * to update. Every op may sleep. */
#pragma once

#include <sys/queue.h>
#include <sys/statfs.h>
#include <sys/stat.h>

#include "platform/base/wait.h"

struct dentry;
struct file;
struct inode;
struct mount;
struct path;
struct task;
struct cred;

struct iattr {                            /* setattr: which, and to what */
	unsigned valid;                   /* ATTR_* */
	mode_t mode;                      /* permission bits only */
	uint32_t uid, gid;
	off_t size;
	struct timespec atime, mtime;
};
enum { ATTR_MODE = 1, ATTR_UID = 2, ATTR_GID = 4, ATTR_SIZE = 8, ATTR_ATIME = 16, ATTR_MTIME = 32, ATTR_CTIME = 64 };

struct inode_ops {
	/* Directories. lookup: -ENOENT is remembered as a negative dentry if sb->cache_negative. out: a reference. */
	int (*lookup)(struct inode *dir, const char *name, struct inode **out);
	/* A hint before a lookup: the whole rest of the path, so that what lies far may be fetched at once; open: its end will be
	 * opened for reading. Without dir's lock. A file system on top of others passes it down. Empty: nothing. */
	void (*walk_ahead)(struct inode *dir, const char *rest, bool open);
	int (*create)(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out);   /* regular file */
	int (*mkdir)(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out);
	int (*mknod)(struct inode *dir, const char *name, mode_t mode, dev_t dev, const struct cred *cred, struct inode **out);
	int (*symlink)(struct inode *dir, const char *name, const char *target, const struct cred *cred, struct inode **out);
	int (*link)(struct inode *dir, const char *name, struct inode *target);
	int (*unlink)(struct inode *dir, const char *name, struct inode *target);
	int (*rmdir)(struct inode *dir, const char *name, struct inode *target);
	/* target: what new_name is now, or NULL. flags: RENAME_NOREPLACE (already checked), RENAME_EXCHANGE, RENAME_WHITEOUT. */
	int (*rename)(struct inode *old_dir, const char *old_name, struct inode *source,
		      struct inode *new_dir, const char *new_name, struct inode *target, unsigned flags);
	int (*tmpfile)(struct inode *dir, mode_t mode, const struct cred *cred, struct inode **out);    /* O_TMPFILE */

	/* readlink: the target into buf (not terminated), its length. Magic links (/proc/PID/exe, fd/N) also fill follow(),
	 * which jumps: *out gets references. task is who follows. */
	ssize_t (*readlink)(struct inode *i, struct task *t, char *buf, size_t bytes);
	int (*follow)(struct inode *i, struct task *t, struct path *out);

	/* Opens a file (vfs has checked permission; O_CREAT/O_EXCL/O_TRUNC are done). Devices, FIFOs and sockets never
	 * get here: vfs opens them by i->mode and i->rdev. */
	int (*open)(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out);
	/* The same for inodes that are opened their own way whatever their type is (host descriptors). Empty: by type. */
	int (*reopen)(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out);

	int (*getattr)(struct inode *i);                                        /* refresh the fields below; empty: they are true */
	int (*setattr)(struct inode *i, const struct iattr *attr);              /* empty: EPERM. i->lock is held */
	/* Empty: vfs's check of mode, uid, gid. mask: MAY_READ 4, MAY_WRITE 2, MAY_EXEC 1. */
	int (*permission)(struct inode *i, const struct cred *cred, int mask);

	/* Extended attributes; empty: EOPNOTSUPP. A NULL buf asks for the length. */
	ssize_t (*getxattr)(struct inode *i, const char *name, void *buf, size_t bytes);
	int (*setxattr)(struct inode *i, const char *name, const void *value, size_t bytes, int flags);
	ssize_t (*listxattr)(struct inode *i, char *buf, size_t bytes);
	int (*removexattr)(struct inode *i, const char *name);

	void (*release)(struct inode *i);                                       /* the last reference is gone: free it */
};

struct inode {
	const struct inode_ops *ops;
	struct superblock *sb;
	int refs;
	uint64_t ino;
	mode_t mode;                      /* type and permissions */
	uint32_t uid, gid;
	uint32_t nlink;
	dev_t rdev;
	off_t size;
	uint64_t blocks;                  /* of 512 bytes */
	uint32_t blksize;
	struct timespec atime, mtime, ctime, btime;
	struct sleep_lock lock;           /* directories: held over lookup-and-change; files: over write and truncate */
	int writers;                      /* open for writing; -1 and below: executing (ETXTBSY) */
	struct pipe *pipe;                /* FIFOs: vfs/fs/pipe keeps the pipe here while it is open */
	struct unix_sock *sock;           /* bound AF_UNIX socket */
	int readers;                      /* regular files open for reading only: who wants a lease asks */
	struct lease_list *leases;        /* vfs/lease.c; NULL: never had one */
	struct flock_list *flocks;        /* record locks and flock(2); vfs/locks.c */
	struct notify_list *watches;      /* inotify; vfs/notify.c */
};

struct superblock_ops {
	int (*statfs)(struct superblock *sb, struct statfs *out);               /* may sleep */
	void (*release)(struct superblock *sb);                                 /* frees it; no inode is left */
	int (*show_options)(struct superblock *sb, char *buf, size_t bytes);    /* for /proc/mounts: ",size=…"; may be empty */
	int (*syncfs)(struct superblock *sb);                                   /* may be empty; may sleep */
	/* Revalidate a cached dentry's inode (shared mounts): true: still good. Empty: always good. May sleep. */
	bool (*revalidate)(struct dentry *d);
	/* The same of n dentries at once, each the next one's parent: good[] are its answers. Empty: there's no gain. May sleep. */
	void (*revalidate_all)(struct dentry *const d[], bool good[], unsigned n);
	int (*remount)(struct superblock *sb, const char *options);
};

struct superblock {
	const struct superblock_ops *ops;
	const char *type;                 /* "tmpfs", "proc" … */
	int refs;                         /* holders: mounts, whoever made it; not its own inodes */
	int ninodes;                      /* inodes alive: release waits for them */
	dev_t dev;                        /* st_dev; superblock_init() gives a fresh one */
	uint64_t magic;                   /* f_type */
	bool read_only;
	bool cache_negative;              /* names that aren't there stay away unless made through us */
	bool no_dcache;                   /* every lookup goes to the file system (proc's PIDs) */
	struct inode *root;               /* a reference; dropped with the last holder */
	struct dentry *root_dentry;       /* vfs/dcache.c's; weak */
};

void superblock_init(struct superblock *sb, const struct superblock_ops *ops, const char *type, uint64_t magic);
struct superblock *superblock_get(struct superblock *sb);
void superblock_put(struct superblock *sb);   /* may sleep */
DEFINE_AUTO(superblock_put, struct superblock *)

/* refs 1, times now; keeps sb alive. */
void inode_init(struct inode *i, struct superblock *sb, const struct inode_ops *ops, uint64_t ino, mode_t mode);
void inode_fini(struct inode *i);         /* a file system's release calls it, then frees its object */
struct inode *inode_get(struct inode *i);
void inode_put(struct inode *i);          /* may sleep */
DEFINE_AUTO(inode_put, struct inode *)

/* An inode of the internal file system, as pipes and sockets have: their two ends share one. owner NULL: root. */
struct inode *inode_new_anon(mode_t mode, const struct cred *owner);

struct superblock *anon_superblock(void);                               /* the internal file system itself; borrowed */
/* What a setattr in memory does: takes over every valid field, and now as ctime (and as mtime with a size). */
void inode_apply_attr(struct inode *i, const struct iattr *attr);

struct timespec inode_now(void);          /* CLOCK_REALTIME, for the times above */
uint64_t inode_next_ino(void);            /* for file systems without numbers of their own */
int inode_permission(struct inode *i, const struct cred *cred, int mask);
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };
