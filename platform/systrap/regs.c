/* regs.c - a guest thread's registers: in its signal frame, in its slot after the fast entry, and as the sentry knows them.
 *
 * TRUST    What comes from the guest is a copy that was made once (run.c); selectors are ours. */
#include "platform/systrap/systrap.h"

void systrap_frame_to_regs(const struct host_frame *f, struct user_regs_struct *r)
{
	r->r8 = f->r8, r->r9 = f->r9, r->r10 = f->r10, r->r11 = f->r11;
	r->r12 = f->r12, r->r13 = f->r13, r->r14 = f->r14, r->r15 = f->r15;
	r->rdi = f->rdi, r->rsi = f->rsi, r->rbp = f->rbp, r->rbx = f->rbx;
	r->rdx = f->rdx, r->rax = f->rax, r->rcx = f->rcx, r->rsp = f->rsp;
	r->rip = f->rip, r->eflags = f->eflags, r->cs = 0x33, r->ss = 0x2b;
	r->orig_rax = -1UL;
}

void systrap_regs_to_frame(const struct user_regs_struct *r, struct host_frame *f)
{
	f->r8 = r->r8, f->r9 = r->r9, f->r10 = r->r10, f->r11 = r->r11;
	f->r12 = r->r12, f->r13 = r->r13, f->r14 = r->r14, f->r15 = r->r15;
	f->rdi = r->rdi, f->rsi = r->rsi, f->rbp = r->rbp, f->rbx = r->rbx;
	f->rdx = r->rdx, f->rax = r->rax, f->rcx = r->rcx, f->rsp = r->rsp;
	f->rip = r->rip, f->eflags = r->eflags, f->cs = 0x33, f->ss = 0x2b;
}

void systrap_fast_to_regs(const struct fast_regs *f, uint32_t arith, struct user_regs_struct *r)
{
	const uint64_t arith_flags = 0x8d5;
	r->rip = f->rip, r->rdi = f->rdi, r->rsi = f->rsi, r->rdx = f->rdx;
	r->r10 = f->r10, r->r8 = f->r8, r->r9 = f->r9, r->rsp = f->rsp;
	r->rbx = f->rbx, r->rbp = f->rbp, r->r12 = f->r12, r->r13 = f->r13;
	r->r14 = f->r14, r->r15 = f->r15, r->cs = 0x33, r->ss = 0x2b;
	r->eflags = (f->eflags & ~arith_flags) | (arith >> 8 & 0xd5) | (uint64_t)(arith & 1) << 11;
	r->rcx = r->rip;
	r->r11 = r->eflags;
	r->orig_rax = f->rax;
	r->rax = (uint64_t)-ENOSYS;
}

void systrap_regs_to_slot(struct systrap_thread *t)
{
	const struct user_regs_struct *r = &t->base.regs;
	struct slot *s = t->slot;
	s->regs = (struct fast_regs){
		.rip = r->rip, .rdi = r->rdi, .rsi = r->rsi, .rdx = r->rdx, .r10 = r->r10, .r8 = r->r8, .r9 = r->r9,
		.rsp = r->rsp, .rbx = r->rbx, .rbp = r->rbp, .r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15,
		.eflags = r->eflags,
	};
	s->rcx = r->rcx;
	s->r11 = r->r11;
	s->load |= LOAD_ALL | (t->xstate_new ? LOAD_XSTATE : 0);
}

bool systrap_same_but_rax(const struct systrap_thread *t)
{
	const struct user_regs_struct *r = &t->base.regs;
	const struct fast_regs *f = &t->fast_regs;
	return r->rip == f->rip && r->rsp == f->rsp && r->rdi == f->rdi && r->rsi == f->rsi && r->rdx == f->rdx &&
	       r->r10 == f->r10 && r->r8 == f->r8 && r->r9 == f->r9 && r->rbx == f->rbx && r->rbp == f->rbp &&
	       r->r12 == f->r12 && r->r13 == f->r13 && r->r14 == f->r14 && r->r15 == f->r15 && r->r11 == r->eflags;
}
