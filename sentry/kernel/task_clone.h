/* task_clone.h - making tasks: what clone, clone3, fork and vfork have in common. */
#pragma once

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"

struct clone_request {
	uint64_t flags;                   /* CLONE_*, without the exit signal */
	int exit_signal;
	uint64_t stack;                   /* the new stack pointer; 0: the caller's */
	uint64_t tls;
	uptr_t pidfd, child_tid, parent_tid;
	int set_tid[PID_NS_LEVELS + 1], nset_tid;     /* numbers asked for, from the innermost namespace outwards */
};

/* The new task's id, or -errno: copy_process()'s. With CLONE_VFORK returns when the child has let the memory go. Sleeps. */
long task_clone(struct task *t, const struct clone_request *req) MUST_CHECK;
