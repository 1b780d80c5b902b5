/* fs_types.c - the file systems mount(2) knows, by name.
 *
 * LINUX    fs/filesystems.c. */
#include <linux/magic.h>
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
