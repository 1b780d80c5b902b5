/* sys_stat.c - stat(2), lstat(2), fstat(2), newfstatat(2), statx(2), statfs(2), fstatfs(2).
 *
 * LINUX    fs/stat.c, fs/statfs.c. struct stat and struct statfs are the C library's own, which are the kernel's
 *          on x86-64. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/at.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/mount.h"

static int fill_stat(const struct task *t, struct inode *i, struct stat *st)
{
	int err = i->ops->getattr ? i->ops->getattr(i) : 0;
	if (err)
		return err;
	*st = (struct stat){
		.st_dev = i->sb->dev, .st_ino = i->ino, .st_nlink = i->nlink, .st_mode = i->mode,
		.st_uid = uid_shown(t->cred, i->uid), .st_gid = gid_shown(t->cred, i->gid),
		.st_rdev = i->rdev, .st_size = i->size,
		.st_blksize = (blksize_t)i->blksize, .st_blocks = (blkcnt_t)i->blocks,
		.st_atim = i->atime, .st_mtim = i->mtime, .st_ctim = i->ctime,
	};
	return 0;
}

static long stat_inode(struct task *t, struct inode *i, uptr_t statbuf)
{
	struct stat st;
	int err = fill_stat(t, i, &st);
	return err ? err : put_user(t, statbuf, &st);
}

long sys_fstat(struct task *t, int fd, uptr_t statbuf)
{
	AUTO(file_put) struct file *f = fd_get_raw(t, fd);
	return f ? stat_inode(t, f->inode, statbuf) : -EBADF;
}

long sys_newfstatat(struct task *t, int dirfd, uptr_t pathname, uptr_t statbuf, int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	if (uptr_null(pathname) && (flags & AT_EMPTY_PATH) && dirfd >= 0)
		return sys_fstat(t, dirfd, statbuf);
	AUTO_PATH p = { 0 };
	int err = at_lookup(t, dirfd, pathname, flags, &p);
	return err ? err : stat_inode(t, p.dentry->inode, statbuf);
}

long sys_stat(struct task *t, uptr_t pathname, uptr_t statbuf)
{
	return sys_newfstatat(t, AT_FDCWD, pathname, statbuf, 0);
}

long sys_lstat(struct task *t, uptr_t pathname, uptr_t statbuf)
{
	return sys_newfstatat(t, AT_FDCWD, pathname, statbuf, AT_SYMLINK_NOFOLLOW);
}

/* --- statx --- */

static struct statx_timestamp statx_time(struct timespec ts)
{
	return (struct statx_timestamp){ .tv_sec = ts.tv_sec, .tv_nsec = (uint32_t)ts.tv_nsec };
}

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U
#endif
#define STATX_RESERVED 0x80000000U

struct kernel_statx {                     /* of linux/stat.h, whose name the C library's header has taken */
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare0;
	uint64_t ino, size, blocks, attributes_mask;
	struct statx_timestamp atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id, spare[13];
};
_Static_assert(sizeof(struct kernel_statx) == 256, "struct statx");

static int fill_statx(const struct task *t, const struct path *p, unsigned asked, struct kernel_statx *sx)
{
	struct stat st;
	int err = fill_stat(t, p->dentry->inode, &st);
	if (err)
		return err;
	struct timespec btime = p->dentry->inode->btime;
	bool has_btime = btime.tv_sec || btime.tv_nsec;
	*sx = (struct kernel_statx){
		.mask = STATX_BASIC_STATS | (asked & STATX_MNT_ID_UNIQUE ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID) | (has_btime ? STATX_BTIME : 0),
		.blksize = (uint32_t)st.st_blksize, .nlink = (uint32_t)st.st_nlink, .uid = st.st_uid, .gid = st.st_gid,
		.mode = (uint16_t)st.st_mode, .ino = st.st_ino, .size = (uint64_t)st.st_size,
		.blocks = (uint64_t)st.st_blocks, .attributes_mask = STATX_ATTR_MOUNT_ROOT,
		.attributes = p->dentry == p->mnt->root ? STATX_ATTR_MOUNT_ROOT : 0,
		.atime = statx_time(st.st_atim), .ctime = statx_time(st.st_ctim), .mtime = statx_time(st.st_mtim),
		.btime = statx_time(btime),
		.rdev_major = major(st.st_rdev), .rdev_minor = minor(st.st_rdev),
		.dev_major = major(st.st_dev), .dev_minor = minor(st.st_dev),
		.mnt_id = asked & STATX_MNT_ID_UNIQUE ? mount_unique_id(p->mnt) : (uint64_t)p->mnt->id,
	};
	return 0;
}

long sys_statx(struct task *t, int dirfd, uptr_t pathname, int flags, unsigned mask, uptr_t statxbuf)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if ((mask & STATX_RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	AUTO_PATH p = { 0 };
	int err;
	if (uptr_null(pathname) && (flags & AT_EMPTY_PATH) && dirfd >= 0)
		err = fd_path(t, dirfd, true, &p);
	else
		err = at_lookup(t, dirfd, pathname, flags, &p);
	struct kernel_statx sx;
	if (!err)
		err = fill_statx(t, &p, mask, &sx);
	return err ? err : put_user(t, statxbuf, &sx);
}

/* --- statfs --- */

static long mount_flags_to_st(const struct path *p)
{
	static const struct { unsigned mnt; long st; } table[] = {
		{ MNT_RDONLY, ST_RDONLY }, { MNT_NOSUID, ST_NOSUID },   { MNT_NODEV, ST_NODEV },
		{ MNT_NOEXEC, ST_NOEXEC }, { MNT_NOATIME, ST_NOATIME }, { MNT_NODIRATIME, ST_NODIRATIME },
		{ MNT_RELATIME, ST_RELATIME }, { MNT_NOSYMFOLLOW, 0x2000 /* ST_NOSYMFOLLOW */ },
	};
	long st = 0x20;                   /* ST_VALID: the flags mean something */
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (p->mnt->flags & table[i].mnt)
			st |= table[i].st;
	}
	return p->dentry->sb->read_only ? st | ST_RDONLY : st;
}

static long statfs_path(struct task *t, const struct path *p, uptr_t buf)
{
	struct superblock *sb = p->dentry->sb;
	struct statfs st = { 0 };
	int err = sb->ops->statfs ? sb->ops->statfs(sb, &st) : -ENOSYS;
	if (err)
		return err;
	if (!st.f_type)
		st.f_type = (long)sb->magic;
	if (!st.f_frsize)
		st.f_frsize = st.f_bsize;
	st.f_flags = mount_flags_to_st(p);
	return put_user(t, buf, &st);
}

long sys_statfs(struct task *t, uptr_t path, uptr_t buf)
{
	AUTO_PATH p = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, path, LOOKUP_FOLLOW, &p);
	return err ? err : statfs_path(t, &p, buf);
}

long sys_fstatfs(struct task *t, int fd, uptr_t buf)
{
	AUTO_PATH p = { 0 };
	int err = fd_path(t, fd, true, &p);
	return err ? err : statfs_path(t, &p, buf);
}
