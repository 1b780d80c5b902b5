/* uio.h - some bytes to fill or to drain: what file systems and sockets see instead of guest addresses.
 *
 * The bytes are guest memory (an iovec of a task) or a sentry buffer (exec, sendfile, tests). The cursor moves as
 * bytes go through. Copying returns the bytes moved: fewer than asked where guest memory ends, -EFAULT if none at all
 * (count > 0). None of it sleeps. */
#pragma once

#include "sentry/mm/uaccess.h"

struct uio {
	struct task *t;                   /* NULL: a sentry buffer */
	char *kbuf;
	struct iovec *iov;                /* guest addresses; iov_base is never dereferenced */
	int iovcnt, iov_index;
	size_t iov_off;                   /* into iov[iov_index], or into kbuf */
	size_t resid;                     /* bytes left */
	struct iovec one;                 /* for uio_init_user() */
	uint64_t began_ns;                /* 0; a kind that ends reads by time (terminals) notes here when the call began */
};

void uio_init_user(struct uio *u, struct task *t, uptr_t buf, size_t bytes);
void uio_init_kernel(struct uio *u, void *buf, size_t bytes);

/* Reads count iovecs; -EINVAL for a bad count or a sum over SSIZE_MAX; lengths are cut at MAX_RW_COUNT. uio_fini() frees. */
int uio_init_iov(struct uio *u, struct task *t, uptr_t iov, uint64_t count) MUST_CHECK;
void uio_fini(struct uio *u);
DEFINE_AUTO(uio_fini, struct uio *)

ssize_t uio_fill(struct uio *u, const void *src, size_t bytes) MUST_CHECK;    /* file -> guest (read)  */
ssize_t uio_drain(struct uio *u, void *dst, size_t bytes) MUST_CHECK;         /* guest -> file (write) */
ssize_t uio_fill_zero(struct uio *u, size_t bytes) MUST_CHECK;
/* Are the next bytes at hand, so that filling (or draining) them in small pieces costs nothing? */
bool uio_is_near(struct uio *u, size_t bytes, bool fill);
size_t uio_skip(struct uio *u, size_t bytes);                                 /* advance without copying */
void uio_rewind(struct uio *u, size_t bytes);                                 /* take back the last bytes moved */
#define MAX_RW_COUNT 0x7ffff000UL
