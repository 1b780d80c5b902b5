/* proc_pid_stat.c - /proc/PID/stat, statm, status: a task's state in numbers.
 *
 * LINUX    fs/proc/array.c, fs/proc/task_mmu.c.
 * HOW      Resident memory and page faults are the host's knowledge, and a stub can be asked only while it stands still: a process that
 *          opens its own files is asked then; others see what it was told last. Resident is the most that ever was.
 * MISSING  What is resident now, and of which kind; that of processes that never asked: 0, and nothing in status. */
#include <inttypes.h>
#include <sys/sysmacros.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/fs/tty/tty.h"
#include "sentry/kernel/clock.h"
#include "sentry/kernel/machine.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/kernel/user_ns.h"

static char state_of(const struct task *t, const struct task *viewer)
{
	if (t->exited || t->tg->zombie)
		return 'Z';
	if (t == viewer)
		return 'R';
	if (t->stop_state != RUNNING)
		return t->stop_state == TRACED ? 't' : 'T';
	return t->sleeping ? 'S' : 'R';
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R': return "R (running)";
	case 'S': return "S (sleeping)";
	case 'T': return "T (stopped)";
	case 't': return "t (tracing stop)";
	default: return "Z (zombie)";
	}
}

static uint64_t timeval_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * NS_PER_SEC + (uint64_t)tv->tv_usec * 1000;
}

struct times { uint64_t user, system, child_user, child_system; };

static struct times times_of(struct task *t, bool whole)
{
	struct thread_group *tg = t->tg;
	struct task *p;
	if (!whole)
		return (struct times){ .user = t->exited ? 0 : task_cpu_ns(t) - t->stime_ns, .system = t->stime_ns };
	struct times n = {
		timeval_ns(&tg->rusage_dead.ru_utime), timeval_ns(&tg->rusage_dead.ru_stime),
		timeval_ns(&tg->rusage_children.ru_utime), timeval_ns(&tg->rusage_children.ru_stime),
	};
	TAILQ_FOREACH(p, &tg->threads, thread_link) {
		n.user += p->exited ? 0 : task_cpu_ns(p) - p->stime_ns;
		n.system += p->exited ? 0 : p->stime_ns;
	}
	return n;
}

static void signal_actions(const struct thread_group *tg, ksigset_t *ignored, ksigset_t *caught)
{
	*ignored = *caught = 0;
	for (int sig = 1; tg->sighand && sig <= NSIG64; sig++) {
		uint64_t handler = tg->sighand->action[sig - 1].handler;
		if (handler == 1)
			*ignored |= SIGBIT(sig);
		else if (handler)
			*caught |= SIGBIT(sig);
	}
}

static int live_threads(const struct thread_group *tg)
{
	return tg->zombie ? 1 : MAX(tg->nthreads, 1);
}

static int parent_number(const struct pid_ns *ns, const struct thread_group *tg)
{
	return tg->parent ? pid_number(ns, tg->parent->tgid) : 0;
}

int proc_pid_measure(struct pseudo_inode *i, struct task *viewer)
{
	struct rusage ru;
	struct mm *mm = i->task->mm;
	if (!viewer || !viewer->pl || !mm || viewer->mm != mm)
		return 0;
	pl_usage(viewer->pl, false, &ru);
	mm->usage.rss_bytes = MIN((uint64_t)ru.ru_maxrss * 1024, mm->total_bytes);
	mm->usage.minor = (uint64_t)ru.ru_minflt;
	mm->usage.major = (uint64_t)ru.ru_majflt;
	return 0;
}

/* CPU time, time in the queue (which the host does not tell), turns. */
int proc_pid_schedstat(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct task *t = i->task;
	(void)viewer;
	seq_printf(s, "%" PRIu64 " 0 %" PRIu64 "\n", t->exited ? 0 : task_cpu_ns(t), t->nvcsw + t->nivcsw);
	return 0;
}

int proc_pid_stat(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct task *t = i->task;
	struct thread_group *tg = t->tg;
	const struct mm *mm = t->mm;
	bool look = proc_may_look(viewer, t);
	const struct mm *shown = look ? mm : NULL;          /* addresses are for those who may look */
	struct times n = times_of(t, i->entry->arg);
	ksigset_t ignored, caught;
	signal_actions(tg, &ignored, &caught);
	int nice = t->sched.nice;
	int tty_nr, tty_pgid;
	tty_of_process(tg, &tty_nr, &tty_pgid);
	int priority = t->sched.priority ? -1 - t->sched.priority : 20 + nice;

	const struct pid_ns *ns = proc_pid_ns(i);
	seq_printf(s, "%d (%s) %c %d %d %d %d %d 0", pid_number(ns, t->tid), t->comm, state_of(t, viewer), parent_number(ns, tg),
		   tg->pgrp ? pid_number(ns, tg->pgrp->pgid) : 0, tg->pgrp ? pid_number(ns, tg->pgrp->session->sid) : 0, tty_nr,
		   tty_pgid > 0 ? pid_number(ns, tty_pgid) : tty_pgid);
	const struct rusage *kids = &tg->rusage_children;
	seq_printf(s, " %" PRIu64 " %ld %" PRIu64 " %ld", (uint64_t)tg->rusage_dead.ru_minflt + (mm ? mm->usage.minor : 0), kids->ru_minflt,
		   (uint64_t)tg->rusage_dead.ru_majflt + (mm ? mm->usage.major : 0), kids->ru_majflt);
	seq_printf(s, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, proc_ticks(n.user), proc_ticks(n.system),
		   proc_ticks(n.child_user), proc_ticks(n.child_system));
	int64_t ahead = viewer ? time_ns_offset(viewer->time_ns, CLOCK_BOOTTIME) : 0;
	seq_printf(s, " %d %d %d 0 %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, priority, nice, live_threads(tg),
		   proc_ticks(time_ns_shift(machine_since_start_ns(t->start_time_ns), ahead)), mm ? mm->total_bytes : 0,
		   mm ? mm->usage.rss_bytes / PAGE_SIZE : 0,
		   (uint64_t)tg->rlimits[RLIMIT_RSS].rlim_cur);
	seq_printf(s, " %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 0", shown ? shown->start_code : 0, shown ? shown->end_code : 0,
		   shown ? shown->start_stack : 0);
	seq_printf(s, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d 0 0 %d %d %d %d 0 0 0", t->pending.set & 0x7fffffff,
		   sigmask_now(t) & 0x7fffffff, ignored & 0x7fffffff, caught & 0x7fffffff, look && t->sleeping, tg->exit_signal, 0,
		   t->sched.priority, t->sched.policy);
	seq_printf(s, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\n",
		   shown ? shown->start_data : 0, shown ? shown->end_data : 0, shown ? shown->start_brk : 0,
		   shown ? shown->arg_start : 0, shown ? shown->arg_end : 0, shown ? shown->env_start : 0,
		   shown ? shown->env_end : 0, look ? tg->exit_code : 0);
	return 0;
}

/* size resident shared text lib data dt, in pages. */
int proc_pid_statm(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct mm *mm = i->task->mm;
	(void)viewer;
	if (!mm) {
		seq_puts(s, "0 0 0 0 0 0 0\n");
		return 0;
	}
	uint64_t text = (PAGE_ALIGN_UP(mm->end_code) - PAGE_ALIGN_DOWN(mm->start_code)) / PAGE_SIZE;
	uint64_t size = mm->total_bytes / PAGE_SIZE, data = (mm->data_bytes + mm->stack_bytes) / PAGE_SIZE;
	seq_printf(s, "%" PRIu64 " %" PRIu64 " 0 %" PRIu64 " 0 %" PRIu64 " 0\n", size, mm->usage.rss_bytes / PAGE_SIZE, text, data);
	return 0;
}

/* An id's number in this /proc's namespace, and in each below it down to its own. */
static void numbers(struct seq *s, const char *key, const struct pid_ns *ns, int id)
{
	int n[PID_NS_LEVELS + 1];
	int count = pid_numbers(ns, id, n);
	seq_printf(s, "%s:", key);
	for (int i = 0; i < count; i++)
		seq_printf(s, "\t%d", n[i]);
	seq_puts(s, count ? "\n" : "\t0\n");
}

static void status_ids(struct seq *s, struct task *t, const struct pid_ns *ns, const struct cred *v)
{
	const struct cred *c = t->cred;
	seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\n", uid_shown(v, c->uid), uid_shown(v, c->euid), uid_shown(v, c->suid),
		   uid_shown(v, c->fsuid));
	seq_printf(s, "Gid:\t%u\t%u\t%u\t%u\n", gid_shown(v, c->gid), gid_shown(v, c->egid), gid_shown(v, c->sgid),
		   gid_shown(v, c->fsgid));
	seq_printf(s, "FDSize:\t%d\nGroups:\t", t->files ? t->files->size : 0);
	for (int g = 0; g < c->ngroups; g++)
		seq_printf(s, "%u ", gid_shown(v, c->groups[g]));
	struct pgrp *pg = t->tg->pgrp;
	seq_puts(s, c->ngroups ? "\n" : " \n");
	numbers(s, "NStgid", ns, t->tg->tgid);
	numbers(s, "NSpid", ns, t->tid);
	numbers(s, "NSpgid", ns, pg ? pg->pgid : 0);
	numbers(s, "NSsid", ns, pg ? pg->session->sid : 0);
	seq_puts(s, "Kthread:\t0\n");
}

static void status_memory(struct seq *s, const struct mm *mm)
{
	uint64_t text = PAGE_ALIGN_UP(mm->end_code) - PAGE_ALIGN_DOWN(mm->start_code);
	seq_printf(s, "VmSize:\t%8" PRIu64 " kB\nVmLck:\t%8" PRIu64 " kB\nVmPin:\t%8d kB\n", mm->total_bytes / 1024,
		   mm->locked_bytes / 1024, 0);
	uint64_t rss = mm->usage.rss_bytes / 1024;
	if (rss)
		seq_printf(s, "VmHWM:\t%8" PRIu64 " kB\nVmRSS:\t%8" PRIu64 " kB\n", rss, rss);
	seq_printf(s, "VmData:\t%8" PRIu64 " kB\nVmStk:\t%8" PRIu64 " kB\nVmExe:\t%8" PRIu64 " kB\nVmSwap:\t%8d kB\n",
		   mm->data_bytes / 1024, mm->stack_bytes / 1024, text / 1024, 0);
	seq_printf(s, "CoreDumping:\t0\nTHP_enabled:\t1\n");
}

static void status_signals(struct seq *s, struct task *t)
{
	ksigset_t ignored, caught;
	signal_actions(t->tg, &ignored, &caught);
	seq_printf(s, "Threads:\t%d\nSigQ:\t%d/%" PRIu64 "\n", live_threads(t->tg), user_counts(t->cred->uid).signals,
		   (uint64_t)t->tg->rlimits[RLIMIT_SIGPENDING].rlim_cur);
	seq_printf(s, "SigPnd:\t%016" PRIx64 "\nShdPnd:\t%016" PRIx64 "\nSigBlk:\t%016" PRIx64 "\n", t->pending.set, t->tg->pending.set,
		   sigmask_now(t));
	seq_printf(s, "SigIgn:\t%016" PRIx64 "\nSigCgt:\t%016" PRIx64 "\n", ignored, caught);
}

int proc_pid_status(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct task *t = i->task;
	const struct cred *c = t->cred;
	const struct pid_ns *ns = proc_pid_ns(i);
	seq_puts(s, "Name:\t");
	seq_escaped(s, t->comm, "\n");
	seq_puts(s, "\n");
	if (t->fs)
		seq_printf(s, "Umask:\t%04o\n", t->fs->umask);
	seq_printf(s, "State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", state_name(state_of(t, viewer)),
		   pid_number(ns, t->tg->tgid), pid_number(ns, t->tid), parent_number(ns, t->tg),
		   t->ptrace.tracer ? pid_number(ns, t->ptrace.tracer->tg->tgid) : 0);
	status_ids(s, t, ns, viewer ? viewer->cred : c);
	if (t->mm)
		status_memory(s, t->mm);
	status_signals(s, t);
	seq_printf(s, "CapInh:\t%016" PRIx64 "\nCapPrm:\t%016" PRIx64 "\nCapEff:\t%016" PRIx64 "\nCapBnd:\t%016" PRIx64
		   "\nCapAmb:\t%016" PRIx64 "\n", c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bset, c->cap_ambient);
	seq_printf(s, "NoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%d\n", c->no_new_privs, t->seccomp.mode,
		   seccomp_filters(t));

	uint64_t cpus[ARRAY_SIZE(t->cpu_mask)], node = 1;
	size_t ncpus = machine_cpus();
	for (size_t w = 0; w < ARRAY_SIZE(cpus); w++) {
		size_t first = w * 64;
		uint64_t there = first >= ncpus ? 0 : ncpus - first >= 64 ? UINT64_MAX : (1ULL << (ncpus - first)) - 1;
		cpus[w] = t->cpu_mask[w] & there;
	}
	seq_puts(s, "Cpus_allowed:\t");
	seq_bitmask(s, cpus, ncpus);
	seq_puts(s, "\nCpus_allowed_list:\t");
	seq_bitlist(s, cpus, ncpus);
	seq_puts(s, "\nMems_allowed:\t");
	seq_bitmask(s, &node, 32);
	seq_printf(s, "\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%" PRIu64 "\nnonvoluntary_ctxt_switches:\t%" PRIu64 "\n",
		   t->nvcsw, t->nivcsw);
	return 0;
}
