/* mount_fd.c - a descriptor of mounts that lie nowhere yet (fsmount(2), open_tree(2) with OPEN_TREE_CLONE).
 *
 * LINUX    fs/namespace.c (FMODE_NEED_UNMOUNT, dissolve_on_fput). */
#include <fcntl.h>

#include "sentry/fs/fscontext/fscontext.h"

struct mount_fd {
	struct file file;
	struct mount_ns *tree;
};

static void mount_fd_release(struct file *f)
{
	struct mount_fd *m = container_of(f, struct mount_fd, file);
	file_fini(f);
	mount_ns_put(m->tree);
	free(m);
}

static const struct file_ops mount_fd_ops = { .name = "path", .release = mount_fd_release };

void mount_fd_new(struct mount_ns *tree, struct file **out)
{
	struct mount_fd *m = NEW(struct mount_fd);
	struct path root = { .mnt = tree->root, .dentry = tree->root->root };
	m->tree = tree;
	file_init(&m->file, &mount_fd_ops, root.dentry->inode, &root, O_PATH);
	*out = &m->file;
}
