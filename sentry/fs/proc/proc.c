/* proc.c - the root of /proc: the machine's files, a directory a process, self. */
#include "sentry/fs/proc/proc.h"

#include <dirent.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/machine.h"

static ssize_t link_text(char *buf, size_t bytes, const char *text)
{
	size_t len = MIN(strlen(text), bytes);
	memcpy(buf, text, len);
	return len;
}

static ssize_t self_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes)
{
	char text[16];
	int tgid = pid_number(proc_pid_ns(i), viewer->tg->tgid);
	if (!tgid)
		return -ENOENT;
	snprintf(text, sizeof(text), "%d", tgid);
	return link_text(buf, bytes, text);
}

static ssize_t thread_self_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes)
{
	char text[40];
	const struct pid_ns *ns = proc_pid_ns(i);
	if (!pid_number(ns, viewer->tid))
		return -ENOENT;
	snprintf(text, sizeof(text), "%d/task/%d", pid_number(ns, viewer->tg->tgid), pid_number(ns, viewer->tid));
	return link_text(buf, bytes, text);
}

static const struct pseudo_entry pid_dir = {
	.name = "PID", .mode = S_IFDIR | 0555, .children = proc_pid_entries, .refresh = proc_pid_refresh, .check = proc_pid_check,
};

struct thread_group *proc_pid_dir_tg(struct file *f)
{
	if (f->inode->sb->magic != PROC_SUPER_MAGIC)
		return NULL;
	struct pseudo_inode *i = to_pseudo(f->inode);
	return i->entry == &pid_dir ? i->task->tg : NULL;
}

/* Any thread's id is found; only processes are listed, as in Linux. */
static int root_lookup(struct pseudo_inode *dir, const char *name, struct inode **out)
{
	long tid = pseudo_number(name);
	struct task *t = tid > 0 ? task_find(pid_of_number(proc_pid_ns(dir), (int)tid)) : NULL;
	if (!t)
		return -ENOENT;
	*out = pseudo_inode_new(dir, &pid_dir, name, t, 0);
	return 0;
}

/* The lowest number that is at least `from`; 0: there is none. In the first namespace the list is in that order. */
static int next_process(const struct pid_ns *ns, int from)
{
	int best = 0;
	FOREACH_PROCESS(tg) {
		int nr = pid_number(ns, tg->tgid);
		if (nr && nr >= from && (!best || nr < best))
			best = nr;
		if (best && !ns->level)
			break;
	}
	return best;
}

static int root_iterate(struct pseudo_inode *dir, struct dir_context *ctx)
{
	const struct pid_ns *ns = proc_pid_ns(dir);
	char name[16];
	for (int nr; (nr = next_process(ns, (int)(ctx->pos - PSEUDO_OWN_POS))); ) {
		off_t pos = PSEUDO_OWN_POS + nr;
		snprintf(name, sizeof(name), "%d", nr);
		if (!ctx->emit(ctx, name, strlen(name), pseudo_ino(dir, name), DT_DIR, pos + 1))
			return 0;
		ctx->pos = pos + 1;
	}
	return 0;
}

static const struct pseudo_entry fs_entries[] = { { 0 } };

static const struct pseudo_entry root_entries[] = {
	PSEUDO_LINK("self", .readlink = self_readlink),
	PSEUDO_LINK("thread-self", .readlink = thread_self_readlink),
	PSEUDO_LINK("mounts", .ptr = "self/mounts"),
	PSEUDO_LINK("net", .ptr = "self/net"),
	PSEUDO_DIR("fs", fs_entries),
	PSEUDO_DIR("sys", proc_sys_entries),
	PSEUDO_DIR("sysvipc", proc_sysvipc_entries),
	PSEUDO_FILE("cmdline", 0444, .show = proc_cmdline_kernel),
	PSEUDO_FILE("config.gz", 0444, .show = proc_config_gz),
	PSEUDO_FILE("cpuinfo", 0444, .show = proc_cpuinfo),
	PSEUDO_FILE("devices", 0444, .show = proc_devices),
	PSEUDO_FILE("filesystems", 0444, .show = proc_filesystems),
	PSEUDO_FILE("interrupts", 0444, .show = proc_interrupts),
	PSEUDO_FILE("key-users", 0444, .show = proc_key_users),
	PSEUDO_FILE("keys", 0444, .show = proc_keys),
	PSEUDO_FILE("loadavg", 0444, .show = proc_loadavg),
	PSEUDO_FILE("locks", 0444, .show = proc_locks),
	PSEUDO_FILE("meminfo", 0444, .show = proc_meminfo),
	PSEUDO_FILE("modules", 0444, .show = pseudo_show_empty),
	PSEUDO_FILE("partitions", 0444, .show = proc_partitions),
	PSEUDO_FILE("stat", 0444, .show = proc_machine_stat),
	PSEUDO_FILE("swaps", 0444, .show = proc_swaps),
	PSEUDO_FILE("uptime", 0444, .show = proc_uptime),
	PSEUDO_FILE("version", 0444, .show = proc_version),
	PSEUDO_FILE("vmstat", 0444, .show = proc_vmstat),
	{ 0 },
};

static const struct pseudo_entry root = {
	.name = "proc", .mode = S_IFDIR | 0555, .children = root_entries, .lookup = root_lookup, .iterate = root_iterate,
};

const struct pid_ns *proc_pid_ns(const struct pseudo_inode *i)
{
	return pseudo_sb_data(i->inode.sb);
}

static void put_ns(void *ns)
{
	pid_ns_put(ns);
}

int proc_mount(struct pid_ns *ns, struct superblock **out)
{
	int err = pseudo_mount("proc", PROC_SUPER_MAGIC, &root, out);
	if (!err)
		pseudo_sb_set(*out, pid_ns_get(ns), put_ns);
	return err;
}
