/* proc_pid_misc.c - small files of /proc/PID: comm, limits, personality, syscall, oom_*, timerslack_ns,
 * coredump_filter.
 *
 * LINUX    fs/proc/base.c. */
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"

int proc_pid_comm(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%s\n", i->task->comm);
	return 0;
}

int proc_pid_comm_store(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	if (writer->tg != i->task->tg)
		return -EINVAL;
	size_t n = MIN(len, sizeof(i->task->comm) - 1);
	memset(i->task->comm, 0, sizeof(i->task->comm));
	memcpy(i->task->comm, text, n);
	return 0;
}

int proc_pid_limits(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	static const struct { const char *name, *unit; } names[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" },
		[RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" },
		[RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" },
		[RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" },
		[RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
		[RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" },
		[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
		[RLIMIT_NICE] = { "Max nice priority", "" },
		[RLIMIT_RTPRIO] = { "Max realtime priority", "" },
		[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
	};
	(void)viewer;
	seq_printf(s, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		const struct rlimit *rl = &i->task->tg->rlimits[n];
		char soft[24] = "unlimited", hard[24] = "unlimited";
		if (rl->rlim_cur != RLIM_INFINITY)
			snprintf(soft, sizeof(soft), "%" PRIu64, (uint64_t)rl->rlim_cur);
		if (rl->rlim_max != RLIM_INFINITY)
			snprintf(hard, sizeof(hard), "%" PRIu64, (uint64_t)rl->rlim_max);
		seq_printf(s, "%-25s %-20s %-20s %-10s\n", names[n].name, soft, hard, names[n].unit);
	}
	return 0;
}

int proc_pid_personality(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%08x\n", i->task->personality);
	return 0;
}

int proc_pid_syscall(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct task *t = i->task;
	if (!t->pl || t->exited)
		return -ESRCH;
	const struct user_regs_struct *r = &t->pl->regs;
	bool stopped = t->stop_state != RUNNING;
	if (t->in_syscall && (t->sleeping || stopped || t == viewer))
		seq_printf(s, "%lld 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx\n", (long long)r->orig_rax, r->rdi, r->rsi,
			   r->rdx, r->r10, r->r8, r->r9, r->rsp, r->rip);
	else if (stopped)
		seq_printf(s, "-1 0x%llx 0x%llx\n", r->rsp, r->rip);
	else
		seq_puts(s, "running\n");
	return 0;
}

/* What Linux's oom_badness() makes of a process without resident memory: here nobody knows how much it has. */
int proc_pid_oom_score(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%d\n", (1000 + i->task->tg->oom_score_adj) * 2 / 3);
	return 0;
}

int proc_pid_oom_score_adj(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%d\n", i->task->tg->oom_score_adj);
	return 0;
}

int proc_pid_oom_adj(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	int adj = i->task->tg->oom_score_adj;
	(void)viewer;
	seq_printf(s, "%d\n", adj == 1000 ? 15 : adj * 17 / 1000);
	return 0;
}

static int parse(const char *text, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 0);
	if (end == text || errno)
		return -EINVAL;
	while (*end == ' ' || *end == '\n' || *end == '\t')
		end++;
	if (*end || n < min || n > max)
		return -EINVAL;
	*out = n;
	return 0;
}

static int set_oom(struct pseudo_inode *i, struct task *writer, int adj)
{
	struct thread_group *tg = i->task->tg;
	if (adj < tg->oom_score_adj && !cred_has_cap(writer->cred, CAP_SYS_RESOURCE))
		return -EACCES;
	tg->oom_score_adj = adj;
	return 0;
}

int proc_pid_oom_score_adj_store(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	int64_t n;
	(void)len;
	int err = parse(text, -1000, 1000, &n);
	return err ? err : set_oom(i, writer, (int)n);
}

int proc_pid_oom_adj_store(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	int64_t n;
	(void)len;
	int err = parse(text, -17, 15, &n);
	return err ? err : set_oom(i, writer, n == 15 ? 1000 : (int)n * 1000 / 17);
}

int proc_pid_timerslack(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	if (viewer != i->task && !(viewer && cred_has_cap(viewer->cred, CAP_SYS_NICE)))
		return -EPERM;
	seq_printf(s, "%d\n", i->task->timer_slack_ns);
	return 0;
}

int proc_pid_timerslack_store(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	int64_t n;
	(void)len;
	if (writer != i->task && !cred_has_cap(writer->cred, CAP_SYS_NICE))
		return -EPERM;
	int err = parse(text, 0, INT32_MAX, &n);
	if (!err)
		i->task->timer_slack_ns = n ? (int)n : i->task->default_timer_slack_ns;
	return err;
}

int proc_pid_coredump_filter(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	if (i->task->mm)
		seq_printf(s, "%08x\n", i->task->mm->dump_filter);
	return 0;
}

int proc_pid_coredump_filter_store(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	int64_t n;
	(void)len;
	(void)writer;
	int err = parse(text, 0, UINT32_MAX, &n);
	if (err)
		return err;
	if (!i->task->mm)
		return -ESRCH;
	i->task->mm->dump_filter = (unsigned)n & DUMP_ALL;
	return 0;
}
