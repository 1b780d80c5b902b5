/* uio.c - bytes to fill or to drain (uio.h).
 *
 * LINUX    lib/iov_iter.c. Same: address ranges beyond the guest's are EFAULT before anything moves; a sum over the limit
 *          is cut, the vectors beyond it count nothing. */
#include "sentry/mm/uio.h"

#include <limits.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/mm/mm.h"
#include "sentry/mm/window.h"

void uio_init_user(struct uio *u, struct task *t, uptr_t buf, size_t bytes)
{
	bytes = MIN(bytes, MAX_RW_COUNT);
	*u = (struct uio){ .t = t, .iovcnt = 1, .resid = bytes };
	u->one.iov_base = (void *)buf.addr;
	u->one.iov_len = bytes;
}

void uio_init_kernel(struct uio *u, void *buf, size_t bytes)
{
	*u = (struct uio){ .kbuf = buf, .resid = bytes };
}

int uio_init_iov(struct uio *u, struct task *t, uptr_t iov, uint64_t count)
{
	*u = (struct uio){ .t = t };
	if (count > IOV_MAX)
		return -EINVAL;
	if (count == 0)
		return 0;
	struct iovec *v = malloc(count * sizeof(*v));
	if (!v)
		return -ENOMEM;
	int err = copy_from_user(t, v, iov, count * sizeof(*v));
	size_t sum = 0;
	for (uint64_t i = 0; !err && i < count; i++) {
		uint64_t base = (uint64_t)v[i].iov_base;
		if (v[i].iov_len > SSIZE_MAX)
			err = -EINVAL;
		else if (v[i].iov_len && (v[i].iov_len > PL_GUEST_END || base > PL_GUEST_END - v[i].iov_len))
			err = -EFAULT;
		else
			sum += v[i].iov_len = MIN(v[i].iov_len, MAX_RW_COUNT - sum);
	}
	if (err) {
		free(v);
		return err;
	}
	u->iov = v;
	u->iovcnt = (int)count;
	u->resid = sum;
	return 0;
}

void uio_fini(struct uio *u)
{
	free(u->iov);
	u->iov = NULL;
}

static struct iovec *vectors(struct uio *u)
{
	return u->iov ? u->iov : &u->one;
}

/* The next contiguous piece of guest memory, at most `bytes` long. 0: none left. */
static size_t piece(struct uio *u, size_t bytes, uint64_t *addr)
{
	struct iovec *v = vectors(u);
	bytes = MIN(bytes, u->resid);
	if (bytes == 0)
		return 0;
	while (u->iov_off == v[u->iov_index].iov_len) {
		u->iov_index++;
		u->iov_off = 0;
	}
	*addr = (uint64_t)v[u->iov_index].iov_base + u->iov_off;
	return MIN(bytes, v[u->iov_index].iov_len - u->iov_off);
}

static void advance(struct uio *u, size_t bytes)
{
	u->iov_off += bytes;
	u->resid -= bytes;
}

/* Exactly one of src and dst is given. */
static ssize_t move(struct uio *u, const char *src, char *dst, size_t bytes)
{
	if (!u->t) {
		bytes = MIN(bytes, u->resid);
		if (src)
			memcpy(u->kbuf + u->iov_off, src, bytes);
		else
			memcpy(dst, u->kbuf + u->iov_off, bytes);
		advance(u, bytes);
		return (ssize_t)bytes;
	}
	size_t done = 0, n;
	uint64_t addr;
	while (done < bytes && (n = piece(u, bytes - done, &addr)) > 0) {
		if (!u->t->mm)
			break;
		ssize_t moved = src ? task_write(u->t, addr, src + done, n) : task_read(u->t, addr, dst + done, n);
		if (moved <= 0)
			break;
		advance(u, (size_t)moved);
		done += (size_t)moved;
		if ((size_t)moved < n)
			break;
	}
	return done > 0 || bytes == 0 || u->resid == 0 ? (ssize_t)done : -EFAULT;
}

ssize_t uio_fill(struct uio *u, const void *src, size_t bytes)
{
	return move(u, src, NULL, bytes);
}

ssize_t uio_drain(struct uio *u, void *dst, size_t bytes)
{
	return move(u, NULL, dst, bytes);
}

ssize_t uio_fill_zero(struct uio *u, size_t bytes)
{
	static const char zeroes[16384];
	size_t done = 0;
	while (done < bytes && u->resid > 0) {
		size_t n = MIN(bytes - done, sizeof(zeroes));
		ssize_t moved = uio_fill(u, zeroes, n);
		if (moved < 0)
			return done > 0 ? (ssize_t)done : moved;
		done += (size_t)moved;
		if ((size_t)moved < n)
			break;
	}
	return (ssize_t)done;
}

bool uio_is_near(struct uio *u, size_t bytes, bool fill)
{
	uint64_t addr;
	return !u->t || (bytes > 0 && piece(u, bytes, &addr) == bytes && window_holds(u->t, addr, bytes, fill));
}

size_t uio_skip(struct uio *u, size_t bytes)
{
	bytes = MIN(bytes, u->resid);
	if (!u->t) {
		advance(u, bytes);
		return bytes;
	}
	size_t done = 0, n;
	uint64_t addr;
	while (done < bytes && (n = piece(u, bytes - done, &addr)) > 0) {
		advance(u, n);
		done += n;
	}
	return done;
}

void uio_rewind(struct uio *u, size_t bytes)
{
	u->resid += bytes;
	while (bytes > u->iov_off) {
		CHECK(u->t && u->iov_index > 0);
		bytes -= u->iov_off;
		u->iov_index--;
		u->iov_off = vectors(u)[u->iov_index].iov_len;
	}
	u->iov_off -= bytes;
}
