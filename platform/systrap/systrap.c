/* systrap.c - the systrap platform: guest calls trap into code of ours in the guest's own process. See README.md. */
#include "platform/systrap/systrap.h"

const struct platform_ops platform_systrap = {
	.name = "systrap",
	.prepare = systrap_prepare,
	.template_main = systrap_template_main,
	.init = systrap_init,
	.as_new = systrap_as_new,
	.as_fork = systrap_as_fork,
	.thread_clone = systrap_thread_clone,
	.thread_exit = systrap_thread_exit,
	.as_lost = systrap_as_lost,
	.as_free = systrap_as_free,
	.run = systrap_run, .can_defer = true,
	.interrupt = systrap_interrupt,
	.thread_expire = systrap_thread_expire,
	.calls = systrap_calls,
	.call_with = systrap_call_with,
	.cmpxchg32 = systrap_cmpxchg32,
	.fpstate_get = systrap_fpstate_get,
	.fpstate_set = systrap_fpstate_set,
	.fpstate_reset = systrap_fpstate_reset,
	.fast_entry = systrap_fast_entry,
	.answer = systrap_answer,
	.answered = systrap_answered,
	.thread_run_ns = systrap_thread_run_ns,
};
