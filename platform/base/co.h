/* co.h - coroutines: straight-line code that may sleep, on one thread.
 *
 * Everything in the sentry runs either on the event loop's own stack or in a coroutine. A coroutine
 * runs until it sleeps or ends; nothing else runs meanwhile. co_wake() may come early or twice
 * ("spurious"): every sleeper rechecks what it waits for. */
#pragma once

#include "platform/base/base.h"

struct co;

/* A new coroutine, ready to run from the loop's next turn. It is freed when fn returns. */
struct co *co_spawn(void (*fn)(void *arg), void *arg);
struct co *co_current(void);              /* NULL on the loop's stack */
void co_sleep(void);                      /* sleeps: until co_wake(); only inside a coroutine */
void co_wake(struct co *co);              /* makes it ready; harmless when it already is */
void co_yield(void);                      /* lets everybody else run first */
bool co_run_ready(void);                  /* the loop's: runs what is ready now; false if nothing was */
bool co_any_ready(void);

/* no_sleep: between these two a sleep is a bug, and CHECKed. They nest. */
void co_no_sleep_begin(void);
void co_no_sleep_end(void);
