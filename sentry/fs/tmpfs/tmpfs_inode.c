/* tmpfs_inode.c - making and ending tmpfs inodes; attributes; symlinks and special files. */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>

#include "sentry/fs/tmpfs/tmpfs_impl.h"
#include "sentry/vfs/permission.h"

void tmpfs_inode_destroy(struct inode *i, void *object)
{
	struct tmpfs_sb *ts = to_tmpfs_sb(i->sb);
	tmpfs_xattr_fini(to_tmpfs(i));
	tmpfs_uncharge_inode(ts);
	inode_fini(i);
	free(object);
}

/* --- regular files --- */

static int file_setattr(struct inode *i, const struct iattr *attr)
{
	struct tmpfs_file_inode *fi = to_tmpfs_file(i);
	if ((attr->valid & ATTR_MODE) && (fi->seals & F_SEAL_EXEC) && ((i->mode ^ attr->mode) & 0111))
		return -EPERM;
	if (attr->valid & ATTR_SIZE) {
		if ((attr->size < i->size && (fi->seals & F_SEAL_SHRINK)) ||
		    (attr->size > i->size && (fi->seals & F_SEAL_GROW)))
			return -EPERM;
		int err = tmpfs_data_resize(fi, attr->size);
		if (err)
			return err;
		i->mtime = i->ctime = inode_now();
	}
	if (fi->mapped)        /* earlier stores don't undo the times that are set now */
		tmpfs_data_sync(fi);
	tmpfs_apply_attr(i, attr);
	return 0;
}

static int file_getattr(struct inode *i)
{
	struct tmpfs_file_inode *fi = to_tmpfs_file(i);
	if (fi->mapped)
		tmpfs_data_sync(fi);
	return 0;
}

static int file_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	return tmpfs_open_file(i, path, flags, out);
}

static void file_release(struct inode *i)
{
	struct tmpfs_file_inode *fi = to_tmpfs_file(i);
	tmpfs_data_fini(fi);
	tmpfs_inode_destroy(i, fi);
}

static const struct inode_ops file_inode_ops = {
	.open = file_open, .getattr = file_getattr, .setattr = file_setattr,
	.getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr, .removexattr = tmpfs_removexattr,
	.release = file_release,
};

bool is_tmpfs_file(const struct inode *i)
{
	return i->ops == &file_inode_ops;
}

unsigned tmpfs_get_seals(const struct inode *i)
{
	CHECK(is_tmpfs_file(i));
	return container_of(i, const struct tmpfs_file_inode, ti.inode)->seals;
}

void tmpfs_set_seals(struct inode *i, unsigned seals)
{
	CHECK(is_tmpfs_file(i));
	to_tmpfs_file(i)->seals = seals;
}

/* --- symlinks, devices, FIFOs, sockets --- */

void tmpfs_apply_attr(struct inode *i, const struct iattr *attr)
{
	if (attr->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (attr->mode & 07777);
	if (attr->valid & ATTR_UID)
		i->uid = attr->uid;
	if (attr->valid & ATTR_GID)
		i->gid = attr->gid;
	if (attr->valid & ATTR_ATIME)
		i->atime = attr->atime;
	if (attr->valid & ATTR_MTIME)
		i->mtime = attr->mtime;
	i->ctime = inode_now();
}

int tmpfs_setattr(struct inode *i, const struct iattr *attr)
{
	if (attr->valid & ATTR_SIZE)
		return S_ISDIR(i->mode) ? -EISDIR : -EINVAL;
	tmpfs_apply_attr(i, attr);
	return 0;
}

static void special_release(struct inode *i)
{
	tmpfs_inode_destroy(i, to_tmpfs(i));
}

static ssize_t symlink_readlink(struct inode *i, struct task *t, char *buf, size_t bytes)
{
	(void)t;
	struct tmpfs_symlink *s = container_of(i, struct tmpfs_symlink, ti.inode);
	size_t n = MIN(bytes, s->len);
	memcpy(buf, s->target, n);
	return (ssize_t)n;
}

static void symlink_release(struct inode *i)
{
	struct tmpfs_symlink *s = container_of(i, struct tmpfs_symlink, ti.inode);
	fs_memory_uncharge(s->len);
	tmpfs_inode_destroy(i, s);
}

static const struct inode_ops special_ops = {
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr, .removexattr = tmpfs_removexattr,
	.release = special_release,
};
static const struct inode_ops symlink_ops = {
	.setattr = tmpfs_setattr, .readlink = symlink_readlink,
	.getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr, .removexattr = tmpfs_removexattr,
	.release = symlink_release,
};

/* --- making --- */

/* Owner and mode as Linux's inode_init_owner(): a set-group-ID directory passes its group on. */
static void init_owner(struct inode *i, const struct inode *dir, const struct cred *cred)
{
	i->uid = cred ? cred->fsuid : 0;
	i->gid = cred ? cred->fsgid : 0;
	if (!dir || !(dir->mode & S_ISGID))
		return;
	i->gid = dir->gid;
	if (S_ISDIR(i->mode))
		i->mode |= S_ISGID;
	else if ((i->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && cred && !cred_in_group(cred, i->gid) &&
		 !cred_has_inode_cap(cred, dir, CAP_FSETID))
		i->mode &= ~(mode_t)S_ISGID;
}

int tmpfs_inode_new(struct tmpfs_sb *ts, const struct inode *dir, mode_t mode, dev_t dev, const struct cred *cred,
		    struct inode **out)
{
	int err = tmpfs_charge_inode(ts);
	if (err)
		return err;
	struct inode *i;
	const struct inode_ops *ops = &special_ops;
	if (S_ISDIR(mode)) {
		struct tmpfs_dir *d = NEW(struct tmpfs_dir);
		i = &d->ti.inode;
		ops = &tmpfs_dir_ops;
		tmpfs_dir_init(d);
	} else if (S_ISREG(mode)) {
		struct tmpfs_file_inode *fi = NEW(struct tmpfs_file_inode);
		i = &fi->ti.inode;
		ops = &file_inode_ops;
		fi->seals = F_SEAL_SEAL;
		tmpfs_data_init(fi);
	} else {
		i = &NEW(struct tmpfs_inode)->inode;
	}
	inode_init(i, &ts->sb, ops, ++ts->next_ino, mode);
	if (S_ISDIR(mode)) {
		i->nlink = 2;
		i->size = 2 * TMPFS_DIRENT_SIZE;
	}
	i->rdev = S_ISCHR(mode) || S_ISBLK(mode) ? dev : 0;
	init_owner(i, dir, cred);
	*out = i;
	return 0;
}

int tmpfs_symlink_new(struct tmpfs_sb *ts, const struct inode *dir, const char *target, const struct cred *cred,
		      struct inode **out)
{
	size_t len = strlen(target);
	int err = fs_memory_charge(len);
	if (err)
		return err;
	err = tmpfs_charge_inode(ts);
	if (err) {
		fs_memory_uncharge(len);
		return err;
	}
	struct tmpfs_symlink *s = xzalloc(sizeof(*s) + len + 1);
	memcpy(s->target, target, len);
	s->len = len;
	inode_init(&s->ti.inode, &ts->sb, &symlink_ops, ++ts->next_ino, S_IFLNK | 0777);
	s->ti.inode.size = (off_t)len;
	init_owner(&s->ti.inode, dir, cred);
	*out = &s->ti.inode;
	return 0;
}

int tmpfs_new_file(struct superblock *sb, mode_t mode, const struct cred *cred, struct inode **out)
{
	int err = tmpfs_inode_new(to_tmpfs_sb(sb), NULL, S_IFREG | (mode & 07777), 0, cred, out);
	if (!err)
		(*out)->nlink = 0;
	return err;
}
