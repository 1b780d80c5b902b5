/* clock.c - clocks and timers on them.
 *
 * HOW      Time is the host's; the sentry and the guest's vDSO read the same clocks. CPU time is asked of the platform: its
 *          timers look again when it could be up at the earliest, which is after what is left divided by the threads.
 * LINUX    kernel/time/. Same: an interval's next expiry is counted from the last one, not from when it was noticed.
 * MISSING  A timer goes on by the offsets of the namespace it was made in (time_ns.h), should it come into another.
 *          A jump of the host's real-time clock moves timers on it only when they next fire; PTP clocks. */
#include "sentry/kernel/clock.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/time_ns.h"

#define CPU_POLL_MIN_NS 1000000ULL

/* Negative ids are CPU clocks: ~pid << 3 | thread << 2 | which (kernel/time/posix-cpu-timers.c, clock_getcpuclockid(3)). */
static int find_cpu_clock(struct task *t, int id, struct clock *out)
{
	int pid = ~(id >> 3);
	if ((id & 3) == 3)
		return -EINVAL;
	out->host = -1;
	if (id & 4) {
		out->task = pid ? task_find_for(t, pid) : t;
		return out->task && out->task->tg == t->tg ? 0 : -EINVAL;
	}
	out->tg = pid ? tg_find_for(t, pid) : t->tg;
	return out->tg ? 0 : -EINVAL;
}

int clock_find(struct task *t, int id, struct clock *out)
{
	*out = (struct clock){ .host = id, .ahead_ns = time_ns_offset(t->time_ns, id) };
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		return 0;
	case CLOCK_REALTIME_ALARM:
		out->host = CLOCK_REALTIME;
		return 0;
	case CLOCK_BOOTTIME_ALARM:
		out->host = CLOCK_BOOTTIME;
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*out = (struct clock){ .host = -1, .tg = t->tg };
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*out = (struct clock){ .host = -1, .task = t };
		return 0;
	default:
		return id < 0 ? find_cpu_clock(t, id, out) : -EINVAL;
	}
}

uint64_t task_cpu_ns(struct task *t)
{
	return t->utime_ns + t->stime_ns + (t->pl ? pl_thread_cpu_ns(t->pl) : 0);
}

static uint64_t timeval_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * NS_PER_SEC + (uint64_t)tv->tv_usec * 1000;
}

uint64_t tg_cpu_ns(struct thread_group *tg)
{
	uint64_t ns = timeval_ns(&tg->rusage_dead.ru_utime) + timeval_ns(&tg->rusage_dead.ru_stime);
	struct task *t;
	TAILQ_FOREACH(t, &tg->threads, thread_link)
		if (!t->exited)
			ns += task_cpu_ns(t);
	return ns;
}

uint64_t clock_now_ns(const struct clock *c)
{
	struct timespec ts;
	if (c->task)
		return task_cpu_ns(c->task);
	if (c->tg)
		return tg_cpu_ns(c->tg);
	CHECK(clock_gettime(c->host, &ts) == 0);
	return time_ns_shift(timespec_to_ns(&ts), c->ahead_ns);
}

uint64_t timespec_to_ns(const struct timespec *ts)
{
	int64_t ns;
	if (__builtin_mul_overflow(ts->tv_sec, (int64_t)NS_PER_SEC, &ns) || __builtin_add_overflow(ns, ts->tv_nsec, &ns))
		return INT64_MAX;
	return (uint64_t)ns;
}

struct timespec ns_to_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_nsec = (long)(ns % NS_PER_SEC) };
}

/* When to look, on CLOCK_MONOTONIC. */
static uint64_t look_at_ns(const struct clock_timer *ct)
{
	uint64_t now = clock_now_ns(&ct->clock);
	uint64_t left = ct->value_ns > now ? ct->value_ns - now : 0;
	if (clock_is_cpu(&ct->clock) && left) {
		int threads = ct->clock.tg ? ct->clock.tg->nthreads : 1;
		left = MAX(left / (unsigned)MAX(threads, 1), CPU_POLL_MIN_NS);
	}
	return now_mono_ns() + left;
}

static void timer_fire(struct ktimer *kt)
{
	struct clock_timer *ct = container_of(kt, struct clock_timer, kt);
	if (clock_now_ns(&ct->clock) < ct->value_ns) {
		ktimer_arm(kt, look_at_ns(ct));
		return;
	}
	ct->fired = true;
	ct->expired(ct);
}

void clock_timer_init(struct clock_timer *ct, const struct clock *c, void (*expired)(struct clock_timer *ct))
{
	*ct = (struct clock_timer){ .kt.fire = timer_fire, .clock = *c, .expired = expired };
}

void clock_timer_cancel(struct clock_timer *ct)
{
	ktimer_cancel(&ct->kt);
	ct->value_ns = 0;
	ct->fired = false;
}

void clock_timer_set(struct clock_timer *ct, uint64_t value_ns, uint64_t interval_ns, bool absolute)
{
	clock_timer_cancel(ct);
	ct->interval_ns = interval_ns;
	if (value_ns == 0)
		return;
	if (!absolute && __builtin_add_overflow(value_ns, clock_now_ns(&ct->clock), &value_ns))
		value_ns = INT64_MAX;
	ct->value_ns = value_ns;
	ktimer_arm(&ct->kt, look_at_ns(ct));
}

uint64_t clock_timer_forward(struct clock_timer *ct)
{
	if (!ct->fired || !ct->interval_ns)
		return 0;
	ct->fired = false;
	uint64_t now = clock_now_ns(&ct->clock);
	uint64_t missed = now > ct->value_ns ? (now - ct->value_ns) / ct->interval_ns : 0;
	ct->value_ns += (missed + 1) * ct->interval_ns;
	ktimer_arm(&ct->kt, look_at_ns(ct));
	return missed;
}

uint64_t clock_timer_left(const struct clock_timer *ct)
{
	if (!ct->value_ns || ct->fired)
		return 0;
	uint64_t now = clock_now_ns(&ct->clock);
	return ct->value_ns > now ? ct->value_ns - now : 1;
}
