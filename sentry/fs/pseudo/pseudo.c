/* pseudo.c - file systems that are made of functions: inodes, lookup, directories.
 *
 * HOW      Inode numbers are a hash of the path, so they stay the same although inodes come and go.
 * LINUX    fs/proc/generic.c, fs/kernfs. */
#include "sentry/fs/pseudo/pseudo.h"

#include <dirent.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/pseudo/pseudo_file.h"
#include "sentry/vfs/permission.h"

static const struct inode_ops pseudo_inode_ops, pseudo_magic_ops;

uint64_t pseudo_ino(const struct pseudo_inode *dir, const char *name)
{
	uint64_t h = dir ? dir->inode.ino ^ 0x9e3779b97f4a7c15ULL : 0xcbf29ce484222325ULL;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ULL;
	h ^= h >> 32;
	return (h & 0x7fffffff) | 0x40000000;     /* fits 32 bits, for those who keep it so; never 0 */
}

/* A directory's links: its own two and those of the directories in its table. */
static unsigned links(const struct pseudo_entry *entry)
{
	unsigned n = S_ISDIR(entry->mode) ? 2 : 1;
	for (const struct pseudo_entry *e = entry->children; e && e->name; e++)
		n += S_ISDIR(e->mode);
	return n;
}

struct inode *pseudo_inode_new(struct pseudo_inode *dir, const struct pseudo_entry *entry, const char *name,
			       struct task *task, long arg)
{
	struct pseudo_inode *i = NEW(struct pseudo_inode);
	inode_init(&i->inode, dir->inode.sb, entry->follow ? &pseudo_magic_ops : &pseudo_inode_ops, pseudo_ino(dir, name),
		   entry->mode);
	i->inode.nlink = links(entry);
	i->inode.blksize = 1024;
	i->entry = entry;
	i->task = task ? task_get(task) : NULL;
	i->arg = arg;
	if (entry->refresh)
		entry->refresh(i);
	return &i->inode;
}

static void pseudo_release(struct inode *inode)
{
	struct pseudo_inode *i = to_pseudo(inode);
	struct task *task = i->task;
	inode_fini(inode);
	free(i);
	if (task)
		task_put(task);
}

int pseudo_lookup_in(struct pseudo_inode *dir, const struct pseudo_entry *table, const char *name, struct inode **out)
{
	for (const struct pseudo_entry *e = table; e && e->name; e++) {
		if (!strcmp(e->name, name)) {
			*out = pseudo_inode_new(dir, e, name, dir->task, dir->arg);
			return 0;
		}
	}
	return -ENOENT;
}

static int pseudo_lookup(struct inode *inode, const char *name, struct inode **out)
{
	struct pseudo_inode *dir = to_pseudo(inode);
	int err = dir->entry->check ? dir->entry->check(dir) : 0;
	if (err)
		return -ENOENT;
	err = pseudo_lookup_in(dir, dir->entry->children, name, out);
	if (err == -ENOENT && dir->entry->lookup)
		err = dir->entry->lookup(dir, name, out);
	return err;
}

static int pseudo_iterate(struct file *f, struct dir_context *ctx)
{
	struct pseudo_inode *dir = to_pseudo(f->inode);
	const struct pseudo_entry *e = dir->entry->children;
	if (dir->entry->check && dir->entry->check(dir))
		return -ENOENT;
	uint64_t parent = f->path.dentry && f->path.dentry->parent->inode ? f->path.dentry->parent->inode->ino : f->inode->ino;
	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, f->inode->ino, DT_DIR, 1))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, parent, DT_DIR, 2))
			return 0;
		ctx->pos = 2;
	}
	for (off_t pos = 2; e && e->name && ctx->pos < PSEUDO_OWN_POS; e++, pos++) {
		if (pos < ctx->pos)
			continue;
		if (!ctx->emit(ctx, e->name, strlen(e->name), pseudo_ino(dir, e->name), IFTODT(e->mode), pos + 1))
			return 0;
		ctx->pos = pos + 1;
	}
	if (!dir->entry->iterate)
		return 0;
	ctx->pos = MAX(ctx->pos, PSEUDO_OWN_POS);
	return dir->entry->iterate(dir, ctx);
}

static void pseudo_dir_release(struct file *f)
{
	file_fini(f);
	free(f);
}

static const struct file_ops pseudo_dir_ops = { .iterate = pseudo_iterate, .release = pseudo_dir_release };

static int pseudo_open(struct inode *inode, const struct path *path, int flags, struct task *t, struct file **out)
{
	struct pseudo_inode *i = to_pseudo(inode);
	const struct pseudo_entry *e = i->entry;
	int err = e->check ? e->check(i) : 0;
	if (!err && e->may_open)
		err = e->may_open(i, t);
	if (err)
		return err;
	if (e->open)
		return e->open(i, path, flags, t, out);
	if (!S_ISDIR(inode->mode))
		return pseudo_file_open(i, path, flags, t, out);
	struct file *f = NEW(struct file);
	file_init(f, &pseudo_dir_ops, inode, path, flags);
	f->mode |= FMODE_NOWAIT_POLL;
	*out = f;
	return 0;
}

static ssize_t pseudo_readlink(struct inode *inode, struct task *t, char *buf, size_t bytes)
{
	struct pseudo_inode *i = to_pseudo(inode);
	if (i->entry->readlink)
		return i->entry->readlink(i, t, buf, bytes);
	size_t len = MIN(strlen(i->entry->ptr), bytes);
	memcpy(buf, i->entry->ptr, len);
	return len;
}

static int pseudo_follow(struct inode *inode, struct task *t, struct path *out)
{
	struct pseudo_inode *i = to_pseudo(inode);
	return i->entry->follow(i, t, out);
}

static int pseudo_getattr(struct inode *inode)
{
	struct pseudo_inode *i = to_pseudo(inode);
	int err = i->entry->check ? i->entry->check(i) : 0;
	if (!err && i->entry->refresh)
		i->entry->refresh(i);
	return err ? -ENOENT : 0;
}

/* Nothing is ever made here. Which error that is tells the two file systems apart: /proc finds no such name, /sys
 * forbids it. */
static int refuse(const struct inode *dir)
{
	return dir->sb->magic == PROC_SUPER_MAGIC ? -ENOENT : -EPERM;
}

static int pseudo_create(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out)
{
	(void)name, (void)mode, (void)cred, (void)out;
	return dir->sb->magic == PROC_SUPER_MAGIC ? -ENOENT : -EACCES;
}

static int pseudo_mkdir(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out)
{
	(void)name, (void)mode, (void)cred, (void)out;
	return refuse(dir);
}

static int pseudo_mknod(struct inode *dir, const char *name, mode_t mode, dev_t dev, const struct cred *cred, struct inode **out)
{
	(void)name, (void)mode, (void)dev, (void)cred, (void)out;
	return refuse(dir);
}

static int pseudo_symlink(struct inode *dir, const char *name, const char *target, const struct cred *cred, struct inode **out)
{
	(void)name, (void)target, (void)cred, (void)out;
	return refuse(dir);
}

/* Truncation on opening for writing means nothing; times and owners are not for keeping. */
static int pseudo_setattr(struct inode *inode, const struct iattr *attr)
{
	(void)inode;
	return attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM : 0;
}

static int pseudo_permission(struct inode *inode, const struct cred *cred, int mask)
{
	struct pseudo_inode *i = to_pseudo(inode);
	if (i->entry->refresh)
		i->entry->refresh(i);
	if (i->task && i->task->cred == cred && S_ISDIR(inode->mode))
		return 0;                         /* its own: fs/proc/fd.c, proc_fd_permission() */
	if ((mask & MAY_WRITE) && S_ISREG(inode->mode) && !(inode->mode & 0222))
		return -EACCES;                   /* not even root: sysctl_perm(), kernfs_fop_open() */
	return generic_permission(inode, cred, mask);
}

static const struct inode_ops pseudo_inode_ops = {
	.lookup = pseudo_lookup,
	.create = pseudo_create,
	.mkdir = pseudo_mkdir,
	.mknod = pseudo_mknod,
	.symlink = pseudo_symlink,
	.readlink = pseudo_readlink,
	.open = pseudo_open,
	.getattr = pseudo_getattr,
	.setattr = pseudo_setattr,
	.permission = pseudo_permission,
	.release = pseudo_release,
};

static const struct inode_ops pseudo_magic_ops = {
	.readlink = pseudo_readlink,
	.follow = pseudo_follow,
	.getattr = pseudo_getattr,
	.setattr = pseudo_setattr,
	.permission = pseudo_permission,
	.release = pseudo_release,
};

/* --- the file system --- */

static int pseudo_statfs(struct superblock *sb, struct statfs *out)
{
	*out = (struct statfs){ .f_type = (long)sb->magic, .f_bsize = PAGE_SIZE, .f_frsize = PAGE_SIZE, .f_namelen = NAME_MAX };
	return 0;
}

struct pseudo_sb {
	struct superblock sb;
	void *data;
	void (*put)(void *data);
};
#define to_pseudo_sb(sb_) container_of(sb_, struct pseudo_sb, sb)

static void pseudo_sb_release(struct superblock *sb)
{
	struct pseudo_sb *ps = to_pseudo_sb(sb);
	if (ps->put)
		ps->put(ps->data);
	free(ps);
}

/* An open /proc/PID of a process that has gone keeps its dentry, while its number may be another's already. */
static bool pseudo_revalidate(struct dentry *d)
{
	struct pseudo_inode *i = d->inode ? to_pseudo(d->inode) : NULL;
	return i && (!i->entry->check || i->entry->check(i) == 0);
}

static const struct superblock_ops pseudo_sb_ops = {
	.statfs = pseudo_statfs, .release = pseudo_sb_release, .revalidate = pseudo_revalidate,
};

int pseudo_mount(const char *type, uint64_t magic, const struct pseudo_entry *root, struct superblock **out)
{
	struct superblock *sb = &NEW(struct pseudo_sb)->sb;
	superblock_init(sb, &pseudo_sb_ops, type, magic);
	sb->no_dcache = true;
	struct pseudo_inode *i = NEW(struct pseudo_inode);
	inode_init(&i->inode, sb, &pseudo_inode_ops, 1, root->mode);
	i->inode.nlink = links(root);
	i->entry = root;
	sb->root = &i->inode;
	*out = sb;
	return 0;
}

void pseudo_sb_set(struct superblock *sb, void *data, void (*put)(void *data))
{
	to_pseudo_sb(sb)->data = data;
	to_pseudo_sb(sb)->put = put;
}

void *pseudo_sb_data(const struct superblock *sb)
{
	return to_pseudo_sb((struct superblock *)sb)->data;
}

/* --- helpers --- */

int pseudo_show_string(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%s\n", (const char *)i->entry->ptr);
	return 0;
}

int pseudo_show_arg(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%ld\n", i->entry->arg);
	return 0;
}

int pseudo_show_empty(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)s;
	(void)i;
	(void)viewer;
	return 0;
}

long pseudo_number(const char *name)
{
	long n = 0;
	if (!*name || (name[0] == '0' && name[1]))
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9' || n > (INT32_MAX - 9) / 10)
			return -1;
		n = n * 10 + (*name - '0');
	}
	return n;
}

void seq_path(struct seq *s, struct task *viewer, const struct path *p, const char *escape)
{
	char buf[PATH_MAX], *name;
	if (!viewer || !viewer->fs || !p->dentry || path_name(viewer, p, buf, sizeof(buf), &name))
		return;
	for (; *name; name++) {
		if (strchr(escape, *name))
			seq_printf(s, "\\%03o", (unsigned char)*name);
		else
			seq_write(s, name, 1);
	}
}
