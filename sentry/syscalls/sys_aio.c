/* sys_aio.c - io_setup(2), io_destroy(2), io_submit(2), io_cancel(2), io_getevents(2), io_pgetevents(2).
 *
 * LINUX    fs/aio.c. The contexts are in fs/aio. Same order of checks; io_submit reads and writes itself, and sleeps where a
 *          read or write would. */
#include <linux/fs.h>
#include <sys/epoll.h>

#include "sentry/fs/aio/aio.h"
#include "sentry/fs/eventfd/eventfd.h"
#include "sentry/syscalls/poll_set.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/file_rw.h"

#define MAX_EVENTS (0x10000000 / sizeof(struct io_event) / 2)
#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

long sys_io_setup(struct task *t, unsigned nr_events, uptr_t ctx_idp)
{
	uint64_t id;
	if (get_user(t, &id, ctx_idp))
		return -EFAULT;
	if (id || nr_events == 0 || nr_events > MAX_EVENTS)
		return -EINVAL;
	struct aio_context *ctx;
	int err = aio_setup(t, nr_events, &ctx);
	if (err)
		return err;
	if (!put_user(t, ctx_idp, &ctx->id))
		return 0;
	aio_destroy(t, ctx);
	return -EFAULT;
}

long sys_io_destroy(struct task *t, uint64_t ctx_id)
{
	struct aio_context *ctx = aio_find(t, ctx_id);
	if (!ctx)
		return -EINVAL;
	aio_destroy(t, ctx);
	return 0;
}

/* --- io_submit --- */

static long read_or_write(struct task *t, struct file *f, const struct iocb *cb, bool write, bool vector, struct aio_request *r)
{
	if (!(f->mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (cb->aio_rw_flags & ~(unsigned)RWF_KNOWN)
		return -EOPNOTSUPP;
	if (!(write ? f->ops->write : f->ops->read))
		return -EINVAL;
	struct uio u;
	int err = 0;
	if (vector)
		err = uio_init_iov(&u, t, UPTR(cb->aio_buf), cb->aio_nbytes);
	else
		uio_init_user(&u, t, UPTR(cb->aio_buf), MIN(cb->aio_nbytes, MAX_RW_COUNT));
	if (err)
		return err;
	off_t at = cb->aio_offset, *pos = f->mode & FMODE_STREAM ? NULL : &at;
	long n = write ? file_write_flags(t, f, &u, pos, (int)cb->aio_rw_flags) :
			 file_read_flags(t, f, &u, pos, (int)cb->aio_rw_flags);
	if (vector)
		uio_fini(&u);
	aio_complete(r, n <= -ERESTARTSYS ? -EINTR : n);
	return 0;
}

static long sync_file(struct file *f, const struct iocb *cb, bool data, struct aio_request *r)
{
	if (cb->aio_buf || cb->aio_offset || cb->aio_nbytes || cb->aio_rw_flags || !f->ops->fsync)
		return -EINVAL;
	aio_complete(r, file_fsync(f, data));
	return 0;
}

static long poll_file(struct file *f, const struct iocb *cb, struct aio_request *r)
{
	if (cb->aio_buf > UINT16_MAX || cb->aio_offset || cb->aio_nbytes || cb->aio_rw_flags || !f->ops->poll)
		return -EINVAL;
	r->file = file_get(f);
	aio_poll(r, (uint32_t)cb->aio_buf);
	return 0;
}

/* Takes r over if it succeeds. */
static long start(struct task *t, const struct iocb *cb, struct file *f, struct aio_request *r)
{
	switch (cb->aio_lio_opcode) {
	case IOCB_CMD_PREAD:   return read_or_write(t, f, cb, false, false, r);
	case IOCB_CMD_PWRITE:  return read_or_write(t, f, cb, true, false, r);
	case IOCB_CMD_PREADV:  return read_or_write(t, f, cb, false, true, r);
	case IOCB_CMD_PWRITEV: return read_or_write(t, f, cb, true, true, r);
	case IOCB_CMD_FSYNC:   return sync_file(f, cb, false, r);
	case IOCB_CMD_FDSYNC:  return sync_file(f, cb, true, r);
	case IOCB_CMD_POLL:    return poll_file(f, cb, r);
	default:               return -EINVAL;
	}
}

static long submit_one(struct task *t, struct aio_context *ctx, uptr_t user)
{
	struct iocb cb;
	if (get_user(t, &cb, user))
		return -EFAULT;
	if (cb.aio_reserved2 || cb.aio_nbytes > INT64_MAX)
		return -EINVAL;
	struct aio_request *r = aio_request_new(ctx);
	if (!r)
		return -EAGAIN;
	AUTO(file_put) struct file *f = fd_get(t, (int)cb.aio_fildes);
	uint32_t key = 0;
	long err = f ? 0 : -EBADF;
	if (!err && (cb.aio_flags & IOCB_FLAG_RESFD)) {
		r->eventfd = fd_get(t, (int)cb.aio_resfd);
		err = !r->eventfd ? -EBADF : is_eventfd(r->eventfd) ? 0 : -EINVAL;
	}
	if (!err)
		err = put_user(t, uptr_add(user, offsetof(struct iocb, aio_key)), &key);
	r->event.obj = user.addr;
	r->event.data = cb.aio_data;
	if (!err)
		err = start(t, &cb, f, r);
	if (err)
		aio_request_free(r);
	return err;
}

long sys_io_submit(struct task *t, uint64_t ctx_id, int64_t nr, uptr_t iocbpp)
{
	if (nr < 0)
		return -EINVAL;
	struct aio_context *found = aio_find(t, ctx_id);
	if (!found)
		return -EINVAL;
	found->refs++;
	AUTO(aio_put) struct aio_context *ctx = found;
	nr = MIN(nr, (int64_t)ctx->max_used);
	for (int64_t i = 0; i < nr; i++) {
		uint64_t user;
		long err = get_user(t, &user, uptr_add(iocbpp, (uint64_t)i * sizeof(user)));
		if (!err)
			err = submit_one(t, ctx, UPTR(user));
		if (err)
			return i ? i : err;
		if (ctx->dead)
			return i + 1;
	}
	return nr;
}

long sys_io_cancel(struct task *t, uint64_t ctx_id, uptr_t iocb, uptr_t result)
{
	(void)result;                     /* unused since Linux 4.18: the event comes by io_getevents */
	uint32_t key;
	if (get_user(t, &key, uptr_add(iocb, offsetof(struct iocb, aio_key))))
		return -EFAULT;
	struct aio_context *ctx = key == 0 ? aio_find(t, ctx_id) : NULL;
	return ctx && aio_cancel(ctx, iocb.addr) ? -EINPROGRESS : -EINVAL;
}

/* --- events --- */

struct fetch { struct aio_context *ctx; uptr_t to; int64_t min, max, got; int err; };

/* Takes what is there; an event is gone only once it was copied. Is that enough? */
static bool fetched(struct task *t, struct fetch *f)
{
	struct aio_request *r;
	while (f->got < f->max && (r = TAILQ_FIRST(&f->ctx->done))) {
		f->err = put_user(t, uptr_add(f->to, (uint64_t)f->got * sizeof(r->event)), &r->event);
		if (f->err)
			return true;
		TAILQ_REMOVE(&f->ctx->done, r, link);
		aio_request_free(r);
		f->got++;
	}
	if (f->got < f->min && f->ctx->dead)
		f->err = -EINVAL;
	return f->err || f->got >= f->min;
}

static long get_events(struct task *t, uint64_t ctx_id, int64_t min, int64_t max, uptr_t events, uint64_t deadline_ns)
{
	struct aio_context *found = aio_find(t, ctx_id);
	if (!found || min < 0 || max < 0 || min > max)
		return -EINVAL;
	found->refs++;
	AUTO(aio_put) struct aio_context *ctx = found;
	struct fetch f = { ctx, events, min, max, 0, 0 };
	int err = 0;
	if (!fetched(t, &f) && deadline_ns)
		err = wait_event_deadline(t, &ctx->wq, fetched(t, &f), deadline_ns);
	if (f.got)
		return f.got;
	return f.err ? f.err : err == -ERESTARTSYS ? -EINTR : 0;
}

/* Unlike elsewhere, a time of no sense is not looked at. */
static int deadline_of(struct task *t, uptr_t timeout, uint64_t *out)
{
	struct timespec ts;
	*out = UINT64_MAX;
	if (uptr_null(timeout))
		return 0;
	if (get_user(t, &ts, timeout))
		return -EFAULT;
	if (deadline_after(&ts, out))
		*out = 0;
	return 0;
}

long sys_io_getevents(struct task *t, uint64_t ctx_id, int64_t min_nr, int64_t nr, uptr_t events, uptr_t timeout)
{
	uint64_t deadline_ns;
	int err = deadline_of(t, timeout, &deadline_ns);
	return err ? err : get_events(t, ctx_id, min_nr, nr, events, deadline_ns);
}

long sys_io_pgetevents(struct task *t, uint64_t ctx_id, int64_t min_nr, int64_t nr, uptr_t events, uptr_t timeout,
		       uptr_t usig)
{
	struct { uint64_t set, bytes; } mask = { 0 };
	uint64_t deadline_ns;
	int err = deadline_of(t, timeout, &deadline_ns);
	if (!err && !uptr_null(usig))
		err = get_user(t, &mask, usig);
	if (!err)
		err = sigmask_arg_begin(t, UPTR(mask.set), mask.bytes);
	if (err)
		return err;
	long n = get_events(t, ctx_id, min_nr, nr, events, deadline_ns);
	sigmask_arg_end(t, n == -EINTR);
	return n;
}
