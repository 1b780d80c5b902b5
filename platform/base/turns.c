/* turns.c - short turns on the processor for everybody in the sandbox, but for threads that the platform finds to compute.
 *
 * WHY      Sentry and stubs wait for each other all the time. Who yields gives up a turn, who is woken gets the processor at once
 *          only from somebody whose turns are not shorter: with the host's usual 1 to 4 ms a call that meets a busy
 *          processor takes as long. The share of a processor that the sandbox gets is the same.
 * LINUX    sched_setattr(2): since 6.12 sched_runtime of an ordinary thread is the length of its turns, 0.1 to 100 ms. Before it
 *          was ignored. Needs no privilege; children inherit it. */
#include "platform/base/turns.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TURN_NS 100000

/* <linux/sched/types.h> has it, and what contradicts <sched.h>. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static struct attr ours;                  /* policy, nice value, the host's length of a turn; size 0: not to be changed */

void turns_short(void)
{
	if (syscall(SYS_sched_getattr, 0, &ours, sizeof(ours), 0) < 0 || ours.policy != SCHED_OTHER)
		ours.size = 0;
	turns_of(0, false);
}

void turns_of(int tid, bool usual)
{
	struct attr a = ours;
	if (a.size == 0)
		return;
	a.size = sizeof(a);
	a.flags = 0;
	a.runtime = usual ? ours.runtime : TURN_NS;
	(void)syscall(SYS_sched_setattr, tid, &a, 0);
}
