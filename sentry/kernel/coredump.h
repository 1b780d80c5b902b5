/* coredump.h - core files of processes that crash (core(5)). */
#pragma once

#include "sentry/kernel/task.h"

#define CORE_PATTERN_BYTES 128
extern int core_uses_pid;                         /* a name without %p gets .PID */
extern char core_pattern[CORE_PATTERN_BYTES];     /* /proc/sys/kernel/core_pattern; no pipes */

/* t dies of sig: ends its other threads and writes the file, if sig, RLIMIT_CORE and the process allow. True: there is one now.
 * Sleeps. */
bool coredump(struct task *t, int sig, const siginfo_t *info) MUST_CHECK;
