/* signalfd.h - signals read from a descriptor (signalfd(2)). */
#pragma once

#include "sentry/kernel/signal.h"
#include "sentry/vfs/file.h"

/* mask: without SIGKILL and SIGSTOP. flags: O_NONBLOCK. */
int signalfd_new(ksigset_t mask, int flags, struct file **out) MUST_CHECK;
bool is_signalfd(const struct file *f);
void signalfd_set_mask(struct file *f, ksigset_t mask);

/* Whose signals readiness is about: a signalfd shows each reader its own, and file_ops.poll does not know who asks.
 * poll, select and epoll set it around their calls of file_poll(), which never sleep. */
extern struct task *signalfd_reader;

/* kernel/signal_send.c calls it after a signal became pending for anybody. */
void signalfd_notify(void);
