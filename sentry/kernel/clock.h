/* clock.h - the guest's clocks, and timers on them (clock_getres(2)). */
#pragma once

#include <time.h>

#include "sentry/kernel/task.h"

/* What a clock id of a guest stands for. */
struct clock {
	clockid_t host;                   /* CLOCK_REALTIME, CLOCK_MONOTONIC … of the host; -1: CPU time of: */
	int64_t ahead_ns;                 /* of the host's, in the time namespace of who asked for it */
	struct thread_group *tg;          /* a process, or */
	struct task *task;                /* a thread. Borrowed */
};
int clock_find(struct task *t, int id, struct clock *out) MUST_CHECK;  /* -EINVAL */
uint64_t clock_now_ns(const struct clock *c);
static inline bool clock_is_cpu(const struct clock *c) { return c->host < 0; }

/* CPU time used so far, as far as the platform knows. */
uint64_t task_cpu_ns(struct task *t);
uint64_t tg_cpu_ns(struct thread_group *tg);

static inline bool timespec_valid(const struct timespec *ts)
{
	return ts->tv_sec >= 0 && ts->tv_nsec >= 0 && ts->tv_nsec < (long)NS_PER_SEC;
}
uint64_t timespec_to_ns(const struct timespec *ts);                    /* of a valid one; INT64_MAX at most */
struct timespec ns_to_timespec(uint64_t ns);

/* A timer on any clock. It fires once per clock_timer_set() or _forward(), so that a fast interval nobody looks at costs nothing. */
struct clock_timer {
	struct ktimer kt;
	struct clock clock;
	uint64_t value_ns;                /* next expiry on the clock; 0: disarmed */
	uint64_t interval_ns;             /* 0: fires once */
	bool fired;                       /* since it was set or forwarded */
	void (*expired)(struct clock_timer *ct);     /* must not sleep */
};
void clock_timer_init(struct clock_timer *ct, const struct clock *c, void (*expired)(struct clock_timer *ct));
/* value_ns: absolute on the clock, or from now; 0: disarms. */
void clock_timer_set(struct clock_timer *ct, uint64_t value_ns, uint64_t interval_ns, bool absolute);
/* Of one that fired and has an interval: moves it on past now and arms it. How many expiries there were in between,
 * the one that fired not counted. Else 0. */
uint64_t clock_timer_forward(struct clock_timer *ct);
uint64_t clock_timer_left(const struct clock_timer *ct);               /* ns until value_ns, at least 1 while armed; 0: it isn't */
void clock_timer_cancel(struct clock_timer *ct);
