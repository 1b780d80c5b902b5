/* crash_report.h - what --debug says when a guest process dies of a signal that tells of a bug. */
#pragma once

#include "sentry/kernel/task.h"

/* Before the process ends: registers, the instruction, the mapping, the callers. Nothing for other signals. Never sleeps. */
void crash_report(struct task *t, int sig, const siginfo_t *info);
