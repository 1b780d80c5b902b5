/* task_exec.c - execve's part in threads: only the caller survives, as the process's leader.
 *
 * LINUX   fs/exec.c: de_thread(). */
#include "sentry/kernel/pid.h"
#include "sentry/kernel/process.h"

int tg_kill_others(struct task *t)
{
	struct thread_group *tg = t->tg;
	if (tg->exiting || t->exiting || tg->exec_task)
		return -EAGAIN;
	if (tg->nthreads == 0 || process_is_alone(tg, t))   /* 0: the first task, which nobody sees yet */
		return 0;
	tg->exec_task = t;
	struct task *other;
	TAILQ_FOREACH(other, &tg->threads, thread_link)
		if (other != t && other->live)
			task_exit_mark(other, SIGKILL);
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
