/* fd_pair.h - two descriptors at once: pipe(2), socketpair(2). */
#pragma once

#include "sentry/kernel/task.h"

/* Writes the two numbers to fds, then publishes them: all or nothing. Takes references of its own. -EMFILE, -EFAULT. */
int fd_publish_pair(struct task *t, uptr_t fds, struct file *a, struct file *b, bool cloexec) MUST_CHECK;
