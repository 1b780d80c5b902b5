/* blob_post.h - the trap code's side of platform/post.h. */
#pragma once

#include <asm/unistd.h>
#include <linux/eventpoll.h>

#include "platform/systrap/layout.h"

#define STUB_RECV_FLAGS 0x4040U           /* MSG_DONTWAIT MSG_NOSIGNAL */
#define STUB_READ_MAX 0x7ffff000ULL

static inline int stub_answer(struct slot *slot, int64_t result)
{
	slot->answered++;
	slot->result = (uint64_t)result;
	slot->load = 0;
	return 1;
}

/* A read that finds nothing, which needs no asking: 1 if it is answered. */
static inline int stub_empty(struct slot *slot)
{
	const struct fast_regs *r = &slot->regs;
	if (r->rax != __NR_read && r->rax != __NR_recvfrom)
		return 0;
	uint32_t fd = (uint32_t)r->rdi;
	if (fd >= PL_POST_FDS || !(__atomic_load_n(&slot->post.empty[fd / 64], __ATOMIC_ACQUIRE) >> fd % 64 & 1))
		return 0;
	if (r->rax == __NR_recvfrom && ((uint32_t)r->r10 & ~STUB_RECV_FLAGS))
		return 0;
	if (r->rdx == 0 || r->rdx > STUB_READ_MAX || r->rsi > STUB_TEXT - STUB_READ_MAX)
		return 0;
	return stub_answer(slot, -11 /* EAGAIN */);
}

/* What every program asks first: 1 if it is answered. */
static inline int stub_first_brk(struct slot *slot)
{
	const struct fast_regs *r = &slot->regs;
	if (r->rax != __NR_brk || r->rdi != 0 || !slot->first_brk)
		return 0;
	return stub_answer(slot, (int64_t)slot->first_brk);
}

/* A call by the fast entry, its windows filled: 1 if it is answered now. */
static inline int stub_post(struct slot *slot)
{
	const struct fast_regs *r = &slot->regs;
	struct slot_post *p = &slot->post;
	uint32_t fd = (uint32_t)r->rdx, n = slot->nposts, op = (uint32_t)r->rsi;
	if (r->rax != __NR_epoll_ctl || p->set < 0 || (int32_t)r->rdi != p->set || fd >= PL_POST_FDS || n >= PL_POSTS)
		return 0;
	uint64_t bit = 1ULL << fd % 64, *in = &p->in[fd / 64], *out = &p->out[fd / 64];
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
		return 0;
	if (!((op == EPOLL_CTL_ADD ? *out : *in) & bit))
		return 0;
	struct pl_post *post = &p->posts[n];
	post->op = (int32_t)op;
	post->fd = (int32_t)fd;
	if (op != EPOLL_CTL_DEL) {
		const struct slot_window *w = &slot->windows[0];
		const uint32_t *event = (const uint32_t *)((const char *)slot + AREA_WINDOWS);    /* the call's only window */
		if (slot->nwindows != 1 || w->addr != r->r10 || w->len != 12 || w->off != 0 || (event[0] & EPOLLEXCLUSIVE))
			return 0;
		post->events = event[0];
		post->data = event[1] | (uint64_t)event[2] << 32;
	}
	*in = op == EPOLL_CTL_DEL ? *in & ~bit : *in | bit;
	*out = op == EPOLL_CTL_DEL ? *out | bit : *out & ~bit;
	slot->nposts = n + 1;
	return stub_answer(slot, 0);
}
