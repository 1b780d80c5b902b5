/* task_exec.c - one thread ends the others: execve's, which survives as the process's leader, and the one that dumps core.
 *
 * LINUX   fs/exec.c: de_thread(); fs/coredump.c: coredump_wait(), kernel/exit.c: coredump_task_exit(). */
#include "sentry/kernel/pid.h"
#include "sentry/kernel/process.h"

static void mark_others(struct thread_group *tg, struct task *t)
{
	struct task *other;
	TAILQ_FOREACH(other, &tg->threads, thread_link)
		if (other != t && other->live)
			task_exit_mark(other, SIGKILL);
}

static bool others_are_parked(const struct thread_group *tg, const struct task *t)
{
	const struct task *other;
	TAILQ_FOREACH(other, &tg->threads, thread_link)
		if (other != t && other->live && !other->parked)
			return false;
	return true;
}

int tg_park_others(struct task *t)
{
	struct thread_group *tg = t->tg;
	if (tg->exiting || t->exiting || tg->exec_task)
		return -EAGAIN;
	tg->dumper = t;
	mark_others(tg, t);
	int err = wait_event_killable(t, &tg->wait_children, others_are_parked(tg, t));
	if (err)
		tg_unpark_others(tg);
	return err ? -EAGAIN : 0;
}

void tg_unpark_others(struct thread_group *tg)
{
	struct task *other;
	tg->dumper = NULL;
	TAILQ_FOREACH(other, &tg->threads, thread_link)
		waitq_wake(&other->stop_q, 0);
}

void task_park_for_dump(struct task *t)
{
	struct thread_group *tg = t->tg;
	if (!tg->dumper || tg->dumper == t)
		return;
	t->parked = true;
	waitq_wake(&tg->wait_children, 0);
	wait_event_uninterruptible(&t->stop_q, !tg->dumper);
	t->parked = false;
}

int tg_kill_others(struct task *t)
{
	struct thread_group *tg = t->tg;
	if (tg->exiting || t->exiting || tg->exec_task || tg->dumper)
		return -EAGAIN;
	if (tg->nthreads == 0 || process_is_alone(tg, t))   /* 0: the first task, which nobody sees yet */
		return 0;
	tg->exec_task = t;
	mark_others(tg, t);
	/* Those that are traced are there until their tracers have waited for them. */
	int err = wait_event_killable(t, &tg->wait_children, process_is_alone(tg, t));
	tg->exec_task = NULL;
	return err ? -EAGAIN : 0;
}

void task_become_leader(struct task *t)
{
	struct thread_group *tg = t->tg;
	struct task *old = tg->leader;
	if (old == t)
		return;
	CHECK(old && !old->live && tg->nthreads == 1);
	if (old->ptrace.tracer)
		waitq_wake(&old->ptrace.tracer->tg->wait_children, 0);
	ptrace_unlink(old);
	int own = t->tid;
	task_set_tid(t, old->tid);
	task_set_tid(old, own);
	t->start_time_ns = old->start_time_ns;
	tg->leader = t;
	task_unpublish(old);
}
