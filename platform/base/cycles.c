/* cycles.c - see cycles.h. */
#include "platform/base/cycles.h"

#include "platform/base/base.h"

#define GUESS_PER_US 2500                 /* too fast a processor makes short intervals shorter: harmless */

static uint64_t per_us(void)
{
	static uint64_t first_cycles, first_ns, rate;
	if (rate)
		return rate;
	uint64_t ns = now_mono_ns(), cycles = cycles_now();
	if (!first_ns) {
		first_ns = ns;
		first_cycles = cycles;
	}
	uint64_t us = (ns - first_ns) / 1000;
	if (us < 1000)
		return GUESS_PER_US;
	rate = MAX((cycles - first_cycles) / us, 1UL);
	return rate;
}

uint64_t cycles_to_ns(uint64_t cycles)
{
	return (uint64_t)((unsigned __int128)cycles * 1000 / per_us());
}

uint64_t cycles_from_ns(uint64_t ns)
{
	return (uint64_t)((unsigned __int128)ns * per_us() / 1000);
}
