/* waiting.h - how sentry and stubs wait for each other: by looking, by yielding, or asleep. See waiting.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* processors: as many may be used; 0: all that the host lets us have. load: of /proc/loadavg, or -1. host_processors: what its
 * numbers are about. */
void waiting_init(unsigned processors, int load, unsigned host_processors);

/* How many the sandbox uses. */
unsigned waiting_processors(void);

/* Tells the stubs what to do while they wait for answers. */
void waiting_policy(void);

/* Nothing to do for the sentry, `running` of the sandbox's `threads` could change that, or only a new one, which may be waiting for
 * the processor that the sentry has: for how many cycles it looks before it sleeps. again: that time is over. */
uint64_t waiting_spin(unsigned running, unsigned threads, bool newborn, bool again);
/* And then it slept so long. */
void waiting_slept(uint64_t cycles);

/* The sentry, or a stub that yielded, was off its processor for long: others have use for it. */
void waiting_contended(void);
