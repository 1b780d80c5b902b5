/* frame.c - what only a signal frame of the host tells: error code and trap number of a fault, the end of restartable sequences.
 *
 * HOW   ptrace(2) has no request for them. So the signal of a fault or interruption is delivered after all: the stub's handler is
 *       a breakpoint, and the stack pointer is made to point into the stub's own scratch pages, so that nothing of the guest's
 *       changes. The frame is read and forgotten. On the way the host aborts the restartable sequence that the thread may
 *       have been in (rseq(2)): the frame's instruction pointer is the one to go on from.
 * TRUST Other threads of the guest can write to the scratch pages: they can only spoil what their own process is told. */
#include <signal.h>
#include <sys/ptrace.h>

#include "platform/ptrace/ptrace.h"

/* From the stop that announces the signal to the breakpoint in its handler. Sleeps. */
static int deliver(struct tracee *t, int sig, struct user_regs_struct *out)
{
	struct user_regs_struct r = t->base.regs;
	r.rsp = STUB_AREAS + PTRACE_SCRATCH_BYTES;
	if (tracee_set_regs(t, &r) < 0 || tracee_resume_with(t, PTRACE_CONT, sig) < 0 || tracee_await_stop(t) < 0)
		return -ESRCH;
	/* One more interruption is of no use: the sentry is about to have its say. */
	while (stop_event(t) == PTRACE_EVENT_STOP || stop_signal(t) == STUB_SIG_INTERRUPT)
		if (tracee_resume(t, PTRACE_CONT) < 0 || tracee_await_stop(t) < 0)
			return -ESRCH;
	if (tracee_get_regs(t, out) < 0)
		return -ESRCH;
	return stop_event(t) == 0 && stop_signal(t) == SIGTRAP && out->rip == ptrace_handler_insn + 1 ? 0 : -EIO;
}

static int read_frame(struct tracee *t, int sig, struct pl_event *ev)
{
	struct user_regs_struct at;
	struct host_frame f;
	int err = deliver(t, sig, &at);
	if (err)
		return err;
	/* The handler finds the stack pointer at the frame's first word. */
	if (pl_read(t->base.as, at.rsp, &f, sizeof(f)) != sizeof(f))
		return -EIO;
	ev->error_code = f.err;
	ev->trapno = f.trapno;
	t->base.regs.rip = f.rip;
	return 0;
}

int frame_look(struct tracee *t, int sig, struct pl_event *ev)
{
	struct ptrace_as *as = to_ptrace_as(t->base.as);
	sleep_lock_acquire(&as->frame_lock);
	/* The host gives handlers a clean extended state. */
	char *fp = fpstate_save(t);
	int err = fp ? read_frame(t, sig, ev) : -ESRCH;
	if (fp)
		fpstate_restore(t, fp);
	sleep_lock_release(&as->frame_lock);
	if (err == -EIO) {
		/* Nothing a guest does leads here, but that its stub can't be trusted. */
		pl_as_kill(&as->base);
		err = -ESRCH;
	}
	return err;
}
