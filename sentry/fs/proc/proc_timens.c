/* proc_timens.c - /proc/PID/timens_offsets: what the clocks of a task's children will be ahead.
 *
 * LINUX   kernel/time/namespace.c: proc_timens_set_offset(); fs/proc/base.c: timens_offsets_write(). Lines of a clock, seconds and
 *         nanoseconds; all or none take effect. */
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/time_ns.h"

#define LINES_MAX 2

struct offset { clockid_t clock; int64_t sec; uint64_t nsec; };

static void show_one(struct seq *s, const char *name, int64_t ns)
{
	int64_t nsec = ns % (int64_t)NS_PER_SEC, sec = ns / (int64_t)NS_PER_SEC;
	if (nsec < 0) {
		nsec += (int64_t)NS_PER_SEC;
		sec--;
	}
	seq_printf(s, "%-10s %10" PRId64 " %9" PRId64 "\n", name, sec, nsec);
}

int proc_timens_show(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct time_ns *ns = i->task->time_ns_children;
	(void)viewer;
	if (!ns)
		return -ESRCH;
	show_one(s, "monotonic", ns->monotonic_ns);
	show_one(s, "boottime", ns->boottime_ns);
	return 0;
}

static bool parse(const char *line, struct offset *out)
{
	char clock[10];
	if (sscanf(line, "%9s %" SCNd64 " %" SCNu64, clock, &out->sec, &out->nsec) != 3 || out->nsec >= NS_PER_SEC)
		return false;
	if (!strcmp(clock, "monotonic") || !strcmp(clock, "1"))
		out->clock = CLOCK_MONOTONIC;
	else if (!strcmp(clock, "boottime") || !strcmp(clock, "7"))
		out->clock = CLOCK_BOOTTIME;
	else
		return false;
	return true;
}

static int set_all(struct time_ns *ns, const struct offset *v, int n, bool check_only)
{
	int err = 0;
	for (int i = 0; i < n && !err; i++)
		err = time_ns_set(ns, v[i].clock, v[i].sec, (int64_t)v[i].nsec, check_only);
	return err;
}

int proc_timens_store(struct pseudo_inode *i, struct pseudo_writer *w, char *text, size_t len)
{
	struct offset v[LINES_MAX];
	struct time_ns *ns = i->task->time_ns_children;
	int n = 0;
	if (w->pos != 0 || len >= PAGE_SIZE)
		return -EINVAL;
	for (char *next, *line = text; line && n < LINES_MAX; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!parse(line, &v[n++]))
			return -EINVAL;
	}
	if (!ns)
		return -ESRCH;
	if (!cred_ns_cap(w->opener_cred, ns->id.owner, CAP_SYS_TIME))
		return -EPERM;
	int err = set_all(ns, v, n, true);
	return err ? err : set_all(ns, v, n, false);
}
