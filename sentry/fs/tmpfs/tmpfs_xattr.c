/* tmpfs_xattr.c - extended attributes, kept as a list per inode.
 *
 * LINUX    fs/xattr.c simple_xattrs. The syscall layer checks who may see and set which name.
 * MISSING  POSIX ACLs are stored and given back, and a minimal one becomes the mode, but the rest of an access list is not
 *          used for permission checks. */
#include <string.h>
#include <sys/xattr.h>

#include "sentry/fs/tmpfs/tmpfs_impl.h"

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

struct tmpfs_xattr {
	LIST_ENTRY(tmpfs_xattr) link;
	char *name;
	size_t bytes;
	char value[];
};

static uint64_t cost(const struct tmpfs_xattr *x)
{
	return sizeof(*x) + strlen(x->name) + 1 + x->bytes + 32;
}

static struct tmpfs_xattr *find(struct tmpfs_inode *ti, const char *name)
{
	struct tmpfs_xattr *x;
	LIST_FOREACH(x, &ti->xattrs, link) {
		if (strcmp(x->name, name) == 0)
			return x;
	}
	return NULL;
}

static void drop(struct tmpfs_xattr *x)
{
	LIST_REMOVE(x, link);
	fs_memory_uncharge(cost(x));
	free(x->name);
	free(x);
}

void tmpfs_xattr_fini(struct tmpfs_inode *ti)
{
	while (!LIST_EMPTY(&ti->xattrs))
		drop(LIST_FIRST(&ti->xattrs));
}

ssize_t tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t bytes)
{
	struct tmpfs_xattr *x = find(to_tmpfs(i), name);
	if (!x)
		return -ENODATA;
	if (buf && bytes < x->bytes)
		return -ERANGE;
	if (buf)
		memcpy(buf, x->value, x->bytes);
	return (ssize_t)x->bytes;
}

ssize_t tmpfs_listxattr(struct inode *i, char *buf, size_t bytes)
{
	size_t total = 0;
	struct tmpfs_xattr *x;
	LIST_FOREACH(x, &to_tmpfs(i)->xattrs, link) {
		size_t n = strlen(x->name) + 1;
		if (buf) {
			if (n > bytes - total)
				return -ERANGE;
			memcpy(buf + total, x->name, n);
		}
		total += n;
	}
	return (ssize_t)total;
}

/* posix_acl_xattr(5)'s layout: a version, then entries of tag, permissions, id. */
struct acl_entry { uint16_t tag, perm; uint32_t id; };
enum { ACL_USER_OBJ = 1, ACL_USER = 2, ACL_GROUP_OBJ = 4, ACL_GROUP = 8, ACL_MASK = 16, ACL_OTHER = 32 };

/* Checks an access list and puts into *mode what it says in permission bits. Returns whether it says nothing more,
 * or -EINVAL. */
static int acl_to_mode(const char *value, size_t bytes, mode_t *mode)
{
	uint32_t version;
	if (bytes < sizeof(version) || (bytes - sizeof(version)) % sizeof(struct acl_entry) != 0)
		return -EINVAL;
	memcpy(&version, value, sizeof(version));
	if (version != 2)
		return -EINVAL;
	unsigned seen = 0, user = 0, group = 0, mask = 0, other = 0;
	for (size_t off = sizeof(version); off < bytes; off += sizeof(struct acl_entry)) {
		struct acl_entry e;
		memcpy(&e, value + off, sizeof(e));
		bool named = e.tag == ACL_USER || e.tag == ACL_GROUP;
		if (e.perm > 7 || __builtin_popcount(e.tag) != 1 || e.tag > ACL_OTHER || (!named && (seen & e.tag)))
			return -EINVAL;
		seen |= e.tag;
		if (e.tag == ACL_USER_OBJ)
			user = e.perm;
		else if (e.tag == ACL_GROUP_OBJ)
			group = e.perm;
		else if (e.tag == ACL_MASK)
			mask = e.perm;
		else if (e.tag == ACL_OTHER)
			other = e.perm;
	}
	unsigned needed = ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER;
	if ((seen & needed) != needed || ((seen & (ACL_USER | ACL_GROUP)) && !(seen & ACL_MASK)))
		return -EINVAL;
	*mode = user << 6 | ((seen & ACL_MASK) ? mask : group) << 3 | other;
	return seen == needed;
}

int tmpfs_setxattr(struct inode *i, const char *name, const void *value, size_t bytes, int flags)
{
	struct tmpfs_inode *ti = to_tmpfs(i);
	mode_t mode = i->mode & 0777;
	bool access = strcmp(name, ACL_ACCESS) == 0, is_default = strcmp(name, ACL_DEFAULT) == 0;
	if (strncmp(name, "system.", 7) == 0 && !access && !is_default)
		return -EOPNOTSUPP;
	if ((access || is_default) && S_ISLNK(i->mode))
		return -EOPNOTSUPP;
	if (is_default && !S_ISDIR(i->mode))
		return -EACCES;
	if ((access || is_default) && bytes <= sizeof(uint32_t)) {   /* a list of nothing takes the old one away */
		int err = tmpfs_removexattr(i, name);
		return err == -ENODATA ? 0 : err;
	}
	int plain = 0;
	if (access || is_default) {
		plain = acl_to_mode(value, bytes, &mode);
		if (plain < 0)
			return plain;
	}
	struct tmpfs_xattr *old = find(ti, name);
	if ((flags & XATTR_CREATE) && old)
		return -EEXIST;
	if ((flags & XATTR_REPLACE) && !old)
		return -ENODATA;
	if (!access || !plain) {
		struct tmpfs_xattr *x = malloc(sizeof(*x) + bytes);
		if (!x)
			return -ENOMEM;
		x->name = xstrdup(name);
		x->bytes = bytes;
		if (bytes > 0)
			memcpy(x->value, value, bytes);
		int err = fs_memory_charge(cost(x));
		if (err) {
			free(x->name);
			free(x);
			return err;
		}
		LIST_INSERT_HEAD(&ti->xattrs, x, link);
	}
	if (old)
		drop(old);
	if (access)
		i->mode = (i->mode & ~0777U) | mode;
	i->ctime = inode_now();
	return 0;
}

int tmpfs_removexattr(struct inode *i, const char *name)
{
	struct tmpfs_xattr *x = find(to_tmpfs(i), name);
	if (!x)
		return -ENODATA;
	drop(x);
	i->ctime = inode_now();
	return 0;
}
