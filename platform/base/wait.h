/* wait.h - queues of those who wait for something to change.
 *
 * A waitq belongs to an object; waitq_wake() calls every waiter's function, which wakes a coroutine
 * (the usual case), or passes the news on (epoll). Events are poll(2)'s bits and only a hint: the
 * waiter rechecks the condition itself. */
#pragma once

#include <sys/queue.h>

#include "platform/base/co.h"

struct waiter;
struct waitq {
	TAILQ_HEAD(, waiter) waiters;
};
struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct waitq *q;                                        /* NULL while on none */
	void (*wake)(struct waiter *w, uint32_t events);        /* must not sleep */
	struct co *co;                                          /* for waiter_init_co() */
	bool exclusive, took;                                   /* of those that are exclusive, a wake-up ends with the first
								 * whose wake() sets took: one is enough (EPOLLEXCLUSIVE) */
};

#define WAITQ_INIT(q) { TAILQ_HEAD_INITIALIZER((q).waiters) }
void waitq_init(struct waitq *q);
void waitq_wake(struct waitq *q, uint32_t events);
bool waitq_empty(const struct waitq *q);

void waiter_init_co(struct waiter *w);                          /* wakes the calling coroutine */
void waiter_add(struct waiter *w, struct waitq *q);
void waiter_del(struct waiter *w);                              /* harmless when on no queue */

/* Sleeps until cond holds, whatever signals come: only for waits that are sure to end. */
#define wait_event_uninterruptible(queue, cond)                 \
	do {                                                    \
		struct waiter w_;                               \
		waiter_init_co(&w_);                            \
		waiter_add(&w_, (queue));                       \
		while (!(cond))                                 \
			co_sleep();                             \
		waiter_del(&w_);                                \
	} while (0)

/* A lock that is held across sleeps. Not recursive; FIFO. */
struct sleep_lock {
	bool held;
	struct waitq q;
};
void sleep_lock_init(struct sleep_lock *l);
void sleep_lock_acquire(struct sleep_lock *l);                  /* sleeps */
void sleep_lock_release(struct sleep_lock *l);
