/* nsfs.c - namespaces as files (nsfs.h).
 *
 * HOW      An inode a look-up, with the namespace's number; two that stand for one namespace say so by that.
 * LINUX    fs/nsfs.c.
 * MISSING  NS_MNT_GET_NEXT and the ioctls that translate pids (ENOTTY). */
#include "sentry/fs/nsfs/nsfs.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <sys/statfs.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/vfs/dcache.h"

#ifndef NS_GET_MNTNS_ID
#define NS_GET_MNTNS_ID _IOR(NSIO, 0x5, __u64)
#endif

struct ns_inode {
	struct inode inode;
	struct ns ns;                     /* a reference */
};
#define to_ns_inode(i) container_of(i, struct ns_inode, inode)

static const struct file_ops ns_file_ops;

bool nsfs_ns(const struct file *f, struct ns *out)
{
	if (f->ops != &ns_file_ops)
		return false;
	*out = to_ns_inode(f->inode)->ns;
	return true;
}

static int open_ns(struct task *t, struct ns ns)
{
	AUTO_PATH p = { 0 };
	AUTO(file_put) struct file *f = NULL;
	nsfs_path(ns, &p);
	int err = vfs_open_path(t, &p, O_RDONLY, &f);
	if (err)
		return err;
	int fd = fd_install(t, f, 0, true);
	if (fd >= 0)
		f = NULL;
	return fd;
}

/* Only what lies within the caller's own may be had. */
static long get_user_ns(struct task *t, struct user_ns *ns)
{
	if (!user_ns_is_below(ns, t->cred->user_ns))
		return -EPERM;
	return open_ns(t, (struct ns){ NS_USER, ns });
}

static long get_parent(struct task *t, struct ns ns)
{
	if (ns.kind == NS_USER)
		return ns.obj ? get_user_ns(t, ns_owner(ns)) : -EPERM;
	if (ns.kind != NS_PID)
		return -EINVAL;
	struct pid_ns *parent = ((struct pid_ns *)ns.obj)->parent;
	if (!parent || !pid_ns_is_below(parent, t->pid_ns))
		return -EPERM;
	return open_ns(t, (struct ns){ NS_PID, parent });
}

static long get_owner_uid(struct task *t, struct ns ns, uptr_t arg)
{
	const struct user_ns *u = ns.obj;
	if (ns.kind != NS_USER)
		return -EINVAL;
	uint32_t uid = uid_shown(t->cred, u ? u->uid : 0);
	return put_user(t, arg, &uid);
}

static long ns_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	struct ns ns = to_ns_inode(f->inode)->ns;
	switch (cmd) {
	case NS_GET_USERNS:
		return ns.kind == NS_USER && !ns.obj ? -EPERM : get_user_ns(t, ns_owner(ns));
	case NS_GET_PARENT:
		return get_parent(t, ns);
	case NS_GET_NSTYPE:
		return (long)ns_clone_flag(ns.kind);
	case NS_GET_OWNER_UID:
		return get_owner_uid(t, ns, UPTR(arg));
	case NS_GET_MNTNS_ID: {
		uint64_t id = ns_ino(ns);
		return ns.kind == NS_MNT ? put_user(t, UPTR(arg), &id) : -EINVAL;
	}
	}
	return -ENOTTY;
}

static void ns_file_release(struct file *f)
{
	file_fini(f);
	free(f);
}

static const struct file_ops ns_file_ops = { .ioctl = ns_ioctl, .release = ns_file_release };

static int ns_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EPERM;
	struct file *f = NEW(struct file);
	file_init(f, &ns_file_ops, i, path, flags);
	f->mode |= FMODE_NOWAIT_POLL;
	*out = f;
	return 0;
}

static void ns_inode_release(struct inode *i)
{
	struct ns_inode *n = to_ns_inode(i);
	struct ns ns = n->ns;
	inode_fini(i);
	free(n);
	ns_put(ns);
}

static const struct inode_ops ns_inode_ops = { .open = ns_open, .release = ns_inode_release };

static int ns_statfs(struct superblock *sb, struct statfs *out)
{
	*out = (struct statfs){ .f_type = (long)sb->magic, .f_bsize = PAGE_SIZE, .f_frsize = PAGE_SIZE, .f_namelen = 255 };
	return 0;
}

static const struct superblock_ops ns_sb_ops = { .statfs = ns_statfs };

static struct mount *place(void)
{
	static struct mount *m;           /* for the sandbox's life */
	if (!m) {
		struct superblock *sb = NEW(struct superblock);
		superblock_init(sb, &ns_sb_ops, "nsfs", NSFS_MAGIC);
		m = mount_internal(sb, "nsfs");
	}
	return m;
}

void nsfs_path(struct ns ns, struct path *out)
{
	char name[64];
	struct mount *m = place();
	struct ns_inode *n = NEW(struct ns_inode);
	inode_init(&n->inode, m->sb, &ns_inode_ops, ns_ino(ns), S_IFREG | 0444);
	n->inode.nlink = 1;
	n->ns = ns;
	ns_get(ns);
	snprintf(name, sizeof(name), "%s:[%u]", ns_name(ns.kind), ns_ino(ns));
	out->mnt = mount_get(m);
	out->dentry = dcache_anon(&n->inode, name);
	inode_put(&n->inode);
}
