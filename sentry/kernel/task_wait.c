/* task_wait.c - waiting for children: the common half of wait4(2) and waitid(2).
 *
 * HOW     First the children, then the tasks that the caller's process traces; who is both counts as the latter.
 * LINUX   kernel/exit.c: do_wait(), wait_consider_task(), wait_task_zombie(). A zombie that WEXITED does not ask for
 *         does not count as a child to wait for. */
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_wait.h"

#include <sys/wait.h>
#include <string.h>

#include "sentry/kernel/process.h"

static bool is_meant(const struct wait_query *q, const struct task *child)
{
	switch (q->type) {
	case CHILD_ANY:
		break;
	case CHILD_PID:
		return child->tid == q->id;
	case CHILD_PGRP:
		return child->tg->pgrp && child->tg->pgrp->pgid == q->id;
	}
	return true;
}

static bool is_eligible(const struct task *t, const struct wait_query *q, const struct thread_group *child)
{
	if (!is_meant(q, child->leader))
		return false;
	if ((q->options & __WNOTHREAD) && child->parent_task && child->parent_task != t)
		return false;
	bool clone_child = child->exit_signal != SIGCHLD;
	return (q->options & __WALL) || clone_child == !!(q->options & __WCLONE);
}

/* Before it is reaped: its number is gone then. */
static void fill(const struct task *waiter, struct task *who, int code, int status, int wstatus, struct wait_result *out)
{
	struct thread_group *child = who->tg;
	out->pid = pid_shown(waiter, who->tid);
	out->uid = who->cred->uid;
	out->code = code;
	out->status = status;
	out->wstatus = wstatus;
	memset(&out->rusage, 0, sizeof(out->rusage));
	rusage_add(&out->rusage, &child->rusage_dead);
	rusage_add(&out->rusage, &child->rusage_children);
	struct task *t;
	TAILQ_FOREACH(t, &child->threads, thread_link) {
		struct rusage used;
		if (!t->live)
			continue;
		task_rusage(t, &used);
		rusage_add(&out->rusage, &used);
	}
}

static void fill_exited(const struct task *waiter, struct task *who, int status, struct wait_result *out)
{
	int killer = status & 0x7f;
	int code = !killer ? CLD_EXITED : WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED;
	fill(waiter, who, code, killer ? killer : status >> 8 & 0xff, status, out);
}

static int take_zombie(struct task *t, struct thread_group *child, const struct wait_query *q, struct wait_result *out)
{
	fill_exited(t, child->leader, child->exit_code, out);
	if (!(q->options & WNOWAIT)) {
		rusage_add(&t->tg->rusage_children, &out->rusage);
		task_unpublish(child->leader);
	}
	return out->pid;
}

/* --- tracees: whether children or not, and each thread for itself --- */

static int take_tracee(struct task *t, struct task *who, const struct wait_query *q, struct wait_result *out)
{
	if (who == who->tg->leader && !ptrace_by_stranger(who))
		return take_zombie(t, who->tg, q, out);
	fill_exited(t, who, who->tg->exiting ? who->tg->exit_code : who->exit_code, out);
	if (!(q->options & WNOWAIT))
		ptrace_reaped(who);
	return out->pid;
}

static int look_at_tracee(struct task *t, struct task *who, const struct wait_query *q, struct wait_result *out, bool *any)
{
	struct ptrace_state *p = &who->ptrace;
	bool consume = !(q->options & WNOWAIT);
	if (who->exited && (who != who->tg->leader || who->tg->zombie))
		return q->options & WEXITED ? take_tracee(t, who, q, out) : 0;
	*any |= !who->exited || (q->options & (WEXITED | WCONTINUED));
	if (who->stop_state == TRACED && !p->listening && p->code) {
		fill(t, who, CLD_TRAPPED, p->code, p->code << 8 | 0x7f, out);
		p->code = consume ? 0 : p->code;
		return out->pid;
	}
	if ((q->options & WCONTINUED) && who->tg->cont_pending) {
		fill(t, who, CLD_CONTINUED, SIGCONT, 0xffff, out);
		who->tg->cont_pending = !consume;
		return out->pid;
	}
	return 0;
}

static int scan_tracees(struct task *t, const struct wait_query *q, struct wait_result *out, bool *any)
{
	struct task *tracer, *who;
	TAILQ_FOREACH(tracer, &t->tg->threads, thread_link) {
		if (tracer != t && (q->options & __WNOTHREAD))
			continue;
		TAILQ_FOREACH(who, &tracer->ptrace.tracees, ptrace.link) {
			int found = is_meant(q, who) ? look_at_tracee(t, who, q, out, any) : 0;
			if (found)
				return found;
		}
	}
	return 0;
}

/* A child's id; 0: nothing yet; -ECHILD: nothing can come. */
static int scan(struct task *t, const struct wait_query *q, struct wait_result *out)
{
	bool any = false;
	bool consume = !(q->options & WNOWAIT);
	struct thread_group *child;
	TAILQ_FOREACH(child, &t->tg->children, sibling) {
		const struct task *tracer = child->leader->ptrace.tracer;
		if (!is_eligible(t, q, child) || (tracer && tracer->tg == t->tg))
			continue;
		if (child->zombie && !tracer) {
			if (q->options & WEXITED)
				return take_zombie(t, child, q, out);
			continue;
		}
		any = true;
		if ((q->options & WSTOPPED) && child->stop_done && !child->stop_reported) {
			fill(t, child->leader, CLD_STOPPED, child->stop_sig, child->stop_sig << 8 | 0x7f, out);
			child->stop_reported = consume;
			return out->pid;
		}
		if ((q->options & WCONTINUED) && child->cont_pending) {
			fill(t, child->leader, CLD_CONTINUED, SIGCONT, 0xffff, out);
			child->cont_pending = !consume;
			return out->pid;
		}
	}
	int found = scan_tracees(t, q, out, &any);
	return found ? found : any ? 0 : -ECHILD;
}

int task_wait(struct task *t, const struct wait_query *q, struct wait_result *out)
{
	int found = scan(t, q, out);
	if (found || (q->options & WNOHANG))
		return found;
	int err = wait_event(t, &t->tg->wait_children, (found = scan(t, q, out)) != 0);
	return err ? err : found;
}
