/* pidfd.h - a descriptor that stands for a process (pidfd_open(2)). */
#pragma once

#include "sentry/vfs/file.h"

struct thread_group;

/* flags: O_NONBLOCK (waitid then says EAGAIN). Holds a reference on tg, which may end and be waited for. */
int pidfd_new(struct thread_group *tg, int flags, struct file **out) MUST_CHECK;
struct thread_group *pidfd_tg(struct file *f);          /* borrowed; NULL: not a pidfd */
