/* machine.c - what the guest may know about the computer.
 *
 * HOW      Memory is the limit the user gave, or the host's (sysinfo(2)); everything else is the sandbox's own: time since its
 *          start, its tasks' CPU time, its load.
 * LINUX    Load: kernel/sched/loadavg.c samples every 5 seconds. An idle sandbox must not wake up for that, so the
 *          samples missed are made up for with what runs when somebody asks. */
#include "sentry/kernel/machine.h"

#include <stdio.h>
#include <sys/sysinfo.h>
#include <x86intrin.h>

#include "sentry/kernel/clock.h"
#include "sentry/kernel/host_random.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/sentry.h"

static uint64_t start_mono_ns, start_tsc;

/* Runs in the loader as well, which forks the sentry: early enough for both. */
__attribute__((constructor)) static void machine_start(void)
{
	start_mono_ns = now_mono_ns();
	start_tsc = __rdtsc();
}

int machine_cpus(void)
{
	int n = sentry_config ? sentry_config->ncpus : 1;
	return n < 1 ? 1 : n > MACHINE_CPUS_MAX ? MACHINE_CPUS_MAX : n;
}

uint64_t machine_ram_bytes(void)
{
	static uint64_t host;
	struct sysinfo si;
	if (!host && sysinfo(&si) == 0)
		host = (uint64_t)si.totalram * si.mem_unit;
	uint64_t limit = sentry_config ? sentry_config->memory_limit : 0;
	return limit && limit < host ? PAGE_ALIGN_DOWN(limit) : host;
}

uint64_t machine_free_bytes(void)
{
	struct sysinfo si;
	if (sysinfo(&si) != 0)
		return 0;
	return MIN(((uint64_t)si.freeram + si.bufferram) * si.mem_unit, machine_ram_bytes());
}

uint64_t machine_uptime_ns(void)
{
	return now_mono_ns() - start_mono_ns;
}

uint64_t machine_uptime_for(const struct task *t)
{
	return time_ns_shift(machine_uptime_ns(), t ? time_ns_offset(t->time_ns, CLOCK_BOOTTIME) : 0);
}

uint64_t machine_since_start_ns(uint64_t mono_ns)
{
	return mono_ns > start_mono_ns ? mono_ns - start_mono_ns : 0;
}

uint64_t machine_boot_real_ns(void)
{
	static uint64_t boot;
	if (!boot)
		boot = now_real_ns() - machine_uptime_ns();
	return boot;
}

uint64_t machine_tsc_hz(void)
{
	static uint64_t hz;
	uint64_t ns = machine_uptime_ns();
	if (!hz && ns > NS_PER_SEC / 1000)
		hz = (uint64_t)((unsigned __int128)(__rdtsc() - start_tsc) * NS_PER_SEC / ns);
	return hz;
}

void machine_uuid(char out[37])
{
	uint8_t b[16];
	host_random(b, sizeof(b));
	b[6] = (b[6] & 0x0f) | 0x40;           /* version 4, variant 1 (RFC 4122) */
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4],
		 b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

const char *machine_boot_id(void)
{
	static char id[37];
	if (!id[0])
		machine_uuid(id);
	return id;
}

static uint64_t timeval_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * NS_PER_SEC + (uint64_t)tv->tv_usec * 1000;
}

void machine_cpu_time(uint64_t *user_ns, uint64_t *system_ns)
{
	uint64_t user = 0, sys = 0;
	FOREACH_PROCESS(tg) {
		user += timeval_ns(&tg->rusage_dead.ru_utime) + timeval_ns(&tg->rusage_children.ru_utime);
		sys += timeval_ns(&tg->rusage_dead.ru_stime) + timeval_ns(&tg->rusage_children.ru_stime);
		struct task *t;
		TAILQ_FOREACH(t, &tg->threads, thread_link) {
			user += t->exited ? 0 : task_cpu_ns(t) - t->stime_ns;
			sys += t->exited ? 0 : t->stime_ns;
		}
	}
	*user_ns = user;
	*system_ns = sys;
}

int machine_running(void)
{
	int n = 0;
	FOREACH_PROCESS(tg) {
		struct task *t;
		TAILQ_FOREACH(t, &tg->threads, thread_link)
			n += !t->exited && !t->sleeping && t->stop_state == RUNNING;
	}
	return n;
}

void machine_loadavg(uint64_t out[3])
{
	enum { PERIOD_S = 5, STEPS_MAX = 12 * 60 };          /* an hour: all three have forgotten what was before */
	static const uint64_t decay[3] = { 60296, 64453, 65173 };   /* exp(-5 s / 1, 5, 15 min) * 65536 */
	static uint64_t avg[3], steps_done;
	uint64_t steps = machine_uptime_ns() / NS_PER_SEC / PERIOD_S;
	uint64_t active = (uint64_t)machine_running() << 16;
	uint64_t n = MIN(steps - steps_done, (uint64_t)STEPS_MAX);
	steps_done = steps;
	while (n--)
		for (int i = 0; i < 3; i++)
			avg[i] = (avg[i] * decay[i] + active * (65536 - decay[i])) >> 16;
	for (int i = 0; i < 3; i++)
		out[i] = avg[i];
}
