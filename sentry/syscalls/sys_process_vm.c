/* sys_process_vm.c - process_vm_readv and process_vm_writev: copying between two address spaces.
 *
 * LINUX    mm/process_vm_access.c. Same: the result is the bytes moved before the first bad address; EFAULT if none were;
 *          zero-length vectors mean nothing, and then not even the process is looked at. */
#include <limits.h>

#include "sentry/kernel/access.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/mm/uio.h"
#include "sentry/syscalls/table.h"

/* A walk over the remote vectors. */
struct remote {
	struct mm *mm;
	struct iovec *iov;
	uint64_t count, index;
	size_t off;
};

static int remote_init(struct remote *r, struct task *t, uptr_t iov, uint64_t count, size_t *total)
{
	*total = 0;
	if (count > IOV_MAX)
		return -EINVAL;
	if (count == 0)
		return 0;
	r->iov = calloc(count, sizeof(*r->iov));
	if (!r->iov)
		return -ENOMEM;
	if (copy_from_user(t, r->iov, iov, count * sizeof(*r->iov)))
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++) {
		if (r->iov[i].iov_len > SSIZE_MAX || __builtin_add_overflow(*total, r->iov[i].iov_len, total))
			return -EINVAL;
	}
	r->count = count;
	return 0;
}

/* Moves up to `bytes` of one remote vector through buf: what went, or -EFAULT. 0: the vectors are at their end. */
static ssize_t move_some(struct uio *local, struct remote *r, char *buf, size_t bytes, bool write)
{
	while (r->index < r->count && r->off == r->iov[r->index].iov_len) {
		r->index++;
		r->off = 0;
	}
	if (r->index == r->count)
		return 0;
	uint64_t addr = (uint64_t)r->iov[r->index].iov_base + r->off;
	size_t n = MIN(MIN(bytes, r->iov[r->index].iov_len - r->off), local->resid);
	if (n == 0)
		return 0;
	ssize_t moved;
	if (write) {
		ssize_t got = uio_drain(local, buf, n);
		if (got <= 0)
			return got;
		moved = mm_write(r->mm, addr, buf, (size_t)got);
	} else {
		ssize_t got = mm_read(r->mm, addr, buf, n);
		if (got <= 0)
			return got;
		moved = uio_fill(local, buf, (size_t)got);
	}
	if (moved > 0)
		r->off += (size_t)moved;
	return moved;
}

static ssize_t move_all(struct uio *local, struct remote *r, bool write)
{
	enum { BUF = 16384, TURN = 64 };
	char *buf = malloc(BUF);
	if (!buf)
		return -ENOMEM;
	ssize_t done = 0, n = 0;
	for (unsigned round = 1; (n = move_some(local, r, buf, BUF, write)) > 0; round++) {
		done += n;
		if (round % TURN == 0)
			co_yield();     /* gigabytes must not keep everybody else waiting */
	}
	free(buf);
	return done > 0 ? done : n;
}

static long process_vm(struct task *t, int pid, uptr_t liov, uint64_t lcount, uptr_t riov, uint64_t rcount,
		       uint64_t flags, bool write)
{
	if (flags)
		return -EINVAL;
	struct uio local;
	struct remote r = { 0 };
	int err = uio_init_iov(&local, t, liov, lcount);
	if (err)
		return err;
	size_t total;
	long ret = remote_init(&r, t, riov, rcount, &total);
	if (ret || local.resid == 0 || total == 0)
		goto out;
	struct task *target = task_find_for(t, pid);
	ret = -ESRCH;
	if (!target || !target->mm)
		goto out;
	ret = task_may_access(t, target, ACCESS_ATTACH, false);
	if (ret)
		goto out;
	r.mm = mm_get(target->mm);
	ret = move_all(&local, &r, write);
	mm_put(r.mm);
out:
	free(r.iov);
	uio_fini(&local);
	return ret;
}

long sys_process_vm_readv(struct task *t, int pid, uptr_t local_iov, uint64_t liovcnt, uptr_t remote_iov,
			  uint64_t riovcnt, uint64_t flags)
{
	return process_vm(t, pid, local_iov, liovcnt, remote_iov, riovcnt, flags, false);
}

long sys_process_vm_writev(struct task *t, int pid, uptr_t local_iov, uint64_t liovcnt, uptr_t remote_iov,
			   uint64_t riovcnt, uint64_t flags)
{
	return process_vm(t, pid, local_iov, liovcnt, remote_iov, riovcnt, flags, true);
}
