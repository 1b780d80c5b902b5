/* run.c - guest code until it stops, and what the stop means.
 *
 * HOW   PTRACE_SYSEMU stops a thread where it enters a system call and then skips the call. In the host's entry code
 *       (kernel/entry) that comes before the stub's seccomp filter, which so never sees a guest's call but those of the
 *       old vsyscall page: the host checks them with seccomp only, and they arrive here as SIGSYS.
 *       A signal that has no meaning here is dropped: threads are resumed without it. */
#include <linux/audit.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/ptrace/ptrace.h"

#define SYSCALL_STOP (SIGTRAP | 0x80)     /* PTRACE_O_TRACESYSGOOD */

static void decode_syscall(struct tracee *t, struct pl_event *ev, uint64_t nr, bool foreign)
{
	ev->kind = PL_SYSCALL;
	ev->trapped = false;
	t->base.regs.orig_rax = foreign ? ~0ULL : (uint64_t)(uint32_t)nr;
	t->base.regs.rax = (uint64_t)-ENOSYS;
	pl_stats_.syscalls++;
}

/* False: nothing that matters. */
static bool decode_signal(struct tracee *t, struct pl_event *ev, int sig)
{
	t->base.regs.orig_rax = ~0ULL;
	if (sig == STUB_SIG_INTERRUPT) {
		ev->kind = PL_INTERRUPTED;
		pl_stats_.interrupts++;
		return true;
	}
	if (ptrace(PTRACE_GETSIGINFO, t->tid, 0L, &ev->fault) < 0 || ev->fault.si_code <= 0)
		return false;
	switch (sig) {
	case SIGSYS:
		decode_syscall(t, ev, (uint64_t)ev->fault.si_syscall, ev->fault.si_arch != AUDIT_ARCH_X86_64);
		return true;
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
		ev->kind = PL_FAULT;
		ev->fault.si_signo = sig;
		pl_stats_.faults++;
		return true;
	default:
		return false;
	}
}

static bool decode(struct tracee *t, struct pl_event *ev)
{
	int sig = stop_signal(t);
	if (stop_event(t))
		return false;
	if (sig != SYSCALL_STOP)
		return decode_signal(t, ev, sig);
	struct __ptrace_syscall_info info = { 0 };
	long n = ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info);
	decode_syscall(t, ev, t->base.regs.orig_rax, n > 0 && info.arch != AUDIT_ARCH_X86_64);
	return true;
}

/* Runs guest code until something is to be reported. Sleeps. */
static int run_guest(struct tracee *t, struct pl_event *ev)
{
	if (tracee_set_regs(t, &t->base.regs) < 0)
		return -ESRCH;
	do {
		if (tracee_resume(t, PTRACE_SYSEMU) < 0 || tracee_await_stop(t) < 0 || tracee_get_regs(t, &t->base.regs) < 0)
			return -ESRCH;
	} while (!decode(t, ev));
	return ev->kind == PL_SYSCALL ? 0 : frame_look(t, stop_signal(t), ev);
}

/* The end of a stub that was found not to be there: wait until the host says how. */
static void await_end(struct tracee *t)
{
	t->stopped = false;
	while (tracee_await_stop(t) == 0)
		t->stopped = false;
}

void ptrace_run(struct pl_thread *pt, struct pl_event *ev)
{
	struct tracee *t = to_tracee(pt);
	*ev = (struct pl_event){ .kind = PL_EXITED };
	if (t->bad_fpstate && !pt->as->dead) {
		t->bad_fpstate = false;
		ev->kind = PL_FAULT;
		ev->fault = (siginfo_t){ .si_signo = SIGSEGV, .si_code = SI_KERNEL };
		return;
	}
	int err = -ESRCH;
	if (!pt->as->dead) {
		t->in_guest = true;
		t->resumed_ns = now_mono_ns();
		err = run_guest(t, ev);
		t->in_guest = false;
		t->run_ns += now_mono_ns() - t->resumed_ns;
	}
	if (!err)
		return;
	await_end(t);
	ev->kind = PL_EXITED;
	ev->exit_status = pt->as->exit_status;
}

void ptrace_interrupt(struct pl_thread *pt)
{
	struct tracee *t = to_tracee(pt);
	if (!t->in_guest || t->stopped || t->interrupt_sent || pt->as->dead)
		return;
	/* If it stops for something else first, this stop comes after the next resume. */
	t->interrupt_sent = syscall(SYS_tgkill, pt->as->pid, t->tid, STUB_SIG_INTERRUPT) == 0;
}

uint64_t ptrace_thread_run_ns(struct pl_thread *pt)
{
	struct tracee *t = to_tracee(pt);
	return t->run_ns + (t->in_guest ? now_mono_ns() - t->resumed_ns : 0);
}
