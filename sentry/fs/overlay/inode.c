/* inode.c - overlay inodes: identity, attributes, extended attributes.
 *
 * HOW      One overlay inode stands for a file all through its copy-up, so that locks, watches and st_ino stay. Its
 *          attributes are a copy of real's, taken after each change and by getattr. */
#include <string.h>

#include "sentry/fs/overlay/overlay_impl.h"

static struct ovl_key key_of(struct inode *upper, struct inode *lower, mode_t mode)
{
	/* After copy-up a file's lower says nothing any more; for a directory the pair is what it shows. */
	return (struct ovl_key){ upper, upper && !S_ISDIR(mode) ? NULL : lower };
}

static uint32_t count_links(struct ovl_inode *oi)
{
	struct inode *real = ovl_real(oi);
	if (oi->nameless)                         /* removed, unless it is the root: a file by itself */
		return oi->inode.sb->root == &oi->inode ? 1 : 0;
	if (S_ISDIR(real->mode))                  /* 1: "don't count on it", as in Linux */
		return real->nlink > 0 && oi->upper && oi->lower ? 1 : real->nlink;
	struct ovl_index *x = ovl_index_find(ovl_sb_of(oi), oi);
	return x ? x->nlink : real->nlink;
}

void ovl_copy_attr(struct ovl_inode *oi)
{
	struct inode *i = &oi->inode, *real = ovl_real(oi);
	i->mode = real->mode;
	i->uid = real->uid;
	i->gid = real->gid;
	i->rdev = real->rdev;
	i->size = real->size;
	i->blocks = real->blocks;
	i->blksize = real->blksize;
	i->atime = real->atime;
	i->mtime = real->mtime;
	i->ctime = real->ctime;
	i->btime = real->btime;
	i->nlink = count_links(oi);
}

static int ovl_getattr(struct inode *i)
{
	struct ovl_inode *oi = to_ovl(i);
	struct inode *real = inode_get(ovl_real(oi));
	int err = real->ops->getattr ? real->ops->getattr(real) : 0;      /* sleeps: real may change meanwhile */
	inode_put(real);
	if (!err)
		ovl_copy_attr(oi);
	return err;
}

int ovl_setattr(struct inode *i, const struct iattr *attr)
{
	struct ovl_inode *oi = to_ovl(i);
	int err = attr->valid & ATTR_SIZE ? ovl_copy_up_size(oi, attr->size) : ovl_copy_up(oi);
	if (!err)
		err = oi->upper->ops->setattr(oi->upper, attr);
	ovl_copy_attr(oi);
	return err;
}

static ssize_t ovl_readlink(struct inode *i, struct task *t, char *buf, size_t bytes)
{
	struct inode *real = ovl_real(to_ovl(i));
	return real->ops->readlink ? real->ops->readlink(real, t, buf, bytes) : -EINVAL;
}

/* --- extended attributes --- */

static ssize_t ovl_getxattr(struct inode *i, const char *name, void *buf, size_t bytes)
{
	struct inode *real = ovl_real(to_ovl(i));
	return real->ops->getxattr ? real->ops->getxattr(real, name, buf, bytes) : -EOPNOTSUPP;
}

static ssize_t ovl_listxattr(struct inode *i, char *buf, size_t bytes)
{
	struct inode *real = ovl_real(to_ovl(i));
	return real->ops->listxattr ? real->ops->listxattr(real, buf, bytes) : 0;
}

static int ovl_setxattr(struct inode *i, const char *name, const void *value, size_t bytes, int flags)
{
	struct ovl_inode *oi = to_ovl(i);
	int err = ovl_copy_up(oi);
	if (err)
		return err;
	err = oi->upper->ops->setxattr(oi->upper, name, value, bytes, flags);
	ovl_copy_attr(oi);
	return err;
}

static int ovl_removexattr(struct inode *i, const char *name)
{
	struct ovl_inode *oi = to_ovl(i);
	ssize_t n = ovl_getxattr(i, name, NULL, 0);       /* no copy for nothing */
	if (n < 0)
		return (int)n;
	int err = ovl_copy_up(oi);
	if (err)
		return err;
	err = oi->upper->ops->removexattr(oi->upper, name);
	ovl_copy_attr(oi);
	return err;
}

/* --- life --- */

static void ovl_release(struct inode *i)
{
	struct ovl_inode *oi = to_ovl(i);
	struct ovl_sb *osb = ovl_sb_of(oi);
	HASH_DEL(osb->inodes, oi);
	struct inode *upper = oi->upper, *lower = oi->lower;
	struct ovl_inode *parent = oi->parent;
	/* The last user of a removed directory is gone, so nobody looks by it any more. */
	if (upper && S_ISDIR(i->mode) && upper->nlink == 0)
		ovl_origin_del(osb, upper);
	ovl_names_put(oi->names);
	free(oi->name);
	inode_fini(i);
	free(oi);
	inode_put(upper);
	inode_put(lower);
	if (parent)
		inode_put(&parent->inode);
}

static const struct inode_ops *ops_for(mode_t mode)
{
	return S_ISDIR(mode) ? &ovl_dir_ops : S_ISREG(mode) ? &ovl_file_ops : S_ISLNK(mode) ? &ovl_symlink_ops
										   : &ovl_special_ops;
}

void ovl_inode_get(struct ovl_sb *osb, struct ovl_inode *parent, const char *name, struct inode *upper,
		   struct inode *lower, struct inode **out)
{
	mode_t mode = upper ? upper->mode : lower->mode;
	struct ovl_key key = key_of(upper, lower, mode);
	struct ovl_inode *oi;
	HASH_FIND(hh, osb->inodes, &key, sizeof(key), oi);
	if (oi) {
		*out = inode_get(&oi->inode);
		inode_put(upper);
		inode_put(lower);
		return;
	}
	oi = NEW(struct ovl_inode);
	oi->upper = upper;
	oi->lower = lower;
	oi->key = key;
	sleep_lock_init(&oi->copy_lock);
	if (!upper && parent) {
		inode_get(&parent->inode);
		oi->parent = parent;
		oi->name = xstrdup(name);
	}
	inode_init(&oi->inode, &osb->sb, ops_for(mode), upper ? upper->ino : lower->ino, mode);
	HASH_ADD(hh, osb->inodes, key, sizeof(oi->key), oi);
	ovl_copy_attr(oi);
	*out = &oi->inode;
}

void ovl_inode_rekey(struct ovl_inode *oi)
{
	struct ovl_sb *osb = ovl_sb_of(oi);
	HASH_DEL(osb->inodes, oi);
	oi->key = key_of(oi->upper, oi->lower, oi->inode.mode);
	HASH_ADD(hh, osb->inodes, key, sizeof(oi->key), oi);
}

#define XATTR_OPS                                                                                      \
	.getxattr = ovl_getxattr, .setxattr = ovl_setxattr, .listxattr = ovl_listxattr,                \
	.removexattr = ovl_removexattr
#define COMMON_OPS .getattr = ovl_getattr, .setattr = ovl_setattr, .release = ovl_release, XATTR_OPS

const struct inode_ops ovl_dir_ops = {
	.lookup = ovl_lookup, .create = ovl_create, .mkdir = ovl_mkdir, .mknod = ovl_mknod, .symlink = ovl_symlink,
	.link = ovl_link, .unlink = ovl_unlink, .rmdir = ovl_rmdir, .rename = ovl_rename, .tmpfile = ovl_tmpfile,
	.walk_ahead = ovl_walk_ahead, .open = ovl_dir_open, COMMON_OPS,
};
const struct inode_ops ovl_file_ops = { .open = ovl_file_open, COMMON_OPS };
const struct inode_ops ovl_symlink_ops = { .readlink = ovl_readlink, COMMON_OPS };
const struct inode_ops ovl_special_ops = { COMMON_OPS };
