/* sys_futex.c - futex(2), futex_waitv(2), and the futex_wake/wait/requeue calls with a word of flags.
 *
 * LINUX   kernel/futex/syscalls.c. An interrupted wait with a timeout goes on until its first deadline.
 * MISSING FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI (ENOSYS); words of other sizes than 32 bits, as in Linux. */
#include "sentry/kernel/futex.h"

#include <linux/futex.h>

#include "sentry/kernel/clock.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/syscalls/table.h"

#define FUTEX_LOCK_PI2 13
#define SIZE_U32 2
#define NUMBERED_FLAGS (SIZE_U32 | FUTEX_PRIVATE_FLAG)
#define WAITV_MAX 128

/* An absolute time on a clock, as a deadline on CLOCK_MONOTONIC. Changes of the clock after this are not followed. */
static uint64_t deadline_of(const struct task *t, const struct timespec *ts, bool realtime)
{
	uint64_t ns = timespec_to_ns(ts);
	if (!realtime)
		return time_ns_shift(ns, -time_ns_offset(t->time_ns, CLOCK_MONOTONIC));
	uint64_t now = now_real_ns();
	return now_mono_ns() + (ns > now ? ns - now : 0);
}

static int get_deadline(struct task *t, uptr_t timeout, bool relative, bool realtime, uint64_t *out)
{
	struct timespec ts;
	*out = UINT64_MAX;
	if (uptr_null(timeout))
		return 0;
	if (get_user(t, &ts, timeout) < 0)
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	*out = relative ? now_mono_ns() + timespec_to_ns(&ts) : deadline_of(t, &ts, realtime);
	return 0;
}

static long wait_restart(struct task *t);

static long wait_until(struct task *t, uptr_t addr, bool shared, uint32_t val, uint32_t bitset, uint64_t deadline_ns)
{
	int err = futex_wait(t, addr, shared, val, bitset, deadline_ns);
	if (err != -ERESTARTSYS || deadline_ns == UINT64_MAX)
		return err;
	t->restart = wait_restart;
	t->restart_args.a[0] = addr.addr;
	t->restart_args.a[1] = shared;
	t->restart_args.a[2] = val;
	t->restart_args.a[3] = bitset;
	t->restart_args.a[4] = deadline_ns;
	return -ERESTART_RESTARTBLOCK;
}

static long wait_restart(struct task *t)
{
	const uint64_t *a = t->restart_args.a;
	return wait_until(t, UPTR(a[0]), a[1], (uint32_t)a[2], (uint32_t)a[3], a[4]);
}

static bool has_timeout(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2;
}

long sys_futex(struct task *t, uptr_t uaddr, int op, unsigned val, uptr_t timeout, uptr_t uaddr2, unsigned val3)
{
	int cmd = op & FUTEX_CMD_MASK;
	bool shared = !(op & FUTEX_PRIVATE_FLAG);
	bool realtime = op & FUTEX_CLOCK_REALTIME;
	int val2 = (int)timeout.addr;
	uint64_t deadline = UINT64_MAX;
	if (realtime && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	if (has_timeout(cmd)) {
		int err = get_deadline(t, timeout, cmd == FUTEX_WAIT, realtime || cmd == FUTEX_LOCK_PI, &deadline);
		if (err)
			return err;
	}
	struct futex_pair from = { uaddr, shared }, to = { uaddr2, shared };
	switch (cmd) {
	case FUTEX_WAIT:
		return wait_until(t, uaddr, shared, val, FUTEX_ANY, deadline);
	case FUTEX_WAIT_BITSET:
		return wait_until(t, uaddr, shared, val, val3, deadline);
	case FUTEX_WAKE:
		return futex_wake(t, uaddr, shared, (int)val, FUTEX_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(t, uaddr, shared, (int)val, val3);
	case FUTEX_REQUEUE:
		return futex_requeue(t, from, to, (int)val, val2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(t, from, to, (int)val, val2, &val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(t, uaddr, uaddr2, shared, (int)val, val2, val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(t, uaddr, shared, false, deadline);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(t, uaddr, shared, true, UINT64_MAX);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(t, uaddr, shared);
	}
	return -ENOSYS;
}

/* The newer calls: always absolute timeouts, sizes in the flags. */
struct guest_waitv { uint64_t val, uaddr; uint32_t flags, reserved; };

static int get_waitv(struct task *t, uptr_t addr, struct futex_waitv_arg *out)
{
	struct guest_waitv v;
	if (get_user(t, &v, addr) < 0)
		return -EFAULT;
	if ((v.flags & ~(unsigned)NUMBERED_FLAGS) || (v.flags & 3) != SIZE_U32 || v.reserved || v.val > UINT32_MAX)
		return -EINVAL;
	*out = (struct futex_waitv_arg){ UPTR(v.uaddr), (uint32_t)v.val, !(v.flags & FUTEX_PRIVATE_FLAG) };
	return 0;
}

static int get_numbered_deadline(struct task *t, uptr_t timeout, int clockid, uint64_t *out)
{
	if (!uptr_null(timeout) && clockid != CLOCK_REALTIME && clockid != CLOCK_MONOTONIC)
		return -EINVAL;
	return get_deadline(t, timeout, false, clockid == CLOCK_REALTIME, out);
}

long sys_futex_waitv(struct task *t, uptr_t waiters, unsigned nr_futexes, unsigned flags, uptr_t timeout, int clockid)
{
	struct futex_waitv_arg v[WAITV_MAX];
	uint64_t deadline;
	if (flags || nr_futexes == 0 || nr_futexes > WAITV_MAX || uptr_null(waiters))
		return -EINVAL;
	int err = get_numbered_deadline(t, timeout, clockid, &deadline);
	for (unsigned i = 0; i < nr_futexes && !err; i++)
		err = get_waitv(t, uptr_add(waiters, i * sizeof(struct guest_waitv)), &v[i]);
	return err ? err : futex_wait_any(t, v, (int)nr_futexes, deadline);
}

static bool flags_valid(unsigned flags)
{
	return !(flags & ~(unsigned)NUMBERED_FLAGS) && (flags & 3) == SIZE_U32;
}

long sys_futex_wake(struct task *t, uptr_t uaddr, uint64_t mask, int nr, unsigned flags)
{
	if (!flags_valid(flags) || mask > UINT32_MAX)
		return -EINVAL;
	return nr <= 0 ? 0 : futex_wake(t, uaddr, !(flags & FUTEX_PRIVATE_FLAG), nr, (uint32_t)mask);
}

long sys_futex_wait(struct task *t, uptr_t uaddr, uint64_t val, uint64_t mask, unsigned flags, uptr_t timeout, int clockid)
{
	uint64_t deadline;
	if (!flags_valid(flags) || val > UINT32_MAX || mask > UINT32_MAX)
		return -EINVAL;
	int err = get_numbered_deadline(t, timeout, clockid, &deadline);
	return err ? err : wait_until(t, uaddr, !(flags & FUTEX_PRIVATE_FLAG), (uint32_t)val, (uint32_t)mask, deadline);
}

long sys_futex_requeue(struct task *t, uptr_t waiters, unsigned flags, int nr_wake, int nr_requeue)
{
	struct futex_waitv_arg v[2];
	if (flags || uptr_null(waiters))
		return -EINVAL;
	int err = get_waitv(t, waiters, &v[0]);
	if (!err)
		err = get_waitv(t, uptr_add(waiters, sizeof(struct guest_waitv)), &v[1]);
	if (err)
		return err;
	struct futex_pair from = { v[0].addr, v[0].shared }, to = { v[1].addr, v[1].shared };
	return futex_requeue(t, from, to, nr_wake, nr_requeue, &v[0].val);
}
