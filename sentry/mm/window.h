/* window.h - the guest bytes that came along with the call under way (platform/window.h), as uaccess.c uses them.
 *
 * What reads and writes a task's memory asks here first. None of it sleeps. */
#pragma once

#include "sentry/mm/uaccess.h"

/* All of the range read from, or left in, a window. False: nothing was done; and what the windows held of the range is in guest
 * memory by now, so that the caller can go there. */
bool window_read(struct task *t, uint64_t addr, void *dst, size_t bytes);
bool window_write(struct task *t, uint64_t addr, const void *src, size_t bytes);

/* Would window_write() (or window_read()) of the range be served from a window? */
bool window_holds(const struct task *t, uint64_t addr, size_t bytes, bool write);

/* The string at addr as far as a window and `room` reach: bytes copied, 0: none. */
size_t window_read_some(struct task *t, uint64_t addr, void *dst, size_t room);

/* What was left in windows goes to guest memory now: before anybody else looks at it (a sleep, a tracer, a signal handler's frame).
 * Harmless at any time. */
void window_flush(struct task *t);
/* The same, and nothing is read from them any more: the memory may be changed behind our back (a tracer). */
void window_drop(struct task *t);
