/* waiting.c - how sentry and stubs wait for each other: by looking, by yielding, or asleep.
 *
 * WHY      Looking costs 0.1 us and a processor; waking a thread on another processor costs 50 us in a virtual machine, on the same
 *          one 2 us and a context switch; yielding to nobody 0.3 us.
 * HOW      The sentry looks for SPIN_NS after its last work, for SPIN_CROWDED_NS when guest threads have use for every processor,
 *          not at all when none runs; then it sleeps. A stub looks STUB_SPIN times, yields YIELDS times, and sleeps; one that
 *          had to ring begins with yielding. A call that has to wait is parked: its stub yields at once, so that whoever
 *          it waits for finds a processor that is awake.
 *          A sentry that was off its processor while it looked has competitors outside of the sandbox. Yielding to those takes
 *          milliseconds, so stubs don't for a while. With one processor, or less (--cpus), everybody sleeps at once. */
#include "platform/systrap/waiting.h"

#include <sched.h>

#include "platform/base/cycles.h"
#include "platform/systrap/systrap.h"

#define SPIN_NS 150000
#define SPIN_CROWDED_NS 50000
#define STUB_SPIN 100                     /* 2-4 us: an answer that is not there by now is not being worked on */
#define YIELDS 100
#define CONTENDED_NS 5000000

static unsigned ncpus;
static uint64_t contended_until;          /* cycles */

void waiting_init(unsigned processors)
{
	cpu_set_t set;
	ncpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
	if (processors)
		ncpus = MIN(ncpus, processors);
	stub_ro->spin = ncpus > 1 ? STUB_SPIN : 0;
}

static bool contended(void)
{
	if (contended_until && cycles_now() > contended_until)
		contended_until = 0;
	return contended_until;
}

void waiting_policy(void)
{
	static uint32_t yields = 1;
	uint32_t want = ncpus > 1 && !contended() ? YIELDS : 0;
	if (want != yields)                       /* every stub reads that cache line at every call */
		stub_ro->yields = yields = want;
}

uint64_t waiting_spin(unsigned running)
{
	return !running || ncpus == 1 ? 0 : cycles_from_ns(running < ncpus ? SPIN_NS : SPIN_CROWDED_NS);
}

void waiting_preempted(struct loop_hook *h)
{
	(void)h;
	contended_until = cycles_now() + cycles_from_ns(CONTENDED_NS);
}
