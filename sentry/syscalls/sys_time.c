/* sys_time.c - reading clocks, and the refusal to set them.
 *
 * HOW      Guests mostly read time in the vDSO and never get here, but in time namespaces with offsets (mm/ask_time.c).
 * LINUX    kernel/time/. A clock is everybody's, so no guest sets it, whatever its capabilities: EPERM. adjtimex that only
 *          reads tells of a clock that nobody disciplines. */
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>

#include "sentry/kernel/clock.h"
#include "sentry/kernel/process.h"
#include "sentry/syscalls/table.h"

#define CLOCK_TICK_NS (NS_PER_SEC / 100)  /* USER_HZ */

long sys_clock_gettime(struct task *t, int clockid, uptr_t tp)
{
	struct clock c;
	int err = clock_find(t, clockid, &c);
	if (err)
		return err;
	struct timespec ts = ns_to_timespec(clock_now_ns(&c));
	return put_user(t, tp, &ts);
}

long sys_clock_getres(struct task *t, int clockid, uptr_t res)
{
	struct clock c;
	int err = clock_find(t, clockid, &c);
	if (err)
		return err;
	struct timespec ts = { .tv_nsec = 1 };
	if (!clock_is_cpu(&c) && clock_getres(c.host, &ts))
		return -EINVAL;
	return uptr_null(res) ? 0 : put_user(t, res, &ts);
}

long sys_clock_settime(struct task *t, int clockid, uptr_t tp)
{
	struct timespec ts;
	if (clockid != CLOCK_REALTIME)
		return -EINVAL;
	if (get_user(t, &ts, tp))
		return -EFAULT;
	return timespec_valid(&ts) ? -EPERM : -EINVAL;
}

long sys_time(struct task *t, uptr_t tloc)
{
	int64_t now = (int64_t)(now_real_ns() / NS_PER_SEC);
	if (!uptr_null(tloc) && put_user(t, tloc, &now))
		return -EFAULT;
	return now;
}

long sys_gettimeofday(struct task *t, uptr_t tv, uptr_t tz)
{
	uint64_t now = now_real_ns();
	struct timeval val = { .tv_sec = (time_t)(now / NS_PER_SEC), .tv_usec = (long)(now % NS_PER_SEC / 1000) };
	struct timezone zone = { 0 };
	if (!uptr_null(tv) && put_user(t, tv, &val))
		return -EFAULT;
	if (!uptr_null(tz) && put_user(t, tz, &zone))
		return -EFAULT;
	return 0;
}

long sys_settimeofday(struct task *t, uptr_t tv, uptr_t tz)
{
	struct timeval val;
	struct timezone zone;
	if (!uptr_null(tv)) {
		if (get_user(t, &val, tv))
			return -EFAULT;
		if (val.tv_usec < 0 || val.tv_usec >= 1000000)
			return -EINVAL;
	}
	if (!uptr_null(tz) && get_user(t, &zone, tz))
		return -EFAULT;
	return -EPERM;
}

long sys_clock_adjtime(struct task *t, int clockid, uptr_t buf)
{
	struct timex tx;
	if (clockid != CLOCK_REALTIME) {
		struct clock c;
		return clock_find(t, clockid, &c) ? -EINVAL : -EOPNOTSUPP;
	}
	if (get_user(t, &tx, buf))
		return -EFAULT;
	if (tx.modes != 0 && tx.modes != ADJ_OFFSET_SS_READ)
		return -EPERM;
	uint64_t now = now_real_ns();
	tx = (struct timex){
		.modes = tx.modes,
		.status = STA_UNSYNC,
		.maxerror = 16000000,
		.esterror = 16000000,
		.constant = 2,
		.precision = 1,
		.tolerance = 32768000,
		.tick = 10000,
		.time = { .tv_sec = (time_t)(now / NS_PER_SEC), .tv_usec = (long)(now % NS_PER_SEC / 1000) },
	};
	return put_user(t, buf, &tx) ? -EFAULT : TIME_ERROR;
}

long sys_adjtimex(struct task *t, uptr_t buf)
{
	return sys_clock_adjtime(t, CLOCK_REALTIME, buf);
}

static clock_t ticks(const struct timeval *tv)
{
	return (clock_t)(((uint64_t)tv->tv_sec * NS_PER_SEC + (uint64_t)tv->tv_usec * 1000) / CLOCK_TICK_NS);
}

long sys_times(struct task *t, uptr_t buf)
{
	if (!uptr_null(buf)) {
		struct thread_group *tg = t->tg;
		struct rusage sum = tg->rusage_dead, one;
		struct task *other;
		TAILQ_FOREACH(other, &tg->threads, thread_link) {
			if (other->exited)
				continue;
			task_rusage(other, &one);
			rusage_add(&sum, &one);
		}
		struct rusage *dead = &tg->rusage_children;
		struct tms tms = { ticks(&sum.ru_utime), ticks(&sum.ru_stime), ticks(&dead->ru_utime), ticks(&dead->ru_stime) };
		if (put_user(t, buf, &tms))
			return -EFAULT;
	}
	return (long)(now_mono_ns() / CLOCK_TICK_NS);
}
