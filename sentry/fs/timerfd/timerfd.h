/* timerfd.h - see timerfd.c. */
#pragma once

#include "sentry/kernel/timers.h"
#include "sentry/vfs/file.h"

/* flags: O_NONBLOCK. */
int timerfd_new(const struct clock *c, int flags, struct file **out) MUST_CHECK;
bool is_timerfd(const struct file *f);
void timerfd_get(struct file *f, struct timer_spec *out);
void timerfd_set(struct file *f, bool absolute, const struct timer_spec *spec, struct timer_spec *old);
