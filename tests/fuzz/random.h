/* random.h - numbers for the fuzzers that run as guests: a thread's own sequence (xorshift64), from its seed. */
#pragma once

#include <stdint.h>

static __thread uint64_t seed;                   /* never 0 */

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t below(uint64_t n)
{
	return rnd() % n;
}
