/* async.h - signals that open files send to their owner: O_ASYNC, broken leases (fcntl(2): F_SETOWN, F_SETSIG). */
#pragma once

#include "sentry/vfs/file.h"

/* O_ASYNC on or off; files without a queue of waiters that could tell, and regular files, stay off. fd: for si_fd. */
void file_set_async(struct file *f, int fd, bool on);
void async_file_released(struct file *f);
/* t's process becomes the owner if there is none. */
void file_default_owner(struct task *t, struct file *f);
/* F_SETSIG's signal with this code, band and descriptor; or SIGIO. To nobody when there is no owner or it may not be told. */
void file_signal_owner(struct file *f, int fd, int code, long band);
/* SIGURG, likewise. */
void file_signal_urgent(struct file *f);
