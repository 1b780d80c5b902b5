/* syscall_slow.c - a system call of a task that is watched: by a tracer, by a seccomp filter.
 *
 * LINUX   kernel/entry/common.c: syscall_trace_enter(), syscall_exit_work(). The tracer comes first: the filter sees what it
 *         changed. */
#include "sentry/kernel/task.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/table.h"

static long filtered_call(struct task *t)
{
	const struct user_regs_struct *r = &t->pl->regs;
	long ret;
	bool goes = seccomp_enter(t, &ret);
	const uint64_t args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
	if (goes)
		return syscall_dispatch(t, r->orig_rax, args);
	if (sentry_config->strace_fd >= 0 && r->orig_rax < SYSCALL_MAX && syscall_table[r->orig_rax].name) {
		trace_enter(t, r->orig_rax, args);
		trace_exit(t, r->orig_rax, args, ret);
	}
	return ret;
}

long syscall_slow(struct task *t)
{
	long ret = ptrace_call_enter(t) ? filtered_call(t) : (long)t->pl->regs.rax;
	if (!t->pl)
		return ret;
	t->pl->regs.rax = (uint64_t)ret;
	ptrace_call_exit(t);
	return (long)t->pl->regs.rax;
}
