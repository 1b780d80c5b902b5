/* ptrace_info.h - sys_ptrace.c's other half: the requests about signals and system calls of a stopped tracee. */
#pragma once

#include "sentry/kernel/task.h"

/* -EIO: no such request. */
long ptrace_info_request(struct task *t, struct task *target, long request, uint64_t addr, uptr_t data);
