/* task_exit.c - how threads and processes end.
 *
 * HOW     Anybody may mark a task as exiting; the task itself leaves, at the end of task_main(), through task_do_exit():
 *         memory (robust futexes, the clear_child_tid word, the vfork parent), files, then the family. The last thread
 *         makes the process a zombie, unless its parent does not care.
 * LINUX   kernel/exit.c: do_exit(), exit_notify(), do_group_exit(), zap_pid_ns_processes().
 *         Differs: when init ends, the sandbox ends at once; nothing can see that the others die without being waited for. */
#include <linux/ptrace.h>
#include <string.h>

#include "sentry/ipc/sem.h"
#include "sentry/ipc/shm.h"
#include "sentry/kernel/clock.h"
#include "sentry/kernel/futex.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/timers.h"
#include "sentry/keys/keys.h"
#include "sentry/sentry.h"

static void wake_to_exit(struct task *t)
{
	t->exiting = true;
	t->kills++;
	task_kick(t);
	if (t->pl)
		pl_thread_expire(t->pl);
	waitq_wake(&t->stop_q, 0);
}

void task_exit_mark(struct task *t, int code)
{
	if (!t->exiting)
		t->exit_code = code;
	wake_to_exit(t);
}

void tg_exit_mark(struct thread_group *tg, int status)
{
	if (tg->exiting || tg->zombie)
		return;
	tg->exiting = true;
	tg->exit_code = status;
	tg->stop_sig = 0;
	tg->stop_done = false;
	struct task *t;
	TAILQ_FOREACH(t, &tg->threads, thread_link) {
		if (!t->live)
			continue;
		if (!t->exiting)
			t->exit_code = status;
		wake_to_exit(t);
	}
}

static struct timeval timeval_of_ns(uint64_t ns)
{
	return (struct timeval){ .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_usec = (suseconds_t)(ns % NS_PER_SEC / 1000) };
}

void task_rusage(struct task *t, struct rusage *out)
{
	memset(out, 0, sizeof(*out));
	uint64_t cpu = task_cpu_ns(t);
	out->ru_utime = timeval_of_ns(cpu > t->stime_ns ? cpu - t->stime_ns : 0);
	out->ru_stime = timeval_of_ns(t->stime_ns);
	out->ru_nvcsw = (long)t->nvcsw;
	out->ru_nivcsw = (long)t->nivcsw;
}

void rusage_keep(struct task *t)
{
	struct rusage used;
	if (!t->pl || !t->mm || t->mm->refs > 1)
		return;
	pl_usage(t->pl, false, &used);
	rusage_add(&t->tg->rusage_dead, &used);
}

static struct timeval timeval_sum(struct timeval a, struct timeval b)
{
	struct timeval sum = { a.tv_sec + b.tv_sec, a.tv_usec + b.tv_usec };
	if (sum.tv_usec >= 1000000) {
		sum.tv_sec++;
		sum.tv_usec -= 1000000;
	}
	return sum;
}

void rusage_add(struct rusage *sum, const struct rusage *add)
{
	sum->ru_utime = timeval_sum(sum->ru_utime, add->ru_utime);
	sum->ru_stime = timeval_sum(sum->ru_stime, add->ru_stime);
	sum->ru_maxrss = MAX(sum->ru_maxrss, add->ru_maxrss);
	sum->ru_minflt += add->ru_minflt;
	sum->ru_majflt += add->ru_majflt;
	sum->ru_inblock += add->ru_inblock;
	sum->ru_oublock += add->ru_oublock;
	sum->ru_nvcsw += add->ru_nvcsw;
	sum->ru_nivcsw += add->ru_nivcsw;
}

void vfork_done(struct task *child)
{
	child->vfork_parent = NULL;
	waitq_wake(&child->vfork_q, 0);
}

void task_mm_release(struct task *t)
{
	if (t->mm) {
		futex_exit_robust(t);
		futex_exit_pi(t);
		if (t->mm->refs > 1)
			rseq_exit(t);
		else
			shm_note_pid(t);
		/* Only who shares the memory can be waiting for the word to change. */
		if (!uptr_null(t->clear_child_tid) && t->mm->refs > 1) {
			int zero = 0;
			if (put_user(t, t->clear_child_tid, &zero) == 0)
				futex_wake_addr(t, t->clear_child_tid, 1);
		}
		t->clear_child_tid = UPTR(0);
		t->rseq.area = UPTR(0);
	}
	if (t->vfork_parent)
		vfork_done(t);
}

/* Gives back all that a running thread holds. Each field is cleared first, for others look while this sleeps. */
static void drop_resources(struct task *t)
{
	struct rusage used;
	task_rusage(t, &used);
	rusage_add(&t->tg->rusage_dead, &used);
	rusage_keep(t);
	empties_forget(t);
	pl_thread_exit(TAKE(t->pl));
	mm_put(TAKE(t->mm));
	sem_undo_exit(t);
	fdtable_put(t, TAKE(t->files));
	fs_context_put(TAKE(t->fs));
	seccomp_exit(t);
	keys_exit(t);
	ns_exit(t);
}

/* The last thread has ended. */
static void finish_process(struct thread_group *tg)
{
	tg->exiting = true;
	timers_exit(tg);
	struct session *s = tg_session(tg);
	if (s && s->sid == tg->tgid && s->hangup)
		s->hangup(s);
	pgrp_check_orphaned(tg, NULL);
	process_check_zombie(tg);
}

bool process_is_alone(const struct thread_group *tg, const struct task *t)
{
	const struct task *other;
	TAILQ_FOREACH(other, &tg->threads, thread_link)
		if (other != t && !(other == tg->leader && other->exited))
			return false;
	return true;
}

void process_check_zombie(struct thread_group *tg)
{
	waitq_wake(&tg->wait_children, 0);      /* exec waits for other threads to go */
	if (tg->nthreads > 0 || tg->zombie || !process_is_alone(tg, tg->leader))
		return;
	tg->zombie = true;
	bool reap = false;
	if (ptrace_by_stranger(tg->leader))
		ptrace_tell_exit(tg->leader);
	else
		reap = notify_parent_exit(tg);
	waitq_wake(&tg->exited, EPOLLIN);
	if (reap)
		task_unpublish(tg->leader);
}

static void kill_all_but(struct thread_group *init)
{
	for (struct thread_group *tg = tg_first(); tg; tg = tg_next(tg))
		if (tg != init)
			tg_exit_mark(tg, SIGKILL);
}

bool processes_gone(void)
{
	struct thread_group *init = init_process(), *child, *next;
	if (!init || !init->zombie)
		return task_count() == 0;
	for (child = TAILQ_FIRST(&init->children); child; child = next) {
		next = TAILQ_NEXT(child, sibling);
		if (child->zombie && !child->leader->ptrace.tracer)
			task_unpublish(child->leader);
	}
	if (task_count() == 1)
		task_unpublish(init->leader);
	return task_count() == 0;
}

void task_do_exit(struct task *t)
{
	AUTO(tg_put) struct thread_group *tg = tg_get(t->tg);
	t->exiting = true;
	task_park_for_dump(t);
	ptrace_event(t, PTRACE_EVENT_EXIT, (uint64_t)(unsigned)t->exit_code);
	trace_task_end(t, tg->exiting ? tg->exit_code : t->exit_code);
	/* Signals of the process that this thread was woken for are another thread's now. */
	signal_set_mask(t, ~0ULL);
	signal_stop_check(tg);
	task_mm_release(t);
	drop_resources(t);

	t->live = false;
	t->exited = true;
	t->co = NULL;
	tg->nthreads--;
	if (tg->nthreads == 0 && !tg->exiting)
		tg->exit_code = t->exit_code;
	if (tg->nthreads == 0 && tg == init_process()) {
		kill_all_but(tg);
		sandbox_exit(tg->exit_code);
	}
	ptrace_tracer_exits(t);
	if (tg->nthreads == 0 && tg != init_process() && tg_is_init(tg)) {
		tg->exiting = true;
		pid_ns_end(tg);
	}
	children_reparent(t);
	bool last = tg->nthreads == 0;
	if (t != tg->leader && t->ptrace.tracer)
		ptrace_tell_exit(t);
	else if (t != tg->leader)
		task_unpublish(t);
	if (last)
		finish_process(tg);
	else
		waitq_wake(&tg->wait_children, 0);
}
