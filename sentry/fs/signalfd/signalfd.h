/* signalfd.h - signals read from a descriptor (signalfd(2)). */
#pragma once

#include "sentry/kernel/signal.h"
#include "sentry/vfs/file.h"

/* mask: without SIGKILL and SIGSTOP. flags: O_NONBLOCK. */
int signalfd_new(struct task *t, ksigset_t mask, int flags, struct file **out) MUST_CHECK;
int signalfd_set_mask(struct file *f, ksigset_t mask) MUST_CHECK;      /* -EINVAL: not a signalfd */

/* Whose signals readiness is about: a signalfd shows each reader its own, and file_ops.poll does not know who asks.
 * poll, select and epoll_wait set it around their calls of file_poll(), which never sleep. */
extern struct task *signalfd_reader;

/* kernel/signal.c calls it after it queued a signal for anybody. Cheap when there is no signalfd. */
void signalfd_notify(void);
