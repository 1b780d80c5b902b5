/* blob_window.c - copying a call's small arguments between the guest and the slot (platform/window.h), in the stub.
 *
 * HOW      The table says which arguments; what does not fit or cannot be touched is left to the sentry. The three words that touch
 *          guest memory are in blob_entry.S: they may fault.
 * RULES    As blob.c: freestanding, no writable data, no vector registers, nothing here is a check. */
#include "platform/systrap/blob_window.h"

#include <asm/ioctls.h>
#include <linux/fcntl.h>

#define WIN_TERMIOS_BYTES 36              /* the kernel's struct termios */

struct filler {
	struct slot_window *win;
	char *area;
	uint32_t n, used;
};

/* Bytes that come along: how many, 0 if not all can. */
static uint32_t bring(const struct filler *f, uint64_t addr, uint64_t bytes)
{
	char *to = f->area + f->used;
	if (bytes > WIN_BUF_MAX || bytes > WIN_AREA_BYTES - f->used)
		return 0;
	return stub_copy(to, (const char *)addr, bytes) == 0 ? (uint32_t)bytes : 0;
}

/* Room for bytes that will go back. */
static uint32_t offer(const struct filler *f, uint64_t addr, uint64_t bytes)
{
	if (bytes > WIN_BUF_MAX)
		bytes = WIN_BUF_MAX;
	if (bytes > WIN_AREA_BYTES - f->used)
		bytes = WIN_AREA_BYTES - f->used;
	if (bytes == 0 || addr + bytes < addr || stub_touch(addr) || stub_touch(addr + bytes - 1))
		return 0;
	return (uint32_t)bytes;
}

/* One window, if there is one more: its bytes, or NULL. */
static const char *add(struct filler *f, enum window_kind kind, uint64_t addr, uint64_t bytes)
{
	if (!addr || f->n == PL_WINDOWS || f->used >= WIN_AREA_BYTES)
		return NULL;
	uint32_t room = WIN_AREA_BYTES - f->used, len;
	if (kind == WIN_PATH)
		len = stub_copy_string(f->area + f->used, addr, room < WIN_PATH_MAX ? room : WIN_PATH_MAX);
	else
		len = kind == WIN_OUT ? offer(f, addr, bytes) : bring(f, addr, bytes);
	if (!len)
		return NULL;
	struct slot_window *w = &f->win[f->n++];
	w->addr = addr;
	w->len = len;
	w->off = f->used;
	w->flags = kind == WIN_OUT ? WINDOW_OUT : WINDOW_IN;
	w->lo = w->hi = 0;
	f->used += (len + 15) & ~15U;
	return f->area + w->off;
}

/* A vector, and what its elements point at. */
static void add_vector(struct filler *f, enum window_kind kind, uint64_t addr, uint64_t count)
{
	if (count > WIN_VECTOR_MAX)
		return;
	const uint64_t *v = (const uint64_t *)add(f, WIN_IN, addr, count * 16);
	for (uint64_t i = 0; v && i < count; i++)
		add(f, kind, v[2 * i], v[2 * i + 1]);
}

/* struct msghdr: name, name's length, vector and its count, control messages and their length. */
static void add_message(struct filler *f, enum window_kind kind, uint64_t addr)
{
	const uint64_t *h = (const uint64_t *)add(f, WIN_IN, addr, WIN_MSGHDR_BYTES);
	if (!h)
		return;
	if (kind == WIN_OUT)              /* lengths and flags go back */
		add(f, WIN_OUT, addr, WIN_MSGHDR_BYTES);
	add(f, kind, h[0], (uint32_t)h[1]);
	if (h[5] <= 4096)
		add(f, kind, h[4], h[5]);
	add_vector(f, kind, h[2], h[3]);
}

/* What fcntl(2) is given is an address for these commands only. */
static void add_lock(struct filler *f, uint64_t addr, uint32_t command)
{
	int ask = command == F_GETLK || command == F_OFD_GETLK;
	if (!ask && command != F_SETLK && command != F_SETLKW && command != F_OFD_SETLK && command != F_OFD_SETLKW)
		return;
	add(f, WIN_IN, addr, WIN_FLOCK_BYTES);
	if (ask)
		add(f, WIN_OUT, addr, WIN_FLOCK_BYTES);
}

/* What is an address for these commands only. */
static void add_ioctl(struct filler *f, uint64_t addr, uint32_t command)
{
	static const struct { uint32_t command; uint16_t kind, bytes; } known[] = {
		{ TCGETS, WIN_OUT, WIN_TERMIOS_BYTES }, { TCSETS, WIN_IN, WIN_TERMIOS_BYTES }, { TCSETSW, WIN_IN, WIN_TERMIOS_BYTES },
		{ TCSETSF, WIN_IN, WIN_TERMIOS_BYTES }, { TIOCGWINSZ, WIN_OUT, 8 }, { TIOCSWINSZ, WIN_IN, 8 }, { TIOCGPGRP, WIN_OUT, 4 },
		{ TIOCSPGRP, WIN_IN, 4 }, { TIOCOUTQ, WIN_OUT, 4 }, { FIONREAD, WIN_OUT, 4 }, { FIONBIO, WIN_IN, 4 }, { FIOASYNC, WIN_IN, 4 },
	};
	for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].command == command)
			add(f, (enum window_kind)known[i].kind, addr, known[i].bytes);
}

/* struct msgbuf: a type, then the text, whose length is given. */
static void add_text(struct filler *f, enum window_kind kind, uint64_t addr, uint64_t bytes)
{
	if (bytes <= WIN_BUF_MAX - WIN_MSGBUF_BYTES)
		add(f, kind, addr, bytes + WIN_MSGBUF_BYTES);
}

static void add_argument(struct filler *f, const struct window_arg *a, const uint64_t args[WIN_ARGS])
{
	uint64_t addr = args[a->arg], count = a->count == WIN_ONCE ? 1 : args[a->count];
	switch (a->kind) {
	case WIN_VEC_IN:
		add_vector(f, WIN_IN, addr, count);
		break;
	case WIN_VEC_OUT:
		add_vector(f, WIN_OUT, addr, count);
		break;
	case WIN_MSG_IN:
		add_message(f, WIN_IN, addr);
		break;
	case WIN_MSG_OUT:
		add_message(f, WIN_OUT, addr);
		break;
	case WIN_IOCTL:
		add_ioctl(f, addr, (uint32_t)args[a->count]);
		break;
	case WIN_TEXT_IN:
		add_text(f, WIN_IN, addr, count);
		break;
	case WIN_TEXT_OUT:
		add_text(f, WIN_OUT, addr, count);
		break;
	case WIN_LOCK:
		add_lock(f, addr, (uint32_t)args[a->count]);
		break;
	default:
		/* No product of what is too much: what is longer than a window in units is longer in bytes. */
		add(f, a->kind, addr, count > WIN_BUF_MAX ? count : count * a->unit);
	}
}

uint32_t stub_windows_in(uint64_t nr, const uint64_t args[WIN_ARGS], struct slot_window *win, char *area)
{
	struct filler f = { .win = win, .area = area };
	if (nr >= WIN_CALLS)
		return 0;
	for (const struct window_arg *a = window_table[nr]; a < window_table[nr] + WIN_CALL_ARGS && a->kind; a++)
		add_argument(&f, a, args);
	return f.n;
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
