/* eventfd.h - see eventfd.c. */
#pragma once

#include "sentry/vfs/file.h"

/* flags: O_NONBLOCK. */
int eventfd_new(unsigned count, bool semaphore, int flags, struct file **out) MUST_CHECK;
bool is_eventfd(const struct file *f);
/* Adds, beyond what a writer could: to UINT64_MAX at most, which is an error to poll. Never sleeps. */
void eventfd_signal(struct file *f, uint64_t value);
