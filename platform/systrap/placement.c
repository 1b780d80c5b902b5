/* placement.c - which processor the sentry shares with whom.
 *
 * WHY      A stub that is on the sentry's processor can't be looked for, nor look: each call is two context switches, 4 us and more,
 *          where looking takes 0.5. The host's scheduler does not know who waits for whom: three threads on two processors, the
 *          sentry one of them, stay for seconds as they are, and if the sentry is one of the two that share, everybody is slow.
 * HOW      Stubs publish their processor with each event, the sentry its own when it changes. Who sees that both are the
 *          same does not look. A guest thread that is in the sentry's way again and again, while the others are talking to the
 *          sentry too, is sent away: for a moment it may not run here, which makes the host move it; then it may again.
 *          It is runnable and in the trap code at that time: it neither forks, nor is its mask asked for. Who was pinned by the guest
 *          stays. Others that compute would pay for it with their processor's time, so then nothing happens.
 * TRUST    The thread id is the guest's word. Any process that we can name so is the sandbox's, and may run everywhere afterwards. */
#include "platform/systrap/placement.h"

#include <sched.h>
#include <stdlib.h>

#include "platform/base/cycles.h"
#include "platform/systrap/systrap.h"

#define CLASHES 8                         /* in WINDOW_NS: enough to send somebody away */
#define WINDOW_NS 1000000
#define AGAIN_MIN_NS 2000000ULL
#define AGAIN_MAX_NS 128000000ULL

static cpu_set_t may_use;
static uint16_t cpu = UINT16_MAX;

void placement_init(void)
{
	if (sched_getaffinity(0, sizeof(may_use), &may_use) < 0)
		CPU_ZERO(&may_use);
}

void placement_publish(void)
{
	uint16_t now = cpu_now();
	if (now != cpu)                           /* every stub reads that cache line at every call */
		stub_ro->sentry_cpu = now;
	cpu = now;
}

bool placement_same(const struct systrap_thread *t)
{
	return __atomic_load_n(&t->slot->cpu, __ATOMIC_RELAXED) == cpu;
}

bool placement_full(void)
{
	return systrap_guests_elsewhere() + 1 >= (unsigned)CPU_COUNT(&may_use);
}

static bool often(void)
{
	static uint64_t since;
	static unsigned clashes;
	uint64_t now = cycles_now();
	if (now - since > cycles_from_ns(WINDOW_NS)) {
		since = now;
		clashes = 0;
	}
	return ++clashes >= CLASHES;
}

/* Who comes back soon is left alone for longer each time. */
static bool may_again(void)
{
	static uint64_t last, wait_ns = AGAIN_MIN_NS;
	uint64_t now = cycles_now(), ago = now - last;
	if (ago < cycles_from_ns(wait_ns))
		return false;
	wait_ns = ago < cycles_from_ns(4 * wait_ns) ? MIN(2 * wait_ns, AGAIN_MAX_NS) : AGAIN_MIN_NS;
	last = now;
	return true;
}

static bool allow(const struct systrap_thread *t, const cpu_set_t *where)
{
	int tid = (int)__atomic_load_n(&t->slot->tid, __ATOMIC_RELAXED);
	tid = tid > 0 ? tid : t->base.as->pid;
	return tid > 0 && sched_setaffinity(tid, sizeof(*where), where) == 0;
}

bool placement_clash(struct systrap_thread *t, bool others_compute)
{
	cpu_set_t away = may_use;
	CPU_CLR(cpu, &away);
	if (t->beside || !often() || others_compute || t->base.as->pinned || CPU_COUNT(&away) == 0 || !may_again())
		return false;
	bool moved = allow(t, &away) && allow(t, &may_use);
	pl_stats_.moves += moved;
	return moved;
}

/* --- stubs that are made in advance --- */

void placement_beside(struct systrap_thread *t)
{
	/* With more processors one of them is idle. */
	if (CPU_COUNT(&may_use) != 2 || cpu >= CPU_SETSIZE || t->beside == cpu + 1)
		return;
	cpu_set_t here;
	CPU_ZERO(&here);
	CPU_SET(cpu, &here);
	t->beside = allow(t, &here) ? cpu + 1 : 0;
}

void placement_bury(int pid)
{
	cpu_set_t here;
	if (CPU_COUNT(&may_use) != 2 || cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&here);
	CPU_SET(cpu, &here);
	(void)sched_setaffinity(pid, sizeof(here), &here);
}

void placement_apart(struct systrap_thread *t, bool others_compute)
{
	if (!t->beside)
		return;
	cpu_set_t away = may_use;
	CPU_CLR(cpu, &away);
	t->apart = !others_compute && allow(t, &away);
	if (!t->apart)
		allow(t, &may_use);
	t->beside = 0;
}

void placement_settled(struct systrap_thread *t)
{
	if (!t->apart)
		return;
	t->apart = false;
	allow(t, &may_use);
}
