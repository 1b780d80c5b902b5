/* ptrace_debug.c - the debug registers of a tracee: breakpoints and watchpoints "of the processor", without it.
 *
 * HOW     While one is armed the task runs step by step, and the sentry looks before and after each instruction: is it at a
 *         breakpoint; what memory will it access (the instruction is decoded); has watched memory changed. That is slow, some
 *         µs an instruction, but it needs nothing of the host, and the tracer sees what it would see on a processor.
 * LINUX   arch/x86/kernel/ptrace.c: ptrace_set_debugreg(); hw_breakpoint.c. Same: accesses that system calls make don't count; a
 *         breakpoint stops before its instruction and sets RF, which lets that instruction pass; not inherited by children
 *         and new programs, but left behind by PTRACE_DETACH.
 * MISSING Reads by instructions with implied operands other than the stack's and strings' (fxrstor, cmpxchg16b: only
 *         what capstone tells). Another thread's write during a step may be reported as this one's. */
#include <capstone/capstone.h>
#include <string.h>

#include "sentry/kernel/task.h"

#define DR7_RESERVED 0xffffffff0000fc00ULL
#define EFLAGS_RF 0x10000
#define STEP_BIT (1ULL << 14)             /* of DR6 */
#define INSN_MAX 15

enum { TYPE_EXEC, TYPE_WRITE, TYPE_IO, TYPE_ACCESS };

static bool is_enabled(uint64_t dr7, int i)
{
	return dr7 >> (2 * i) & 3;
}

static unsigned type_of(uint64_t dr7, int i)
{
	return dr7 >> (16 + 4 * i) & 3;
}

static unsigned bytes_of(uint64_t dr7, int i)
{
	static const unsigned char bytes[4] = { 1, 2, 8, 4 };
	return bytes[dr7 >> (18 + 4 * i) & 3];
}

static bool is_valid(const struct ptrace_debug *d)
{
	for (int i = 0; i < 4; i++) {
		if (d->addr[i] >= PL_GUEST_END)
			return false;
		if (!is_enabled(d->control, i))
			continue;
		unsigned type = type_of(d->control, i), bytes = bytes_of(d->control, i);
		if (type == TYPE_IO || (type == TYPE_EXEC && bytes != 1) || d->addr[i] % bytes)
			return false;
	}
	return true;
}

uint64_t ptrace_debugreg_get(const struct task *t, unsigned n)
{
	const struct ptrace_debug *d = &t->ptrace.debug;
	return n < 4 ? d->addr[n] : n == 6 ? d->status : n == 7 ? d->control : 0;
}

int ptrace_debugreg_set(struct task *t, unsigned n, uint64_t value)
{
	struct ptrace_debug *d = &t->ptrace.debug, old = *d;
	if (n < 4)
		d->addr[n] = value;
	else if (n == 6)
		d->status = value;
	else if (n == 7)
		d->control = value & ~DR7_RESERVED;
	else
		return -EIO;
	if (is_valid(d))
		return 0;
	*d = old;
	return -EINVAL;
}

/* --- what an instruction is about to access --- */

static bool overlaps(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

static uint64_t reg_value(const struct user_regs_struct *r, unsigned reg, uint64_t next_ip)
{
	switch (reg) {
	case X86_REG_RAX: return r->rax;
	case X86_REG_RBX: return r->rbx;
	case X86_REG_RCX: return r->rcx;
	case X86_REG_RDX: return r->rdx;
	case X86_REG_RSI: return r->rsi;
	case X86_REG_RDI: return r->rdi;
	case X86_REG_RBP: return r->rbp;
	case X86_REG_RSP: return r->rsp;
	case X86_REG_R8: return r->r8;
	case X86_REG_R9: return r->r9;
	case X86_REG_R10: return r->r10;
	case X86_REG_R11: return r->r11;
	case X86_REG_R12: return r->r12;
	case X86_REG_R13: return r->r13;
	case X86_REG_R14: return r->r14;
	case X86_REG_R15: return r->r15;
	case X86_REG_EAX: return (uint32_t)r->rax;
	case X86_REG_EBX: return (uint32_t)r->rbx;
	case X86_REG_ECX: return (uint32_t)r->rcx;
	case X86_REG_EDX: return (uint32_t)r->rdx;
	case X86_REG_ESI: return (uint32_t)r->rsi;
	case X86_REG_EDI: return (uint32_t)r->rdi;
	case X86_REG_RIP: return next_ip;
	}
	return 0;
}

static uint64_t operand_addr(const struct user_regs_struct *r, const x86_op_mem *m, uint64_t next_ip)
{
	uint64_t segment = m->segment == X86_REG_FS ? r->fs_base : m->segment == X86_REG_GS ? r->gs_base : 0;
	return segment + reg_value(r, m->base, next_ip) + reg_value(r, m->index, next_ip) * (uint64_t)m->scale + (uint64_t)m->disp;
}

static void expect(struct ptrace_debug *d, uint64_t addr, uint64_t bytes, bool write)
{
	for (int i = 0; i < 4; i++) {
		unsigned type = type_of(d->control, i);
		bool wanted = type == TYPE_ACCESS || (type == TYPE_WRITE && write);
		if (is_enabled(d->control, i) && wanted && overlaps(addr, bytes, d->addr[i], bytes_of(d->control, i)))
			d->expected |= 1U << i;
	}
}

static void expect_accesses(struct task *t, csh cs, const cs_insn *in)
{
	struct ptrace_debug *d = &t->ptrace.debug;
	const struct user_regs_struct *r = &t->pl->regs;
	const cs_x86 *x = &in->detail->x86;
	for (int i = 0; i < x->op_count && in->id != X86_INS_LEA && in->id != X86_INS_NOP; i++) {
		const cs_x86_op *op = &x->operands[i];
		if (op->type == X86_OP_MEM)
			expect(d, operand_addr(r, &op->mem, in->address + in->size), op->size, op->access & CS_AC_WRITE);
	}
	if (in->id == X86_INS_PUSH || cs_insn_group(cs, in, CS_GRP_CALL))
		expect(d, r->rsp - 8, 8, true);
	else if (in->id == X86_INS_POP || in->id == X86_INS_LEAVE || cs_insn_group(cs, in, CS_GRP_RET))
		expect(d, in->id == X86_INS_LEAVE ? r->rbp : r->rsp, 8, false);
}

static void look_ahead(struct task *t)
{
	static csh cs;
	uint8_t code[INSN_MAX];
	cs_insn *in;
	if (!cs && (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK || cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK))
		return;
	ssize_t n = mm_read(t->mm, t->pl->regs.rip, code, sizeof(code));
	if (n <= 0 || cs_disasm(cs, code, (size_t)n, t->pl->regs.rip, 1, &in) != 1)
		return;
	expect_accesses(t, cs, in);
	cs_free(in, 1);
}

/* --- around a step --- */

bool ptrace_debug_armed(const struct task *t)
{
	return t->ptrace.debug.control & 0xff;
}

static unsigned breakpoints_at(const struct ptrace_debug *d, uint64_t ip)
{
	unsigned hits = 0;
	for (int i = 0; i < 4; i++)
		if (is_enabled(d->control, i) && type_of(d->control, i) == TYPE_EXEC && d->addr[i] == ip)
			hits |= 1U << i;
	return hits;
}

static void read_watched(struct task *t, uint64_t out[4])
{
	const struct ptrace_debug *d = &t->ptrace.debug;
	for (int i = 0; i < 4; i++) {
		out[i] = 0;
		if (is_enabled(d->control, i) && type_of(d->control, i) != TYPE_EXEC)
			(void)!mm_read(t->mm, d->addr[i], &out[i], bytes_of(d->control, i));
	}
}

static void hit(struct task *t, unsigned hits, struct pl_event *ev)
{
	bool stepped = t->ptrace.step && ev->kind == PL_FAULT;
	t->ptrace.debug.status = (t->ptrace.debug.status & ~0xfULL) | hits | (stepped ? STEP_BIT : 0);
	memset(ev, 0, sizeof(*ev));
	ev->kind = PL_FAULT;
	ev->trapno = 1;
	ev->fault.si_signo = SIGTRAP;
	ev->fault.si_code = stepped ? TRAP_TRACE : TRAP_HWBKPT;
	ev->fault.si_addr = (void *)t->pl->regs.rip;
}

bool ptrace_debug_before(struct task *t, struct pl_event *ev)
{
	struct ptrace_debug *d = &t->ptrace.debug;
	struct user_regs_struct *r = &t->pl->regs;
	unsigned hits = r->eflags & EFLAGS_RF ? 0 : breakpoints_at(d, r->rip);
	if (hits) {
		r->eflags |= EFLAGS_RF;
		ev->kind = PL_INTERRUPTED;
		hit(t, hits, ev);
		return false;
	}
	d->expected = 0;
	read_watched(t, d->was);
	look_ahead(t);
	return true;
}

void ptrace_debug_after(struct task *t, struct pl_event *ev)
{
	struct ptrace_debug *d = &t->ptrace.debug;
	struct user_regs_struct *r = &t->pl->regs;
	uint64_t now[4];
	unsigned hits = d->expected;
	read_watched(t, now);
	for (int i = 0; i < 4; i++)
		hits |= now[i] != d->was[i] ? 1U << i : 0;
	unsigned at = breakpoints_at(d, r->rip);
	if (at)
		r->eflags |= EFLAGS_RF;
	if (hits | at)
		hit(t, hits | at, ev);
	else if (!t->ptrace.step)
		ev->kind = PL_INTERRUPTED;
}
