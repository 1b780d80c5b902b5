/* task_run.c - a task's coroutine: guest code, what it asks for, signals, and again.
 *
 * Nothing here blocks but pl_run() and what a system call chooses to wait for. A task leaves the loop only through
 * t->exiting, which the marks in task_exit.c set. */
#include "sentry/fs/epoll/epoll.h"
#include "sentry/kernel/machine.h"
#include "sentry/kernel/task.h"
#include "sentry/mm/rewrite.h"

#define PF_USER_FAULT 14                  /* trapno of a page fault */

static void run_syscall(struct task *t)
{
	const struct user_regs_struct *r = &t->pl->regs;
	const uint64_t args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
	t->in_syscall = true;
	t->defer_next = false;
	long ret = task_wants_slow_path(t) ? syscall_slow(t) : syscall_dispatch(t, r->orig_rax, args);
	/* An exec has changed t->pl; rt_sigreturn(2) returns the rax it restored. */
	if (t->pl)
		t->pl->regs.rax = (uint64_t)ret;
}

static void run_fault(struct task *t, const struct pl_event *ev)
{
	uint64_t addr = (uint64_t)ev->fault.si_addr;
	if (rewrite_fault(t, ev))
		return;
	bool page_fault = ev->trapno == PF_USER_FAULT;
	if (page_fault && ev->fault.si_signo == SIGSEGV && mm_grow_stack(t, addr) == 0)
		return;
	t->fault.error_code = ev->error_code;
	t->fault.trapno = ev->trapno;
	t->fault.cr2 = page_fault ? addr : 0;
	signal_force_fault(t, ev->fault.si_signo, &ev->fault);
}

/* The stub is gone without having been told to: the guest was killed from outside, by the OOM killer mostly. */
static void stub_lost(struct task *t, int status)
{
	debugf("sbx: %d: its stub ended with wait status %#x\n", t->tid, (unsigned)status);
	tg_exit_mark(t->tg, SIGKILL);
	task_exit_mark(t, SIGKILL);
}

/* sched_setaffinity(2) has been called for it. Before signals are looked for: this sleeps. */
static void pin_host_thread(struct task *t)
{
	t->pin_stale = false;
	if (!t->exiting)
		pl_pin(t->pl, t->cpu_mask, (unsigned)machine_cpus());
}

void task_main(void *arg)
{
	struct task *t = arg;
	for (;;) {
		if (t->pin_stale || (t->pl && t->pl->moved))
			pin_host_thread(t);
		if (t->pl && t->pl->deferred.n && (signal_pending(t) || task_wants_slow_path(t)))
			mm_make_deferred(t);
		signal_deliver(t);
		if (t->exiting)
			break;
		if (t->answers == ANSWERS_STALE)
			answers_update(t);
		if (t->empties && task_wants_slow_path(t))
			empties_forget(t);
		if (t->post.set)
			epoll_posts_check(t);
		struct pl_event ev;
		if (ptrace_guest_enter(t, &ev)) {
			sigmask_lend(t);
			pl_run(t->pl, &ev);
			sigmask_return(t);
			ptrace_guest_leave(t, &ev);
		}
		if (t->pl->nposts)
			epoll_posts_make(t);
		t->in_syscall = false;
		switch (ev.kind) {
		case PL_SYSCALL:
			if (ev.trapped)
				rewrite_trapped(t);
			run_syscall(t);
			break;
		case PL_FAULT:
			run_fault(t, &ev);
			break;
		case PL_DEFERRED:
			mm_deferred_failed(t, ev.result);
			break;
		case PL_INTERRUPTED:
			break;
		case PL_EXITED:
			stub_lost(t, ev.exit_status);
			break;
		}
	}
	task_do_exit(t);
}
