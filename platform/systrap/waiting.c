/* waiting.c - how sentry and stubs wait for each other: by looking, by yielding, or asleep.
 *
 * WHY      Looking costs 0.1 us and a processor; waking a thread on another processor costs 50 us in a virtual machine, on the same
 *          one 2 us and a context switch; yielding to nobody 0.3 us.
 * HOW      Nobody looks for who can't run meanwhile, because both are on one processor (placement.c). Otherwise the sentry looks
 *          for SPIN_NS after its last work, for SPIN_CROWDED_NS when guest threads have use for every processor, or when the
 *          only one may still be waiting for ours, for SPIN_BUSY_NS at most when others than the sandbox have, not at all when no
 *          guest thread runs; then it sleeps, unless by then it has reason to look for longer. A stub
 *          looks STUB_SPIN times, yields YIELDS times, once where the sentry is, and sleeps; one that had to ring begins with
 *          yielding. A call that has to wait is parked: its stub yields at once, so that whoever it waits for finds a processor
 *          that is awake.
 *          Yielding to who computes takes until the next tick, milliseconds. A stub whose yield took LONG_YIELD_NS says so, and
 *          nobody yields for a while, twice as long each time that shows again.
 *          Whether others have use for the processors is asked, not guessed: more runnable threads on the host than processors,
 *          some of them not ours. The host's count is in /proc/loadavg, of which the sentry has a descriptor. Then nobody yields,
 *          and who sleeps is woken soon, for no processor is asleep; on an idle host sleeping would cost 50 us a call.
 *          On a busy host a guest that computes a while between its calls makes looking for SPIN_BUSY_NS a waste each time, so
 *          the sentry does that only as long as it would have been worth it most of the last times (luck).
 *          With one processor, or less (--cpus), everybody sleeps at once. */
#include "platform/systrap/waiting.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/base/cycles.h"
#include "platform/systrap/systrap.h"

#define SPIN_NS 150000
#define SPIN_CROWDED_NS 20000
#define SPIN_BUSY_NS 10000                /* what sleeping and being woken costs on a processor that is awake */
#define STUB_SPIN 100                     /* 2-4 us: an answer that is not there by now is not being worked on */
#define YIELDS 100
#define LONG_YIELD_NS 1000000
#define CONTENDED_MIN_NS 2000000ULL
#define CONTENDED_MAX_NS 160000000ULL
#define LOAD_NS 2000000                   /* how often to look at the host's load: 1 us each */
#define LOAD_BUSY_NS 200000
#define CONFIRM_NS 100000
#define LUCK_MAX 4

static unsigned ncpus;
static int load_fd = -1;
static unsigned host_cpus;
static uint64_t contended_until;          /* cycles */
static bool host_busy;                    /* when we looked last */
static int luck;                          /* > 0: events mostly come before SPIN_CROWDED_NS */
static bool looked;                       /* since the last sleep */

void waiting_init(unsigned processors, int load, unsigned host_processors)
{
	load_fd = load;
	host_cpus = host_processors;
	cpu_set_t set;
	ncpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
	if (processors)
		ncpus = MIN(ncpus, processors);
	stub_ro->spin = ncpus > 1 ? STUB_SPIN : 0;
}

unsigned waiting_processors(void)
{
	return ncpus;
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

/* Threads of the host that run or want to, as the fourth word of "0.52 0.58 0.59 2/1003 4711" tells. 0: not known. */
static unsigned long host_running(void)
{
	char line[64], *word = line;
	ssize_t n = load_fd < 0 ? -1 : pread(load_fd, line, sizeof(line) - 1, 0);
	if (n <= 0)
		return 0;
	line[n] = '\0';
	for (int i = 0; word && i < 3; i++)
		word = strchr(word, ' ') ? strchr(word, ' ') + 1 : NULL;
	return word ? strtoul(word, NULL, 10) : 0;
}

/* ours: so many of them may be the sandbox's own. */
static void look_at_load(unsigned ours)
{
	static uint64_t next;
	static bool suspected;                    /* the kernel's own threads run now and then, for some microseconds */
	uint64_t now = cycles_now();
	if (now < next)
		return;
	unsigned long running = host_running();
	bool more = running > host_cpus && running > ours;
	host_busy = more && suspected;
	next = now + cycles_from_ns(host_busy ? LOAD_BUSY_NS : more ? CONFIRM_NS : LOAD_NS);
	suspected = more;
}

void waiting_policy(void)
{
	static uint32_t yields = 1;
	uint32_t want = ncpus > 1 && !contended() && !host_busy ? YIELDS : 0;
	if (want == yields)                       /* every stub reads that cache line at every call */
		return;
	stub_ro->long_yield = (uint32_t)cycles_from_ns(LONG_YIELD_NS);
	stub_ro->yields = yields = want;
}

static void learn(bool soon)
{
	luck = soon ? MIN(luck + 1, LUCK_MAX) : MAX(luck - 1, -LUCK_MAX);
}

void waiting_slept(uint64_t cycles)
{
	learn(cycles < cycles_from_ns(SPIN_BUSY_NS));
	looked = false;
}

uint64_t waiting_spin(unsigned running, unsigned threads, bool newborn, bool again)
{
	if (ncpus == 1)
		return 0;
	look_at_load(1 + threads);
	if (looked && !again)                     /* and found something */
		learn(true);
	looked = true;
	if (!host_busy)
		return cycles_from_ns(running < ncpus && !newborn ? SPIN_NS : SPIN_CROWDED_NS);
	return luck > 0 ? cycles_from_ns(SPIN_BUSY_NS) : 0;
}
