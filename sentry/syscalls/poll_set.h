/* poll_set.h - waiting for any of several files: what poll(2) and select(2) share. */
#pragma once

#include "sentry/kernel/task.h"

struct poll_entry {
	struct file *file;                /* a reference, or NULL: never ready */
	uint32_t events;                  /* what is asked for, in EPOLL* bits; EPOLLERR and EPOLLHUP are told in any case */
	uint32_t revents;                 /* out: what of it is ready */
	struct waiter w;
	struct co *co;
};

/* Waits until an entry has revents. The number of those that have; 0: the deadline (CLOCK_MONOTONIC; 0: don't wait,
 * UINT64_MAX: for ever) passed; -ERESTARTNOHAND: a signal. Entries whose revents are set beforehand count as ready.
 * Sleeps. */
int poll_entries_wait(struct task *t, struct poll_entry *v, size_t n, uint64_t deadline_ns) MUST_CHECK;
void poll_entries_free(struct poll_entry *v, size_t n);                /* puts the files, frees v */

/* The deadline that lies `ts` ahead, UINT64_MAX for NULL or the far future, 0 for none at all. -EINVAL: not a valid time. */
int deadline_after(const struct timespec *ts, uint64_t *out_deadline_ns) MUST_CHECK;
/* What is left until then; zero when it has passed. */
struct timespec time_left(uint64_t deadline_ns);
/* The end of a call that said `ret`: writes that to the caller's time-out, a timeval or a timespec, unless its personality
 * has time-outs stay as they are. Returns ret; -EINTR where a call that starts anew would wait too long. */
int time_out_end(struct task *t, uptr_t where, bool timeval, uint64_t deadline_ns, int ret) MUST_CHECK;

/* The signal mask argument of ppoll(2) and its like: installs it while the call lasts. A null set: nothing happens. */
int sigmask_arg_begin(struct task *t, uptr_t set, uint64_t bytes) MUST_CHECK;
/* Puts the old mask back, unless a signal ended the call: then its handler runs first, under the temporary mask. */
void sigmask_arg_end(struct task *t, bool interrupted);
