/* check_scan.c - finds the places in code that make system calls, and their numbers.
 *
 * HOW      A whole file is read from the start of its executable segments to their end; a function along its jumps, and its
 *          direct calls some levels deep. In both, constants are followed from instruction to instruction until the next jump
 *          or call that does not come back: `mov $39,%eax … syscall` is getpid(2). capstone disassembles.
 * MISSING  Numbers that come from memory or from a caller (libc's syscall(3)): counted as unknown. Two constants that meet
 *          before one syscall instruction: the one that is nearer counts. */
#include <capstone/capstone.h>
#include <string.h>

#include "loader/check.h"
#include "sentry/syscalls/table.h"

#define REGS 16                           /* rax … r15; -1 below: unknown */
#define FUNCTION_INSNS_MAX 20000

struct consts {
	int64_t value[REGS];
};

static void forget_all(struct consts *c)
{
	for (int i = 0; i < REGS; i++)
		c->value[i] = -1;
}

/* The register's number, by any of its names; -1: not one of the sixteen. */
static int reg_number(unsigned reg)
{
	static const x86_reg names[REGS][5] = {
		{ X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH },
		{ X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH },
		{ X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH },
		{ X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH },
		{ X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL }, { X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL },
		{ X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL }, { X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL },
		{ X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B }, { X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B },
		{ X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B }, { X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B },
		{ X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B }, { X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B },
		{ X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B }, { X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B },
	};
	for (int i = 0; i < REGS; i++)
		for (int k = 0; k < 5 && names[i][k]; k++)
			if (names[i][k] == reg)
				return i;
	return -1;
}

/* What an instruction does to the constants. */
static void follow(csh cs, const cs_insn *in, struct consts *c)
{
	const cs_x86 *x = &in->detail->x86;
	const cs_x86_op *to = &x->operands[0], *from = &x->operands[1];
	int dst = x->op_count == 2 && to->type == X86_OP_REG && to->size >= 4 ? reg_number(to->reg) : -1;
	if (dst >= 0 && (in->id == X86_INS_MOV || in->id == X86_INS_MOVABS) && from->type == X86_OP_IMM) {
		c->value[dst] = from->imm & (int64_t)UINT32_MAX;
		return;
	}
	if (dst >= 0 && in->id == X86_INS_MOV && from->type == X86_OP_REG && reg_number(from->reg) >= 0) {
		c->value[dst] = c->value[reg_number(from->reg)];
		return;
	}
	if (dst >= 0 && (in->id == X86_INS_XOR || in->id == X86_INS_SUB) && from->type == X86_OP_REG && from->reg == to->reg) {
		c->value[dst] = 0;
		return;
	}
	cs_regs read, written;
	uint8_t nread, nwritten;
	if (cs_regs_access(cs, in, read, &nread, written, &nwritten) != CS_ERR_OK) {
		forget_all(c);
		return;
	}
	for (uint8_t i = 0; i < nwritten; i++)
		if (reg_number(written[i]) >= 0)
			c->value[reg_number(written[i])] = -1;
}

static void forget_after_call(struct consts *c)
{
	static const int scratch[] = { 0, 1, 2, 6, 7, 8, 9, 10, 11 };
	for (size_t i = 0; i < ARRAY_SIZE(scratch); i++)
		c->value[scratch[i]] = -1;
}

static void note_site(struct call_set *out, struct consts *c)
{
	if (c->value[0] >= 0 && c->value[0] < SYSCALL_MAX && syscall_table[c->value[0]].name)
		out->has[c->value[0]] = true;
	else
		out->unknown++;
	c->value[0] = c->value[1] = c->value[11] = -1;
}

static struct err *open_capstone(csh *out)
{
	if (cs_open(CS_ARCH_X86, CS_MODE_64, out) != CS_ERR_OK || cs_option(*out, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK)
		return err_new("the disassembler does not start");
	return NULL;
}

/* --- a whole file --- */

/* Decoding everything in detail takes seconds for a large library; so only what comes before each syscall instruction is. */
#define BEFORE 24                         /* instructions */

static void look_before(csh cs, const uint8_t *code, uint64_t base, uint64_t from, uint64_t site, cs_insn *in, struct call_set *out)
{
	struct consts c;
	forget_all(&c);
	const uint8_t *p = code + (from - base);
	uint64_t addr = from;
	size_t left = site - from;
	while (left > 0 && cs_disasm_iter(cs, &p, &left, &addr, in)) {
		if (cs_insn_group(cs, in, CS_GRP_CALL))
			forget_after_call(&c);
		else if (in->id == X86_INS_JMP || cs_insn_group(cs, in, CS_GRP_RET))
			forget_all(&c);
		else if (in->id == X86_INS_SYSCALL)
			c.value[0] = c.value[1] = c.value[11] = -1;
		else if (!cs_insn_group(cs, in, CS_GRP_JUMP))
			follow(cs, in, &c);
	}
	note_site(out, &c);
}

static void scan_segment(csh quick, csh cs, const uint8_t *code, uint64_t base, size_t bytes, cs_insn *in, cs_insn *detailed,
			 struct call_set *out)
{
	uint64_t ring[BEFORE], n = 0, addr = base;
	const uint8_t *p = code;
	size_t left = bytes;
	while (cs_disasm_iter(quick, &p, &left, &addr, in)) {
		if (in->id == X86_INS_SYSCALL)
			look_before(cs, code, base, n < BEFORE ? (n ? ring[0] : in->address) : ring[n % BEFORE], in->address, detailed, out);
		ring[n++ % BEFORE] = in->address;
	}
}

struct err *scan_file(const struct elf_file *f, struct call_set *out)
{
	csh cs, quick;
	struct err *e = open_capstone(&cs);
	if (e)
		return e;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &quick) != CS_ERR_OK)
		return err_new("the disassembler does not start");
	cs_option(quick, CS_OPT_SKIPDATA, CS_OPT_ON);
	cs_insn *in = cs_malloc(quick), *detailed = cs_malloc(cs);
	CHECK(in && detailed);
	for (int i = 0; i < f->nsegments; i++) {
		const struct segment *s = &f->segments[i];
		if (s->executable)
			scan_segment(quick, cs, f->data + s->offset, s->addr, s->bytes, in, detailed, out);
	}
	cs_free(in, 1);
	cs_free(detailed, 1);
	cs_close(&quick);
	cs_close(&cs);
	return NULL;
}

/* --- a function --- */

struct todo {
	uint64_t addr;
	int depth;
	struct consts consts;
};

struct walk {
	csh cs;
	cs_insn *in;
	struct elf_file *file;
	struct call_set *out;
	struct todo *todo;
	size_t ntodo, room;
	uint64_t *seen;                   /* a hash set of block addresses with their depth; 0: free */
	size_t nseen;
	unsigned insns;
};
#define SEEN_SLOTS 65536

/* True the first time; also when a block is met again with more depth left. */
static bool see(struct walk *w, uint64_t addr, int depth)
{
	uint64_t key = addr * 8 + (uint64_t)depth + 1;
	size_t at = (addr * 0x9e3779b97f4a7c15ULL) >> 48;
	while (w->seen[at] && w->seen[at] / 8 != key / 8)
		at = (at + 1) % SEEN_SLOTS;
	if (w->seen[at] >= key || (!w->seen[at] && w->nseen >= SEEN_SLOTS / 2))
		return false;
	w->nseen += w->seen[at] == 0;
	w->seen[at] = key;
	return true;
}

static void add_todo(struct walk *w, uint64_t addr, int depth, const struct consts *c)
{
	bool executable = false;
	if (!elf_room(w->file, addr, &executable) || !executable || !see(w, addr, depth))
		return;
	if (w->ntodo == w->room) {
		w->room = w->room ? 2 * w->room : 64;
		w->todo = realloc(w->todo, w->room * sizeof(*w->todo));
		CHECK(w->todo != NULL);
	}
	w->todo[w->ntodo++] = (struct todo){ addr, depth, *c };
}

static void walk_block(struct walk *w, struct todo t)
{
	uint64_t addr = t.addr, end = elf_function_end(w->file, addr);
	size_t left = MIN(elf_room(w->file, addr, NULL), end - addr);
	bool after_call = false;
	const uint8_t *p = elf_at(w->file, addr, left);
	struct consts fresh;
	forget_all(&fresh);
	while (p && w->insns < FUNCTION_INSNS_MAX && cs_disasm_iter(w->cs, &p, &left, &addr, w->in)) {
		const cs_insn *in = w->in;
		const cs_x86_op *op = &in->detail->x86.operands[0];
		bool direct = in->detail->x86.op_count == 1 && op->type == X86_OP_IMM;
		w->insns++;
		/* Padding after a call: it was one that does not return, and the next function follows. */
		if (after_call && (in->id == X86_INS_NOP || in->id == X86_INS_INT3 || in->id == X86_INS_ENDBR64))
			return;
		after_call = cs_insn_group(w->cs, in, CS_GRP_CALL);
		if (in->id == X86_INS_SYSCALL) {
			note_site(w->out, &t.consts);
		} else if (after_call) {
			if (direct && t.depth > 0)
				add_todo(w, (uint64_t)op->imm, t.depth - 1, &t.consts);
			forget_after_call(&t.consts);
		} else if (cs_insn_group(w->cs, in, CS_GRP_RET) || in->id == X86_INS_HLT || in->id == X86_INS_UD2) {
			return;
		} else if (cs_insn_group(w->cs, in, CS_GRP_JUMP)) {
			if (direct)
				add_todo(w, (uint64_t)op->imm, t.depth, &t.consts);
			if (in->id == X86_INS_JMP)
				return;
		} else {
			follow(w->cs, in, &t.consts);
		}
	}
}

struct err *scan_function(struct elf_file *f, uint64_t addr, int depth, struct call_set *out)
{
	struct walk w = { .file = f, .out = out };
	struct err *e = open_capstone(&w.cs);
	if (e)
		return e;
	w.in = cs_malloc(w.cs);
	w.seen = xzalloc(SEEN_SLOTS * sizeof(*w.seen));
	CHECK(w.in != NULL);
	struct consts none;
	forget_all(&none);
	add_todo(&w, addr, depth, &none);
	while (w.ntodo > 0)
		walk_block(&w, w.todo[--w.ntodo]);
	cs_free(w.in, 1);
	cs_close(&w.cs);
	free(w.todo);
	free(w.seen);
	return NULL;
}
