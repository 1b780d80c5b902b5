/* ptrace.c - the ptrace platform: guest threads are tracees of the sentry. See README.md. */
#include "platform/ptrace/ptrace.h"

const struct platform_ops platform_ptrace = {
	.name = "ptrace",
	.prepare = ptrace_prepare,
	.template_main = ptrace_template_main,
	.init = ptrace_init,
	.as_new = ptrace_as_new,
	.as_fork = ptrace_as_fork,
	.thread_clone = ptrace_thread_clone,
	.thread_exit = ptrace_thread_exit,
	.as_lost = ptrace_as_lost,
	.as_free = ptrace_as_free,
	.run = ptrace_run,
	.interrupt = ptrace_interrupt,
	.calls = ptrace_calls,
	.call_with = ptrace_call_with,
	.cmpxchg32 = ptrace_cmpxchg32,
	.fpstate_get = ptrace_fpstate_get,
	.fpstate_set = ptrace_fpstate_set,
	.fpstate_reset = ptrace_fpstate_reset,
	.thread_run_ns = ptrace_thread_run_ns,
};
