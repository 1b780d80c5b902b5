/* pipe.h - pipes and FIFOs (pipe(7), fifo(7)). */
#pragma once

#include "sentry/vfs/file.h"

#define PIPE_DEF_SLOTS 16                 /* of a page each: 64 KiB */
#define PIPE_MAX_BYTES (1U << 20)         /* what /proc/sys/fs/pipe-max-size may be */
extern unsigned pipe_max_bytes;           /* what it is: what F_SETPIPE_SZ gives without CAP_SYS_RESOURCE */

/* A pipe's two ends. flags: O_NONBLOCK, O_DIRECT (packets). */
int pipe_new(int flags, struct file **out_rd, struct file **out_wr) MUST_CHECK;

/* Opens a FIFO. Waits for the other side as fifo(7) says: sleeps; -ERESTARTSYS, -ENXIO. *out: a reference. */
int fifo_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out) MUST_CHECK;

/* tee(2): copies up to `bytes` from in to out, and leaves them in in. 0: in is at its end. -EAGAIN, -EPIPE. Never sleeps. */
ssize_t pipe_tee(struct file *in, struct file *out, size_t bytes) MUST_CHECK;

/* Looks at the next bytes without taking them: how many came, at most one packet; 0: the end. -EAGAIN. Then takes some. */
ssize_t pipe_peek(struct file *f, char *buf, size_t bytes) MUST_CHECK;
void pipe_take(struct file *f, size_t bytes);
bool pipe_has_bytes(const struct file *f);

/* splice(2) from a pipe to a file with a wait queue: what the other side took, 0 at the end of input. Sleeps. */
ssize_t pipe_splice(struct task *t, struct file *in, struct file *out, size_t bytes, bool nonblock) MUST_CHECK;

bool is_pipe(const struct file *f);

/* F_SETPIPE_SZ, F_GETPIPE_SZ: the capacity in bytes; -EBADF: not a pipe; -EPERM, -EBUSY, -EINVAL. */
int pipe_set_size(struct task *t, struct file *f, unsigned bytes);
int pipe_get_size(struct file *f);
