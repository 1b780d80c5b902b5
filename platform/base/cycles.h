/* cycles.h - the processor's time stamp counter: for intervals on hot paths, where reading a clock is too much. */
#pragma once

#include <stdint.h>

static inline uint64_t cycles_now(void) { return __builtin_ia32_rdtsc(); }

/* The counter's rate, measured against the clock since the first call; a guess in the first millisecond. */
uint64_t cycles_to_ns(uint64_t cycles);
uint64_t cycles_from_ns(uint64_t ns);
