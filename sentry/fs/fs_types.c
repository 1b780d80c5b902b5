/* fs_types.c - the file systems mount(2) knows, by name.
 *
 * LINUX    fs/filesystems.c. */
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/dev/dev.h"
#include "sentry/fs/proc/proc.h"
#include "sentry/fs/sys/sys.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/fs/tty/tty.h"
#include "sentry/ipc/mqueue.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/path.h"

static int mount_tmpfs(struct task *t, const char *source, const char *options, struct superblock **out)
{
	(void)source;
	return tmpfs_mount_by(t->cred, "tmpfs", options, out);
}

/* A tmpfs without limits. Of its options it looks at the mode, like Linux' ramfs. */
static int mount_ramfs(struct task *t, const char *source, const char *options, struct superblock **out)
{
	(void)source;
	char mine[64] = "size=0,nr_inodes=0,mode=755";
	AUTO(free) char *copy = xstrdup(options ? options : "");
	char *save = NULL;
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (strncmp(word, "mode=", 5) == 0 && tmpfs_knows_option("mode", word + 5))
			snprintf(mine, sizeof(mine), "size=0,nr_inodes=0,%s", word);
	int err = tmpfs_mount_by(t->cred, "ramfs", mine, out);
	if (!err)
		(*out)->magic = RAMFS_MAGIC;
	return err;
}

static int mount_devtmpfs(struct task *t, const char *source, const char *options, struct superblock **out)
{
	(void)t, (void)source, (void)options;
	return dev_mount(out);
}

static int mount_proc(struct task *t, const char *source, const char *options, struct superblock **out)
{
	(void)source, (void)options;
	return proc_mount(t->pid_ns, out);
}

static int mount_sysfs(struct task *t, const char *source, const char *options, struct superblock **out)
{
	(void)t, (void)source, (void)options;
	return sysfs_mount(out);
}

static int mount_devpts(struct task *t, const char *source, const char *options, struct superblock **out)
{
	(void)t, (void)source;
	return devpts_mount(options, out);
}

static int mount_mqueue(struct task *t, const char *source, const char *options, struct superblock **out)
{
	(void)source, (void)options;
	return mqueue_mount(t->ipc_ns, out);
}

static const struct fs_type types[] = {
	{ .name = "sysfs", .in_user_ns = true, .nodev = true, .magic = SYSFS_MAGIC, .mount = mount_sysfs },
	{ .name = "proc", .in_user_ns = true, .nodev = true, .magic = PROC_SUPER_MAGIC, .mount = mount_proc },
	{ .name = "tmpfs", .in_user_ns = true, .nodev = true, .magic = TMPFS_MAGIC, .mount = mount_tmpfs,
	  .knows = tmpfs_knows_option },
	{ .name = "ramfs", .in_user_ns = true, .nodev = true, .magic = RAMFS_MAGIC, .mount = mount_ramfs },
	{ .name = "devtmpfs", .nodev = true, .magic = TMPFS_MAGIC, .mount = mount_devtmpfs },
	{ .name = "devpts", .in_user_ns = true, .nodev = true, .magic = DEVPTS_SUPER_MAGIC, .mount = mount_devpts },
	{ .name = "mqueue", .in_user_ns = true, .nodev = true, .magic = 0x19800202, .mount = mount_mqueue },
};

const struct fs_type *fs_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	}
	return NULL;
}

const struct fs_type *fs_type_nth(int n)
{
	return n >= 0 && n < (int)ARRAY_SIZE(types) ? &types[n] : NULL;
}
