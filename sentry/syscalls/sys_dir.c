/* sys_dir.c - getdents(2), getcwd(2), chdir(2), fchdir(2), chroot(2), mkdir(2), rmdir(2), umask(2).
 *
 * LINUX    fs/readdir.c, fs/open.c, fs/d_path.c. */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>

#include "sentry/syscalls/at.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/entry.h"
#include "sentry/vfs/namei.h"

/* --- getdents --- */

struct dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
} __attribute__((packed));

struct dirent_old {                       /* the type lies in the record's last byte */
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	char name[];
} __attribute__((packed));

#define DENTS_MAX (64 * 1024U)            /* one call's buffer; programs ask for 32 KiB */

struct dents {
	struct dir_context ctx;
	char *buf;
	size_t len, room;
	bool old, too_small;
};

static bool dents_emit(struct dir_context *ctx, const char *name, size_t len, uint64_t ino, unsigned d_type, off_t next_pos)
{
	struct dents *d = container_of(ctx, struct dents, ctx);
	size_t head = d->old ? sizeof(struct dirent_old) : sizeof(struct dirent64);
	size_t reclen = ALIGN_UP(head + len + (d->old ? 2 : 1), 8);
	if (reclen > d->room - d->len) {
		d->too_small = d->len == 0;
		return false;
	}
	char *at = d->buf + d->len;
	memset(at, 0, reclen);
	if (d->old) {
		*(struct dirent_old *)at = (struct dirent_old){ ino, next_pos, (uint16_t)reclen };
		at[reclen - 1] = (char)d_type;
	} else {
		*(struct dirent64 *)at = (struct dirent64){ ino, next_pos, (uint16_t)reclen, (uint8_t)d_type };
	}
	memcpy(at + head, name, len);
	d->len += reclen;
	return true;
}

static long getdents(struct task *t, int fd, uptr_t dirp, unsigned count, bool old)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (!f->ops->iterate)
		return -ENOTDIR;
	struct dents d = { .ctx.emit = dents_emit, .room = MIN(count, DENTS_MAX), .old = old };
	AUTO(free) char *buf = d.buf = malloc(MAX(d.room, 1U));
	if (!buf)
		return -ENOMEM;
	sleep_lock_acquire(&f->pos_lock);
	d.ctx.pos = f->pos;
	bool removed = f->path.dentry && f->path.dentry->unhashed;
	int err = removed ? -ENOENT : f->ops->iterate(f, &d.ctx);
	if (!err && d.too_small)
		err = -EINVAL;
	if (!err && d.len)
		err = copy_to_user(t, dirp, buf, d.len);
	if (!err)
		f->pos = d.ctx.pos;
	sleep_lock_release(&f->pos_lock);
	return err ? err : (long)d.len;
}

long sys_getdents(struct task *t, int fd, uptr_t dirp, unsigned count)
{
	return getdents(t, fd, dirp, count, true);
}

long sys_getdents64(struct task *t, int fd, uptr_t dirp, unsigned count)
{
	return getdents(t, fd, dirp, count, false);
}

/* --- where the task is --- */

long sys_getcwd(struct task *t, uptr_t buf, uint64_t size)
{
	static const char unreachable[] = "(unreachable)";
	AUTO_PATH cwd = t->fs->cwd;
	path_get(&cwd);
	if (cwd.dentry->unhashed)
		return -ENOENT;
	AUTO(free) char *page = malloc(PATH_MAX + sizeof(unreachable));
	if (!page)
		return -ENOMEM;
	char *name, *start = page + sizeof(unreachable) - 1;
	bool reached;
	int err = path_name_reach(t, &cwd, start, PATH_MAX, &name, &reached);
	if (err)
		return err;
	if (!reached) {
		name -= sizeof(unreachable) - 1;
		memcpy(name, unreachable, sizeof(unreachable) - 1);
	}
	size_t len = strlen(name) + 1;
	if (len > size)
		return -ERANGE;
	err = copy_to_user(t, buf, name, len);
	return err ? err : (long)len;
}

static void set_path(struct path *place, struct path *to)
{
	struct path old = *place;
	*place = *to;
	*to = old;                        /* goes with the caller's scope */
}

static long chdir_to(struct task *t, struct path *p)
{
	struct inode *i = p->dentry->inode;
	if (!S_ISDIR(i->mode))
		return -ENOTDIR;
	int err = inode_permission(i, t->cred, MAY_EXEC);
	if (!err)
		set_path(&t->fs->cwd, p);
	return err;
}

long sys_chdir(struct task *t, uptr_t path)
{
	AUTO_PATH p = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);
	return err ? err : chdir_to(t, &p);
}

long sys_fchdir(struct task *t, int fd)
{
	AUTO_PATH p = { 0 };
	int err = fd_path(t, fd, true, &p);
	return err ? err : chdir_to(t, &p);
}

long sys_chroot(struct task *t, uptr_t path)
{
	AUTO_PATH p = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);
	if (!err)
		err = inode_permission(p.dentry->inode, t->cred, MAY_EXEC);
	if (err)
		return err;
	if (!cred_has_own_cap(t->cred, CAP_SYS_CHROOT))
		return -EPERM;
	set_path(&t->fs->root, &p);
	return 0;
}

long sys_umask(struct task *t, uint32_t mask)
{
	mode_t old = t->fs->umask;
	t->fs->umask = mask & 0777;
	return (long)old;
}

/* --- making and removing --- */

long sys_mkdirat(struct task *t, int dirfd, uptr_t pathname, uint32_t mode)
{
	AUTO(free) char *name = NULL;
	int err = path_copy_user(t, pathname, &name);
	return err ? err : vfs_mkdir(t, dirfd, name, mode);
}

long sys_mkdir(struct task *t, uptr_t pathname, uint32_t mode)
{
	return sys_mkdirat(t, AT_FDCWD, pathname, mode);
}

long sys_rmdir(struct task *t, uptr_t pathname)
{
	AUTO(free) char *name = NULL;
	int err = path_copy_user(t, pathname, &name);
	return err ? err : vfs_rmdir(t, AT_FDCWD, name);
}
