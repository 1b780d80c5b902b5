/* proc_locks.c - /proc/locks: all locks on files, as lslocks(8) reads them, and the line of a lock there and in fdinfo.
 *
 * LINUX    fs/locks.c: lock_get_status(), locks_show(). Locks of processes that the file system's pid namespace does not know
 *          are not shown. Order: by file, where Linux has the latest first.
 * MISSING  Leases; those who wait ("->"). */
#include <inttypes.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/vfs/locks.h"

void proc_show_lock(struct seq *s, int number, const struct inode *i, const struct lock_info *l, int pid)
{
	seq_printf(s, "%d: %-6s ADVISORY  %s %d %02x:%02x:%" PRIu64 " %" PRId64 " ", number, l->kind, l->exclusive ? "WRITE" : "READ",
		   pid, major(i->sb->dev), minor(i->sb->dev), i->ino, (int64_t)l->start);
	if (l->end == INT64_MAX)
		seq_puts(s, "EOF\n");
	else
		seq_printf(s, "%" PRId64 "\n", (int64_t)l->end);
}

struct list { struct seq *s; const struct pid_ns *ns; int n; };

static void show(const struct inode *i, const struct lock_info *l, void *arg)
{
	struct list *list = arg;
	int pid = l->pid < 0 ? l->pid : pid_number(list->ns, l->pid);
	if (pid)
		proc_show_lock(list->s, ++list->n, i, l, pid);
}

int proc_locks(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct list list = { s, proc_pid_ns(i), 0 };
	(void)viewer;
	locks_each(NULL, show, &list);
	return 0;
}
