/* dev.c - what is in /dev.
 *
 * HOW      An ordinary tmpfs (guests may add and remove) that starts with the nodes, links and directories below.
 *          tty, ptmx, console and the loops are names only: their drivers register by number.
 * LINUX    The list is what containers get (OCI runtime specification, "Default Devices"). */
#include "sentry/fs/dev/dev.h"

#include <sys/sysmacros.h>

#include "sentry/fs/tmpfs/tmpfs.h"

static const struct node {
	const char *name;
	mode_t mode;
	unsigned major, minor;
} nodes[] = {
	{ "null", S_IFCHR | 0666, 1, 3 },
	{ "zero", S_IFCHR | 0666, 1, 5 },
	{ "full", S_IFCHR | 0666, 1, 7 },
	{ "random", S_IFCHR | 0666, 1, 8 },
	{ "urandom", S_IFCHR | 0666, 1, 9 },
	{ "tty", S_IFCHR | 0666, 5, 0 },
	{ "ptmx", S_IFCHR | 0666, 5, 2 },
	{ "loop-control", S_IFCHR | 0660, 10, 237 },
	{ "loop0", S_IFBLK | 0660, 7, 0 },
	{ "loop1", S_IFBLK | 0660, 7, 1 },
	{ "loop2", S_IFBLK | 0660, 7, 2 },
	{ "loop3", S_IFBLK | 0660, 7, 3 },
	{ "loop4", S_IFBLK | 0660, 7, 4 },
	{ "loop5", S_IFBLK | 0660, 7, 5 },
	{ "loop6", S_IFBLK | 0660, 7, 6 },
	{ "loop7", S_IFBLK | 0660, 7, 7 },
	{ "pts", S_IFDIR | 0755, 0, 0 },
	{ "shm", S_IFDIR | 01777, 0, 0 },
	{ "mqueue", S_IFDIR | 01777, 0, 0 },
};

static const struct { const char *name, *target; } links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "core", "/proc/kcore" },
};

static int populate(struct inode *root)
{
	for (size_t n = 0; n < ARRAY_SIZE(nodes); n++) {
		const struct node *node = &nodes[n];
		struct inode *i;
		int err = S_ISDIR(node->mode)
				  ? root->ops->mkdir(root, node->name, node->mode & 07777, NULL, &i)
				  : root->ops->mknod(root, node->name, node->mode, makedev(node->major, node->minor),
						     NULL, &i);
		if (err)
			return err;
		inode_put(i);
	}
	for (size_t n = 0; n < ARRAY_SIZE(links); n++) {
		struct inode *i;
		int err = root->ops->symlink(root, links[n].name, links[n].target, NULL, &i);
		if (err)
			return err;
		inode_put(i);
	}
	return 0;
}

int dev_mount(struct superblock **out)
{
	struct superblock *sb;
	int err = tmpfs_mount_as("devtmpfs", "size=65536k,mode=755", &sb);
	if (err)
		return err;
	err = populate(sb->root);
	if (err) {
		superblock_put(sb);
		return err;
	}
	*out = sb;
	return 0;
}
