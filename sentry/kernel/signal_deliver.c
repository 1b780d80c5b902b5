/* signal_deliver.c - what happens between a system call (or fault) and the next guest instruction.
 *
 * HOW     Takes pending signals one by one: handlers get a frame, default actions end or stop the process. When none is
 *         left, an interrupted system call is restarted (the program counter goes back over the instruction).
 * LINUX   get_signal(), arch_do_signal_or_restart(), handle_signal() in kernel/signal.c and arch/x86/kernel/signal.c. */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sentry/kernel/coredump.h"
#include "sentry/kernel/crash_report.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/process.h"
#include "sentry/mm/window.h"

#define SYSCALL_INSN_BYTES 2

static long call_result(const struct task *t)
{
	return (long)t->pl->regs.rax;
}

static bool call_was_interrupted(const struct task *t)
{
	switch (call_result(t)) {
	case -EINTR:
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return true;
	}
	return false;
}

/* The call is executed again, once guest code runs: with the same number, or as restart_syscall(2). */
static void restart_call(struct task *t, uint64_t nr)
{
	t->pl->regs.rax = nr;
	t->pl->regs.rip -= SYSCALL_INSN_BYTES;
}

static void finish_call_for_handler(struct task *t, uint64_t sa_flags)
{
	switch (call_result(t)) {
	case -ERESTART_RESTARTBLOCK:
	case -ERESTARTNOHAND:
		t->pl->regs.rax = (uint64_t)-EINTR;
		break;
	case -ERESTARTSYS:
		if (!(sa_flags & SA_RESTART)) {
			t->pl->regs.rax = (uint64_t)-EINTR;
			break;
		}
		/* fallthrough */
	case -ERESTARTNOINTR:
		restart_call(t, t->pl->regs.orig_rax);
		break;
	}
	t->in_syscall = false;
}

static void finish_call_without_handler(struct task *t)
{
	switch (call_result(t)) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
		restart_call(t, t->pl->regs.orig_rax);
		break;
	case -ERESTART_RESTARTBLOCK:
		restart_call(t, SYS_restart_syscall);
		break;
	}
	t->in_syscall = false;
}

static void force_sigsegv(struct task *t, int failed_sig)
{
	/* A SIGSEGV handler without a stack to run on must not be tried again. */
	if (failed_sig == SIGSEGV)
		t->tg->sighand->action[SIGSEGV - 1].handler = (uint64_t)SIG_DFL;
	signal_force_fault(t, SIGSEGV, NULL);
}

static void run_handler(struct task *t, int sig, const siginfo_t *info)
{
	struct ksigaction *ka = &t->tg->sighand->action[sig - 1];
	struct ksigaction action = *ka;
	if (action.flags & SA_RESETHAND)
		ka->handler = (uint64_t)SIG_DFL;
	if (t->in_syscall)
		finish_call_for_handler(t, action.flags);

	ksigset_t old = t->restore_mask ? t->saved_mask : t->blocked;
	if (signal_frame_push(t, sig, info, &action, old) < 0) {
		force_sigsegv(t, sig);
		return;
	}
	t->restore_mask = false;
	ksigset_t mask = t->blocked | action.mask;
	if (!(action.flags & SA_NODEFER))
		mask |= SIGBIT(sig);
	signal_set_mask(t, mask);
	ptrace_handler_entered(t);
}

/* Of what was sent from above (signal_init_is_immune) only a stop gets here; the sender's number is t's own by now. */
static bool survives(const struct task *t, int sig, const siginfo_t *info)
{
	if (tg_is_init(t->tg) && t->tg != init_process())
		return sig != SIGSTOP && !t->tg->init_faulted;
	return signal_init_is_immune(t, sig, info);
}

/* The action of a signal that has no handler. */
static void default_action(struct task *t, int sig, const siginfo_t *info)
{
	if ((SIGBIT(sig) & SIG_SET_DEFAULT_IGNORE) || survives(t, sig, info))
		return;
	if (SIGBIT(sig) & SIG_SET_STOP) {
		if (sig == SIGSTOP || !pgrp_is_orphaned(t->tg->pgrp))
			signal_stop_group(t, sig);
		return;
	}
	crash_report(t, sig, info);
	bool dumped = coredump(t, sig, info);
	/* Unless another thread ends this one: by exec, or because it dumps core itself. */
	if (!t->exiting)
		tg_exit_mark(t->tg, sig | (dumped ? WCOREFLAG : 0));
}

void signal_deliver(struct task *t)
{
	if ((long)t->pl->regs.orig_rax < 0)
		t->in_syscall = false;
	/* A call that took a temporary mask and came to its end: what only that mask lets in stays pending. */
	if (t->restore_mask && t->in_syscall && !call_was_interrupted(t)) {
		t->restore_mask = false;
		signal_set_mask(t, t->saved_mask);
	}

	if (signal_pending(t))
		window_flush(t);          /* a handler goes on elsewhere, a tracer looks, a dump is written */
	while (!t->exiting) {
		if (ptrace_trap(t))
			continue;
		if (t->tg->stop_sig && !t->ptrace.tracer) {
			signal_stop_wait(t);
			continue;
		}
		siginfo_t info;
		int sig = signal_dequeue(t, ~t->blocked, &info);
		if (!sig)
			break;
		sig = ptrace_signal(t, sig, &info);
		if (!sig || t->exiting)
			continue;
		trace_signal_delivery(t, sig, &info);
		uint64_t handler = t->tg->sighand->action[sig - 1].handler;
		if (handler == (uint64_t)SIG_IGN)
			continue;
		if (handler == (uint64_t)SIG_DFL)
			default_action(t, sig, &info);
		else
			run_handler(t, sig, &info);
	}
	if (t->exiting)
		return;
	if (t->in_syscall)
		finish_call_without_handler(t);
	if (t->restore_mask) {
		t->restore_mask = false;
		signal_set_mask(t, t->saved_mask);
	}
}

void signal_exec(struct task *t)
{
	struct thread_group *tg = t->tg;
	if (tg->sighand->refs > 1) {
		struct sighand *own = sighand_copy(tg->sighand);
		sighand_put(tg->sighand);
		tg->sighand = own;
	}
	for (int i = 0; i < NSIG64; i++) {
		struct ksigaction *ka = &tg->sighand->action[i];
		*ka = (struct ksigaction){ .handler = ka->handler == (uint64_t)SIG_IGN ? ka->handler : 0 };
	}
	t->altstack = (stack_t){ .ss_flags = SS_DISABLE };
	t->restart = NULL;
	tg->exit_signal = SIGCHLD;
	tg->did_exec = true;
}
