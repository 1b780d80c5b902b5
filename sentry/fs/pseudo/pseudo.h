/* pseudo.h - file systems that are made of functions: /proc and /sys.
 *
 * A tree of constant tables (struct pseudo_entry) says what there is; inodes are made when a name is looked up and
 * freed with their last user, so nothing has to be kept up to date. A directory may add names of its own by lookup()
 * and iterate(). Files are text made by show() when they are read from their start. */
#pragma once

#include "sentry/fs/pseudo/seq.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/file.h"

struct pseudo_inode;

struct pseudo_writer {
	struct task *task;                /* who writes */
	const struct cred *opener_cred;   /* of who opened it, then */
	off_t pos;
};

struct pseudo_entry {
	const char *name;                 /* NULL ends a table */
	mode_t mode;                      /* type and permissions */
	const struct pseudo_entry *children;

	/* Files. viewer: who reads; NULL: nobody in particular (then paths are left out). 0 or -errno. Never sleeps. */
	int (*show)(struct seq *s, struct pseudo_inode *i, struct task *viewer);
	/* text: one write(2), NUL-terminated, trailing newline cut. 0 or -errno. Never sleeps. */
	int (*store)(struct pseudo_inode *i, struct task *writer, char *text, size_t len);
	/* In place of store, for files where it matters who opened it. Never sleeps. */
	int (*store_as)(struct pseudo_inode *i, struct pseudo_writer *w, char *text, size_t len);
	/* As file_ops.ioctl; empty: ENOTTY. */
	long (*ioctl)(struct pseudo_inode *i, struct task *t, unsigned cmd, uint64_t arg);
	/* In place of show and store. As inode_ops.open. */
	int (*open)(struct pseudo_inode *i, const struct path *path, int flags, struct task *t, struct file **out);

	/* Symbolic links, as in inode_ops. */
	ssize_t (*readlink)(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes);
	int (*follow)(struct pseudo_inode *i, struct task *viewer, struct path *out);

	/* Directories: names beside `children`. iterate starts at ctx->pos, which is PSEUDO_OWN_POS or what it handed to emit. */
	int (*lookup)(struct pseudo_inode *dir, const char *name, struct inode **out);
	int (*iterate)(struct pseudo_inode *dir, struct dir_context *ctx);

	/* Before attributes are looked at: refreshes owner and mode. */
	void (*refresh)(struct pseudo_inode *i);
	/* Is what the inode stands for still there? Else -ENOENT or -ESRCH. */
	int (*check)(struct pseudo_inode *i);
	/* May `viewer` open it, beyond the mode? 0 or -errno. */
	int (*may_open)(struct pseudo_inode *i, struct task *viewer);
	long arg;                         /* for functions that serve several entries */
	const void *ptr;
};
#define PSEUDO_OWN_POS 0x10000            /* children have positions below */

struct pseudo_inode {
	struct inode inode;
	const struct pseudo_entry *entry;
	struct task *task;                /* whom it is about: a reference, inherited by children; or NULL */
	long arg;                         /* a number that lookup() found: descriptor, CPU; inherited */
};
static inline struct pseudo_inode *to_pseudo(struct inode *i) { return container_of(i, struct pseudo_inode, inode); }

/* A child of dir. task may be NULL. Its number comes from dir's and its name. *: a reference. */
struct inode *pseudo_inode_new(struct pseudo_inode *dir, const struct pseudo_entry *entry, const char *name,
			       struct task *task, long arg);
uint64_t pseudo_ino(const struct pseudo_inode *dir, const char *name);    /* the number that it will have */
/* Finds a name in a table. -ENOENT. */
int pseudo_lookup_in(struct pseudo_inode *dir, const struct pseudo_entry *table, const char *name, struct inode **out);

/* A whole file system; the tables stay the caller's. */
int pseudo_mount(const char *type, uint64_t magic, const struct pseudo_entry *root, struct superblock **out) MUST_CHECK;
/* What a mounted one is about; `put` is called with it when the file system goes. NULL until set. */
void pseudo_sb_set(struct superblock *sb, void *data, void (*put)(void *data));
void *pseudo_sb_data(const struct superblock *sb);

/* The usual parts of show(): one number, one string. */
int pseudo_show_string(struct seq *s, struct pseudo_inode *i, struct task *viewer);   /* entry->ptr and a newline */
int pseudo_show_arg(struct seq *s, struct pseudo_inode *i, struct task *viewer);      /* entry->arg */
int pseudo_show_empty(struct seq *s, struct pseudo_inode *i, struct task *viewer);
#define PSEUDO_DIR(name_, table) { .name = name_, .mode = S_IFDIR | 0555, .children = table }
#define PSEUDO_FILE(name_, mode_, ...) { .name = name_, .mode = S_IFREG | (mode_), __VA_ARGS__ }
#define PSEUDO_LINK(name_, ...) { .name = name_, .mode = S_IFLNK | 0777, __VA_ARGS__ }
#define PSEUDO_NUMBER(name_, mode_, n) PSEUDO_FILE(name_, mode_, .show = pseudo_show_arg, .arg = n)
#define PSEUDO_STRING(name_, mode_, text) PSEUDO_FILE(name_, mode_, .show = pseudo_show_string, .ptr = text)

/* "name" as a decimal number without sign or leading zeros; -1: it is none. */
long pseudo_number(const char *name);
/* A path as `viewer` sees it, with newlines escaped as \012. NULL viewer: nothing. */
void seq_path(struct seq *s, struct task *viewer, const struct path *p, const char *escape);
