/* sys_timer.c - timer_create(2) and its like, setitimer(2), alarm(2). */
#include <linux/capability.h>
#include <sys/time.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/timers.h"
#include "sentry/syscalls/table.h"

/* The guest's struct sigevent. */
struct ksigevent {
	union sigval value;
	int signo, notify, tid;
	int pad[11];
};

static int spec_get(struct task *t, uptr_t from, struct timer_spec *out)
{
	struct itimerspec its;
	if (get_user(t, &its, from))
		return -EFAULT;
	if (!timespec_valid(&its.it_value) || !timespec_valid(&its.it_interval))
		return -EINVAL;
	*out = (struct timer_spec){ timespec_to_ns(&its.it_value), timespec_to_ns(&its.it_interval) };
	return 0;
}

static int spec_put(struct task *t, uptr_t to, const struct timer_spec *spec)
{
	struct itimerspec its = { .it_value = ns_to_timespec(spec->value_ns), .it_interval = ns_to_timespec(spec->interval_ns) };
	return put_user(t, to, &its);
}

/* Which clocks timers can be made on: those that Linux has a timer_create for. */
static int timer_clock(struct task *t, int clockid, struct clock *out)
{
	int err = clock_find(t, clockid, out);
	if (err)
		return err;
	switch (clockid) {
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return cred_has_cap(t->cred, CAP_WAKE_ALARM) ? 0 : -EPERM;
	default:
		/* Only of the caller: another process might go before its timers' owner does. */
		return out->tg && out->tg != t->tg ? -EINVAL : 0;
	}
}

static int sigevent_check(struct task *t, const struct ksigevent *ev, struct task **out_target)
{
	*out_target = NULL;
	switch (ev->notify) {
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
		*out_target = task_find_for(t, ev->tid);
		if (!*out_target || (*out_target)->tg != t->tg)
			return -EINVAL;
		break;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		break;
	case SIGEV_NONE:
		return 0;
	default:
		return -EINVAL;
	}
	return ev->signo > 0 && ev->signo <= NSIG64 ? 0 : -EINVAL;
}

long sys_timer_create(struct task *t, int clockid, uptr_t sevp, uptr_t timerid)
{
	struct ksigevent ev = { .signo = SIGALRM, .notify = SIGEV_SIGNAL };
	bool given = !uptr_null(sevp);
	if (given && get_user(t, &ev, sevp))
		return -EFAULT;
	struct clock c;
	int err = timer_clock(t, clockid, &c);
	if (err)
		return err;
	struct task *target;
	err = sigevent_check(t, &ev, &target);
	if (err)
		return err;
	int id;
	err = posix_timer_create(t->tg, &c, ev.notify, ev.signo, given ? &ev.value : NULL, target, &id);
	if (err)
		return err;
	if (put_user(t, timerid, &id)) {
		(void)!posix_timer_delete(t->tg, id);
		return -EFAULT;
	}
	return 0;
}

long sys_timer_settime(struct task *t, int timerid, int flags, uptr_t new_value, uptr_t old_value)
{
	struct timer_spec spec, old;
	if (uptr_null(new_value))
		return -EINVAL;
	int err = spec_get(t, new_value, &spec);
	if (err)
		return err;
	err = posix_timer_set(t->tg, timerid, flags & TIMER_ABSTIME, &spec, &old);
	if (err)
		return err;
	return uptr_null(old_value) ? 0 : spec_put(t, old_value, &old);
}

long sys_timer_gettime(struct task *t, int timerid, uptr_t curr_value)
{
	struct timer_spec spec;
	int err = posix_timer_get(t->tg, timerid, &spec);
	return err ? err : spec_put(t, curr_value, &spec);
}

long sys_timer_getoverrun(struct task *t, int timerid)
{
	return posix_timer_overrun(t->tg, timerid);
}

long sys_timer_delete(struct task *t, int timerid)
{
	return posix_timer_delete(t->tg, timerid);
}

static bool timeval_valid(const struct timeval *tv)
{
	return tv->tv_sec >= 0 && tv->tv_usec >= 0 && tv->tv_usec < 1000000;
}

static uint64_t timeval_to_ns(const struct timeval *tv)
{
	const struct timespec ts = { tv->tv_sec, tv->tv_usec * 1000 };
	return timespec_to_ns(&ts);
}

static int itimerval_put(struct task *t, uptr_t to, const struct timer_spec *spec)
{
	/* What is left is rounded up: a running timer never shows zero. */
	uint64_t value_us = (spec->value_ns + 999) / 1000, interval_us = spec->interval_ns / 1000;
	struct itimerval it = {
		.it_value = { (time_t)(value_us / 1000000), (long)(value_us % 1000000) },
		.it_interval = { (time_t)(interval_us / 1000000), (long)(interval_us % 1000000) },
	};
	return put_user(t, to, &it);
}

long sys_getitimer(struct task *t, int which, uptr_t curr_value)
{
	struct timer_spec spec;
	if (which != ITIMER_REAL && which != ITIMER_VIRTUAL && which != ITIMER_PROF)
		return -EINVAL;
	itimer_get(t->tg, which, &spec);
	return itimerval_put(t, curr_value, &spec);
}

long sys_setitimer(struct task *t, int which, uptr_t new_value, uptr_t old_value)
{
	struct itimerval it = { 0 };
	if (!uptr_null(new_value) && get_user(t, &it, new_value))
		return -EFAULT;
	if ((which != ITIMER_REAL && which != ITIMER_VIRTUAL && which != ITIMER_PROF) || !timeval_valid(&it.it_value) ||
	    !timeval_valid(&it.it_interval))
		return -EINVAL;
	struct timer_spec old, spec = { timeval_to_ns(&it.it_value), timeval_to_ns(&it.it_interval) };
	itimer_get(t->tg, which, &old);
	itimer_set(t->tg, which, &spec);
	return uptr_null(old_value) ? 0 : itimerval_put(t, old_value, &old);
}

long sys_alarm(struct task *t, unsigned seconds)
{
	struct timer_spec old, spec = { seconds * NS_PER_SEC, 0 };
	itimer_get(t->tg, ITIMER_REAL, &old);
	itimer_set(t->tg, ITIMER_REAL, &spec);
	/* To the nearest second, but not to none. */
	uint64_t left = (old.value_ns + NS_PER_SEC / 2) / NS_PER_SEC;
	return (long)(left == 0 && old.value_ns ? 1 : left);
}
