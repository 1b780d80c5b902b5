/* sys_sleep.c - nanosleep(2), clock_nanosleep(2).
 *
 * LINUX    kernel/time/hrtimer.c. Same: a relative sleep that a signal interrupts reports what is left and goes on until its
 *          first deadline (restart block); an absolute one starts anew. */
#include "sentry/kernel/clock.h"
#include "sentry/syscalls/table.h"

static long sleep_restart(struct task *t);

/* Sleeps until then on CLOCK_MONOTONIC; rem may be null. */
static long sleep_until(struct task *t, uint64_t deadline_ns, uptr_t rem)
{
	int err = wait_event_deadline(t, NULL, false, deadline_ns);
	if (err != -ERESTARTSYS)
		return 0;
	uint64_t now = now_mono_ns();
	if (now >= deadline_ns)
		return 0;
	struct timespec left = ns_to_timespec(deadline_ns - now);
	if (!uptr_null(rem) && put_user(t, rem, &left))
		return -EFAULT;
	t->restart = sleep_restart;
	t->restart_args.a[0] = deadline_ns;
	t->restart_args.a[1] = rem.addr;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_restart(struct task *t)
{
	return sleep_until(t, t->restart_args.a[0], UPTR(t->restart_args.a[1]));
}

/* CPU clocks, and clocks that jump: sleeps, looks, sleeps again. */
static long sleep_on_clock(struct task *t, const struct clock *c, uint64_t value_ns)
{
	uint64_t now;
	while ((now = clock_now_ns(c)) < value_ns) {
		uint64_t left = value_ns - now;
		if (clock_is_cpu(c))
			left = MAX(left / (unsigned)MAX(t->tg->nthreads, 1), 1000000UL);
		if (wait_event_deadline(t, NULL, false, now_mono_ns() + left) == -ERESTARTSYS)
			return -ERESTARTNOHAND;
	}
	return 0;
}

long sys_clock_nanosleep(struct task *t, int clockid, int flags, uptr_t req, uptr_t rem)
{
	struct clock c;
	int err = clock_find(t, clockid, &c);
	if (err)
		return err;
	if (clockid == CLOCK_MONOTONIC_RAW || clockid == CLOCK_REALTIME_COARSE || clockid == CLOCK_MONOTONIC_COARSE ||
	    clockid == CLOCK_THREAD_CPUTIME_ID)
		return -EOPNOTSUPP;
	struct timespec ts;
	if (get_user(t, &ts, req))
		return -EFAULT;
	if (!timespec_valid(&ts) || c.task == t || (c.tg && c.tg != t->tg))
		return -EINVAL;
	uint64_t ns = timespec_to_ns(&ts);
	if (flags & TIMER_ABSTIME)
		return sleep_on_clock(t, &c, ns);
	if (clock_is_cpu(&c))
		return sleep_on_clock(t, &c, clock_now_ns(&c) + ns);
	return sleep_until(t, now_mono_ns() + ns, rem);
}

long sys_nanosleep(struct task *t, uptr_t req, uptr_t rem)
{
	return sys_clock_nanosleep(t, CLOCK_MONOTONIC, 0, req, rem);
}
