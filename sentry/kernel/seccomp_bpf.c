/* seccomp_bpf.c - the programs of seccomp filters: checked once, then interpreted.
 *
 * HOW     Jumps only go forward and stay inside, the last instruction returns, memory is written before it is read: the
 *         check sees to that, so running needs no checks and always ends.
 * LINUX   kernel/seccomp.c: seccomp_check_filter(); net/core/filter.c: bpf_check_classic(), check_load_and_stores().
 *         Same: a division by X = 0 returns 0 (KILL_THREAD), shifts by X count modulo 32. */
#include "sentry/kernel/seccomp.h"

#include <stddef.h>

#define DATA_WORDS (sizeof(struct seccomp_data) / sizeof(uint32_t))

/* Is the instruction one that seccomp allows, with operands in range? BPF_LEN becomes a constant. */
static bool check_insn(struct sock_filter *f, unsigned left)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return f->k < sizeof(struct seccomp_data) && f->k % sizeof(uint32_t) == 0;
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
		f->code = BPF_CLASS(f->code) | BPF_IMM;
		f->k = sizeof(struct seccomp_data);
		return true;
	case BPF_ALU | BPF_DIV | BPF_K:
		return f->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return f->k < 32;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return f->k < BPF_MEMWORDS;
	case BPF_JMP | BPF_JA:
		return f->k < left;
	case BPF_JMP | BPF_JEQ | BPF_K: case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K: case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K: case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K: case BPF_JMP | BPF_JSET | BPF_X:
		return f->jt < left && f->jf < left;
	case BPF_ALU | BPF_ADD | BPF_K: case BPF_ALU | BPF_ADD | BPF_X:
	case BPF_ALU | BPF_SUB | BPF_K: case BPF_ALU | BPF_SUB | BPF_X:
	case BPF_ALU | BPF_MUL | BPF_K: case BPF_ALU | BPF_MUL | BPF_X:
	case BPF_ALU | BPF_AND | BPF_K: case BPF_ALU | BPF_AND | BPF_X:
	case BPF_ALU | BPF_OR | BPF_K: case BPF_ALU | BPF_OR | BPF_X:
	case BPF_ALU | BPF_XOR | BPF_K: case BPF_ALU | BPF_XOR | BPF_X:
	case BPF_ALU | BPF_DIV | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_X:
	case BPF_ALU | BPF_RSH | BPF_X:
	case BPF_ALU | BPF_NEG:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
		return true;
	}
	return false;
}

/* Every word of the scratch memory is written, on each way there, before it is read. */
static bool check_memory(const struct sock_filter *prog, unsigned len)
{
	uint16_t *written = reallocarray(NULL, len, sizeof(*written));     /* on all ways to an instruction so far */
	if (!written)
		return false;
	for (unsigned i = 0; i < len; i++)
		written[i] = UINT16_MAX;
	uint16_t now = 0;
	bool ok = true;
	for (unsigned i = 0; i < len && ok; i++) {
		const struct sock_filter *f = &prog[i];
		now &= written[i];
		switch (BPF_CLASS(f->code)) {
		case BPF_ST:
		case BPF_STX:
			now |= (uint16_t)(1u << f->k);
			break;
		case BPF_LD:
		case BPF_LDX:
			ok = BPF_MODE(f->code) != BPF_MEM || (now & 1u << f->k);
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA) {
				written[i + 1 + f->k] &= now;
			} else {
				written[i + 1 + f->jt] &= now;
				written[i + 1 + f->jf] &= now;
			}
			now = UINT16_MAX;
			break;
		}
	}
	free(written);
	return ok;
}

int seccomp_bpf_check(struct sock_filter *prog, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		if (!check_insn(&prog[i], len - 1 - i))
			return -EINVAL;
	if (BPF_CLASS(prog[len - 1].code) != BPF_RET)
		return -EINVAL;
	return check_memory(prog, len) ? 0 : -EINVAL;
}

static bool compare(unsigned op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ: return a == b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	default: return a & b;            /* BPF_JSET */
	}
}

/* Not BPF_DIV by 0. */
static uint32_t compute(unsigned op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_DIV: return a / b;
	case BPF_AND: return a & b;
	case BPF_OR: return a | b;
	case BPF_XOR: return a ^ b;
	case BPF_LSH: return a << (b & 31);
	case BPF_RSH: return a >> (b & 31);
	default: return -a;               /* BPF_NEG */
	}
}

uint32_t seccomp_bpf_run(const struct sock_filter *prog, const struct seccomp_data *sd, bool *used_more)
{
	const union { struct seccomp_data sd; uint32_t word[DATA_WORDS]; } data = { .sd = *sd };
	uint32_t mem[BPF_MEMWORDS], a = 0, x = 0;
	*used_more = false;
	for (const struct sock_filter *f = prog;; f++) {
		uint32_t operand = BPF_SRC(f->code) == BPF_X ? x : f->k;
		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			if (BPF_MODE(f->code) == BPF_ABS) {
				a = data.word[f->k / sizeof(uint32_t)];
				*used_more |= f->k >= offsetof(struct seccomp_data, instruction_pointer);
			} else {
				a = BPF_MODE(f->code) == BPF_MEM ? mem[f->k] : f->k;
			}
			break;
		case BPF_LDX:
			x = BPF_MODE(f->code) == BPF_MEM ? mem[f->k] : f->k;
			break;
		case BPF_ST:
			mem[f->k] = a;
			break;
		case BPF_STX:
			mem[f->k] = x;
			break;
		case BPF_ALU:
			if (BPF_OP(f->code) == BPF_DIV && operand == 0)
				return 0;
			a = compute(BPF_OP(f->code), a, operand);
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				f += f->k;
			else
				f += compare(BPF_OP(f->code), a, operand) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? a : f->k;
		case BPF_MISC:
			if (BPF_MISCOP(f->code) == BPF_TAX)
				x = a;
			else
				a = x;
			break;
		}
	}
}
