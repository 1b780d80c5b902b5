/* access.h - may one task look into another: ptrace(2), "Ptrace access mode checking". */
#pragma once

#include "sentry/kernel/task.h"

enum access_mode { ACCESS_READ, ACCESS_ATTACH };

/* 0, -EPERM, or -ESRCH when the target has no memory any more (ATTACH). Compares real ids for ptrace-like calls,
 * file system ids where `fs` says so (/proc). */
int task_may_access(const struct task *viewer, const struct task *target, enum access_mode mode, bool fs) MUST_CHECK;
