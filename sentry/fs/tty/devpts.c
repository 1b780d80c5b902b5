/* devpts.c - /dev/pts: a name for every pty's slave, and ptmx, which makes new ones.
 *
 * HOW      A table of ptys by index, which outlives the file system as long as a pty has an index in it. An index is free
 *          again when both ends of the pty are gone; its name goes with the master. Names are asked for each time.
 * LINUX    fs/devpts/inode.c, Documentation/filesystems/devpts.rst. Same: every mount is an instance of its own; a ptmx node
 *          elsewhere opens the devpts that is mounted on "pts" beside it.
 * MISSING  remount with other options. */
#include <dirent.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "sentry/fs/tty/tty_impl.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"

#define PTS_MAX 4096                      /* Linux's kernel.pty.max */
#define INO_ROOT 1
#define INO_PTMX 2
#define INO_PTS 3                         /* + index */

struct pts_table {
	int refs;
	int max;
	struct tty *ttys[PTS_MAX];        /* borrowed */
};

struct devpts {
	struct superblock sb;
	struct pts_table *table;
	bool set_uid, set_gid;
	uint32_t uid, gid, mode, ptmx_mode, max;
};
static struct devpts *to_devpts(struct superblock *sb) { return container_of(sb, struct devpts, sb); }

struct pts_inode {
	struct inode inode;
	struct tty *tty;                  /* borrowed; NULL: ptmx, the root, or its master is closed */
};
static struct pts_inode *to_pts(struct inode *i) { return container_of(i, struct pts_inode, inode); }

/* --- inodes --- */

static const struct inode_ops root_ops, node_ops, ptmx_ops;

static struct inode *inode_new(struct superblock *sb, const struct inode_ops *ops, uint64_t ino, mode_t mode, dev_t rdev)
{
	struct pts_inode *pi = NEW(struct pts_inode);
	inode_init(&pi->inode, sb, ops, ino, mode);
	pi->inode.rdev = rdev;
	pi->inode.nlink = S_ISDIR(mode) ? 2 : 1;
	pi->inode.blksize = 1024;
	return &pi->inode;
}

static void node_release(struct inode *i)
{
	inode_fini(i);
	free(to_pts(i));
}

static int node_setattr(struct inode *i, const struct iattr *attr)
{
	inode_apply_attr(i, attr);
	return 0;
}

static int node_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	struct tty *tty = to_pts(i)->tty;
	return tty ? tty_open_slave(tty, i, path, flags, t, out) : -EIO;
}

static struct tty *tty_at(struct superblock *sb, int index)
{
	struct tty *tty = index >= 0 && index < PTS_MAX ? to_devpts(sb)->table->ttys[index] : NULL;
	return tty && tty->inode ? tty : NULL;
}

static int root_lookup(struct inode *dir, const char *name, struct inode **out)
{
	if (strcmp(name, "ptmx") == 0) {
		*out = inode_new(dir->sb, &ptmx_ops, INO_PTMX, S_IFCHR | to_devpts(dir->sb)->ptmx_mode, makedev(5, 2));
		return 0;
	}
	char *end, again[16];
	long index = strtol(name, &end, 10);
	struct tty *tty = *end == '\0' && index >= 0 && index < PTS_MAX ? tty_at(dir->sb, (int)index) : NULL;
	snprintf(again, sizeof(again), "%ld", index);
	if (!tty || strcmp(again, name) != 0)
		return -ENOENT;
	*out = inode_get(tty->inode);
	return 0;
}

/* --- the directory --- */

static int root_iterate(struct file *f, struct dir_context *ctx)
{
	static const struct { const char *name; uint64_t ino; unsigned type; } fixed[] = {
		{ ".", INO_ROOT, DT_DIR }, { "..", INO_ROOT, DT_DIR }, { "ptmx", INO_PTMX, DT_CHR },
	};
	const off_t nfixed = (off_t)ARRAY_SIZE(fixed);
	for (; ctx->pos < nfixed; ctx->pos++)
		if (!ctx->emit(ctx, fixed[ctx->pos].name, strlen(fixed[ctx->pos].name), fixed[ctx->pos].ino, fixed[ctx->pos].type,
			       ctx->pos + 1))
			return 0;
	for (; ctx->pos < nfixed + PTS_MAX; ctx->pos++) {
		int index = (int)(ctx->pos - nfixed);
		char name[16];
		if (!tty_at(f->inode->sb, index))
			continue;
		int len = snprintf(name, sizeof(name), "%d", index);
		if (!ctx->emit(ctx, name, (size_t)len, (uint64_t)(INO_PTS + index), DT_CHR, ctx->pos + 1))
			return 0;
	}
	return 0;
}

static void root_file_release(struct file *f)
{
	file_fini(f);
	free(f);
}

static const struct file_ops root_file_ops = { .iterate = root_iterate, .release = root_file_release };

static int root_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	struct file *f = NEW(struct file);
	file_init(f, &root_file_ops, i, path, flags);
	f->mode |= FMODE_NOWAIT_POLL;
	*out = f;
	return 0;
}

static const struct inode_ops root_ops = {
	.lookup = root_lookup, .open = root_open, .setattr = node_setattr, .release = node_release,
};
static const struct inode_ops node_ops = { .reopen = node_open, .setattr = node_setattr, .release = node_release };
static const struct inode_ops ptmx_ops = { .setattr = node_setattr, .release = node_release };

/* --- ptys --- */

int devpts_new_tty(struct superblock *sb, uint32_t uid, uint32_t gid, struct tty **out)
{
	struct devpts *dp = to_devpts(sb);
	int index = 0;
	while (index < dp->table->max && dp->table->ttys[index])
		index++;
	if (index == dp->table->max)
		return -ENOSPC;
	struct tty *tty = tty_new();
	tty->index = index;
	tty->table = dp->table;
	dp->table->refs++;
	dp->table->ttys[index] = tty;
	struct inode *i = inode_new(sb, &node_ops, INO_PTS + (uint64_t)index, S_IFCHR | dp->mode, tty_dev(tty));
	i->uid = dp->set_uid ? dp->uid : uid;
	i->gid = dp->set_gid ? dp->gid : gid;
	to_pts(i)->tty = tty;
	tty->inode = i;
	*out = tty;
	return 0;
}

void devpts_remove(struct tty *tty)
{
	struct inode *i = TAKE(tty->inode);
	to_pts(i)->tty = NULL;
	i->nlink = 0;
	inode_put(i);
}

static void table_put(struct pts_table *table)
{
	if (--table->refs == 0)
		free(table);
}

void devpts_free_index(struct tty *tty)
{
	if (!tty->table)
		return;
	tty->table->ttys[tty->index] = NULL;
	table_put(tty->table);
}

/* What is mounted on "pts" beside the node. */
static int beside(const struct path *ptmx, struct path *out)
{
	struct path at = { .mnt = ptmx->mnt };
	int err = dcache_lookup(ptmx->dentry->parent, "pts", 3, false, &at.dentry);
	if (err)
		return err;
	struct path top = at;
	err = -ENODEV;
	if (at.dentry->inode && (mount_top(&top) || top.dentry == top.mnt->root)) {
		path_get(&top);
		*out = top;
		err = 0;
	}
	dentry_put(at.dentry);
	return err;
}

int devpts_of_ptmx(const struct path *ptmx, struct path *out)
{
	struct path found;
	if (!ptmx || !ptmx->dentry)
		return -ENODEV;
	if (ptmx->dentry->sb->magic == DEVPTS_SUPER_MAGIC) {
		found = (struct path){ .mnt = ptmx->mnt, .dentry = dcache_root(ptmx->dentry->sb) };
		mount_get(found.mnt);
	} else {
		int err = beside(ptmx, &found);
		if (err)
			return err == -ENOENT ? -ENODEV : err;
	}
	if (found.dentry->sb->magic != DEVPTS_SUPER_MAGIC) {
		path_put(&found);
		return -ENODEV;
	}
	*out = found;
	return 0;
}

/* --- mounting --- */

static bool parse_option(struct devpts *dp, const char *key, const char *value)
{
	static const struct { const char *key; int base; uint32_t max; size_t at; } numbers[] = {
		{ "uid", 10, UINT32_MAX - 1, offsetof(struct devpts, uid) }, { "gid", 10, UINT32_MAX - 1, offsetof(struct devpts, gid) },
		{ "mode", 8, 07777, offsetof(struct devpts, mode) }, { "ptmxmode", 8, 07777, offsetof(struct devpts, ptmx_mode) },
		{ "max", 10, 1 << 20, offsetof(struct devpts, max) },
	};
	if (strcmp(key, "newinstance") == 0)
		return true;
	for (size_t n = 0; n < ARRAY_SIZE(numbers); n++) {
		if (strcmp(key, numbers[n].key) != 0 || !value || *value < '0' || *value > '9')
			continue;
		char *end;
		errno = 0;
		unsigned long v = strtoul(value, &end, numbers[n].base);
		if (*end || errno || v > numbers[n].max)
			return false;
		*(uint32_t *)((char *)dp + numbers[n].at) = (uint32_t)v;
		dp->set_uid |= n == 0;
		dp->set_gid |= n == 1;
		return true;
	}
	return false;
}

static int parse_options(struct devpts *dp, const char *options)
{
	AUTO(free) char *copy = xstrdup(options ? options : "");
	char *rest = copy, *word;
	while ((word = strsep(&rest, ","))) {
		char *value = word;
		char *key = strsep(&value, "=");
		if (*key && !parse_option(dp, key, value))
			return -EINVAL;
	}
	return 0;
}

static int pts_statfs(struct superblock *sb, struct statfs *out)
{
	*out = (struct statfs){ .f_type = (long)sb->magic, .f_bsize = PAGE_SIZE, .f_frsize = PAGE_SIZE, .f_namelen = NAME_MAX };
	return 0;
}

static int pts_show_options(struct superblock *sb, char *buf, size_t bytes)
{
	const struct devpts *dp = to_devpts(sb);
	int n = 0;
	if (dp->set_uid)
		n += snprintf(buf + n, bytes - (size_t)n, ",uid=%u", dp->uid);
	if (dp->set_gid)
		n += snprintf(buf + n, bytes - (size_t)n, ",gid=%u", dp->gid);
	n += snprintf(buf + n, bytes - (size_t)n, ",mode=%03o,ptmxmode=%03o", dp->mode, dp->ptmx_mode);
	if (dp->max)
		n += snprintf(buf + n, bytes - (size_t)n, ",max=%u", dp->max);
	return n;
}

static void pts_release(struct superblock *sb)
{
	table_put(to_devpts(sb)->table);
	free(to_devpts(sb));
}

static const struct superblock_ops pts_super_ops = {
	.statfs = pts_statfs, .release = pts_release, .show_options = pts_show_options,
};

int devpts_mount(const char *options, struct superblock **out)
{
	struct devpts *dp = NEW(struct devpts);
	dp->mode = 0600;
	int err = parse_options(dp, options);
	if (err) {
		free(dp);
		return err;
	}
	dp->table = NEW(struct pts_table);
	dp->table->refs = 1;
	dp->table->max = dp->max && dp->max < PTS_MAX ? (int)dp->max : PTS_MAX;
	superblock_init(&dp->sb, &pts_super_ops, "devpts", DEVPTS_SUPER_MAGIC);
	dp->sb.no_dcache = true;
	dp->sb.root = inode_new(&dp->sb, &root_ops, INO_ROOT, S_IFDIR | 0755, 0);
	*out = &dp->sb;
	return 0;
}
