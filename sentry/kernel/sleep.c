/* sleep.c - interruptible sleeps of tasks (task.h). */
#include "sentry/kernel/task.h"
#include "sentry/mm/window.h"

bool task_interrupted(const struct task *t)
{
	return t->exiting || t->tg->exiting || signal_pending(t);
}

void task_kick(struct task *t)
{
	if (t->sleeping)
		co_wake(t->co);
	else if (t->pl)
		pl_interrupt(t->pl);
}

static void sleeper_wake(struct waiter *w, uint32_t events)
{
	(void)events;
	co_wake(container_of(w, struct sleeper, w)->co);
}

static void sleeper_timeout(struct ktimer *kt)
{
	struct sleeper *s = container_of(kt, struct sleeper, timer);
	s->timed_out = true;
	co_wake(s->co);
}

void sleeper_begin(struct sleeper *s, struct task *t, struct waitq *q, uint64_t deadline_ns)
{
	*s = (struct sleeper){ .w.wake = sleeper_wake, .timer.fire = sleeper_timeout, .co = t->co };
	CHECK(co_current() == t->co);
	window_flush(t);                  /* others look at memory meanwhile */
	if (q)
		waiter_add(&s->w, q);
	if (deadline_ns != UINT64_MAX)
		ktimer_arm(&s->timer, deadline_ns);
	t->sleeping = true;
}

void sleeper_end(struct sleeper *s, struct task *t)
{
	t->sleeping = false;
	ktimer_cancel(&s->timer);
	waiter_del(&s->w);
}
