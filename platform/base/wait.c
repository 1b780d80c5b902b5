/* wait.c - see wait.h. */
#include "platform/base/wait.h"

void waitq_init(struct waitq *q)
{
	TAILQ_INIT(&q->waiters);
}

bool waitq_empty(const struct waitq *q)
{
	return TAILQ_EMPTY(&q->waiters);
}

void waitq_wake(struct waitq *q, uint32_t events)
{
	/* A wake function may take its own waiter off the queue, no other. */
	struct waiter *w = TAILQ_FIRST(&q->waiters);
	bool taken = false;
	while (w) {
		struct waiter *next = TAILQ_NEXT(w, link);
		if (!w->exclusive) {
			w->wake(w, events);
		} else if (!taken) {              /* it stays on the queue, so that w can be looked at afterwards */
			w->took = false;
			w->wake(w, events);
			taken = w->took;
		}
		w = next;
	}
}

static void wake_co(struct waiter *w, uint32_t events)
{
	(void)events;
	co_wake(w->co);
}

void waiter_init_co(struct waiter *w)
{
	*w = (struct waiter){ .wake = wake_co, .co = co_current() };
	CHECK(w->co != NULL);
}

void waiter_add(struct waiter *w, struct waitq *q)
{
	CHECK(w->q == NULL);
	w->q = q;
	TAILQ_INSERT_TAIL(&q->waiters, w, link);
}

void waiter_del(struct waiter *w)
{
	if (!w->q)
		return;
	TAILQ_REMOVE(&w->q->waiters, w, link);
	w->q = NULL;
}

void sleep_lock_init(struct sleep_lock *l)
{
	l->held = false;
	waitq_init(&l->q);
}

void sleep_lock_acquire(struct sleep_lock *l)
{
	wait_event_uninterruptible(&l->q, !l->held);
	l->held = true;
}

void sleep_lock_release(struct sleep_lock *l)
{
	CHECK(l->held);
	l->held = false;
	waitq_wake(&l->q, 0);
}
