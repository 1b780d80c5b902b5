/* waiting.c - how sentry and stubs wait for each other: by looking, by yielding, or asleep.
 *
 * WHY      Looking costs 0.1 us and a processor; waking a thread on another processor costs 50 us in a virtual machine, on the same
 *          one 2 us and a context switch. So one side looks while there is a processor that nobody else needs:
 *            one for us and one for each thread that runs: fewer of them than processors, and nobody outside the
 *            sandbox in the way. A sentry that finds it was off its processor while it looked stops looking for a while.
 *          Limits: a sentry that had nothing to do for SPIN_NS sleeps; a stub looks for STUB_SPIN turns, yields YIELDS
 *          times, and sleeps. A call that has to wait is parked: its stub goes to yielding at once, so that whoever it
 *          waits for finds a processor that is awake. */
#include "platform/systrap/waiting.h"

#include <sched.h>

#include "platform/base/cycles.h"
#include "platform/systrap/systrap.h"

#define SPIN_NS 150000
#define SPIN_CROWDED_NS 20000
#define STUB_SPIN 2000                    /* ~20-40 us */
#define STUB_SPIN_CROWDED 400
#define YIELDS 100
#define CONTENDED_NS 5000000

static unsigned ncpus;
static uint64_t contended_until;          /* cycles */

void waiting_init(void)
{
	cpu_set_t set;
	ncpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static bool contended(void)
{
	if (contended_until && cycles_now() > contended_until)
		contended_until = 0;
	return contended_until;
}

void waiting_policy(unsigned running)
{
	static uint32_t spin, yields;
	uint32_t new_spin = running < ncpus ? STUB_SPIN : STUB_SPIN_CROWDED;
	uint32_t new_yields = running < ncpus && !contended() ? YIELDS : 0;
	if (new_spin != spin)                     /* every stub reads that cache line at every call */
		stub_ro->spin = spin = new_spin;
	if (new_yields != yields)
		stub_ro->yields = yields = new_yields;
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
