/* signal_queue_test.c - what is queued, dropped, merged, and in which order it comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sentry/kernel/process.h"

#define REALTIME 40

static struct task *init_task, *t;

static int setup(void **state)
{
	if (!init_task) {
		init_task = task_alloc(NULL);
		init_task->cred = cred_new(0, 0);
		task_publish(init_task);
	}
	assert_int_equal(task_new(NULL, 0, &t), 0);
	t->cred = cred_new(55, 55);
	t->tg->parent = init_task->tg;
	t->tg->sighand = sighand_new();
	for (int i = 0; i < RLIM_NLIMITS; i++)
		t->tg->rlimits[i] = (struct rlimit){ 1000, 1000 };
	tg_join_pgrp(t->tg, init_task->tg->pgrp);
	task_publish(t);
	return 0;
}

static int teardown(void **state)
{
	t->live = false;
	task_unpublish(t);
	t = NULL;
	return user_counts(55).signals == 0 ? 0 : -1;
}

static siginfo_t value(int v)
{
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = v;
	return info;
}

static int send_value(int sig, int v)
{
	siginfo_t info = value(v);
	return signal_send_group(t->tg, sig, &info);
}

static int take(siginfo_t *info)
{
	return signal_dequeue(t, ~0ULL, info);
}

static void handle(int sig)
{
	t->tg->sighand->action[sig - 1].handler = 0x1000;
}

static void realtime_signals_queue_standard_ones_merge(void **state)
{
	siginfo_t info;
	handle(REALTIME);
	handle(SIGUSR1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send_value(REALTIME, i), 0);
		assert_int_equal(send_value(SIGUSR1, i), 0);
	}
	assert_int_equal(take(&info), SIGUSR1);
	assert_int_equal(info.si_value.sival_int, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(take(&info), REALTIME);
		assert_int_equal(info.si_value.sival_int, i);
	}
	assert_int_equal(take(&info), 0);
	assert_int_equal(signal_pending_set(t), 0);
}

static void faults_first_then_low_numbers_own_queue_before_the_processs(void **state)
{
	siginfo_t info;
	for (int sig = 1; sig <= NSIG64; sig++)
		if (!(SIGBIT(sig) & SIG_SET_KERNEL_ONLY))
			handle(sig);
	signal_send_group(t->tg, SIGHUP, NULL);
	signal_send_task(t, SIGTERM, NULL);
	signal_send_task(t, SIGINT, NULL);
	signal_send_task(t, SIGSEGV, NULL);
	assert_int_equal(take(&info), SIGSEGV);
	assert_int_equal(info.si_code, SI_KERNEL);
	assert_int_equal(take(&info), SIGINT);
	assert_int_equal(take(&info), SIGTERM);
	assert_int_equal(take(&info), SIGHUP);
}

static void ignored_signals_are_not_queued_unless_blocked(void **state)
{
	t->tg->sighand->action[SIGUSR1 - 1].handler = (uint64_t)SIG_IGN;
	signal_send_group(t->tg, SIGUSR1, NULL);
	signal_send_group(t->tg, SIGCHLD, NULL);
	signal_send_group(t->tg, SIGWINCH, NULL);
	assert_int_equal(signal_pending_set(t), 0);
	signal_set_mask(t, SIGBIT(SIGUSR1));
	signal_send_group(t->tg, SIGUSR1, NULL);
	assert_int_equal(signal_pending_set(t), SIGBIT(SIGUSR1));
	assert_false(signal_pending(t));
	signal_flush_ignored(t->tg, SIGUSR1);
	assert_int_equal(signal_pending_set(t), 0);
}

static void the_limit_refuses_realtime_signals_and_keeps_the_bit_of_others(void **state)
{
	siginfo_t info;
	handle(REALTIME);
	handle(SIGUSR1);
	t->tg->rlimits[RLIMIT_SIGPENDING].rlim_cur = 2;
	assert_int_equal(send_value(REALTIME, 1), 0);
	assert_int_equal(send_value(REALTIME, 2), 0);
	assert_int_equal(send_value(REALTIME, 3), -EAGAIN);
	assert_int_equal(send_value(SIGUSR1, 4), 0);
	assert_int_equal(take(&info), SIGUSR1);
	assert_int_equal(info.si_code, SI_USER);
	assert_int_equal(info.si_value.sival_int, 0);
	assert_int_equal(take(&info), REALTIME);
	assert_int_equal(send_value(REALTIME, 5), 0);
}

static void stop_and_continue_cancel_each_other_in_all_queues(void **state)
{
	signal_set_mask(t, ~0ULL);
	signal_send_task(t, SIGTSTP, NULL);
	signal_send_group(t->tg, SIGTTIN, NULL);
	signal_send_group(t->tg, SIGCONT, NULL);
	assert_int_equal(signal_pending_set(t), SIGBIT(SIGCONT));
	signal_send_task(t, SIGTTOU, NULL);
	assert_int_equal(signal_pending_set(t), SIGBIT(SIGTTOU));
}

static void kill_and_stop_cannot_be_blocked(void **state)
{
	signal_set_mask(t, ~0ULL);
	assert_int_equal(t->blocked & SIG_SET_KERNEL_ONLY, 0);
	signal_send_group(t->tg, SIGKILL, NULL);
	assert_true(t->exiting && t->tg->exiting);
	assert_int_equal(t->tg->exit_code, SIGKILL);
	/* Nothing more is taken by a process that dies. */
	signal_send_group(t->tg, SIGTERM, NULL);
	assert_int_equal(signal_pending_set(t), 0);
}

static void a_forced_fault_resets_what_would_hide_it(void **state)
{
	siginfo_t info;
	handle(SIGSEGV);
	signal_set_mask(t, SIGBIT(SIGSEGV));
	signal_force_fault(t, SIGSEGV, NULL);
	assert_int_equal(t->tg->sighand->action[SIGSEGV - 1].handler, 0);
	assert_true(signal_pending(t));
	assert_int_equal(take(&info), SIGSEGV);
}

static void init_is_immune_to_other_processes_only(void **state)
{
	siginfo_t info = { .si_signo = SIGTERM, .si_code = SI_USER };
	info.si_pid = t->tid;
	signal_send_group(init_task->tg, SIGTERM, &info);
	assert_int_equal(signal_pending_set(init_task), 0);
	signal_send_group(init_task->tg, SIGKILL, &info);
	assert_false(init_task->exiting);
	info.si_pid = 0;                          /* from outside of the sandbox */
	signal_send_group(init_task->tg, SIGTERM, &info);
	assert_int_equal(signal_pending_set(init_task), SIGBIT(SIGTERM));
	sigpending_flush(&init_task->tg->pending, ~0ULL);
	info.si_pid = t->tid;
	init_task->tg->sighand->action[SIGTERM - 1].handler = 0x1000;
	signal_send_group(init_task->tg, SIGTERM, &info);
	assert_int_equal(signal_pending_set(init_task), SIGBIT(SIGTERM));
	sigpending_flush(&init_task->tg->pending, ~0ULL);
	init_task->tg->sighand->action[SIGTERM - 1].handler = 0;
}

static int taken, dropped;
static void on_taken(struct sigqueue_entry *e, siginfo_t *info)
{
	if (info) {
		taken++;
		info->si_overrun = 3;
	} else {
		dropped++;
	}
}

static void a_timers_entry_is_queued_once(void **state)
{
	siginfo_t info;
	struct sigqueue_entry e = { .timer = (struct posix_timer *)&e, .taken = on_taken, .info.si_signo = REALTIME };
	handle(REALTIME);
	assert_int_equal(signal_send_entry(&e, t->tg, NULL), 0);
	assert_int_equal(signal_send_entry(&e, t->tg, NULL), 1);
	assert_int_equal(take(&info), REALTIME);
	assert_int_equal(info.si_overrun, 3);
	assert_int_equal(taken, 1);
	assert_int_equal(take(&info), 0);
	assert_int_equal(signal_send_entry(&e, t->tg, t), 0);
	signal_cancel_entry(&e);
	assert_int_equal(signal_pending_set(t), 0);
	assert_int_equal(signal_send_entry(&e, t->tg, NULL), 0);
	sigpending_flush(&t->tg->pending, SIGBIT(REALTIME));
	assert_int_equal(dropped, 1);
	t->tg->sighand->action[REALTIME - 1].handler = (uint64_t)SIG_IGN;
	assert_int_equal(signal_send_entry(&e, t->tg, NULL), 1);
}

static void signals_during_a_fork_reach_the_child(void **state)
{
	struct fork_signals f = { 0 };
	TAILQ_INSERT_TAIL(&t->tg->forks, &f, link);
	signal_send_pgrp(t->tg->pgrp->pgid, SIGTSTP, NULL);
	assert_int_equal(f.set, SIGBIT(SIGTSTP));
	signal_note_forks(t->tg, SIGCONT);
	assert_int_equal(f.set, SIGBIT(SIGCONT));
	TAILQ_REMOVE(&t->tg->forks, &f, link);
	sigpending_flush(&init_task->tg->pending, ~0ULL);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(realtime_signals_queue_standard_ones_merge),
		T(faults_first_then_low_numbers_own_queue_before_the_processs),
		T(ignored_signals_are_not_queued_unless_blocked),
		T(the_limit_refuses_realtime_signals_and_keeps_the_bit_of_others),
		T(stop_and_continue_cancel_each_other_in_all_queues),
		T(kill_and_stop_cannot_be_blocked),
		T(a_forced_fault_resets_what_would_hide_it),
		T(init_is_immune_to_other_processes_only),
		T(a_timers_entry_is_queued_once),
		T(signals_during_a_fork_reach_the_child),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
