/* signal_frame.c - the frame that a handler runs on, and rt_sigreturn(2), which takes it off again.
 *
 * HOW     One buffer holds frame and extended state as they will lie in guest memory, and is copied out, or in, at once:
 *
 *             rsp -> return address (SA_RESTORER), ucontext, siginfo | gap | fpstate (64-byte aligned) | red zone | old rsp
 *
 * LINUX   arch/x86/kernel/signal.c, signal_64.c and fpu/signal.c: struct rt_sigframe, get_sigframe(),
 *         x64_setup_rt_frame(), restore_sigcontext(). Code segments are always the 64-bit ones.
 * MISSING Returning to 32-bit code; shadow stacks. */
#include <string.h>

#include "sentry/kernel/task.h"

#define RED_ZONE_BYTES 128
#define USER_CS 0x33
#define USER_SS 0x2b
#define FLAG_TF 0x100
#define FLAG_DF 0x400
#define FLAG_RF 0x10000
#define RESTORABLE_FLAGS 0x50dd5ULL      /* AC RF OF DF TF SF ZF AF PF CF */
#define SS_AUTODISARM_BIT (1U << 31)
#define KERNEL_SA_RESTORER 0x04000000
#define FP_MAGIC1 0x46505853U
#define FP_MAGIC2 0x46505845U
#define FP_LEGACY_BYTES 512
#define FP_SW_RESERVED 464               /* offset of struct _fpx_sw_bytes */

enum { UC_FP_XSTATE = 1, UC_SIGCONTEXT_SS = 2, UC_STRICT_RESTORE_SS = 4 };

struct guest_ucontext {
	uint64_t flags, link;
	stack_t stack;
	struct sigcontext mc;
	ksigset_t mask;
};
struct rt_sigframe {
	uint64_t restorer;
	struct guest_ucontext uc;
	siginfo_t info;
};
_Static_assert(sizeof(struct sigcontext) == 256 && sizeof(struct rt_sigframe) == 440, "the guest's ABI");

static bool in_altstack(const struct task *t, uint64_t sp)
{
	uint64_t base = (uint64_t)t->altstack.ss_sp;
	return sp > base && sp - base <= t->altstack.ss_size;
}

bool signal_on_altstack(const struct task *t, uint64_t sp)
{
	return !((unsigned)t->altstack.ss_flags & SS_AUTODISARM_BIT) && in_altstack(t, sp);
}

/* From the frame to the extended state, in the frames made here. */
#define FRAME_TO_FP 456

/* Room for a frame and extended state. One is kept, for they are large and needed often. */
static char *spare_buffer;

static char *frame_buffer(void)
{
	return spare_buffer ? TAKE(spare_buffer) : xzalloc(FRAME_TO_FP + MAX(pl_fpstate_bytes(), (size_t)FP_LEGACY_BYTES));
}

static void frame_buffer_put(char *buf)
{
	free(spare_buffer);
	spare_buffer = buf;
}
DEFINE_AUTO(frame_buffer_put, char *)

/* Where the frame goes; 0: the alternate stack has no room for it. */
static uint64_t place_frame(const struct task *t, uint64_t sa_flags, size_t fp_bytes)
{
	uint64_t rsp = t->pl->regs.rsp, sp = rsp - RED_ZONE_BYTES;
	bool alt = signal_on_altstack(t, rsp);
	if ((sa_flags & SA_ONSTACK) && t->altstack.ss_size && !signal_on_altstack(t, sp)) {
		sp = (uint64_t)t->altstack.ss_sp + t->altstack.ss_size;
		alt = true;
	}
	/* The state on a multiple of 64, the frame 8 below one of 16, as at a function's entry. */
	sp = ((sp - fp_bytes) & ~63ULL) - FRAME_TO_FP;
	return alt && !in_altstack(t, sp) ? 0 : sp;
}

static void save_context(const struct task *t, struct sigcontext *mc)
{
	const struct user_regs_struct *r = &t->pl->regs;
	mc->r8 = r->r8;
	mc->r9 = r->r9;
	mc->r10 = r->r10;
	mc->r11 = r->r11;
	mc->r12 = r->r12;
	mc->r13 = r->r13;
	mc->r14 = r->r14;
	mc->r15 = r->r15;
	mc->rdi = r->rdi;
	mc->rsi = r->rsi;
	mc->rbp = r->rbp;
	mc->rbx = r->rbx;
	mc->rdx = r->rdx;
	mc->rax = r->rax;
	mc->rcx = r->rcx;
	mc->rsp = r->rsp;
	mc->rip = r->rip;
	mc->eflags = r->eflags;
	mc->cs = USER_CS;
	mc->__pad0 = USER_SS;
	mc->err = t->fault.error_code;
	mc->trapno = t->fault.trapno;
	mc->cr2 = t->fault.cr2;
	mc->oldmask = t->blocked;
}

int signal_frame_push(struct task *t, int sig, const siginfo_t *info, const struct ksigaction *ka, ksigset_t mask)
{
	if (!(ka->flags & KERNEL_SA_RESTORER))
		return -EFAULT;
	/* The state first, for only then its length is known. */
	AUTO(frame_buffer_put) char *buf = frame_buffer();
	size_t fp_bytes = pl_fpstate_get(t->pl, buf + FRAME_TO_FP);
	CHECK(fp_bytes <= pl_fpstate_bytes());
	uint64_t addr = place_frame(t, ka->flags, fp_bytes);
	if (!addr)
		return -EFAULT;

	struct rt_sigframe *frame = (struct rt_sigframe *)buf;
	memset(frame, 0, FRAME_TO_FP);
	frame->restorer = ka->restorer;
	frame->uc.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	frame->uc.stack = t->altstack;
	save_context(t, &frame->uc.mc);
	frame->uc.mc.fpstate = (void *)(fp_bytes ? addr + FRAME_TO_FP : 0);
	frame->uc.mask = mask;
	frame->info = *info;
	if (copy_to_user(t, UPTR(addr), buf, FRAME_TO_FP + fp_bytes) < 0)
		return -EFAULT;

	if ((unsigned)t->altstack.ss_flags & SS_AUTODISARM_BIT)
		t->altstack = (stack_t){ .ss_flags = SS_DISABLE };
	struct user_regs_struct *r = &t->pl->regs;
	r->rdi = (uint64_t)sig;
	r->rsi = addr + offsetof(struct rt_sigframe, info);
	r->rdx = addr + offsetof(struct rt_sigframe, uc);
	r->rax = 0;
	r->rsp = addr;
	r->rip = ka->handler;
	r->eflags &= ~(uint64_t)(FLAG_DF | FLAG_RF | FLAG_TF);
	r->cs = USER_CS;
	r->ss = USER_SS;
	r->orig_rax = ~0ULL;
	pl_fpstate_reset(t->pl);
	return 0;
}

static void restore_context(struct task *t, const struct sigcontext *mc)
{
	struct user_regs_struct *r = &t->pl->regs;
	r->r8 = mc->r8;
	r->r9 = mc->r9;
	r->r10 = mc->r10;
	r->r11 = mc->r11;
	r->r12 = mc->r12;
	r->r13 = mc->r13;
	r->r14 = mc->r14;
	r->r15 = mc->r15;
	r->rdi = mc->rdi;
	r->rsi = mc->rsi;
	r->rbp = mc->rbp;
	r->rbx = mc->rbx;
	r->rdx = mc->rdx;
	r->rax = mc->rax;
	r->rcx = mc->rcx;
	r->rsp = mc->rsp;
	r->rip = mc->rip;
	r->eflags = (r->eflags & ~RESTORABLE_FLAGS) | (mc->eflags & RESTORABLE_FLAGS);
	r->cs = USER_CS;
	r->ss = USER_SS;
	r->orig_rax = ~0ULL;
}

/* How much of the extended state in buf counts, of which got bytes could be read: as its own header says, if that is sound;
 * else the 512 bytes of FXSAVE. 0: not even these are there. */
static size_t fpstate_length(const char *buf, size_t got)
{
	struct { uint32_t magic1, extended_size; uint64_t features; uint32_t xstate_size; } sw;
	if (got < FP_LEGACY_BYTES)
		return 0;
	memcpy(&sw, buf + FP_SW_RESERVED, sizeof(sw));
	if (sw.magic1 != FP_MAGIC1 || sw.xstate_size < FP_LEGACY_BYTES + 64 || sw.extended_size > pl_fpstate_bytes() ||
	    sw.extended_size < sw.xstate_size + sizeof(uint32_t))
		return FP_LEGACY_BYTES;
	if (got < sw.extended_size)
		return 0;
	uint32_t magic2;
	memcpy(&magic2, buf + sw.xstate_size, sizeof(magic2));
	return magic2 == FP_MAGIC2 ? sw.extended_size : FP_LEGACY_BYTES;
}

/* The state at addr; buf has `got` bytes of it already, if it lies behind the frame. */
static int restore_fpstate(struct task *t, uint64_t addr, char *buf, ssize_t got)
{
	size_t max = pl_fpstate_bytes();
	if (!addr) {
		pl_fpstate_reset(t->pl);
		return 0;
	}
	if (got <= 0)
		got = task_read(t, addr, buf, max);
	size_t bytes = got > 0 ? fpstate_length(buf, (size_t)got) : 0;
	if (!bytes)
		return -EFAULT;
	pl_fpstate_set(t->pl, buf, bytes);
	return 0;
}

long signal_return(struct task *t)
{
	struct rt_sigframe frame;
	t->in_syscall = false;
	t->restart = NULL;
	/* The handler's return took the restorer's address off. The state is mostly where it was put, so it is read along. */
	uint64_t addr = t->pl->regs.rsp - sizeof(frame.restorer);
	AUTO(frame_buffer_put) char *buf = frame_buffer();
	ssize_t got = task_read(t, addr, buf, FRAME_TO_FP + pl_fpstate_bytes());
	if (got < (ssize_t)offsetof(struct rt_sigframe, info))
		goto bad;
	memcpy(&frame, buf, offsetof(struct rt_sigframe, info));
	signal_set_mask(t, frame.uc.mask);
	restore_context(t, &frame.uc.mc);
	uint64_t fp = (uint64_t)frame.uc.mc.fpstate;
	if (restore_fpstate(t, fp, buf + FRAME_TO_FP, fp == addr + FRAME_TO_FP ? got - FRAME_TO_FP : 0) < 0)
		goto bad;
	signal_set_altstack(t, &frame.uc.stack);
	/* Where the processor would refuse to go: the fault it would raise. */
	if ((int64_t)(t->pl->regs.rip << 16) >> 16 != (int64_t)t->pl->regs.rip)
		goto bad;
	return (long)t->pl->regs.rax;
bad:
	t->pl->regs.orig_rax = ~0ULL;
	signal_force_fault(t, SIGSEGV, NULL);
	return (long)t->pl->regs.rax;
}

int signal_set_altstack(struct task *t, const stack_t *ss)
{
	if (signal_on_altstack(t, t->pl->regs.rsp))
		return -EPERM;
	unsigned mode = (unsigned)ss->ss_flags & ~SS_AUTODISARM_BIT;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		t->altstack = (stack_t){ .ss_flags = ss->ss_flags };
		return 0;
	}
	if (ss->ss_size < 2048)                 /* MINSIGSTKSZ */
		return -ENOMEM;
	t->altstack = *ss;
	return 0;
}
