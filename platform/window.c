/* window.c - windows as a slot describes them, checked (window.h). */
#include "platform/window.h"

#include "platform/platform.h"

#define READ(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

unsigned windows_take(struct pl_window *out, const struct slot_window *in, unsigned n, char *area)
{
	unsigned taken = 0;
	for (; taken < n && taken < PL_WINDOWS; taken++) {
		uint64_t addr = READ(in[taken].addr);
		uint32_t len = READ(in[taken].len), off = READ(in[taken].off), flags = READ(in[taken].flags);
		if (off > WIN_AREA_BYTES || len > WIN_AREA_BYTES - off || addr > PL_GUEST_END - len)
			break;
		out[taken] = (struct pl_window){ .addr = addr, .len = len, .flags = flags & (WINDOW_IN | WINDOW_OUT), .mem = area + off };
	}
	return taken;
}

unsigned windows_give(struct slot_window *out, const struct pl_window *w, unsigned n)
{
	unsigned used = 0;
	for (unsigned i = 0; i < n; i++) {
		if (w[i].lo == w[i].hi)          /* as the stub left it: the line stays the stub's */
			continue;
		out[i].lo = w[i].lo;
		out[i].hi = w[i].hi;
		used = i + 1;
	}
	return used;
}
