/* ptrace.c - who traces whom: beginning, inheriting and ending it (ptrace(2)).
 *
 * HOW     A tracer lists its tracees, a tracee points back. Both ends are undone by whoever goes first: an exiting tracer lets
 *         go of its tracees; a tracee that exits stays as a zombie, even a thread, until its tracer has waited.
 * LINUX   kernel/ptrace.c: ptrace_attach(), ptrace_traceme(), __ptrace_unlink(), __ptrace_detach(), exit_ptrace();
 *         kernel/exit.c: exit_notify(), wait_task_zombie(). There is no Yama: credentials decide (access.h). */
#include "sentry/kernel/ptrace.h"

#include <linux/capability.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <string.h>

#include "sentry/kernel/access.h"
#include "sentry/kernel/process.h"

#define OPTIONS_KNOWN                                                                                                 \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | \
	 PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL |    \
	 PTRACE_O_SUSPEND_SECCOMP)

void task_ptrace_init(struct task *t)
{
	TAILQ_INIT(&t->ptrace.tracees);
}

void task_ptrace_fini(struct task *t)
{
	CHECK(!t->ptrace.tracer && TAILQ_EMPTY(&t->ptrace.tracees));
}

/* PTRACE_O_SUSPEND_SECCOMP is for checkpoints, as it is in a Linux without CONFIG_CHECKPOINT_RESTORE. */
int ptrace_check_options(const struct task *tracer, uint64_t options)
{
	if (options & ~(uint64_t)OPTIONS_KNOWN)
		return -EINVAL;
	/* Who is confined itself can't let another out. */
	bool free = tracer->seccomp.mode == SECCOMP_MODE_DISABLED && !seccomp_is_suspended(tracer);
	return options & PTRACE_O_SUSPEND_SECCOMP && !(cred_has_cap(tracer->cred, CAP_SYS_ADMIN) && free) ? -EPERM : 0;
}

static void link_to(struct task *t, struct task *tracer, const struct cred *cred, bool seized, unsigned options)
{
	struct ptrace_state *p = &t->ptrace;
	p->tracer = tracer;
	p->tracer_cred = cred_get(cred);
	p->seized = seized;
	p->options = options;
	TAILQ_INSERT_TAIL(&tracer->ptrace.tracees, t, ptrace.link);
}

void ptrace_unlink(struct task *t)
{
	struct ptrace_state *p = &t->ptrace;
	if (!p->tracer)
		return;
	TAILQ_REMOVE(&p->tracer->ptrace.tracees, t, ptrace.link);
	p->tracer = NULL;
	cred_put((struct cred *)TAKE(p->tracer_cred));
	p->seized = p->trace_calls = p->emulate_calls = p->step = false;
	p->want_stop = p->want_notice = p->joining = p->listening = false;
	p->options = 0;
	ptrace_watch_calls(t);
}

void ptrace_watch_calls(struct task *t)
{
	const struct ptrace_state *p = &t->ptrace;
	t->slow_path &= ~(unsigned)TASK_SLOW_PTRACE;
	if (p->trace_calls || p->emulate_calls || p->step)
		t->slow_path |= TASK_SLOW_PTRACE;
}

static struct task *real_parent(const struct task *t)
{
	struct thread_group *parent = t->tg->parent;
	if (!parent)
		return NULL;
	return t->tg->parent_task ? t->tg->parent_task : parent->leader;
}

int ptrace_traceme(struct task *t)
{
	struct task *parent = real_parent(t);
	if (t->ptrace.tracer || !parent || !parent->live)
		return -EPERM;
	if (t->cred->cap_permitted & ~parent->cred->cap_permitted && !cred_ns_cap(parent->cred, t->cred->user_ns, CAP_SYS_PTRACE))
		return -EPERM;
	link_to(t, parent, parent->cred, false, 0);
	return 0;
}

int ptrace_attach(struct task *t, struct task *target, bool seize, uint64_t options)
{
	if (target->tg == t->tg || target->exited)
		return -EPERM;
	if (task_may_access(t, target, ACCESS_ATTACH, false) || target->ptrace.tracer)
		return -EPERM;
	link_to(target, t, t->cred, seize, (unsigned)options);
	bool was_stopped = target->stop_state == STOPPED;
	target->ptrace.stop_signal = target->tg->stop_sig;
	target->ptrace.joining = target->tg->stop_sig && !was_stopped;
	if (!seize) {
		siginfo_t info = { .si_signo = SIGSTOP, .si_code = SI_KERNEL };
		signal_send_task(target, SIGSTOP, &info);
	}
	/* From one kind of stop into the other, without the guest's noticing. */
	if (was_stopped && target->stop_state == STOPPED) {
		ptrace_ask_to_stop(target);
		wait_event_uninterruptible(&target->stop_q,
					   target->stop_state == TRACED || target->exiting || target->ptrace.tracer != t);
	}
	return 0;
}

/* Lets a stopped tracee go on untraced. If its process is stopped, it joins that stop by itself. */
void ptrace_detach(struct task *t, int sig)
{
	ptrace_unlink(t);
	if (t->stop_state == TRACED)
		ptrace_resume(t, sig);
	else if (t->tg->stop_sig && t->live)
		task_kick(t);
}

void ptrace_inherit(struct task *t, struct task *child, uint64_t clone_flags, int event)
{
	const struct ptrace_state *p = &t->ptrace;
	if (!p->tracer || !(event || (clone_flags & CLONE_PTRACE)))
		return;
	link_to(child, p->tracer, p->tracer_cred, p->seized, p->options);
	child->ptrace.stop_signal = child->tg->stop_sig;
	if (p->seized)
		child->ptrace.want_stop = true;
	else
		child->pending.set |= SIGBIT(SIGSTOP);
}

bool ptrace_by_stranger(const struct task *t)
{
	return t->ptrace.tracer && t->ptrace.tracer->tg != t->tg->parent;
}

/* --- the ends --- */

void ptrace_tell_exit(struct task *t)
{
	struct thread_group *tracer = t->ptrace.tracer->tg;
	int status = t->tg->exiting ? t->tg->exit_code : t->exit_code;
	siginfo_t info;
	exit_info(t, status, &info);
	info.si_signo = SIGCHLD;
	signal_send_group(tracer, SIGCHLD, &info);
	waitq_wake(&tracer->wait_children, 0);
}

void ptrace_reaped(struct task *t)
{
	struct thread_group *tg = t->tg;
	bool stranger = ptrace_by_stranger(t);
	ptrace_unlink(t);
	if (t != tg->leader) {
		AUTO(tg_put) struct thread_group *held = tg_get(tg);
		task_unpublish(t);
		process_check_zombie(held);
	} else if (!stranger || notify_parent_exit(tg)) {
		task_unpublish(t);
	}
}

static bool ignores_children(const struct thread_group *tg)
{
	const struct ksigaction *ka = &tg->sighand->action[SIGCHLD - 1];
	return ka->handler == (uint64_t)SIG_IGN || (ka->flags & SA_NOCLDWAIT);
}

static void let_go(struct task *t, struct task *tracer)
{
	if ((t->ptrace.options & PTRACE_O_EXITKILL) && !t->exited) {
		siginfo_t info = { .si_signo = SIGKILL, .si_code = SI_KERNEL };
		signal_send_task(t, SIGKILL, &info);
	}
	bool waits_for_parent = t == t->tg->leader && (!t->tg->zombie || t->tg->parent == tracer->tg);
	if (!t->exited) {
		ptrace_detach(t, 0);
	} else if (!waits_for_parent) {
		ptrace_reaped(t);
	} else {
		ptrace_unlink(t);
		if (t->tg->zombie && ignores_children(tracer->tg))
			task_unpublish(t);
	}
}

void ptrace_tracer_exits(struct task *tracer)
{
	struct task *t;
	while ((t = TAILQ_FIRST(&tracer->ptrace.tracees)))
		let_go(t, tracer);
}
