/* signal_stop.c - job control: a process stops and goes on.
 *
 * HOW     A stop signal that takes effect puts its number into tg->stop_sig. Every thread, woken by that, parks at its
 *         next signal_deliver(); the last one to do so tells the parent. SIGCONT and death wake them.
 * LINUX   kernel/signal.c: do_signal_stop(), prepare_signal() for SIGCONT. */
#include "sentry/kernel/process.h"

void signal_stop_group(struct task *t, int sig)
{
	struct thread_group *tg = t->tg;
	if (tg->exiting || (tg->stop_sig && !t->ptrace.tracer))
		return;
	/* A tracee that went on during a stop may begin another, which its parent does not hear of. */
	if (!tg->stop_done) {
		tg->stop_sig = sig;
		tg->stop_reported = tg->cont_pending = false;
	}
	struct task *other;
	TAILQ_FOREACH(other, &tg->threads, thread_link) {
		if (!other->live)
			continue;
		if (other->ptrace.tracer)
			ptrace_group_stop(other, sig);
		else if (other != t)
			task_kick(other);
	}
}

void signal_stop_check(struct thread_group *tg)
{
	if (!tg->stop_sig || tg->stop_done || tg->exiting)
		return;
	bool any = false;
	struct task *t;
	TAILQ_FOREACH(t, &tg->threads, thread_link) {
		if (!t->live || t->exiting)
			continue;
		if (t->ptrace.tracer ? t->ptrace.joining : t->stop_state != STOPPED)
			return;
		any = true;
	}
	if (!any)
		return;
	tg->stop_done = true;
	tg->stop_reported = false;
	notify_parent_stopped(tg, CLD_STOPPED);
}

void signal_stop_wait(struct task *t)
{
	t->stop_state = STOPPED;
	signal_stop_check(t->tg);
	ptrace_park(t, !t->tg->stop_sig || t->exiting || t->ptrace.want_stop);
	t->stop_state = RUNNING;
}

void signal_group_continue(struct thread_group *tg)
{
	struct task *t;
	TAILQ_FOREACH(t, &tg->threads, thread_link)
		if (t->live && t->ptrace.tracer)
			ptrace_group_continue(t);
	if (!tg->stop_sig)
		return;
	int code = tg->stop_done ? CLD_CONTINUED : CLD_STOPPED;
	int sig = tg->stop_sig;
	if (code == CLD_STOPPED)
		notify_parent_stopped(tg, code);
	CHECK(tg->stop_sig == sig);
	tg->stop_sig = 0;
	tg->stop_done = tg->stop_reported = false;
	tg->cont_pending = true;
	TAILQ_FOREACH(t, &tg->threads, thread_link)
		waitq_wake(&t->stop_q, 0);
	if (code == CLD_CONTINUED)
		notify_parent_stopped(tg, code);
}
