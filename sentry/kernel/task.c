/* task.c - tasks and thread groups as objects: making, finding, counting, freeing.
 *
 * HOW     A task holds a reference on its group. Being published is a reference too: it goes when the task is reaped,
 *         by itself (a thread), or by its parent's wait (a leader, and with it the process). The tree is kept by plain
 *         pointers, for a parent hands its children on before it goes.
 * LINUX   kernel/fork.c, kernel/pid.c. Ids: pid.h. */
#include "sentry/kernel/task.h"

#include <limits.h>

#include "platform/base/live.h"
#include "sentry/kernel/pid.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/process.h"
#include "sentry/keys/keys.h"

static TAILQ_HEAD(tg_list, thread_group) all = TAILQ_HEAD_INITIALIZER(all);   /* by tgid */
static int tasks;
static struct thread_group *init_tg;

#define INF RLIM_INFINITY
static const struct rlimit initial_rlimits[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = { INF, INF },
	[RLIMIT_FSIZE] = { INF, INF },
	[RLIMIT_DATA] = { INF, INF },
	[RLIMIT_STACK] = { 8 << 20, INF },
	[RLIMIT_CORE] = { 0, INF },
	[RLIMIT_RSS] = { INF, INF },
	[RLIMIT_NPROC] = { 63000, 63000 },
	[RLIMIT_NOFILE] = { 1024, 1 << 20 },
	[RLIMIT_MEMLOCK] = { 8 << 20, 8 << 20 },
	[RLIMIT_AS] = { INF, INF },
	[RLIMIT_LOCKS] = { INF, INF },
	[RLIMIT_SIGPENDING] = { 63000, 63000 },
	[RLIMIT_MSGQUEUE] = { 819200, 819200 },
	[RLIMIT_NICE] = { 0, 0 },
	[RLIMIT_RTPRIO] = { 0, 0 },
	[RLIMIT_RTTIME] = { INF, INF },
};

static void set_ids(struct task *t, int tid)
{
	t->tid = tid;
	t->pid_ns = pid_ns_of(tid);
	t->vtid = pid_number(t->pid_ns, tid);
}

static struct thread_group *tg_new(struct task *leader)
{
	struct thread_group *tg = NEW(struct thread_group);
	live_born(PROCESS);
	tg->refs = 1;
	tg->tgid = leader->tid;
	tg->vtgid = leader->vtid;
	tg->leader = leader;
	TAILQ_INIT(&tg->threads);
	TAILQ_INIT(&tg->children);
	TAILQ_INIT(&tg->forks);
	sigpending_init(&tg->pending);
	waitq_init(&tg->wait_children);
	waitq_init(&tg->exited);
	tg->exit_signal = SIGCHLD;
	tg->start_time_ns = leader->start_time_ns;
	return tg;
}

struct thread_group *tg_get(struct thread_group *tg)
{
	tg->refs++;
	return tg;
}

void tg_put(struct thread_group *tg)
{
	if (!tg || --tg->refs > 0)
		return;
	sigpending_flush(&tg->pending, ~0ULL);
	tg_leave_pgrp(tg);
	sighand_put(tg->sighand);
	live_died(PROCESS);
	free(tg);
}

int task_new(struct thread_group *tg, int want_tid, struct task **out)
{
	return task_new_in(tg, tg ? tg->leader->pid_ns : pid_ns_first(), &want_tid, 1, out);
}

int task_new_in(struct thread_group *tg, struct pid_ns *ns, const int *want, int nwant, struct task **out)
{
	if (ns->dead)
		return -ENOMEM;
	int tid = pid_reserve_in(ns, want, nwant);
	if (tid < 0)
		return tid;
	struct task *t = NEW(struct task);
	live_born(TASK);
	t->refs = 1;
	set_ids(t, tid);
	t->start_time_ns = now_mono_ns();
	t->altstack.ss_flags = SS_DISABLE;
	t->timer_slack_ns = t->default_timer_slack_ns = 50000;
	sigpending_init(&t->pending);
	waitq_init(&t->stop_q);
	waitq_init(&t->vfork_q);
	TAILQ_INIT(&t->pi_owned);
	task_ptrace_init(t);
	t->tg = tg ? tg_get(tg) : tg_new(t);
	tasks++;
	*out = t;
	return 0;
}

struct task *task_alloc(struct thread_group *tg)
{
	bool first = !init_tg && !tg;
	struct task *t;
	if (task_new(tg, first ? 1 : 0, &t) < 0)
		return NULL;
	if (!first)
		return t;
	tg_new_session(t->tg);
	t->tg->sighand = sighand_new();
	for (int i = 0; i < RLIM_NLIMITS; i++)
		t->tg->rlimits[i] = initial_rlimits[i];
	for (size_t i = 0; i < ARRAY_SIZE(t->cpu_mask); i++)
		t->cpu_mask[i] = UINT64_MAX;
	return t;
}

struct task *task_get(struct task *t)
{
	t->refs++;
	return t;
}

void task_put(struct task *t)
{
	if (!t || --t->refs > 0)
		return;
	CHECK(!t->published);
	task_ptrace_fini(t);
	sigpending_flush(&t->pending, ~0ULL);
	empties_forget(t);
	pl_thread_exit(t->pl);
	mm_put(t->mm);
	fdtable_put(NULL, t->files);
	fs_context_put(t->fs);
	cred_put(t->cred);
	ns_exit(t);
	seccomp_exit(t);
	keys_exit(t);
	if (t->id_given_back)
		pid_ns_put(t->pid_ns);
	else
		pid_release(t->tid);
	if (t->tg->leader == t)
		t->tg->leader = NULL;
	tg_put(t->tg);
	live_died(TASK);
	free(t);
	tasks--;
}

static void all_insert(struct thread_group *tg)
{
	/* Nearly always the highest id so far. */
	struct thread_group *before = TAILQ_LAST(&all, tg_list);
	while (before && before->tgid > tg->tgid)
		before = TAILQ_PREV(before, tg_list, all_link);
	if (before)
		TAILQ_INSERT_AFTER(&all, before, tg, all_link);
	else
		TAILQ_INSERT_HEAD(&all, tg, all_link);
}

void task_publish(struct task *t)
{
	struct thread_group *tg = t->tg;
	CHECK(!t->published);
	t->published = t->live = true;
	for (struct pid_ns *ns = t->pid_ns; ns; ns = ns->parent)
		ns->ntasks++;
	if (t == tg->leader) {
		all_insert(tg);
		if (tg_is_init(tg))
			t->pid_ns->init = tg;
		if (tg->parent)
			TAILQ_INSERT_TAIL(&tg->parent->children, tg, sibling);
		else if (!init_tg)
			init_tg = tg;
	}
	TAILQ_INSERT_TAIL(&tg->threads, t, thread_link);
	tg->nthreads++;
	t->nproc_uid = t->cred->uid;
	user_charge(t->nproc_uid, 1, 0);
	pid_set_task(t->tid, t);
}

void task_start(struct task *t)
{
	task_publish(t);
	t->co = co_spawn(task_main, t);
}

void task_unpublish(struct task *t)
{
	struct thread_group *tg = t->tg;
	CHECK(t->published && !t->live);
	ptrace_unlink(t);
	t->published = false;
	TAILQ_REMOVE(&tg->threads, t, thread_link);
	user_charge(t->nproc_uid, -1, 0);
	pid_set_task(t->tid, NULL);
	for (struct pid_ns *ns = t->pid_ns; ns; ns = ns->parent) {
		ns->ntasks--;
		if (ns->gone)
			waitq_wake(ns->gone, 0);
	}
	if (t == tg->leader) {
		TAILQ_REMOVE(&all, tg, all_link);
		if (tg->parent)
			TAILQ_REMOVE(&tg->parent->children, tg, sibling);
		tg->parent = NULL;
		tg->parent_task = NULL;
		tg_leave_pgrp(tg);
		if (tg == init_tg)
			init_tg = NULL;
	}
	/* The number is free, whoever still looks at the task: an open file of /proc. */
	pid_ns_get(t->pid_ns);
	t->id_given_back = true;
	pid_release(t->tid);
	task_put(t);
}

void task_set_tid(struct task *t, int tid)
{
	set_ids(t, tid);
	pid_set_task(tid, t);
}

struct thread_group *init_process(void)
{
	return init_tg;
}

struct task *task_find(int tid)
{
	return pid_task(tid);
}

struct thread_group *tg_find(int tgid)
{
	struct task *t = pid_task(tgid);
	return t && t->tg->leader == t ? t->tg : NULL;
}

struct thread_group *tg_first(void)
{
	return TAILQ_FIRST(&all);
}

struct thread_group *tg_next(struct thread_group *tg)
{
	return TAILQ_NEXT(tg, all_link);
}

int task_count(void)
{
	return tasks;
}
