/* blob_window.c - copying a call's small arguments between the guest and the slot (platform/window.h), in the stub.
 *
 * HOW      The table says which arguments; what does not fit or cannot be touched is left to the sentry. The three words that touch
 *          guest memory are in blob_entry.S: they may fault.
 * RULES    As blob.c: freestanding, no writable data, no vector registers, nothing here is a check. */
#include "platform/systrap/blob_window.h"

/* Where the next window's bytes go; 0 bytes: no window. */
static uint32_t fill(const struct window_arg *a, const uint64_t args[WIN_ARGS], char *to, uint32_t room)
{
	uint64_t addr = args[a->arg], bytes = a->unit;
	if (!addr)
		return 0;
	if (a->kind == WIN_PATH)
		return stub_copy_string(to, addr, room < WIN_PATH_MAX ? room : WIN_PATH_MAX);
	if (a->count != WIN_ONCE) {
		/* No product: what is longer than a window in units is longer in bytes. */
		uint64_t count = args[a->count];
		bytes = count > WIN_BUF_MAX ? WIN_BUF_MAX + 1 : count * a->unit;
	}
	if (a->kind == WIN_IN)
		return bytes <= WIN_BUF_MAX && bytes <= room && stub_copy(to, (const char *)addr, bytes) == 0 ? (uint32_t)bytes : 0;
	if (bytes > WIN_BUF_MAX)
		bytes = WIN_BUF_MAX;
	if (bytes > room)
		bytes = room;
	if (bytes == 0 || addr + bytes < addr || stub_touch(addr) || stub_touch(addr + bytes - 1))
		return 0;
	return (uint32_t)bytes;
}

uint32_t stub_windows_in(uint64_t nr, const uint64_t args[WIN_ARGS], struct slot_window *win, char *area)
{
	uint32_t n = 0, used = 0;
	if (nr >= WIN_CALLS)
		return 0;
	for (const struct window_arg *a = window_table[nr]; a < window_table[nr] + PL_WINDOWS && a->kind; a++) {
		uint32_t len = fill(a, args, area + used, WIN_AREA_BYTES - used);
		if (!len)
			continue;
		win[n].addr = args[a->arg];
		win[n].len = len;
		win[n].off = used;
		win[n].flags = a->kind == WIN_OUT ? WINDOW_OUT : WINDOW_IN;
		win[n].lo = win[n].hi = 0;
		n++;
		used += (len + 15) & ~15U;
		if (used >= WIN_AREA_BYTES)
			break;
	}
	return n;
}

size_t stub_windows_out(uint32_t n, const struct slot_window *win, const char *area)
{
	size_t left = 0;
	for (uint32_t i = 0; i < n && i < PL_WINDOWS; i++) {
		uint32_t lo = win[i].lo, hi = win[i].hi;
		if (lo < hi)
			left += stub_copy((char *)win[i].addr + lo, area + win[i].off + lo, hi - lo);
	}
	return left;
}
