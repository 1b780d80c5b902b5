/* blob_sigmask.h - the trap code's side of pl_sigmask_lend(): rt_sigprocmask(2) without asking.
 *
 * RACE   Stub and sentry can't both miss a signal that comes while the mask changes:    stub                  sentry
 *                                                                                     sigmask = new         sigmask_ask |= signal
 *                                                                                     (full barrier)        (full barrier)
 *                                                                                     in sigmask_ask? ask   who blocks it, by sigmask?
 *        Who asks has put the old mask back first: the sentry makes the change. */
#pragma once

#include <asm/unistd.h>

#include "platform/systrap/blob_post.h"
#include "platform/systrap/blob_window.h"

#define SIGMASK_BYTES 8
#define SIGMASK_NEVER (1ULL << (9 - 1) | 1ULL << (19 - 1))        /* SIGKILL, SIGSTOP */

static inline int sigmask_window(const struct slot *slot, uint32_t i, uint64_t addr, uint32_t flags)
{
	const struct slot_window *w = &slot->windows[i];
	return i < slot->nwindows && w->addr == addr && w->len == SIGMASK_BYTES && w->flags == flags &&
	       w->off <= WIN_AREA_BYTES - SIGMASK_BYTES;
}

/* A call by the fast entry, its windows filled: 1 if it is answered now. */
static inline int stub_sigmask(struct slot *slot)
{
	const struct fast_regs *r = &slot->regs;
	char *area = (char *)slot + AREA_WINDOWS;
	if (r->rax != __NR_rt_sigprocmask || !slot->sigmask_on || r->r10 != SIGMASK_BYTES)
		return 0;
	uint64_t old = slot->sigmask, new = old;
	uint32_t n = r->rsi != 0;
	if (r->rsi) {
		if ((uint32_t)r->rdi > 2 || !sigmask_window(slot, 0, r->rsi, WINDOW_IN))
			return 0;
		uint64_t set = *(const uint64_t *)(area + slot->windows[0].off);
		new = (uint32_t)r->rdi == 0 ? old | set : (uint32_t)r->rdi == 1 ? old & ~set : set;
		new &= ~SIGMASK_NEVER;
	}
	if (r->rdx) {
		struct slot_window *w = &slot->windows[n];
		if (!sigmask_window(slot, n, r->rdx, WINDOW_OUT))
			return 0;
		*(uint64_t *)(area + w->off) = old;
		w->hi = SIGMASK_BYTES;
		uint64_t left = stub_windows_out(1, w, area);
		w->hi = 0;
		if (left)
			return 0;
	}
	if (new != old) {
		__atomic_store_n(&slot->sigmask, new, __ATOMIC_SEQ_CST);
		if ((old ^ new) & __atomic_load_n(&slot->sigmask_ask, __ATOMIC_SEQ_CST)) {
			slot->sigmask = old;
			return 0;
		}
	}
	return stub_answer(slot, 0);
}
