/* fs_context.c - where a task is in the file system: root, working directory, umask (CLONE_FS).
 *
 * LINUX    fs/fs_struct.c. */
#include "platform/base/live.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/fdtable.h"

struct fs_context *fs_context_new(struct mount_ns *ns)
{
	struct fs_context *fs = NEW(struct fs_context);
	live_born(FS_CONTEXT);
	fs->refs = 1;
	fs->umask = 022;
	fs->root = (struct path){ .mnt = ns->root, .dentry = ns->root->root };
	mount_top(&fs->root);
	path_get(&fs->root);
	fs->cwd = fs->root;
	path_get(&fs->cwd);
	return fs;
}

struct fs_context *fs_context_get(struct fs_context *fs)
{
	fs->refs++;
	return fs;
}

void fs_context_put(struct fs_context *fs)
{
	if (!fs)
		return;
	CHECK(fs->refs > 0);
	if (--fs->refs > 0)
		return;
	path_put(&fs->cwd);
	path_put(&fs->root);
	live_died(FS_CONTEXT);
	free(fs);
}

struct fs_context *fs_context_copy(struct fs_context *fs)
{
	struct fs_context *copy = NEW(struct fs_context);
	live_born(FS_CONTEXT);
	*copy = *fs;
	copy->refs = 1;
	path_get(&copy->root);
	path_get(&copy->cwd);
	return copy;
}
