/* time_ns.h - time namespaces: their own CLOCK_MONOTONIC and CLOCK_BOOTTIME (time_namespaces(7)).
 *
 * A task that unshares stays in its namespace: its next process, or program, is in the new one. From then on the offsets
 * are frozen, so a process's clocks never jump. */
#pragma once

#include <time.h>

#include "sentry/kernel/ns.h"

struct mm;
struct pl_thread;

struct time_ns {
	int refs;
	struct ns_id id;
	bool frozen;                      /* somebody is in it */
	int64_t monotonic_ns, boottime_ns;        /* what its clocks are ahead of the host's */
};
struct time_ns *time_ns_first(void);
int time_ns_copy(const struct time_ns *from, struct user_ns *owner, struct time_ns **out) MUST_CHECK;
struct time_ns *time_ns_get(struct time_ns *ns);
void time_ns_put(struct time_ns *ns);

int64_t time_ns_offset(const struct time_ns *ns, clockid_t clock);      /* 0: a clock that is everybody's, or no namespace */
uint64_t time_ns_shift(uint64_t ns, int64_t offset);                    /* ns + offset within what a clock can say */

/* Entering the namespace that a task had for its children: fork without CLONE_VM, exec, setns. First, while failing is still
 * possible, its memory is made to show the clocks of ns; pl: a stopped thread in it. Sleeps. */
int time_ns_prepare(const struct time_ns *ns, struct mm *mm, struct pl_thread *pl) MUST_CHECK;
void time_ns_enter(struct task *t);

/* A line of /proc/PID/timens_offsets for a clock: -ERANGE: a clock below 0, or beyond what lasts. -EACCES: it is in use. */
int time_ns_set(struct time_ns *ns, clockid_t clock, int64_t sec, int64_t nsec, bool check_only) MUST_CHECK;
