/* sys_move_mount.c - open_tree(2), move_mount(2), mount_setattr(2): mounts by descriptor.
 *
 * LINUX    fs/namespace.c.
 * MISSING  MOVE_MOUNT_SET_GROUP and MOUNT_ATTR_IDMAP (EINVAL). */
#include <linux/mount.h>
#include <sys/mount.h>

#include "sentry/fs/fscontext/fscontext.h"
#include "sentry/syscalls/at.h"
#include "sentry/syscalls/mount_attr.h"
#include "sentry/syscalls/table.h"

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200
#endif
#define MOVE_FLAGS (MOVE_MOUNT_F_SYMLINKS | MOVE_MOUNT_F_AUTOMOUNTS | MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS | \
		    MOVE_MOUNT_T_AUTOMOUNTS | MOVE_MOUNT_T_EMPTY_PATH | MOVE_MOUNT_BENEATH)
#define PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)
#define ATTR_SIZE_VER0 32

static long open_tree_clone(struct task *t, const struct path *at, unsigned flags)
{
	struct mount_ns *tree;
	int err = mount_tree_copy(t->mnt_ns, at, flags & AT_RECURSIVE, &tree);
	if (err)
		return err;
	struct file *f;
	mount_fd_new(tree, &f);
	int fd = fd_install(t, f, 0, flags & OPEN_TREE_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_open_tree(struct task *t, int dirfd, uptr_t pathname, unsigned flags)
{
	if (flags & ~(AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC))
		return -EINVAL;
	if ((flags & (AT_RECURSIVE | OPEN_TREE_CLONE)) == AT_RECURSIVE)
		return -EINVAL;
	if ((flags & OPEN_TREE_CLONE) && !may_mount(t))
		return -EPERM;
	AUTO_PATH at = { 0 };
	int err = at_lookup(t, dirfd, pathname, (int)flags, &at);
	if (err)
		return err;
	if (flags & OPEN_TREE_CLONE)
		return open_tree_clone(t, &at, flags);
	struct file *f;
	err = vfs_open_path(t, &at, O_PATH, &f);
	if (err)
		return err;
	int fd = fd_install(t, f, 0, flags & OPEN_TREE_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

static long move(struct task *t, const struct path *from, const struct path *to, bool beneath)
{
	struct mount *m = from->mnt;
	if (from->dentry != m->root || !m->ns || (!m->ns->detached && m->ns != t->mnt_ns))
		return -EINVAL;
	if (beneath)
		return to->dentry == to->mnt->root ? mount_place_beneath(t->mnt_ns, m, to->mnt) : -EINVAL;
	return m->ns->detached ? mount_tree_place(t->mnt_ns, m, to) : mount_move(m, to);
}

long sys_move_mount(struct task *t, int from_dirfd, uptr_t from_pathname, int to_dirfd, uptr_t to_pathname, unsigned flags)
{
	if (!may_mount(t))
		return -EPERM;
	if (flags & ~MOVE_FLAGS)
		return -EINVAL;
	AUTO_PATH from = { 0 }, to = { 0 };
	int err = path_lookup_user(t, from_dirfd, from_pathname, (flags & MOVE_MOUNT_F_SYMLINKS ? LOOKUP_FOLLOW : 0) |
				   (flags & MOVE_MOUNT_F_EMPTY_PATH ? LOOKUP_EMPTY : 0), &from);
	if (!err)
		err = path_lookup_user(t, to_dirfd, to_pathname, (flags & MOVE_MOUNT_T_SYMLINKS ? LOOKUP_FOLLOW : 0) |
				       (flags & MOVE_MOUNT_T_EMPTY_PATH ? LOOKUP_EMPTY : 0), &to);
	if (!err && !(flags & MOVE_MOUNT_BENEATH))
		mount_top_get(&to);
	return err ? err : move(t, &from, &to, flags & MOVE_MOUNT_BENEATH);
}

/* attr_set and attr_clr as MNT_*: of the ways of access times one is set by clearing all first. */
static int change_of(const struct mount_attr *a, unsigned *out_set, unsigned *out_clear)
{
	uint64_t clear = a->attr_clr, set = a->attr_set;
	if (((clear | set) & ~(uint64_t)MOUNT_ATTRS) || mount_attr_flags(set, out_set))
		return -EINVAL;
	*out_clear = mount_attr_bits(clear);
	if ((clear & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME) {
		*out_clear |= MNT_NOATIME | MNT_RELATIME;
		return 0;
	}
	if ((clear & MOUNT_ATTR__ATIME) || (set & MOUNT_ATTR__ATIME))
		return -EINVAL;
	*out_set &= ~(unsigned)MNT_RELATIME;
	return 0;
}

static int propagation_of(uint64_t ms, enum mount_propagation *out)
{
	if ((ms & ~(uint64_t)PROPAGATION) || (ms & (ms - 1)))
		return -EINVAL;
	*out = ms == MS_SHARED ? PROPAGATE_SHARED : ms == MS_SLAVE ? PROPAGATE_SLAVE : ms == MS_UNBINDABLE ? PROPAGATE_UNBINDABLE :
	       PROPAGATE_PRIVATE;
	return 0;
}

static int get_attr(struct task *t, struct mount_attr *out, uptr_t attr, size_t size)
{
	if (size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(t, out, sizeof(*out), attr, size, ATTR_SIZE_VER0);
}

long sys_mount_setattr(struct task *t, int dirfd, uptr_t pathname, unsigned flags, uptr_t attr, size_t size)
{
	struct mount_attr a;
	unsigned set, clear;
	enum mount_propagation how;
	if (flags & ~(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -EINVAL;
	int err = size <= PAGE_SIZE && size < ATTR_SIZE_VER0 ? -EINVAL : 0;
	if (!err && !may_mount(t))
		err = -EPERM;
	if (!err)
		err = get_attr(t, &a, attr, size);
	if (err)
		return err;
	if (!a.attr_set && !a.attr_clr && !a.propagation)
		return 0;
	err = change_of(&a, &set, &clear);
	if (!err)
		err = propagation_of(a.propagation, &how);
	AUTO_PATH at = { 0 };
	if (!err)
		err = at_lookup(t, dirfd, pathname, (int)flags, &at);
	if (err)
		return err;
	struct mount *m = at.mnt;
	if (at.dentry != m->root || !m->ns || (!m->ns->detached && m->ns != t->mnt_ns))
		return -EINVAL;
	err = mount_change_flags(m, set, clear, flags & AT_RECURSIVE);
	if (!err && a.propagation)
		mount_set_propagation(m, how, flags & AT_RECURSIVE);
	return err;
}
