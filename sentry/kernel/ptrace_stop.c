/* ptrace_stop.c - how a tracee stops, what for, and how it goes on.
 *
 * HOW     Every stop is stop(): the tracee parks in its own coroutine and its tracer is told by SIGCHLD and wait(2). Four kinds
 *         lead there: a signal about to be delivered, a system call's entry or exit, an event (PTRACE_EVENT_*), and the trap
 *         that job control, PTRACE_INTERRUPT and births under PTRACE_SEIZE ask for.
 *         A group stop (signal_stop.c) counts a traced task as stopped from its trap on; the tracer may let it
 *         go on while the group stop lasts.
 *         A step is the processor's: the trap flag is set while guest code runs, and seen by nobody.
 * LINUX   kernel/signal.c: ptrace_stop(), ptrace_signal(), do_jobctl_trap(), ptrace_trap_notify(); kernel/entry/common.c;
 *         arch/x86/kernel/step.c.
 * MISSING POPF and IRET that set the trap flag themselves lose it while they are stepped over. */
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <string.h>

#include "sentry/kernel/process.h"
#include "sentry/mm/rewrite.h"
#include "sentry/mm/window.h"

#define SYSCALL_STOP_BIT 0x80             /* PTRACE_O_TRACESYSGOOD */
#define EFLAGS_TF 0x100

/* --- jobs --- */

bool task_job_run(struct task *t)
{
	struct task_job *job = t->job;
	if (!job)
		return false;
	job->fn(t, job->arg);
	job->done = true;
	t->job = NULL;
	waitq_wake(&t->stop_q, 0);
	return true;
}

void task_job(struct task *t, void (*fn)(struct task *t, void *arg), void *arg)
{
	struct task_job job = { .fn = fn, .arg = arg };
	AUTO(task_put) struct task *held = task_get(t);
	wait_event_uninterruptible(&t->stop_q, !t->job);
	if (t->stop_state == RUNNING)
		return;                         /* it was let go while we waited for our turn */
	t->job = &job;
	waitq_wake(&t->stop_q, 0);
	wait_event_uninterruptible(&t->stop_q, job.done);
}

/* --- the stop --- */

/* What a tracer sees is the guest's own: nothing of a call's results is still on its way, no code is changed. Sleeps. */
static void undo_short_cuts(struct task *t)
{
	if (!t->pl || !t->mm)
		return;
	window_drop(t);
	rewrite_stop(t);
	rewrite_leave(t);
}

static bool may_stop(const struct task *t, bool at_exit)
{
	return t->ptrace.tracer && (!t->exiting || at_exit);
}

/* why: CLD_TRAPPED, or CLD_STOPPED for job control's. Returns the signal that the tracer lets it go on with. */
static int stop(struct task *t, int code, int why, uint64_t message, siginfo_t *info, bool at_exit)
{
	struct ptrace_state *p = &t->ptrace;
	unsigned kills = t->kills;
	if (may_stop(t, at_exit))
		undo_short_cuts(t);
	if (!may_stop(t, at_exit))
		return code;
	p->message = message;
	p->info = info;
	p->code = code;
	p->resumed = p->want_stop = false;
	p->inject = 0;
	if (why == CLD_STOPPED)
		p->want_notice = p->joining = false;
	t->stop_state = TRACED;
	notify_tracer_stopped(t, why);
	signal_stop_check(t->tg);
	waitq_wake(&t->stop_q, 0);              /* PTRACE_ATTACH waits for it */
	ptrace_park(t, p->resumed || t->kills != kills || (p->listening && ptrace_wants_trap(t)));
	t->stop_state = RUNNING;
	p->info = NULL;
	p->message = 0;
	p->code = 0;
	p->listening = false;
	return p->inject;
}

/* A stop of which the tracee's own siginfo tells what it is. */
static int stop_for(struct task *t, int sig, int code, int why, uint64_t message, bool at_exit)
{
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = code;
	info.si_pid = t->tid;
	info.si_uid = t->cred->uid;
	return stop(t, code, why, message, &info, at_exit);
}

static void send_to_self(struct task *t, int sig)
{
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = SI_USER;
	info.si_pid = t->tg->tgid;
	info.si_uid = t->cred->uid;
	signal_send_task(t, sig, &info);
}

/* --- events --- */

bool ptrace_asked_for(const struct task *t, int event)
{
	return t->ptrace.tracer && (t->ptrace.options >> event & 1);
}

void ptrace_event(struct task *t, int event, uint64_t message)
{
	if (ptrace_asked_for(t, event))
		stop_for(t, SIGTRAP, SIGTRAP | event << 8, CLD_TRAPPED, message, event == PTRACE_EVENT_EXIT);
	else if (event == PTRACE_EVENT_EXEC && t->ptrace.tracer && !t->ptrace.seized)
		send_to_self(t, SIGTRAP);
}

int ptrace_clone_event(const struct task *t, uint64_t clone_flags, int exit_signal)
{
	int event = clone_flags & CLONE_VFORK ? PTRACE_EVENT_VFORK :
		    exit_signal != SIGCHLD    ? PTRACE_EVENT_CLONE :
						PTRACE_EVENT_FORK;
	return !(clone_flags & CLONE_UNTRACED) && ptrace_asked_for(t, event) ? event : 0;
}

/* --- system calls --- */

static void stop_for_call(struct task *t, uint64_t message)
{
	int code = SIGTRAP | (t->ptrace.options & PTRACE_O_TRACESYSGOOD ? SYSCALL_STOP_BIT : 0);
	int sig = stop_for(t, SIGTRAP, code, CLD_TRAPPED, message, false);
	if (sig && !t->exiting) {
		siginfo_t info = { .si_signo = sig, .si_code = SI_KERNEL };
		signal_send_task(t, sig, &info);
	}
}

bool ptrace_call_enter(struct task *t)
{
	struct ptrace_state *p = &t->ptrace;
	bool emulate = p->emulate_calls;
	if (emulate || p->trace_calls)
		stop_for_call(t, PTRACE_EVENTMSG_SYSCALL_ENTRY);
	return !emulate && !t->exiting && (int)t->pl->regs.orig_rax != -1;
}

void ptrace_call_exit(struct task *t)
{
	struct ptrace_state *p = &t->ptrace;
	if (t->exiting)
		return;
	if (p->step && !p->emulate_calls) {
		siginfo_t info;
		memset(&info, 0, sizeof(info));
		info.si_signo = SIGTRAP;
		info.si_code = TRAP_BRKPT;
		info.si_addr = (void *)t->pl->regs.rip;
		signal_force_fault(t, SIGTRAP, &info);
	} else if (p->trace_calls) {
		stop_for_call(t, PTRACE_EVENTMSG_SYSCALL_EXIT);
	}
}

/* --- signals --- */

int ptrace_signal(struct task *t, int sig, siginfo_t *info)
{
	if (!t->ptrace.tracer)
		return sig;
	int now = stop(t, sig, CLD_TRAPPED, 0, info, false);
	if (now && now != info->si_signo) {
		const struct task *tracer = t->ptrace.tracer;
		memset(info, 0, sizeof(*info));
		info->si_signo = now;
		info->si_code = SI_USER;
		info->si_pid = tracer ? tracer->tg->tgid : 0;
		info->si_uid = tracer ? tracer->cred->uid : 0;
	}
	if (now && (t->blocked & SIGBIT(now))) {
		signal_send_task(t, now, info);
		return 0;
	}
	return now;
}

/* The handler's first instruction counts as a step. */
void ptrace_handler_entered(struct task *t)
{
	if (t->ptrace.step)
		stop_for(t, SIGTRAP, SIGTRAP, CLD_TRAPPED, 0, false);
}

/* --- job control, and what the tracer may ask for at any time --- */

bool ptrace_wants_trap(const struct task *t)
{
	return t->ptrace.want_stop || t->ptrace.want_notice || t->ptrace.joining;
}

bool ptrace_trap(struct task *t)
{
	struct ptrace_state *p = &t->ptrace;
	if (!p->tracer || !ptrace_wants_trap(t))
		return false;
	int sig = t->tg->stop_sig || !p->seized ? p->stop_signal : SIGTRAP;
	if (p->seized)
		stop_for(t, sig, sig | PTRACE_EVENT_STOP << 8, CLD_STOPPED, 0, false);
	else
		stop(t, sig, CLD_STOPPED, 0, NULL, false);
	return true;
}

static void ask(struct task *t)
{
	waitq_wake(&t->stop_q, 0);              /* for the one that listens */
	task_kick(t);
}

void ptrace_ask_to_stop(struct task *t)
{
	t->ptrace.want_stop = true;
	ask(t);
}

void ptrace_listen(struct task *t)
{
	t->ptrace.listening = true;
	waitq_wake(&t->stop_q, 0);              /* what happened since it stopped is news for its tracer */
}

void ptrace_resume(struct task *t, int sig)
{
	ptrace_watch_calls(t);
	t->ptrace.inject = sig;
	t->ptrace.resumed = true;
	t->stop_state = RUNNING;                /* for everybody, though it gets its turn later */
	waitq_wake(&t->stop_q, 0);
}

void ptrace_group_stop(struct task *t, int sig)
{
	t->ptrace.stop_signal = sig;
	t->ptrace.joining = true;
	ask(t);
}

void ptrace_group_continue(struct task *t)
{
	struct ptrace_state *p = &t->ptrace;
	p->joining = false;
	if (!p->seized)
		return;
	p->want_notice = true;
	ask(t);
}

/* --- single steps --- */

bool ptrace_guest_enter(struct task *t, struct pl_event *ev)
{
	struct user_regs_struct *r = &t->pl->regs;
	bool armed = ptrace_debug_armed(t);
	if ((!armed && !t->ptrace.step) || (r->eflags & EFLAGS_TF))
		return true;
	if (armed && !ptrace_debug_before(t, ev))
		return false;
	r->eflags |= EFLAGS_TF;
	t->ptrace.step_flag = true;
	return true;
}

void ptrace_guest_leave(struct task *t, struct pl_event *ev)
{
	if (!t->ptrace.step_flag)
		return;
	t->ptrace.step_flag = false;
	t->pl->regs.eflags &= ~(unsigned long long)EFLAGS_TF;
	/* An instruction of the platform's own: nobody's business, on to the guest's. */
	bool stepped = ev->kind == PL_FAULT && ev->fault.si_signo == SIGTRAP && ev->fault.si_code == TRAP_TRACE;
	if (stepped && (t->pl->regs.rip >= PL_GUEST_END || rewrite_owns(t->mm, t->pl->regs.rip)))
		ev->kind = PL_INTERRUPTED;
	else if (stepped && ptrace_debug_armed(t))
		ptrace_debug_after(t, ev);
}
