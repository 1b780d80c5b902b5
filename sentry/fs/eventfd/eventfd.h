/* eventfd.h - see eventfd.c. */
#pragma once

#include "sentry/vfs/file.h"

/* flags: O_NONBLOCK. */
int eventfd_new(unsigned count, bool semaphore, int flags, struct file **out) MUST_CHECK;
