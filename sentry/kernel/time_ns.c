/* time_ns.c - time namespaces (time_ns.h).
 *
 * HOW     An offset is added where a guest's clock becomes a number and subtracted where a number becomes a deadline: all of that
 *         is in clock.c, but for futexes. Guests read most clocks in the host's vDSO, which knows nothing of this: a process
 *         in a namespace with offsets has its vDSO changed to ask (sentry/mm/ask_time.c).
 * LINUX   kernel/time/namespace.c. Same: the limits; a copy starts with its parent's offsets. */
#include "sentry/kernel/time_ns.h"

#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/mm/mm.h"

#define SEC_MAX (INT64_MAX / (int64_t)NS_PER_SEC)        /* KTIME_SEC_MAX */

struct time_ns *time_ns_first(void)
{
	struct time_ns *ns = NEW(struct time_ns);
	ns->refs = 1;
	ns->frozen = true;
	ns_id_init_first(&ns->id, NS_TIME);
	return ns;
}

int time_ns_copy(const struct time_ns *from, struct user_ns *owner, struct time_ns **out)
{
	struct time_ns *ns = NEW(struct time_ns);
	*ns = (struct time_ns){ .refs = 1, .monotonic_ns = from->monotonic_ns, .boottime_ns = from->boottime_ns };
	int err = ns_id_init(&ns->id, owner);
	if (err) {
		free(ns);
		return err;
	}
	*out = ns;
	return 0;
}

struct time_ns *time_ns_get(struct time_ns *ns)
{
	ns->refs++;
	return ns;
}

void time_ns_put(struct time_ns *ns)
{
	if (!ns || --ns->refs > 0)
		return;
	ns_id_fini(&ns->id);
	free(ns);
}

int64_t time_ns_offset(const struct time_ns *ns, clockid_t clock)
{
	switch (clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
		return ns ? ns->monotonic_ns : 0;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return ns ? ns->boottime_ns : 0;
	default:
		return 0;
	}
}

uint64_t time_ns_shift(uint64_t ns, int64_t offset)
{
	int64_t sum;
	if (ns > INT64_MAX || __builtin_add_overflow((int64_t)ns, offset, &sum))
		return INT64_MAX;
	return sum < 0 ? 0 : (uint64_t)sum;
}

int time_ns_prepare(const struct time_ns *ns, struct mm *mm, struct pl_thread *pl)
{
	return ns->monotonic_ns || ns->boottime_ns ? mm_ask_for_time(mm, pl) : 0;
}

void time_ns_enter(struct task *t)
{
	struct time_ns *old = t->time_ns;
	t->time_ns = time_ns_get(t->time_ns_children);
	t->time_ns->frozen = true;
	time_ns_put(old);
}

int time_ns_set(struct time_ns *ns, clockid_t clock, int64_t sec, int64_t nsec, bool check_only)
{
	struct timespec now;
	if (sec > SEC_MAX || sec < -SEC_MAX)
		return -ERANGE;
	CHECK(clock_gettime(clock, &now) == 0);
	/* Half of what a clock can say is left for it to go on. */
	int64_t then = now.tv_sec + sec + (now.tv_nsec + nsec >= (int64_t)NS_PER_SEC);
	if (then < 0 || then > SEC_MAX / 2)
		return -ERANGE;
	if (ns->frozen)
		return -EACCES;
	if (!check_only)
		*(clock == CLOCK_MONOTONIC ? &ns->monotonic_ns : &ns->boottime_ns) = sec * (int64_t)NS_PER_SEC + nsec;
	return 0;
}
