/* waiting.c - how sentry and stubs wait for each other: by looking, by yielding, or asleep.
 *
 * WHY      Looking costs 0.1 us and a processor; waking a thread on another processor costs 50 us in a virtual machine, on the same
 *          one 2 us and a context switch; yielding to nobody 0.3 us.
 * HOW      The sentry looks for SPIN_NS after its last work, for SPIN_CROWDED_NS when others have use for its processor, not at
 *          all when no guest thread runs; then it sleeps. A stub looks STUB_SPIN times, yields YIELDS times, and sleeps; one that
 *          had to ring begins with yielding. A call that has to wait is parked: its stub yields at once, so that whoever
 *          it waits for finds a processor that is awake.
 *          Yielding to who computes takes until the next tick, milliseconds. A stub whose yield took LONG_YIELD_NS says so,
 *          and nobody yields for a while, twice as long each time that shows again. On a busy machine that makes a shell's
 *          forks and pipes three to ten times as fast: nobody's processor falls asleep there, so sleeping is cheap.
 *          With one processor, or less (--cpus), everybody sleeps at once. */
#include "platform/systrap/waiting.h"

#include <sched.h>

#include "platform/base/cycles.h"
#include "platform/systrap/systrap.h"

#define SPIN_NS 150000
#define SPIN_CROWDED_NS 10000             /* what sleeping and being woken costs on a processor that is awake */
#define STUB_SPIN 100                     /* 2-4 us: an answer that is not there by now is not being worked on */
#define YIELDS 100
#define LONG_YIELD_NS 50000
#define CONTENDED_MIN_NS 20000000ULL
#define CONTENDED_MAX_NS 1000000000ULL

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

void waiting_contended(void)
{
	static uint64_t ns, again_until;
	uint64_t now = cycles_now();
	if (now < contended_until)
		return;
	ns = now < again_until ? MIN(2 * ns, CONTENDED_MAX_NS) : CONTENDED_MIN_NS;
	contended_until = now + cycles_from_ns(ns);
	again_until = contended_until + cycles_from_ns(CONTENDED_MAX_NS);
}

void waiting_policy(void)
{
	static uint32_t yields = 1;
	uint32_t want = ncpus > 1 && !contended() ? YIELDS : 0;
	if (want == yields)                       /* every stub reads that cache line at every call */
		return;
	stub_ro->long_yield = (uint32_t)cycles_from_ns(LONG_YIELD_NS);
	stub_ro->yields = yields = want;
}

uint64_t waiting_spin(unsigned running)
{
	if (!running || ncpus == 1)
		return 0;
	return cycles_from_ns(running < ncpus && !contended() ? SPIN_NS : SPIN_CROWDED_NS);
}
