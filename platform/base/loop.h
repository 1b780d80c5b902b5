/* loop.h - the event loop: coroutines, host descriptors, timers, and the platform's poll hook.
 *
 * One turn: ready coroutines → hook → due timers → host descriptors; with nothing to do it spins
 * for a moment (if the hook asks for that) and then sleeps in epoll_pwait. */
#pragma once

#include <bsd/sys/tree.h>
#include <signal.h>
#include <sys/epoll.h>

#include "platform/base/co.h"

/* A host descriptor to watch. ready() runs on the loop's stack and must not sleep. The descriptor is borrowed. */
struct loop_fd {
	int fd;
	uint32_t events;
	void (*ready)(struct loop_fd *lf, uint32_t events);
};
int loop_fd_add(struct loop_fd *lf) MUST_CHECK;   /* -EPERM: an ordinary file, always ready */
void loop_fd_mod(struct loop_fd *lf, uint32_t events);
void loop_fd_del(struct loop_fd *lf);             /* before the descriptor is closed */

/* A timer fires once, on the loop's stack, at or after its deadline on the host's CLOCK_MONOTONIC. */
struct ktimer {
	RB_ENTRY(ktimer) link;
	uint64_t deadline_ns;
	bool armed;
	void (*fire)(struct ktimer *kt);              /* must not sleep; may arm it again */
};
void ktimer_arm(struct ktimer *kt, uint64_t deadline_ns);   /* rearms when armed */
void ktimer_cancel(struct ktimer *kt);                      /* harmless when not armed */

/* The platform's part of the loop (at most one). */
struct loop_hook {
	bool (*poll)(struct loop_hook *h);            /* true: found work */
	/* For how many cycles polling goes on before sleeping; NULL: none. again: that time is over, is it longer by now? */
	uint64_t (*spin)(struct loop_hook *h, bool again);
	bool (*before_sleep)(struct loop_hook *h);    /* announces the sleep; false: work turned up, stay */
	void (*after_sleep)(struct loop_hook *h);
	const sigset_t *sleep_mask;                   /* signals blocked during the sleep, which others end; NULL: as always */
};
void loop_set_hook(struct loop_hook *h);

/* +1, -1: one more host process is about to answer by a descriptor; or has. Worth a look before sleeping. */
void loop_expect(int change);

int loop_init(void) MUST_CHECK;
void loop_run(void);                              /* returns after loop_stop() */
void loop_stop(void);
