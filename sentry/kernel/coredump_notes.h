/* coredump_notes.h - the notes of a core file: registers, signal, process, auxiliary vector, mapped files. */
#pragma once

#include "sentry/fs/pseudo/seq.h"
#include "sentry/kernel/task.h"

void coredump_notes(struct task *t, int sig, const siginfo_t *info, struct seq *s);
