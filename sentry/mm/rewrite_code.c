/* rewrite_code.c - how a call site can be changed: which bytes, and the code of trampolines.
 *
 * FORMS    before:  b8 imm32         mov $nr,%eax              5 bytes before the system call instruction are replaced by a jump;
 *                   48 c7 c0 imm32   mov $nr,%rax              the instruction itself stays: who jumps to it, returns
 *                   4c 8b 4c 24 d8   mov d8(%rsp),%r9          from an interrupted call to it, or stands behind it, sees no change.
 *          over:    0f 05; one instruction of 3 bytes or more that works anywhere. The jump covers the call and the beginning of
 *                   that instruction. Its third byte is made 06, which is no instruction (see site_fits): who comes to
 *                   the second instruction on another way gets SIGILL there, and rewrite_fault() sends him to the copy.
 *          In each form exactly one place of the changed bytes is a beginning of an instruction, or two of which the second
 *          faults. Nothing else may be jumped to by sane code.
 *
 *          trampoline, before:  <moved>; lea ret(%rip),%rcx; jmp *entry(%rip); entry
 *          trampoline, over:    lea tail(%rip),%rcx; jmp *entry(%rip); entry; nop; syscall; tail: <moved>; jmp back
 *          The system call instruction before the tail is what an interrupted call is repeated by. */
#include "sentry/mm/rewrite_code.h"

#include <capstone/capstone.h>
#include <string.h>

static uint32_t le32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* A byte that, before an instruction, would be a part of it: a REX prefix, an operand size, a repeat. Or the last
 * byte of the one before: that can't be told, so it counts as the former. */
static bool maybe_prefix(uint8_t b)
{
	return (b >= 0x40 && b <= 0x4f) || b == 0x66 || b == 0x67 || b == 0xf2 || b == 0xf3 || b == 0x0f || b == 0x64 || b == 0x65;
}

static bool before_form(const uint8_t *call, size_t before, uint64_t ip, uint64_t nr, struct site_code *out)
{
	static const uint8_t mov_r9[4] = { 0x4c, 0x8b, 0x4c, 0x24 };
	static const uint8_t mov_rax[3] = { 0x48, 0xc7, 0xc0 };
	int n = 0;
	if (before >= 7 && memcmp(call - 7, mov_rax, 3) == 0 && le32(call - 4) == nr)
		n = 7;
	else if (before >= 5 && memcmp(call - 5, mov_r9, 4) == 0)
		n = 5;
	else if (before >= 6 && call[-5] == 0xb8 && le32(call - 4) == nr && !maybe_prefix(call[-6]))
		n = 5;
	if (n == 0)
		return false;
	*out = (struct site_code){ .start = ip - (uint64_t)n, .moved_bytes = n };
	memcpy(out->moved, call - n, (size_t)n);
	return true;
}

/* Can this instruction run at another address? Nothing relative to rip, no jump, no trap. */
static bool works_anywhere(csh cs, const cs_insn *in)
{
	static const uint8_t groups[] = { CS_GRP_JUMP, CS_GRP_CALL, CS_GRP_RET, CS_GRP_INT, CS_GRP_IRET, CS_GRP_PRIVILEGE,
					  CS_GRP_BRANCH_RELATIVE };
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (cs_insn_group(cs, in, groups[i]))
			return false;
	const cs_x86 *x = &in->detail->x86;
	for (int i = 0; i < x->op_count; i++)
		if (x->operands[i].type == X86_OP_MEM && x->operands[i].mem.base == X86_REG_RIP)
			return false;
	return in->id != X86_INS_INVALID && in->id != X86_INS_SYSCALL;
}

static bool over_form(const uint8_t *call, size_t after, uint64_t ip, struct site_code *out)
{
	static csh cs;
	if (after < 2 + 3)
		return false;
	if (!cs && (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK || cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK))
		return false;
	cs_insn *in;
	if (cs_disasm(cs, call + 2, after - 2, ip + 2, 1, &in) != 1)
		return false;
	bool ok = in->size >= 3 && works_anywhere(cs, in);
	if (ok) {
		*out = (struct site_code){ .start = ip, .over_syscall = true, .moved_bytes = in->size };
		memcpy(out->moved, call + 2, in->size);
	}
	cs_free(in, 1);
	return ok;
}

bool site_recognise(const uint8_t *code, size_t bytes, size_t before, uint64_t ip, uint64_t nr, struct site_code *out)
{
	if (bytes < before + 2 || code[before] != 0x0f || code[before + 1] != 0x05)
		return false;
	return before_form(code + before, before, ip, nr, out) || over_form(code + before, bytes - before, ip, out);
}

#define LOOK_BACK 112                     /* readings of the same code agree after a few instructions */
#define READINGS 16                       /* one more than the longest instruction has bytes */
#define READINGS_MIN 4

bool site_is_code(const uint8_t *code, size_t bytes, size_t start, size_t ip)
{
	static csh cs;
	if (!cs && cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
		return false;
	if (start < LOOK_BACK || ip < start || ip >= bytes)
		return false;
	bool good[LOOK_BACK] = { false }; /* an instruction here leads to start */
	size_t from = start - LOOK_BACK;
	unsigned agree = 0;
	cs_insn *in = cs_malloc(cs);
	bool ok = in;
	for (size_t reading = 0; ok && reading < READINGS; reading++) {
		size_t at = from + reading, left = bytes - at;
		const uint8_t *p = code + at;
		uint64_t addr = at;
		bool path[LOOK_BACK] = { false }, valid = true;
		while (valid && addr < start && !good[addr - from]) {
			path[addr - from] = true;
			valid = cs_disasm_iter(cs, &p, &left, &addr, in);
		}
		if (!valid)
			continue;
		ok = addr <= start;
		agree++;
		for (size_t i = 0; i < LOOK_BACK; i++)
			good[i] |= path[i];
	}
	const uint8_t *p = code + start;
	size_t left = bytes - start;
	for (uint64_t addr = start; ok && addr < ip; )
		ok = cs_disasm_iter(cs, &p, &left, &addr, in) && addr <= ip;
	if (in)
		cs_free(in, 1);
	return ok && agree >= READINGS_MIN;
}

bool site_fits(const struct site_code *s, uint64_t at)
{
	int64_t rel = (int64_t)(at - (s->start + PATCH_BYTES));
	return rel == (int32_t)rel && (!s->over_syscall || (rel >> 8 & 0xff) == 0x06);
}

static void put_rel32(uint8_t *at, uint64_t next, uint64_t target)
{
	uint32_t rel = (uint32_t)(target - next);
	memcpy(at, &rel, sizeof(rel));
}

bool site_trampoline(const struct site_code *s, uint64_t ip, uint64_t at, uint64_t entry, uint8_t out[TRAMPOLINE_BYTES],
		     uint8_t patch[PATCH_BYTES])
{
	static const uint8_t lea_rcx[3] = { 0x48, 0x8d, 0x0d }, jmp_literal[6] = { 0xff, 0x25, 0, 0, 0, 0 };
	if (!site_fits(s, at))
		return false;
	memset(out, 0xcc, TRAMPOLINE_BYTES);
	size_t n = 0;
	if (!s->over_syscall) {
		memcpy(out, s->moved, (size_t)s->moved_bytes);
		n = (size_t)s->moved_bytes;
	}
	memcpy(out + n, lea_rcx, 3);
	put_rel32(out + n + 3, at + n + 7, s->over_syscall ? at + TRAMPOLINE_TAIL : ip + 2);
	memcpy(out + n + 7, jmp_literal, 6);
	memcpy(out + n + 13, &entry, 8);
	if (s->over_syscall) {
		out[TRAMPOLINE_TAIL - 3] = 0x90;
		out[TRAMPOLINE_TAIL - 2] = 0x0f;
		out[TRAMPOLINE_TAIL - 1] = 0x05;
		uint8_t *tail = out + TRAMPOLINE_TAIL;
		memcpy(tail, s->moved, (size_t)s->moved_bytes);
		uint64_t after = at + TRAMPOLINE_TAIL + (uint64_t)s->moved_bytes + 5;
		tail[s->moved_bytes] = 0xe9;
		put_rel32(tail + s->moved_bytes + 1, after, ip + 2 + (uint64_t)s->moved_bytes);
	}
	patch[0] = 0xe9;
	put_rel32(patch + 1, s->start + PATCH_BYTES, at);
	return true;
}
