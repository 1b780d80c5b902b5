/* blob_post.h - the trap code's side of platform/post.h. */
#pragma once

#include <asm/unistd.h>
#include <linux/eventpoll.h>

#include "platform/systrap/layout.h"

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
	slot->answered++;
	slot->result = 0;
	slot->load = 0;
	return 1;
}
