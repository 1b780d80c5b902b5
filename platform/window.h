/* window.h - guest bytes that travel with a system call, so that small arguments cost no host call.
 *
 * HOW      While a call is handed over, the stub's trap code copies what some of the call's pointers point at into memory that
 *          it shares with the sentry, and says which guest range that is: a window. The sentry reads the range from there.
 *          An out window works the other way round: what the sentry writes to the range goes into the window, and the trap
 *          code copies it to the guest when the thread goes on. Which call wants which arguments is window.def.
 *          Windows are a property of guest addresses, not of arguments: handlers don't know about them (sentry/mm/window.h).
 * TRUST    A window is guest bytes at a guest address, nothing more. A guest that forges one lies to itself: it could as well
 *          have changed its memory. So the sentry checks only bounds, and copies each byte once, like from guest memory.
 * WHEN     Filled by pl_run() with PL_SYSCALL, valid until the next pl_run() of the thread, which hands over what was written.
 *
 * What the trap code has to do, for the first PL_WINDOWS arguments of window.def that qualify:
 *   WIN_PATH   up to its NUL, that included; no NUL within WIN_PATH_MAX bytes, or a fault: no window.
 *   WIN_IN     all bytes, or no window (a fault; more than WIN_BUF_MAX bytes; NULL).
 *   WIN_VEC_*  an iovec array comes along, and what it points at is brought or offered like single arguments, as far as there is
 *              room; WIN_MSG_*: the same with a struct msghdr.
 *   WIN_TEXT_* like WIN_IN and WIN_OUT; the length is that of what follows the first 8 bytes.
 *   WIN_IOCTL  like WIN_IN or WIN_OUT, with commands that are known.
 *   WIN_LOCK   like WIN_IN, and with F_GETLK like WIN_OUT too.
 *   WIN_OUT    the first WIN_BUF_MAX bytes of the range. Its first and last byte are written to in a way that changes
 *              nothing (lock or $0), for who passes a bad pointer has to see EFAULT before anything is done; on a fault: no
 *              window. Nothing is copied in.
 *   at resume  bytes [lo, hi) of each out window go to the guest. A fault there makes the call's result -EFAULT: there is a hole
 *              in the middle, or another thread has unmapped it meanwhile. (What goes on elsewhere than behind the
 *              call, in a signal handler, goes on with no bytes left in windows.)
 * Copying is user code's: no vector registers, a fixup for the copy instruction as stub_cmpxchg has. */
#pragma once

#include <stdint.h>

#define PL_WINDOWS 8
#define WIN_PATH_MAX 1024
#define WIN_BUF_MAX 65536
/* Room for the bytes of all windows of a call: a buffer and two paths or structs. */
#define WIN_AREA_BYTES 0x11000

enum { WINDOW_IN = 1, WINDOW_OUT = 2 };

/* As it lies in the slot. `off` counts from the start of the window area. */
struct slot_window {
	uint64_t addr;
	uint32_t len, off, flags;         /* WINDOW_* */
	uint32_t lo, hi;                  /* the sentry's answer: what of an out window to copy */
};

/* The sentry's view of one, checked: len bytes at mem are ours to read and write, whatever the guest does. */
struct pl_window {
	uint64_t addr;
	uint32_t len, flags;
	uint32_t lo, hi;                  /* bytes [lo, hi) were written; lo == hi: none */
	char *mem;
};

/* The sentry's side of the hand-over, for platforms: up to n windows as a slot says, read once and checked; returns how many. area
 * is WIN_AREA_BYTES of memory shared with the stub. And back: what of them is to be copied to the
 * guest; returns how many the stub has to look at. */
unsigned windows_take(struct pl_window *out, const struct slot_window *in, unsigned n, char *area);
unsigned windows_give(struct slot_window *out, const struct pl_window *w, unsigned n);
