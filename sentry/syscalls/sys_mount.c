/* sys_mount.c - mount(2), umount2(2), pivot_root(2).
 *
 * LINUX    fs/namespace.c. The tree itself is in vfs/mount.c.
 * MISSING  Remounting a file system (not only the mount) in a user namespace (EPERM),
 *          file systems on block devices (there are none). */
#include <fcntl.h>
#include <sys/mount.h>

#include "sentry/syscalls/at.h"
#include "sentry/syscalls/mount_attr.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/permission.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#define MGC_VAL 0xC0ED0000UL
#define MGC_MASK 0xffff0000UL
#define PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

static unsigned mount_flags(uint64_t ms)
{
	static const struct { uint64_t ms; unsigned mnt; } table[] = {
		{ MS_RDONLY, MNT_RDONLY }, { MS_NOSUID, MNT_NOSUID },   { MS_NODEV, MNT_NODEV },
		{ MS_NOEXEC, MNT_NOEXEC }, { MS_NOATIME, MNT_NOATIME }, { MS_NODIRATIME, MNT_NODIRATIME },
		{ MS_NOSYMFOLLOW, MNT_NOSYMFOLLOW },
	};
	unsigned flags = ms & MS_NOATIME ? 0 : MNT_RELATIME;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (ms & table[i].ms)
			flags |= table[i].mnt;
	}
	return flags;
}

/* Strings of mount(2): a page at most; NULL stays NULL. */
static int get_string(struct task *t, uptr_t ptr, char **out)
{
	if (uptr_null(ptr))
		return 0;
	int err = strndup_from_user(t, ptr, PAGE_SIZE, out);
	return err == -ENAMETOOLONG ? -EINVAL : err;
}

static long bind(struct task *t, uptr_t source, const struct path *at, uint64_t flags)
{
	AUTO_PATH from = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	return err ? err : mount_bind(&from, at, flags & MS_REC);
}

static long move(struct task *t, uptr_t source, const struct path *at)
{
	AUTO_PATH from = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	return from.dentry == from.mnt->root ? mount_move(from.mnt, at) : -EINVAL;
}

static long remount(struct task *t, const struct path *at, uint64_t flags, const char *options)
{
	struct mount *m = at->mnt;
	if (at->dentry != m->root)
		return -EINVAL;
	unsigned wanted = mount_flags(flags);
	if ((m->flags & MNT_LOCK_RDONLY) && !(wanted & MNT_RDONLY))
		return -EPERM;
	if (m->locked_flags & ~wanted)
		return -EPERM;
	if (!(flags & MS_BIND) && !cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EPERM;
	if (!(flags & MS_BIND) && m->sb->ops->remount) {
		int err = m->sb->ops->remount(m->sb, options ? options : "");
		if (err)
			return err;
		m->sb->read_only = flags & MS_RDONLY;
	}
	m->flags = wanted | (m->flags & MNT_LOCK_RDONLY);
	if (m->ns) {
		m->ns->event++;
		waitq_wake(&m->ns->wq, EPOLLERR | EPOLLPRI);
	}
	return 0;
}

static long set_propagation(const struct path *at, uint64_t flags)
{
	uint64_t how = flags & PROPAGATION;
	if ((flags & ~(PROPAGATION | MS_REC | MS_SILENT)) || (how & (how - 1)) || at->dentry != at->mnt->root || !at->mnt->ns)
		return -EINVAL;
	mount_set_propagation(at->mnt, how == MS_SHARED ? PROPAGATE_SHARED : how == MS_SLAVE ? PROPAGATE_SLAVE :
			      how == MS_UNBINDABLE ? PROPAGATE_UNBINDABLE : PROPAGATE_PRIVATE, flags & MS_REC);
	return 0;
}

static long mount_new_fs(struct task *t, uptr_t source, const char *type, const struct path *at, uint64_t flags,
			 const char *options)
{
	if (!type)
		return -EINVAL;
	const struct fs_type *fs = fs_type_find(type);
	if (!fs)
		return -ENODEV;
	if (!fs->in_user_ns && !cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EPERM;
	AUTO(free) char *name = NULL;
	int err = get_string(t, source, &name);
	if (err)
		return err;
	struct superblock *sb;
	err = fs->mount(t, name ? name : "none", options ? options : "", &sb);
	if (err)
		return err;
	if (sb->ops->remount)             /* its own: nobody else has it mounted */
		sb->read_only = flags & MS_RDONLY;
	err = mount_add(t->mnt_ns, sb, NULL, at, mount_flags(flags), name, NULL);
	superblock_put(sb);
	return err;
}

long sys_mount(struct task *t, uptr_t source, uptr_t target, uptr_t filesystemtype, uint64_t mountflags, uptr_t data)
{
	AUTO(free) char *type = NULL, *options = NULL;
	int err = get_string(t, filesystemtype, &type);
	if (!err)
		err = get_string(t, data, &options);
	if (err)
		return err;
	AUTO_PATH at = { 0 };
	err = path_lookup_user(t, AT_FDCWD, target, LOOKUP_FOLLOW, &at);
	if (err)
		return err;
	if (!may_mount(t))
		return -EPERM;
	if (S_ISLNK(at.dentry->inode->mode))
		return -ENOENT;           /* only /proc/PID/fd leads to a link itself; what is there comes and goes */
	if ((mountflags & MGC_MASK) == MGC_VAL)
		mountflags &= ~MGC_MASK;

	if (mountflags & MS_REMOUNT)
		return remount(t, &at, mountflags, options);
	if (!(mountflags & PROPAGATION) || (mountflags & MS_BIND))
		mount_top_get(&at);
	if (mountflags & MS_BIND)
		return bind(t, source, &at, mountflags);
	if (mountflags & PROPAGATION) {
		return set_propagation(&at, mountflags);
	}
	if (mountflags & MS_MOVE)
		return move(t, source, &at);
	return mount_new_fs(t, source, type, &at, mountflags, options);
}

#ifndef UMOUNT_NOFOLLOW
#define UMOUNT_NOFOLLOW 8
#endif

long sys_umount2(struct task *t, uptr_t target, int flags)
{
	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	AUTO_PATH p = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	if (!may_mount(t))
		return -EPERM;
	mount_top_get(&p);
	if (p.dentry != p.mnt->root)
		return -EINVAL;
	if (flags & MNT_EXPIRE)
		return flags & (MNT_FORCE | MNT_DETACH) ? -EINVAL : mount_expire(&p);
	return mount_del(p.mnt, flags & MNT_DETACH);
}

long sys_pivot_root(struct task *t, uptr_t new_root, uptr_t put_old)
{
	if (!may_mount(t))
		return -EPERM;
	AUTO_PATH root = { 0 }, old = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, new_root, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &root);
	if (!err)
		err = path_lookup_user(t, AT_FDCWD, put_old, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	return err ? err : mount_pivot(t->mnt_ns, &t->fs->root, &root, &old);
}
