/* tmpfs_impl.h - tmpfs's own: its superblock and inodes. Not for others. */
#pragma once

#include <bsd/sys/tree.h>
#include <uthash.h>

#include "sentry/fs/tmpfs/page_tree.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/kernel/cred.h"

#define TMPFS_INODE_BYTES 1024            /* what an inode, its name and its cached dentry cost the sentry, roughly */
#define TMPFS_DIRENT_SIZE 20              /* what an entry adds to a directory's st_size, as in Linux */

struct tmpfs_xattr;
struct tmpfs_file_inode;

struct tmpfs_sb {
	struct superblock sb;
	uint64_t max_pages, used_pages;   /* max 0: only the sandbox's budget */
	uint64_t max_inodes, used_inodes;
	uint64_t default_pages, default_inodes;
	uint64_t next_ino;
	mode_t mode;
	uint32_t uid, gid;
	TAILQ_HEAD(, tmpfs_file_inode) mapped;   /* files whose pages guests may make without us */
	TAILQ_HEAD(, tmpfs_dirent) reap;  /* entries of directories that ended with the file system */
	bool reaping;
};

struct tmpfs_inode {
	struct inode inode;
	LIST_HEAD(, tmpfs_xattr) xattrs;
};

struct tmpfs_dirent {
	UT_hash_handle hh;                /* by name */
	RB_ENTRY(tmpfs_dirent) link;      /* by cookie */
	TAILQ_ENTRY(tmpfs_dirent) reap;
	uint64_t cookie;                  /* the entry's position in getdents; never reused in its directory */
	struct inode *inode;              /* a reference */
	char name[];
};
RB_HEAD(tmpfs_dirents, tmpfs_dirent);

struct tmpfs_dir {
	struct tmpfs_inode ti;
	struct tmpfs_dirent *by_name;
	struct tmpfs_dirents by_cookie;
	uint64_t next_cookie;
};

/* A regular file: pages in the sentry, or, once it is large or has been mapped, a host memfd of the same size. */
struct tmpfs_file_inode {
	struct tmpfs_inode ti;
	struct page_tree tree;
	int memfd;                        /* -1: pages are in the tree */
	bool mapped;                      /* the memfd has been handed out: it stays, and its pages may grow */
	char *view;                       /* our own mapping of the memfd, or NULL; view_pages long, which may be more than the file */
	uint64_t *present, view_pages;    /* a bit a page: it is there for sure */
	bool all_known;                   /* and no other page is there, as far as we made them */
	struct timespec memfd_mtime;      /* the memfd's own, when last looked at: a later one tells of a store by a guest */
	uint64_t charged_pages, charged_nodes;
	unsigned seals;
	TAILQ_ENTRY(tmpfs_file_inode) mapped_link;
};

struct tmpfs_symlink {
	struct tmpfs_inode ti;
	size_t len;
	char target[];
};

static inline struct tmpfs_sb *to_tmpfs_sb(struct superblock *sb)
{
	return container_of(sb, struct tmpfs_sb, sb);
}
static inline struct tmpfs_inode *to_tmpfs(struct inode *i)
{
	return container_of(i, struct tmpfs_inode, inode);
}
static inline struct tmpfs_dir *to_tmpfs_dir(struct inode *i)
{
	return container_of(i, struct tmpfs_dir, ti.inode);
}
static inline struct tmpfs_file_inode *to_tmpfs_file(struct inode *i)
{
	return container_of(i, struct tmpfs_file_inode, ti.inode);
}

/* Accounting (tmpfs_charge.c). */
int tmpfs_charge_pages(struct tmpfs_sb *ts, uint64_t pages) MUST_CHECK;     /* -ENOSPC, nothing taken */
void tmpfs_uncharge_pages(struct tmpfs_sb *ts, uint64_t pages);
void tmpfs_charge_pages_force(struct tmpfs_sb *ts, uint64_t pages);         /* they are there already */
uint64_t tmpfs_free_pages(struct tmpfs_sb *ts);
int tmpfs_charge_inode(struct tmpfs_sb *ts) MUST_CHECK;
void tmpfs_uncharge_inode(struct tmpfs_sb *ts);
void fs_memory_recharge(uint64_t old_bytes, uint64_t new_bytes);             /* never fails: they are there already */
uint64_t fs_memory_total(void);                                             /* the machine, as the guest sees it */

/* Inodes (tmpfs_inode.c). */
int tmpfs_inode_new(struct tmpfs_sb *ts, const struct inode *dir, mode_t mode, dev_t dev, const struct cred *cred,
		    struct inode **out) MUST_CHECK;
int tmpfs_symlink_new(struct tmpfs_sb *ts, const struct inode *dir, const char *target, const struct cred *cred,
		      struct inode **out) MUST_CHECK;
int tmpfs_setattr(struct inode *i, const struct iattr *attr);    /* of what has no size to set */
void tmpfs_apply_attr(struct inode *i, const struct iattr *attr);   /* all but the size */
void tmpfs_inode_destroy(struct inode *i, void *object);   /* the common end of every release */

/* Directories (tmpfs_dir.c). */
extern const struct inode_ops tmpfs_dir_ops;
void tmpfs_dir_init(struct tmpfs_dir *d);
int tmpfs_dir_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out);

/* File data (tmpfs_data.c). All keep size, blocks and accounting; none sets times, but for yields none sleeps. */
void tmpfs_data_init(struct tmpfs_file_inode *fi);
void tmpfs_data_fini(struct tmpfs_file_inode *fi);
ssize_t tmpfs_data_read(struct tmpfs_file_inode *fi, struct uio *dst, off_t pos) MUST_CHECK;
ssize_t tmpfs_data_write(struct tmpfs_file_inode *fi, struct uio *src, off_t pos) MUST_CHECK;
int tmpfs_data_resize(struct tmpfs_file_inode *fi, off_t size) MUST_CHECK;
int tmpfs_data_allocate(struct tmpfs_file_inode *fi, off_t off, off_t len) MUST_CHECK;
int tmpfs_data_punch(struct tmpfs_file_inode *fi, off_t off, off_t len) MUST_CHECK;
off_t tmpfs_data_seek(struct tmpfs_file_inode *fi, off_t off, bool data);
int tmpfs_data_map(struct tmpfs_file_inode *fi, int *out_fd) MUST_CHECK;    /* the memfd, borrowed */
void tmpfs_data_sync(struct tmpfs_file_inode *fi);                          /* takes note of what mappings did */

/* In a memfd (tmpfs_memfd.c). */
int tmpfs_memfd_move(struct tmpfs_file_inode *fi) MUST_CHECK;               /* from the tree; nothing if it is there already */
void tmpfs_memfd_drop(struct tmpfs_file_inode *fi);
/* The bytes themselves if they are all there, before the end of the file, and seen by the sentry; else NULL. Until the next call. */
char *tmpfs_memfd_at(struct tmpfs_file_inode *fi, off_t pos, size_t bytes);
uint64_t tmpfs_memfd_made(struct tmpfs_file_inode *fi, off_t pos, size_t bytes);      /* is there now: how many new pages, if all_known */
void tmpfs_memfd_freed(struct tmpfs_file_inode *fi, uint64_t first, uint64_t end);    /* pages that may be gone */

/* Extended attributes (tmpfs_xattr.c). */
ssize_t tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t bytes);
int tmpfs_setxattr(struct inode *i, const char *name, const void *value, size_t bytes, int flags);
ssize_t tmpfs_listxattr(struct inode *i, char *buf, size_t bytes);
int tmpfs_removexattr(struct inode *i, const char *name);
void tmpfs_xattr_fini(struct tmpfs_inode *ti);
