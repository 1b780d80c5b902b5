/* overlay_impl.h - the overlay's own objects; for the files of this folder.
 *
 * Words: real: the inode of lower or upper that an overlay inode shows. Whiteout: a device 0:0 in upper that hides what lower
 * has by that name. Merged: a directory with both. Every operation that changes names first does what may sleep
 * (copy-up, looking into lower) and then commits without sleeping: upper's operations never sleep. */
#pragma once

#include <uthash.h>

#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"

#define OVL_UPPER_INO (1ULL << 56)        /* numbers of what is only in upper are above lower's */

/* What an overlay inode is found by: its upper, and for directories also its lower. Not yet copied up: its lower. */
struct ovl_key { struct inode *upper, *lower; };

/* Where a directory of upper continues in lower, if not by the same name in its parent's: it was moved, or is opaque. */
struct ovl_origin {
	UT_hash_handle hh;
	struct inode *upper;              /* no reference: removed with the directory */
	struct inode *lower;              /* a reference; NULL: nowhere (opaque) */
};

/* A lower file of several names that was changed: all its names mean the copy. The copy has no name of its own in upper. */
struct ovl_index {
	UT_hash_handle by_lower, by_upper;
	struct inode *lower, *upper;      /* references; upper may be NULL: not copied up, but names were removed */
	uint32_t nlink;                   /* names left over both */
};

struct ovl_sb {
	struct superblock sb;
	struct superblock *lower, *upper; /* references */
	struct ovl_inode *inodes;         /* by key; no references */
	struct ovl_origin *origins;
	struct ovl_index *index_lower, *index_upper;
	struct inode *whiteout;           /* a reference; all whiteouts are links to one inode */
	uint64_t next_ino;
};

struct ovl_names;

struct ovl_inode {
	struct inode inode;
	UT_hash_handle hh;
	struct ovl_key key;
	struct inode *upper, *lower;      /* references; at least one */
	struct ovl_inode *parent;         /* a reference, and the name in it: where the copy goes. NULL once copied */
	char *name;
	bool nameless;                    /* removed, or a file that is the root: the copy goes nowhere */
	struct sleep_lock copy_lock;      /* held while the copy is made */
	uint64_t version;                 /* directories: counts changes of names */
	struct ovl_names *names;          /* merged directories: a reference on the last listing, or NULL */
};

static inline struct ovl_inode *to_ovl(struct inode *i) { return container_of(i, struct ovl_inode, inode); }
static inline struct ovl_sb *to_ovl_sb(struct superblock *sb) { return container_of(sb, struct ovl_sb, sb); }
static inline struct ovl_sb *ovl_sb_of(struct ovl_inode *oi) { return to_ovl_sb(oi->inode.sb); }
static inline struct inode *ovl_real(struct ovl_inode *oi) { return oi->upper ? oi->upper : oi->lower; }
static inline bool is_whiteout(const struct inode *i) { return S_ISCHR(i->mode) && i->rdev == 0; }

/* inode.c. The inode for what lookup found; takes over both references. *out: a reference. Never sleeps, but for puts. */
void ovl_inode_get(struct ovl_sb *osb, struct ovl_inode *parent, const char *name, struct inode *upper,
		   struct inode *lower, struct inode **out);
void ovl_inode_rekey(struct ovl_inode *oi);                  /* after upper has changed */
void ovl_copy_attr(struct ovl_inode *oi);                    /* what real says becomes what we say */
int ovl_setattr(struct inode *i, const struct iattr *attr);
extern const struct inode_ops ovl_dir_ops, ovl_file_ops, ovl_symlink_ops, ovl_special_ops;

/* lookup.c */
int ovl_lookup(struct inode *dir, const char *name, struct inode **out);
void ovl_walk_ahead(struct inode *dir, const char *rest, bool open);
bool ovl_upper_find(struct ovl_inode *dir, const char *name, struct inode **out);  /* any entry, whiteouts too; a reference */
/* Has lower something by this name, as far as this directory goes? Sleeps. 1, 0, or an error. */
int ovl_lower_has(struct ovl_inode *dir, const char *name) MUST_CHECK;
struct ovl_origin *ovl_origin_find(struct ovl_sb *osb, const struct inode *upper);
void ovl_origin_set(struct ovl_sb *osb, struct inode *upper, struct inode *lower);
void ovl_origin_del(struct ovl_sb *osb, struct inode *upper);
struct ovl_index *ovl_index_find(struct ovl_sb *osb, const struct ovl_inode *oi);
struct ovl_index *ovl_index_find_lower(struct ovl_sb *osb, const struct inode *lower);
struct ovl_index *ovl_index_make(struct ovl_sb *osb, struct inode *lower);
void ovl_index_set_upper(struct ovl_sb *osb, struct ovl_index *x, struct inode *upper);
void ovl_index_del(struct ovl_sb *osb, struct ovl_index *x);

/* copy_up.c. Makes sure that oi has an upper; of a file's data the first `size` bytes are enough. Sleeps. */
int ovl_copy_up(struct ovl_inode *oi) MUST_CHECK;
int ovl_copy_up_size(struct ovl_inode *oi, off_t size) MUST_CHECK;

/* names.c, rename.c */
int ovl_create(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out);
int ovl_mkdir(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out);
int ovl_mknod(struct inode *dir, const char *name, mode_t mode, dev_t dev, const struct cred *cred, struct inode **out);
int ovl_symlink(struct inode *dir, const char *name, const char *target, const struct cred *cred, struct inode **out);
int ovl_tmpfile(struct inode *dir, mode_t mode, const struct cred *cred, struct inode **out);
int ovl_link(struct inode *dir, const char *name, struct inode *target);
int ovl_unlink(struct inode *dir, const char *name, struct inode *target);
int ovl_rmdir(struct inode *dir, const char *name, struct inode *target);
int ovl_rename(struct inode *old_dir, const char *old_name, struct inode *source, struct inode *new_dir,
	       const char *new_name, struct inode *target, unsigned flags);
/* Names that no guest can give: for entries on their way to their place, within one commit. */
#define OVL_TEMP "/"
#define OVL_TEMP_WHITEOUT "//"
int ovl_whiteout_prepare(struct ovl_inode *dir) MUST_CHECK;                 /* as OVL_TEMP_WHITEOUT in dir's upper */
void ovl_whiteout_cancel(struct ovl_inode *dir);
void ovl_whiteout_place(struct ovl_inode *dir, const char *name, struct inode *old);   /* over old, or where nothing is */
void ovl_lost_name(struct ovl_inode *oi);                    /* its count of links, after a name of it went */
void ovl_names_changed(struct ovl_inode *dir);

/* readdir.c */
int ovl_dir_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out);
void ovl_names_put(struct ovl_names *n);
/* The names in dir's lower (NULL if there is none). Sleeps. */
int ovl_names_of_lower(struct ovl_inode *dir, struct ovl_names **out) MUST_CHECK;
/* Is dir empty, given those? Never sleeps. 0, -ENOTEMPTY. */
int ovl_check_empty(struct ovl_inode *dir, const struct ovl_names *lower) MUST_CHECK;
void ovl_remove_whiteouts(struct ovl_inode *dir);            /* of a directory that is empty otherwise */

/* file.c */
int ovl_file_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out);
