/* window.c - see window.h.
 *
 * HOW      A write to an out window is remembered as one range of bytes [lo, hi); a write that does not touch it sends the range
 *          to guest memory first, so that nothing is ever copied over bytes the call has not written. What overlaps a
 *          window only in part goes to guest memory, and the window with it.
 *          Contents may change at any moment, like guest memory: every byte is copied once. */
#include "sentry/mm/window.h"

#include <string.h>

#include "platform/platform.h"
#include "sentry/kernel/task.h"

static bool any(const struct task *t)
{
	return t->pl && t->pl->nwindows > 0;
}

static bool holds(const struct pl_window *w, uint64_t addr, size_t bytes)
{
	return addr - w->addr <= w->len && bytes <= w->len - (addr - w->addr);
}

static bool touches(const struct pl_window *w, uint64_t addr, size_t bytes)
{
	return addr < w->addr + w->len && w->addr < addr + bytes;
}

static void flush_one(struct task *t, struct pl_window *w)
{
	if (w->lo == w->hi)
		return;
	/* Gone, or read-only by now: as if another thread had seen to it right after the call. */
	ssize_t n = pl_write(t->pl->as, w->addr + w->lo, w->mem + w->lo, w->hi - w->lo);
	(void)n;
	w->lo = w->hi = 0;
}

void window_flush(struct task *t)
{
	for (unsigned i = 0; t->pl && i < t->pl->nwindows; i++)
		flush_one(t, &t->pl->windows[i]);
}

void window_drop(struct task *t)
{
	window_flush(t);
	if (t->pl)
		t->pl->nwindows = 0;
}

/* May bytes of the range be had from w? What lies there of an out window goes to memory, where it will be read. */
static bool readable(struct task *t, struct pl_window *w, uint64_t addr, size_t bytes)
{
	if (!touches(w, addr, bytes))
		return false;
	if (w->flags & WINDOW_IN)
		return true;
	flush_one(t, w);
	return false;
}

bool window_read(struct task *t, uint64_t addr, void *dst, size_t bytes)
{
	bool done = false;
	for (unsigned i = 0; any(t) && i < t->pl->nwindows; i++) {
		struct pl_window *w = &t->pl->windows[i];
		if (!readable(t, w, addr, bytes) || done || !holds(w, addr, bytes))
			continue;
		memcpy(dst, w->mem + (addr - w->addr), bytes);
		done = true;
	}
	return done;
}

size_t window_read_some(struct task *t, uint64_t addr, void *dst, size_t room)
{
	for (unsigned i = 0; any(t) && i < t->pl->nwindows; i++) {
		struct pl_window *w = &t->pl->windows[i];
		if (!(w->flags & WINDOW_IN) || addr - w->addr >= w->len)
			continue;
		size_t n = MIN(room, (size_t)(w->len - (addr - w->addr)));
		memcpy(dst, w->mem + (addr - w->addr), n);
		return n;
	}
	return 0;
}

bool window_holds(const struct task *t, uint64_t addr, size_t bytes, bool write)
{
	for (unsigned i = 0; any(t) && i < t->pl->nwindows; i++) {
		const struct pl_window *w = &t->pl->windows[i];
		if ((w->flags & (write ? WINDOW_OUT : WINDOW_IN)) && holds(w, addr, bytes))
			return true;
	}
	return false;
}

static void write_one(struct task *t, struct pl_window *w, uint32_t off, const void *src, uint32_t bytes)
{
	if (off > w->hi || off + bytes < w->lo)
		flush_one(t, w);
	if (w->lo == w->hi)
		w->lo = w->hi = off;
	w->lo = MIN(w->lo, off);
	w->hi = MAX(w->hi, off + bytes);
	memcpy(w->mem + off, src, bytes);
}

bool window_write(struct task *t, uint64_t addr, const void *src, size_t bytes)
{
	bool done = false;
	for (unsigned i = 0; any(t) && i < t->pl->nwindows; i++) {
		struct pl_window *w = &t->pl->windows[i];
		if (!touches(w, addr, bytes))
			continue;
		if ((w->flags & WINDOW_OUT) && !done && holds(w, addr, bytes)) {
			write_one(t, w, (uint32_t)(addr - w->addr), src, (uint32_t)bytes);
			done = true;
			continue;
		}
		/* It says, or would write, what is no longer true. */
		flush_one(t, w);
		w->len = 0;
	}
	return done;
}
