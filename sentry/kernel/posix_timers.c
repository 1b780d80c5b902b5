/* posix_timers.c - timers that send a signal (timer_create(2)).
 *
 * HOW      A timer owns the one queue entry of its signal. It stands still from its expiry until the signal is taken; then the
 *          expiries in between are counted as the overrun, and it is armed again.
 * LINUX    kernel/time/posix-timers.c. Same: setting or deleting a timer takes back a signal still pending; a thread that
 *          was to get the signals and has gone leaves the timer running without effect.
 * MISSING  Ignored signals: the timer runs on at its interval, but not faster than every millisecond. */
#include "platform/base/live.h"
#include "sentry/kernel/timers.h"

#include <limits.h>
#include <string.h>

struct posix_timer {
	struct clock_timer ct;
	TAILQ_ENTRY(posix_timer) link;
	struct thread_group *tg;          /* whose it is; it goes before that does */
	struct task *target;              /* SIGEV_THREAD_ID: a reference; else NULL */
	struct task *clock_task;          /* a reference on the clock's thread, or NULL */
	struct sigqueue_entry entry;
	int id, notify;
	uint64_t overrun;                 /* expiries since the one that queued the signal */
	int overrun_last;                 /* of the signal that was taken last */
};

struct posix_timers {
	TAILQ_HEAD(, posix_timer) list;
	int count, next_id;
};

#define IGNORED_MIN_NS 1000000ULL

static int clamp_int(uint64_t n)
{
	return n > INT_MAX ? INT_MAX : (int)n;
}

/* The signal was delivered, or dropped. */
static void timer_signal_taken(struct sigqueue_entry *e, siginfo_t *info)
{
	struct posix_timer *pt = e->timer;
	pt->overrun += clock_timer_forward(&pt->ct);
	pt->overrun_last = clamp_int(pt->overrun);
	pt->overrun = 0;
	if (info)
		info->si_overrun = pt->overrun_last;
}

static void timer_expired(struct clock_timer *ct)
{
	struct posix_timer *pt = container_of(ct, struct posix_timer, ct);
	if (pt->notify == SIGEV_NONE || (pt->target && pt->target->exited))
		return;
	if (signal_send_entry(&pt->entry, pt->tg, pt->target) == 0)
		return;
	/* Ignored: nobody will take it, but that may change, so it goes on. */
	pt->ct.interval_ns = pt->ct.interval_ns ? MAX(pt->ct.interval_ns, IGNORED_MIN_NS) : 0;
	clock_timer_forward(&pt->ct);
}

static struct posix_timer *timer_find(struct thread_group *tg, int id)
{
	struct posix_timer *pt;
	if (!tg->timers)
		return NULL;
	TAILQ_FOREACH(pt, &tg->timers->list, link)
		if (pt->id == id)
			return pt;
	return NULL;
}

static struct posix_timers *timers_of(struct thread_group *tg)
{
	if (!tg->timers) {
		tg->timers = NEW(struct posix_timers);
		TAILQ_INIT(&tg->timers->list);
	}
	return tg->timers;
}

static int free_id(struct thread_group *tg)
{
	struct posix_timers *ts = tg->timers;
	int id;
	do {
		id = ts->next_id;
		ts->next_id = id == INT_MAX ? 0 : id + 1;
	} while (timer_find(tg, id));
	return id;
}

int posix_timer_create(struct thread_group *tg, const struct clock *c, int notify, int sig, const union sigval *value,
		       struct task *target, int *out_id)
{
	struct posix_timers *ts = timers_of(tg);
	if ((rlim_t)ts->count >= tg->rlimits[RLIMIT_SIGPENDING].rlim_cur)
		return -EAGAIN;
	struct posix_timer *pt = NEW(struct posix_timer);
	live_born(TIMER);
	clock_timer_init(&pt->ct, c, timer_expired);
	pt->tg = tg;
	pt->target = target ? task_get(target) : NULL;
	pt->clock_task = c->task ? task_get(c->task) : NULL;
	pt->notify = notify;
	pt->id = free_id(tg);
	pt->entry.timer = pt;
	pt->entry.taken = timer_signal_taken;
	siginfo_t *info = &pt->entry.info;
	info->si_signo = sig;
	info->si_code = SI_TIMER;
	info->si_timerid = pt->id;
	if (value)
		info->si_value = *value;
	else
		info->si_value.sival_int = pt->id;
	TAILQ_INSERT_TAIL(&ts->list, pt, link);
	ts->count++;
	*out_id = pt->id;
	return 0;
}

static void timer_free(struct posix_timer *pt)
{
	struct posix_timers *ts = pt->tg->timers;
	clock_timer_cancel(&pt->ct);
	signal_cancel_entry(&pt->entry);
	TAILQ_REMOVE(&ts->list, pt, link);
	ts->count--;
	if (pt->target)
		task_put(pt->target);
	if (pt->clock_task)
		task_put(pt->clock_task);
	live_died(TIMER);
	free(pt);
}

static void timer_read(struct posix_timer *pt, struct timer_spec *out)
{
	/* What has expired meanwhile counts, though nobody took the signal. */
	if (pt->ct.fired && pt->ct.interval_ns && pt->notify == SIGEV_NONE)
		clock_timer_forward(&pt->ct);
	out->interval_ns = pt->ct.interval_ns;
	out->value_ns = clock_timer_left(&pt->ct);
	if (pt->ct.fired && pt->ct.interval_ns) {
		uint64_t now = clock_now_ns(&pt->ct.clock);
		uint64_t since = now > pt->ct.value_ns ? now - pt->ct.value_ns : 0;
		out->value_ns = pt->ct.interval_ns - since % pt->ct.interval_ns;
	}
}

int posix_timer_set(struct thread_group *tg, int id, bool absolute, const struct timer_spec *spec, struct timer_spec *old)
{
	struct posix_timer *pt = timer_find(tg, id);
	if (!pt)
		return -EINVAL;
	if (old)
		timer_read(pt, old);
	signal_cancel_entry(&pt->entry);
	pt->overrun = 0;
	pt->overrun_last = 0;
	clock_timer_set(&pt->ct, spec->value_ns, spec->interval_ns, absolute);
	return 0;
}

int posix_timer_get(struct thread_group *tg, int id, struct timer_spec *out)
{
	struct posix_timer *pt = timer_find(tg, id);
	if (!pt)
		return -EINVAL;
	timer_read(pt, out);
	return 0;
}

int posix_timer_overrun(struct thread_group *tg, int id)
{
	struct posix_timer *pt = timer_find(tg, id);
	return pt ? pt->overrun_last : -EINVAL;
}

int posix_timer_delete(struct thread_group *tg, int id)
{
	struct posix_timer *pt = timer_find(tg, id);
	if (!pt)
		return -EINVAL;
	timer_free(pt);
	return 0;
}

void timers_exec(struct thread_group *tg)
{
	struct posix_timer *pt;
	while (tg->timers && (pt = TAILQ_FIRST(&tg->timers->list)))
		timer_free(pt);
	free(tg->timers);
	tg->timers = NULL;
}
