/* sys_xattr.c - extended attributes (xattr(7)): the twelve calls.
 *
 * HOW      Names and sizes are checked and copied here, who may use which namespace is decided here; the values are the
 *          file system's.
 * LINUX    fs/xattr.c. */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/xattr.h>

#include "sentry/syscalls/at.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permission.h"

#define NAME_BYTES 256                    /* XATTR_NAME_MAX and the NUL */
#define SIZE_MAX_BYTES 65536UL            /* XATTR_SIZE_MAX, XATTR_LIST_MAX */

static int get_name(struct task *t, uptr_t ptr, char name[NAME_BYTES])
{
	ssize_t n = strncpy_from_user(t, name, ptr, NAME_BYTES);
	if (n == -ENAMETOOLONG || n == 0)
		return -ERANGE;
	return n < 0 ? (int)n : 0;
}

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static int may_use(struct task *t, struct inode *i, const char *name, int mask)
{
	bool write = mask & MAY_WRITE;
	if (has_prefix(name, "security.")) {
		int cap = strcmp(name, "security.capability") == 0 ? CAP_SETFCAP : CAP_SYS_ADMIN;
		return write && !cred_has_cap(t->cred, cap) ? -EPERM : 0;
	}
	if (has_prefix(name, "system."))
		return 0;
	if (has_prefix(name, "trusted.")) {
		if (cred_has_cap(t->cred, CAP_SYS_ADMIN))
			return 0;
		return write ? -EPERM : -ENODATA;
	}
	if (!has_prefix(name, "user."))
		return -EOPNOTSUPP;
	if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
		return write ? -EPERM : -ENODATA;
	if (S_ISDIR(i->mode) && (i->mode & S_ISVTX) && write && !inode_owner_or_capable(i, t->cred))
		return -EPERM;
	return inode_permission(i, t->cred, mask);
}

/* --- set --- */

static long set_xattr(struct task *t, const struct path *p, uptr_t name_ptr, uptr_t value, uint64_t size, int flags)
{
	char name[NAME_BYTES];
	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	int err = get_name(t, name_ptr, name);
	if (err)
		return err;
	if (size > SIZE_MAX_BYTES)
		return -E2BIG;
	AUTO(free) char *buf = malloc(MAX(size, 1UL));
	if (!buf)
		return -ENOMEM;
	err = size ? copy_from_user(t, buf, value, size) : 0;
	if (!err)
		err = path_want_write(p);
	struct inode *i = p->dentry->inode;
	if (!err)
		err = may_use(t, i, name, MAY_WRITE);
	if (!err)
		err = i->ops->setxattr ? i->ops->setxattr(i, name, buf, size, flags) : -EOPNOTSUPP;
	if (!err)
		notify_dentry(p->dentry, IN_ATTRIB);
	return err;
}

static long set_at(struct task *t, uptr_t path, unsigned lookup, uptr_t name, uptr_t value, uint64_t size, int flags)
{
	AUTO_PATH p = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, path, lookup, &p);
	return err ? err : set_xattr(t, &p, name, value, size, flags);
}

long sys_setxattr(struct task *t, uptr_t path, uptr_t name, uptr_t value, uint64_t size, int flags)
{
	return set_at(t, path, LOOKUP_FOLLOW, name, value, size, flags);
}

long sys_lsetxattr(struct task *t, uptr_t path, uptr_t name, uptr_t value, uint64_t size, int flags)
{
	return set_at(t, path, 0, name, value, size, flags);
}

long sys_fsetxattr(struct task *t, int fd, uptr_t name, uptr_t value, uint64_t size, int flags)
{
	AUTO_PATH p = { 0 };
	int err = fd_path(t, fd, false, &p);
	return err ? err : set_xattr(t, &p, name, value, size, flags);
}

/* --- get --- */

static long get_xattr(struct task *t, const struct path *p, uptr_t name_ptr, uptr_t value, uint64_t size)
{
	char name[NAME_BYTES];
	int err = get_name(t, name_ptr, name);
	if (err)
		return err;
	struct inode *i = p->dentry->inode;
	err = may_use(t, i, name, MAY_READ);
	if (err)
		return err;
	if (!i->ops->getxattr)
		return -EOPNOTSUPP;
	if (size == 0)
		return i->ops->getxattr(i, name, NULL, 0);
	size = MIN(size, SIZE_MAX_BYTES);
	AUTO(free) char *buf = malloc(size);
	if (!buf)
		return -ENOMEM;
	ssize_t n = i->ops->getxattr(i, name, buf, size);
	if (n <= 0)
		return n;
	err = copy_to_user(t, value, buf, (size_t)n);
	return err ? err : n;
}

static long get_at(struct task *t, uptr_t path, unsigned lookup, uptr_t name, uptr_t value, uint64_t size)
{
	AUTO_PATH p = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, path, lookup, &p);
	return err ? err : get_xattr(t, &p, name, value, size);
}

long sys_getxattr(struct task *t, uptr_t path, uptr_t name, uptr_t value, uint64_t size)
{
	return get_at(t, path, LOOKUP_FOLLOW, name, value, size);
}

long sys_lgetxattr(struct task *t, uptr_t path, uptr_t name, uptr_t value, uint64_t size)
{
	return get_at(t, path, 0, name, value, size);
}

long sys_fgetxattr(struct task *t, int fd, uptr_t name, uptr_t value, uint64_t size)
{
	AUTO_PATH p = { 0 };
	int err = fd_path(t, fd, false, &p);
	return err ? err : get_xattr(t, &p, name, value, size);
}

/* --- list --- */

/* Takes the names out that the caller may not see. Returns the new length. */
static size_t filter_list(struct task *t, char *buf, size_t len)
{
	if (cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return len;
	size_t kept = 0;
	for (size_t at = 0; at < len;) {
		size_t n = strnlen(buf + at, len - at) + 1;
		n = MIN(n, len - at);
		if (!has_prefix(buf + at, "trusted.")) {
			memmove(buf + kept, buf + at, n);
			kept += n;
		}
		at += n;
	}
	return kept;
}

static long list_xattr(struct task *t, const struct path *p, uptr_t list, uint64_t size)
{
	struct inode *i = p->dentry->inode;
	if (!i->ops->listxattr)
		return 0;
	AUTO(free) char *buf = malloc(SIZE_MAX_BYTES + 1);
	if (!buf)
		return -ENOMEM;
	ssize_t n = i->ops->listxattr(i, buf, SIZE_MAX_BYTES);
	if (n < 0)
		return n == -ERANGE ? -E2BIG : n;
	buf[n] = '\0';
	size_t len = filter_list(t, buf, (size_t)n);
	if (size == 0 || len == 0)
		return (long)len;
	if (len > size)
		return -ERANGE;
	int err = copy_to_user(t, list, buf, len);
	return err ? err : (long)len;
}

static long list_at(struct task *t, uptr_t path, unsigned lookup, uptr_t list, uint64_t size)
{
	AUTO_PATH p = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, path, lookup, &p);
	return err ? err : list_xattr(t, &p, list, size);
}

long sys_listxattr(struct task *t, uptr_t path, uptr_t list, uint64_t size)
{
	return list_at(t, path, LOOKUP_FOLLOW, list, size);
}

long sys_llistxattr(struct task *t, uptr_t path, uptr_t list, uint64_t size)
{
	return list_at(t, path, 0, list, size);
}

long sys_flistxattr(struct task *t, int fd, uptr_t list, uint64_t size)
{
	AUTO_PATH p = { 0 };
	int err = fd_path(t, fd, false, &p);
	return err ? err : list_xattr(t, &p, list, size);
}

/* --- remove --- */

static long remove_xattr(struct task *t, const struct path *p, uptr_t name_ptr)
{
	char name[NAME_BYTES];
	int err = get_name(t, name_ptr, name);
	struct inode *i = p->dentry->inode;
	if (!err)
		err = path_want_write(p);
	if (!err)
		err = may_use(t, i, name, MAY_WRITE);
	if (!err)
		err = i->ops->removexattr ? i->ops->removexattr(i, name) : -EOPNOTSUPP;
	if (!err)
		notify_dentry(p->dentry, IN_ATTRIB);
	return err;
}

static long remove_at(struct task *t, uptr_t path, unsigned lookup, uptr_t name)
{
	AUTO_PATH p = { 0 };
	int err = path_lookup_user(t, AT_FDCWD, path, lookup, &p);
	return err ? err : remove_xattr(t, &p, name);
}

long sys_removexattr(struct task *t, uptr_t path, uptr_t name)
{
	return remove_at(t, path, LOOKUP_FOLLOW, name);
}

long sys_lremovexattr(struct task *t, uptr_t path, uptr_t name)
{
	return remove_at(t, path, 0, name);
}

long sys_fremovexattr(struct task *t, int fd, uptr_t name)
{
	AUTO_PATH p = { 0 };
	int err = fd_path(t, fd, false, &p);
	return err ? err : remove_xattr(t, &p, name);
}
