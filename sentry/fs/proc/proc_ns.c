/* proc_ns.c - /proc/PID/ns: which namespaces a task is in.
 *
 * LINUX    fs/proc/namespaces.c. */
#include <stdio.h>
#include <string.h>

#include "sentry/fs/nsfs/nsfs.h"
#include "sentry/fs/proc/proc_impl.h"

#define FOR_CHILDREN 0x100

static int find(struct pseudo_inode *i, struct task *viewer, struct ns *out)
{
	long arg = i->entry->arg;
	if (!proc_may_look(viewer, i->task))
		return -EACCES;
	return ns_of_task(i->task, (enum ns_kind)(arg & 0xff), arg & FOR_CHILDREN, out) ? 0 : -ENOENT;
}

static ssize_t ns_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes)
{
	char text[64];
	struct ns ns;
	int err = find(i, viewer, &ns);
	if (err)
		return err;
	size_t len = (size_t)snprintf(text, sizeof(text), "%s:[%u]", ns_name(ns.kind), ns_ino(ns));
	len = MIN(len, bytes);
	memcpy(buf, text, len);
	return (ssize_t)len;
}

static int ns_follow(struct pseudo_inode *i, struct task *viewer, struct path *out)
{
	struct ns ns;
	int err = find(i, viewer, &ns);
	if (err)
		return err;
	nsfs_path(ns, out);
	return 0;
}

#define OF_TASK .refresh = proc_pid_refresh, .check = proc_pid_check
#define NS(name_, what) PSEUDO_LINK(name_, .readlink = ns_readlink, .follow = ns_follow, .arg = what, OF_TASK)
const struct pseudo_entry proc_ns_entries[] = {
	NS("cgroup", NS_CGROUP),
	NS("ipc", NS_IPC),
	NS("mnt", NS_MNT),
	NS("net", NS_NET),
	NS("pid", NS_PID),
	NS("pid_for_children", NS_PID | FOR_CHILDREN),
	NS("time", NS_TIME),
	NS("time_for_children", NS_TIME | FOR_CHILDREN),
	NS("user", NS_USER),
	NS("uts", NS_UTS),
	{ 0 },
};
