/* look.h - looking for what another process is about to do, for as long as being woken by it would take. */
#pragma once

#include <sched.h>

#include "platform/base/cycles.h"

#define LOOK_NS 50000

struct look { uint64_t start, last; };

static inline struct look look_begin(void)
{
	uint64_t now = cycles_now();
	return (struct look){ now, now };
}

/* After a look in vain: yields, for the other one may be waiting for our processor. False: enough. */
static inline bool look_again(struct look *l)
{
	sched_yield();
	uint64_t now = cycles_now(), took = now - l->last;
	l->last = now;
	/* Who computes keeps what it is given until the next tick. */
	return took < cycles_from_ns(LOOK_NS / 4) && now - l->start < cycles_from_ns(LOOK_NS);
}
