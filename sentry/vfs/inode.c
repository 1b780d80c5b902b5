/* inode.c - life of inodes and superblocks, and the internal file system that anonymous files belong to.
 *
 * HOW      A superblock has two counts: refs are its holders (mounts, whoever made it), ninodes its own inodes. With the
 *          last holder its root inode is dropped, which lets a file system in memory free its tree; with the last
 *          inode after that it is released.
 * LINUX    fs/inode.c, fs/super.c, fs/anon_inodes.c. */
#include "sentry/vfs/inode.h"

#include "sentry/kernel/cred.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/lease.h"
#include "sentry/vfs/locks.h"
#include "sentry/vfs/notify.h"

struct timespec inode_now(void)
{
	uint64_t now = now_real_ns();
	return (struct timespec){ .tv_sec = (time_t)(now / NS_PER_SEC), .tv_nsec = (long)(now % NS_PER_SEC) };
}

uint64_t inode_next_ino(void)
{
	static uint64_t next = 1;
	return ++next;                    /* 1 is nobody's: some programs take small numbers for special */
}

/* --- superblocks --- */

void superblock_init(struct superblock *sb, const struct superblock_ops *ops, const char *type, uint64_t magic)
{
	static unsigned next_minor = 20;
	sb->ops = ops;
	sb->type = type;
	sb->refs = 1;
	sb->magic = magic;
	unsigned minor = next_minor++;    /* an anonymous device: major 0, as makedev() packs it */
	sb->dev = (minor & 0xff) | (dev_t)(minor & 0xfff00) << 12;
}

static void superblock_release_if_unused(struct superblock *sb)
{
	if (sb->refs == 0 && sb->ninodes == 0 && !sb->root)
		sb->ops->release(sb);
}

struct superblock *superblock_get(struct superblock *sb)
{
	sb->refs++;
	return sb;
}

void superblock_put(struct superblock *sb)
{
	if (!sb)
		return;
	CHECK(sb->refs > 0);
	if (--sb->refs > 0)
		return;
	sb->ninodes++;                    /* so that dropping the last inode doesn't free sb under us */
	dcache_shrink_sb(sb);
	struct inode *root = TAKE(sb->root);
	inode_put(root);
	sb->ninodes--;
	superblock_release_if_unused(sb);
}

/* --- inodes --- */

void inode_init(struct inode *i, struct superblock *sb, const struct inode_ops *ops, uint64_t ino, mode_t mode)
{
	i->ops = ops;
	i->sb = sb;
	i->refs = 1;
	i->ino = ino;
	i->mode = mode;
	i->nlink = 1;
	i->blksize = PAGE_SIZE;
	i->atime = i->mtime = i->ctime = i->btime = inode_now();
	sleep_lock_init(&i->lock);
	if (sb)
		sb->ninodes++;
}

void inode_fini(struct inode *i)
{
	locks_inode_free(i);
	lease_inode_free(i);
	struct superblock *sb = TAKE(i->sb);
	if (!sb)
		return;
	CHECK(sb->ninodes > 0);
	sb->ninodes--;
	superblock_release_if_unused(sb);
}

struct inode *inode_get(struct inode *i)
{
	CHECK(i->refs > 0);
	i->refs++;
	return i;
}

void inode_put(struct inode *i)
{
	if (!i)
		return;
	CHECK(i->refs > 0);
	/* Nobody but this and those who watch it. */
	if (i->refs == 2 && i->watches && i->nlink == 0)
		notify_inode_gone(i);
	if (--i->refs == 0)
		i->ops->release(i);
}

/* --- the internal file system: inodes of pipes, sockets, eventfds … --- */

#define ANON_INODE_FS_MAGIC 0x09041934

static int anon_statfs(struct superblock *sb, struct statfs *out)
{
	*out = (struct statfs){ .f_type = (long)sb->magic, .f_bsize = PAGE_SIZE, .f_frsize = PAGE_SIZE, .f_namelen = 255 };
	return 0;
}

static void anon_sb_release(struct superblock *sb)
{
	(void)sb;
	CHECK(!"the internal file system stays");
}

static int anon_setattr(struct inode *i, const struct iattr *attr)
{
	if (attr->valid & ATTR_SIZE)
		return -EINVAL;
	inode_apply_attr(i, attr);
	return 0;
}

static void anon_release(struct inode *i)
{
	inode_fini(i);
	free(i);
}

static const struct superblock_ops anon_sb_ops = { .statfs = anon_statfs, .release = anon_sb_release };
static const struct inode_ops anon_inode_ops = { .setattr = anon_setattr, .release = anon_release };

struct superblock *anon_superblock(void)
{
	static struct superblock sb;
	if (!sb.refs)
		superblock_init(&sb, &anon_sb_ops, "anon_inodefs", ANON_INODE_FS_MAGIC);
	return &sb;
}

struct inode *inode_new_anon(mode_t mode, const struct cred *owner)
{
	struct inode *i = NEW(struct inode);
	inode_init(i, anon_superblock(), &anon_inode_ops, inode_next_ino(), mode);
	if (owner) {
		i->uid = owner->fsuid;
		i->gid = owner->fsgid;
	}
	return i;
}

void inode_apply_attr(struct inode *i, const struct iattr *attr)
{
	struct timespec now = inode_now();
	if (attr->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (attr->mode & 07777);
	if (attr->valid & ATTR_UID)
		i->uid = attr->uid;
	if (attr->valid & ATTR_GID)
		i->gid = attr->gid;
	if (attr->valid & ATTR_SIZE) {
		i->size = attr->size;
		i->mtime = now;
	}
	if (attr->valid & ATTR_ATIME)
		i->atime = attr->atime;
	if (attr->valid & ATTR_MTIME)
		i->mtime = attr->mtime;
	i->ctime = now;
}
