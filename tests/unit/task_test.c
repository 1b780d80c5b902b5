/* task_test.c - ids, families, process groups and sessions, waiting, with tasks that run no guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>

#include "sentry/kernel/pid.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/task_wait.h"

static struct task *init_task;

static struct task *new_init(void)
{
	struct task *t = task_alloc(NULL);
	t->cred = cred_new(0, 0);
	task_publish(t);
	return t;
}

/* What clone does for a process (CLONE_VM and the like aside). */
static struct task *new_process(struct task *parent)
{
	struct task *t;
	assert_int_equal(task_new(NULL, 0, &t), 0);
	t->cred = cred_get(parent->cred);
	t->tg->parent = parent->tg;
	t->tg->parent_task = parent;
	t->tg->sighand = sighand_new();
	tg_join_pgrp(t->tg, parent->tg->pgrp);
	task_publish(t);
	return t;
}

static struct task *new_thread(struct task *leader)
{
	struct task *t;
	assert_int_equal(task_new(leader->tg, 0, &t), 0);
	t->cred = cred_get(leader->cred);
	task_publish(t);
	return t;
}

static int wait_for(struct task *t, int id, int options, struct wait_result *r)
{
	struct wait_query q = { .type = id ? CHILD_PID : CHILD_ANY, .id = id, .options = options | WNOHANG };
	return task_wait(t, &q, r);
}

static void leave(struct task *t, int status)
{
	task_exit_mark(t, status);
	task_do_exit(t);
}

static void reap(struct task *parent, int tgid)
{
	struct wait_result r;
	assert_int_equal(wait_for(parent, tgid, WEXITED, &r), tgid);
}

static int setup(void **state)
{
	if (!init_task)
		init_task = new_init();
	return 0;
}

static int no_task_is_left(void **state)
{
	/* Init took over all orphans. */
	struct wait_result r;
	while (wait_for(init_task, 0, WEXITED, &r) > 0)
		;
	return task_count() == 1 ? 0 : -1;
}

static void the_first_task_is_init(void **state)
{
	assert_int_equal(init_task->tid, 1);
	assert_int_equal(tg_session(init_task->tg)->sid, 1);
	assert_int_equal(init_task->tg->pgrp->pgid, 1);
	assert_ptr_equal(tg_find(1), init_task->tg);
	assert_ptr_equal(tg_first(), init_task->tg);
}

static void ids_wrap_around_past_those_in_use(void **state)
{
	int old_max = pid_max;
	pid_max = 303;
	struct task *t;
	while (pid_last() < 300) {
		t = new_process(init_task);
		int pid = t->tid;
		leave(t, 0);
		reap(init_task, pid);
	}
	struct task *a = new_process(init_task), *b = new_process(init_task), *c = new_process(init_task);
	assert_int_equal(a->tid, 301);
	assert_int_equal(b->tid, 302);
	assert_int_equal(c->tid, 300);
	assert_int_equal(task_new(NULL, 0, &t), -EAGAIN);
	assert_int_equal(task_new(NULL, 300, &t), -EEXIST);
	assert_int_equal(task_new(NULL, pid_max, &t), -EINVAL);
	pid_max = old_max;
	leave(a, 0);
	leave(b, 0);
	leave(c, 0);
}

static void an_id_stays_in_use_while_a_group_has_it(void **state)
{
	struct task *leader = new_process(init_task), *member = new_process(init_task);
	int pgid = leader->tid, other = member->tid;
	assert_int_equal(tg_set_pgrp(leader->tg, pgid), 0);
	assert_int_equal(tg_set_pgrp(member->tg, pgid), 0);
	leave(leader, 0);
	reap(init_task, pgid);
	assert_null(task_find(pgid));
	assert_non_null(pgrp_find(pgid));
	assert_int_equal(pid_reserve(pgid), -EEXIST);
	leave(member, 0);
	assert_non_null(pgrp_find(pgid));        /* zombies are members */
	reap(init_task, other);
	assert_null(pgrp_find(pgid));
	assert_int_equal(pid_reserve(pgid), pgid);
	pid_release(pgid);
}

static void groups_stay_within_a_session(void **state)
{
	struct task *a = new_process(init_task), *b = new_process(init_task);
	tg_new_session(a->tg);
	assert_int_equal(tg_session(a->tg)->sid, a->tid);
	assert_int_equal(tg_set_pgrp(b->tg, a->tid), -EPERM);
	assert_int_equal(tg_set_pgrp(b->tg, 12345), -EPERM);
	assert_int_equal(tg_set_pgrp(b->tg, b->tid), 0);
	assert_int_equal(tg_session(b->tg)->sid, 1);
	leave(a, 0);
	leave(b, 0);
}

static void a_zombie_waits_for_its_parent(void **state)
{
	struct task *t = new_process(init_task);
	int pid = t->tid;
	struct wait_result r;
	assert_int_equal(wait_for(init_task, pid, WEXITED, &r), 0);
	leave(t, 7 << 8);
	assert_non_null(task_find(pid));
	assert_int_equal(wait_for(init_task, pid, WEXITED | WNOWAIT, &r), pid);
	assert_int_equal(wait_for(init_task, pid, WEXITED, &r), pid);
	assert_int_equal(r.wstatus, 7 << 8);
	assert_int_equal(r.code, CLD_EXITED);
	assert_int_equal(r.status, 7);
	assert_null(task_find(pid));
	assert_int_equal(wait_for(init_task, pid, WEXITED, &r), -ECHILD);
}

static void threads_go_by_themselves_the_last_one_ends_the_process(void **state)
{
	struct task *leader = new_process(init_task), *thread = new_thread(leader);
	int pid = leader->tid, tid = thread->tid;
	struct wait_result r;
	assert_ptr_equal(task_find(tid), thread);
	assert_null(tg_find(tid));
	leave(leader, 1 << 8);
	assert_int_equal(wait_for(init_task, pid, WEXITED, &r), 0);
	leave(thread, 2 << 8);
	assert_null(task_find(tid));
	assert_int_equal(wait_for(init_task, pid, WEXITED, &r), pid);
	assert_int_equal(r.wstatus, 2 << 8);
}

static void exec_in_a_thread_takes_the_leaders_place(void **state)
{
	struct task *leader = new_process(init_task), *thread = new_thread(leader);
	int pid = leader->tid, tid = thread->tid;
	leave(leader, 0);
	task_become_leader(thread);
	assert_int_equal(thread->tid, pid);
	assert_ptr_equal(task_find(pid), thread);
	assert_ptr_equal(tg_find(pid)->leader, thread);
	assert_null(task_find(tid));
	leave(thread, 0);
}

static void orphans_go_to_the_nearest_subreaper(void **state)
{
	struct task *reaper = new_process(init_task), *parent = new_process(reaper), *child = new_process(parent);
	struct wait_result r;
	reaper->tg->child_subreaper = true;
	tg_get(child->tg);
	struct thread_group *tg = child->tg;
	leave(parent, 0);
	assert_ptr_equal(tg->parent, reaper->tg);
	leave(reaper, 0);
	assert_ptr_equal(tg->parent, init_task->tg);
	leave(child, 9 << 8);
	assert_int_equal(wait_for(init_task, tg->tgid, WEXITED, &r), tg->tgid);
	tg_put(tg);
}

static void a_dead_thread_leaves_its_children_to_the_others(void **state)
{
	struct task *leader = new_process(init_task), *thread = new_thread(leader);
	struct task *child = new_process(thread);
	struct wait_result r;
	assert_int_equal(wait_for(leader, 0, WEXITED | __WNOTHREAD, &r), -ECHILD);
	leave(thread, 0);
	assert_ptr_equal(child->tg->parent, leader->tg);
	assert_ptr_equal(child->tg->parent_task, leader);
	assert_int_equal(wait_for(leader, 0, WEXITED | __WNOTHREAD, &r), 0);
	leave(child, 0);
	leave(leader, 0);
}

static void nobody_waits_for_children_of_who_ignores_sigchld(void **state)
{
	struct task *parent = new_process(init_task), *child = new_process(parent);
	int pid = child->tid;
	parent->tg->sighand->action[SIGCHLD - 1].handler = (uint64_t)SIG_IGN;
	leave(child, 0);
	assert_null(task_find(pid));
	leave(parent, 0);
}

static void orphaned_means_no_parent_elsewhere_in_the_session(void **state)
{
	struct task *shell = new_process(init_task);
	tg_new_session(shell->tg);
	struct task *job = new_process(shell);
	assert_true(pgrp_is_orphaned(shell->tg->pgrp));
	tg_set_pgrp(job->tg, job->tid);
	assert_false(pgrp_is_orphaned(job->tg->pgrp));
	signal_stop_group(job, SIGSTOP);
	job->stop_state = STOPPED;
	signal_stop_check(job->tg);
	assert_true(job->tg->stop_done);
	leave(shell, 0);
	/* SIGHUP is pending, and SIGCONT has done its work. */
	assert_true(job->tg->pending.set & SIGBIT(SIGHUP));
	assert_int_equal(job->tg->stop_sig, 0);
	job->stop_state = RUNNING;
	leave(job, 0);
}

static void users_are_charged_for_their_tasks(void **state)
{
	struct task *t = new_process(init_task);
	int pid = t->tid;
	struct cred *c = cred_copy(t->cred);
	c->uid = c->euid = c->suid = 77;
	cred_install(t, c);
	assert_int_equal(user_counts(77).tasks, 1);
	leave(t, 0);
	assert_int_equal(user_counts(77).tasks, 1);      /* a zombie still counts */
	reap(init_task, pid);
	assert_int_equal(user_counts(77).tasks, 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, no_task_is_left)
	const struct CMUnitTest tests[] = {
		T(the_first_task_is_init),
		T(ids_wrap_around_past_those_in_use),
		T(an_id_stays_in_use_while_a_group_has_it),
		T(groups_stay_within_a_session),
		T(a_zombie_waits_for_its_parent),
		T(threads_go_by_themselves_the_last_one_ends_the_process),
		T(exec_in_a_thread_takes_the_leaders_place),
		T(orphans_go_to_the_nearest_subreaper),
		T(a_dead_thread_leaves_its_children_to_the_others),
		T(nobody_waits_for_children_of_who_ignores_sigchld),
		T(orphaned_means_no_parent_elsewhere_in_the_session),
		T(users_are_charged_for_their_tasks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
