/* task_wait.c - waiting for children: the common half of wait4(2) and waitid(2).
 *
 * LINUX   kernel/exit.c: do_wait(), wait_consider_task(), wait_task_zombie(). A zombie that WEXITED does not ask for
 *         does not count as a child to wait for. */
#include "sentry/kernel/task_wait.h"

#include <sys/wait.h>
#include <string.h>

#include "sentry/kernel/process.h"

static bool is_eligible(const struct task *t, const struct wait_query *q, const struct thread_group *child)
{
	switch (q->type) {
	case CHILD_ANY:
		break;
	case CHILD_PID:
		if (child->tgid != q->id)
			return false;
		break;
	case CHILD_PGRP:
		if (!child->pgrp || child->pgrp->pgid != q->id)
			return false;
		break;
	}
	if ((q->options & __WNOTHREAD) && child->parent_task && child->parent_task != t)
		return false;
	bool clone_child = child->exit_signal != SIGCHLD;
	return (q->options & __WALL) || clone_child == !!(q->options & __WCLONE);
}

static void fill(struct thread_group *child, int code, int status, int wstatus, struct wait_result *out)
{
	out->pid = child->tgid;
	out->uid = child->leader->cred->uid;
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

static int take_zombie(struct task *t, struct thread_group *child, const struct wait_query *q, struct wait_result *out)
{
	int killer = child->exit_code & 0x7f;
	int code = !killer ? CLD_EXITED : WCOREDUMP(child->exit_code) ? CLD_DUMPED : CLD_KILLED;
	fill(child, code, killer ? killer : child->exit_code >> 8 & 0xff, child->exit_code, out);
	if (!(q->options & WNOWAIT)) {
		rusage_add(&t->tg->rusage_children, &out->rusage);
		task_unpublish(child->leader);
	}
	return out->pid;
}

/* A child's id; 0: nothing yet; -ECHILD: nothing can come. */
static int scan(struct task *t, const struct wait_query *q, struct wait_result *out)
{
	bool any = false;
	bool consume = !(q->options & WNOWAIT);
	struct thread_group *child;
	TAILQ_FOREACH(child, &t->tg->children, sibling) {
		if (!is_eligible(t, q, child))
			continue;
		if (child->zombie) {
			if (q->options & WEXITED)
				return take_zombie(t, child, q, out);
			continue;
		}
		any = true;
		if ((q->options & WSTOPPED) && child->stop_done && !child->stop_reported) {
			fill(child, CLD_STOPPED, child->stop_sig, child->stop_sig << 8 | 0x7f, out);
			child->stop_reported = consume;
			return out->pid;
		}
		if ((q->options & WCONTINUED) && child->cont_pending) {
			fill(child, CLD_CONTINUED, SIGCONT, 0xffff, out);
			child->cont_pending = !consume;
			return out->pid;
		}
	}
	return any ? 0 : -ECHILD;
}

int task_wait(struct task *t, const struct wait_query *q, struct wait_result *out)
{
	int found = scan(t, q, out);
	if (found || (q->options & WNOHANG))
		return found;
	int err = wait_event(t, &t->tg->wait_children, (found = scan(t, q, out)) != 0);
	return err ? err : found;
}
