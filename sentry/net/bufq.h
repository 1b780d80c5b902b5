/* bufq.h - a queue of bytes on their way from one socket to another.
 *
 * Bytes are copied in from the sender and out to the receiver, in pieces as large as they come; whole buffers move from
 * queue to queue without being copied. Buffers count against the sandbox's memory (fs_memory_charge()). */
#pragma once

#include <sys/queue.h>
#include <sys/uio.h>

#include "sentry/mm/uio.h"

struct nbuf;
struct bufq {
	TAILQ_HEAD(nbufs, nbuf) bufs;
	size_t bytes;                     /* to be read */
};

void bufq_init(struct bufq *q);
void bufq_purge(struct bufq *q);

/* Appends up to `bytes` from src: what was moved; -EFAULT, -ENOBUFS if nothing was. */
ssize_t bufq_write(struct bufq *q, struct uio *src, size_t bytes) MUST_CHECK;
/* Copies up to `bytes` to dst, from the byte `skip` on, and leaves them there; less only where dst ends. -EFAULT */
ssize_t bufq_peek(struct bufq *q, struct uio *dst, size_t skip, size_t bytes) MUST_CHECK;
/* Takes the first `bytes`: what was moved; -EFAULT if nothing was. */
ssize_t bufq_read(struct bufq *q, struct uio *dst, size_t bytes) MUST_CHECK;
void bufq_drop(struct bufq *q, size_t bytes);
/* Appends up to `bytes` that get() puts into a buffer it is given, once: what that returned, or -ENOBUFS. */
typedef ssize_t bufq_get_fn(void *arg, void *to, size_t bytes);
ssize_t bufq_append(struct bufq *q, size_t bytes, bufq_get_fn *get, void *arg) MUST_CHECK;
/* Where the first bytes lie: in how many of the n iovecs. Until the queue changes. */
int bufq_iov(const struct bufq *q, struct iovec *iov, int n);
/* Moves buffers from the head of `from` until at least `bytes` have gone or nothing is left: how many bytes. */
size_t bufq_move(struct bufq *to, struct bufq *from, size_t bytes);
