/* sys_fsopen.c - fsopen(2), fsconfig(2), fspick(2), fsmount(2): a file system in steps.
 *
 * LINUX    fs/fsopen.c, fs/namespace.c. What a descriptor of fsopen collects is in fs/fscontext. */
#include <linux/mount.h>

#include "sentry/fs/fscontext/fscontext.h"
#include "sentry/syscalls/at.h"
#include "sentry/syscalls/mount_attr.h"
#include "sentry/syscalls/table.h"

#define STRING_MAX 256
#define BINARY_MAX (1 << 20)
#ifndef FSCONFIG_CMD_CREATE_EXCL
#define FSCONFIG_CMD_CREATE_EXCL 8
#endif

static long publish(struct task *t, struct file *f, bool cloexec)
{
	int fd = fd_install(t, f, 0, cloexec);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_fsopen(struct task *t, uptr_t fsname, unsigned flags)
{
	if (!may_mount(t))
		return -EPERM;
	if (flags & ~FSOPEN_CLOEXEC)
		return -EINVAL;
	AUTO(free) char *name = NULL;
	int err = strndup_from_user(t, fsname, PAGE_SIZE, &name);
	if (err)
		return err == -ENAMETOOLONG ? -EINVAL : err;
	const struct fs_type *type = fs_type_find(name);
	if (!type)
		return -ENODEV;
	struct file *f;
	err = fscontext_new(type, NULL, &f);
	return err ? err : publish(t, f, flags & FSOPEN_CLOEXEC);
}

long sys_fspick(struct task *t, int dirfd, uptr_t pathname, unsigned flags)
{
	if (!may_mount(t))
		return -EPERM;
	if (flags & ~(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH))
		return -EINVAL;
	AUTO_PATH at = { 0 };
	int err = path_lookup_user(t, dirfd, pathname, (flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
				   (flags & FSPICK_EMPTY_PATH ? LOOKUP_EMPTY : 0), &at);
	if (err)
		return err;
	if (at.dentry != at.mnt->root)
		return -EINVAL;
	struct file *f;
	err = fscontext_new(fs_type_find(at.mnt->sb->type), at.mnt->sb, &f);
	return err ? err : publish(t, f, flags & FSPICK_CLOEXEC);
}

/* Are the arguments those that the command takes? */
static int check_args(unsigned cmd, bool key, bool value, int aux)
{
	switch (cmd) {
	case FSCONFIG_SET_FLAG:
		return key && !value && !aux ? 0 : -EINVAL;
	case FSCONFIG_SET_STRING:
		return key && value && !aux ? 0 : -EINVAL;
	case FSCONFIG_SET_BINARY:
		return key && value && aux > 0 && aux <= BINARY_MAX ? 0 : -EINVAL;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		return key && value && (aux == AT_FDCWD || aux >= 0) ? 0 : -EINVAL;
	case FSCONFIG_SET_FD:
		return key && !value && aux >= 0 ? 0 : -EINVAL;
	case FSCONFIG_CMD_CREATE:
	case FSCONFIG_CMD_CREATE_EXCL:
	case FSCONFIG_CMD_RECONFIGURE:
		return !key && !value && !aux ? 0 : -EINVAL;
	default:
		return -EOPNOTSUPP;
	}
}

/* A parameter's value: text, or something that must be there to be refused. */
static int get_value(struct task *t, unsigned cmd, uptr_t value, int aux, char **out)
{
	struct file *f;
	int err = 0;
	switch (cmd) {
	case FSCONFIG_SET_STRING:
		err = strndup_from_user(t, value, STRING_MAX, out);
		break;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		err = strndup_from_user(t, value, PATH_MAX, out);
		return !err && !**out && cmd == FSCONFIG_SET_PATH ? -ENOENT : err;
	case FSCONFIG_SET_FD:
		f = fd_get_raw(t, aux);
		file_put(f);
		return f ? 0 : -EBADF;
	default:
		break;
	}
	return err == -ENAMETOOLONG ? -EINVAL : err;
}

static long set_param(struct task *t, struct fscontext *c, unsigned cmd, uptr_t key, uptr_t value, int aux)
{
	AUTO(free) char *name = NULL, *text = NULL;
	int err = strndup_from_user(t, key, STRING_MAX, &name);
	if (err)
		return err == -ENAMETOOLONG ? -EINVAL : err;
	err = get_value(t, cmd, value, aux, &text);
	if (err)
		return err;
	bool is_text = cmd == FSCONFIG_SET_FLAG || cmd == FSCONFIG_SET_STRING;
	return fscontext_set(c, name, is_text ? text : NULL, is_text);
}

long sys_fsconfig(struct task *t, int fd, unsigned cmd, uptr_t key, uptr_t value, int aux)
{
	int err = fd < 0 ? -EINVAL : check_args(cmd, !uptr_null(key), !uptr_null(value), aux);
	if (err)
		return err;
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	struct fscontext *c = to_fscontext(f);
	if (!c)
		return -EINVAL;
	switch (cmd) {
	case FSCONFIG_CMD_CREATE:
	case FSCONFIG_CMD_CREATE_EXCL:    /* no file system here is shared by those who ask for the same */
		return fscontext_create(c, t);
	case FSCONFIG_CMD_RECONFIGURE:
		return fscontext_reconfigure(c, t);
	default:
		return set_param(t, c, cmd, key, value, aux);
	}
}

long sys_fsmount(struct task *t, int fsfd, unsigned flags, unsigned attr_flags)
{
	unsigned mnt;
	if (!may_mount(t))
		return -EPERM;
	if (flags & ~FSMOUNT_CLOEXEC)
		return -EINVAL;
	int err = mount_attr_flags(attr_flags, &mnt);
	if (err)
		return err;
	AUTO(file_put) struct file *f = fd_get(t, fsfd);
	if (!f)
		return -EBADF;
	struct fscontext *c = to_fscontext(f);
	if (!c || !c->sb)
		return -EINVAL;
	if (c->phase != FSCONTEXT_MADE)
		return -EBUSY;
	struct mount_ns *tree;
	err = mount_tree_new(t->mnt_ns->id.owner, c->sb, mnt | (c->set_ro ? MNT_RDONLY : 0), c->source, &tree);
	if (err)
		return err;
	c->phase = FSCONTEXT_RECONFIGURE;
	c->set_ro = c->set_rw = false;
	free(TAKE(c->options));
	struct file *out;
	mount_fd_new(tree, &out);
	return publish(t, out, flags & FSMOUNT_CLOEXEC);
}
