/* lease.h - leases on files: being told before somebody else opens them (fcntl(2): F_SETLEASE). */
#pragma once

#include "sentry/vfs/file.h"

struct task;

extern int lease_break_time_s;            /* /proc/sys/fs/lease-break-time */

/* type: F_RDLCK, F_WRLCK, F_UNLCK. fd: for si_fd. -EINVAL, -EACCES; -EAGAIN: it is open in a way that forbids it. */
int lease_set(struct task *t, struct file *f, int fd, int type) MUST_CHECK;
int lease_get(const struct file *f);      /* the type; while it is being broken, what it has to become */
/* Before a file is opened (write: for writing or truncating) or truncated: tells the holders and waits until they gave way,
 * at most lease_break_time_s. -EWOULDBLOCK, -ERESTARTSYS. Sleeps. */
int lease_break(struct task *t, struct inode *i, bool write, bool nonblock) MUST_CHECK;
void lease_file_released(struct file *f);
void lease_inode_free(struct inode *i);
