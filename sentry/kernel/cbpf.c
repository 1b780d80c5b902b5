/* cbpf.c - classic BPF: checked once, then interpreted.
 *
 * HOW     Jumps only go forward and stay inside, the last instruction returns, memory is written before it is read: the
 *         check sees to that, so running needs no checks but of what is loaded, and always ends.
 * LINUX   net/core/filter.c: bpf_check_classic(), check_load_and_stores(). Same: a division by X = 0 returns 0, shifts by X
 *         count modulo 32, what can't be loaded returns 0. */
#include "sentry/kernel/cbpf.h"

/* Are the operands of a known instruction in range? left: instructions behind it. */
static bool check_insn(const struct sock_filter *f, unsigned left)
{
	switch (f->code) {
	case BPF_ALU | BPF_DIV | BPF_K:
	case BPF_ALU | BPF_MOD | BPF_K:
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
	case BPF_ALU | BPF_DIV | BPF_X: case BPF_ALU | BPF_MOD | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_X:
	case BPF_ALU | BPF_RSH | BPF_X:
	case BPF_ALU | BPF_NEG:
	case BPF_LD | BPF_W | BPF_ABS: case BPF_LD | BPF_H | BPF_ABS: case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND: case BPF_LD | BPF_H | BPF_IND: case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_B | BPF_MSH:
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

int cbpf_check(const struct sock_filter *prog, unsigned len)
{
	if (len == 0 || len > BPF_MAXINSNS)
		return -EINVAL;
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

/* Not BPF_DIV and BPF_MOD by 0. */
static uint32_t compute(unsigned op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_DIV: return a / b;
	case BPF_MOD: return a % b;
	case BPF_AND: return a & b;
	case BPF_OR: return a | b;
	case BPF_XOR: return a ^ b;
	case BPF_LSH: return a << (b & 31);
	case BPF_RSH: return a >> (b & 31);
	default: return -a;               /* BPF_NEG */
	}
}

static unsigned size_of(const struct sock_filter *f)
{
	return BPF_SIZE(f->code) == BPF_W ? 4 : BPF_SIZE(f->code) == BPF_H ? 2 : 1;
}

/* Linux's extensions are offsets that only BPF_ABS names. */
static bool is_extension(uint32_t off)
{
	return off >= (uint32_t)SKF_AD_OFF;
}

uint32_t cbpf_run(const struct sock_filter *prog, struct cbpf_input *in)
{
	uint32_t mem[BPF_MEMWORDS], a = 0, x = 0, v;
	for (const struct sock_filter *f = prog;; f++) {
		uint32_t operand = BPF_SRC(f->code) == BPF_X ? x : f->k;
		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			if (BPF_MODE(f->code) == BPF_ABS || BPF_MODE(f->code) == BPF_IND) {
				uint32_t off = BPF_MODE(f->code) == BPF_IND ? x + f->k : f->k;
				bool computed = BPF_MODE(f->code) == BPF_IND;
				if ((computed && is_extension(off)) || !in->load(in, off, size_of(f), a, x, &a))
					return 0;
			} else {
				a = BPF_MODE(f->code) == BPF_MEM ? mem[f->k] : BPF_MODE(f->code) == BPF_LEN ? in->len : f->k;
			}
			break;
		case BPF_LDX:
			if (BPF_MODE(f->code) == BPF_MSH) {
				if (is_extension(f->k) || !in->load(in, f->k, 1, a, x, &v))
					return 0;
				x = (v & 0xf) * 4;
			} else {
				x = BPF_MODE(f->code) == BPF_MEM ? mem[f->k] : BPF_MODE(f->code) == BPF_LEN ? in->len : f->k;
			}
			break;
		case BPF_ST:
			mem[f->k] = a;
			break;
		case BPF_STX:
			mem[f->k] = x;
			break;
		case BPF_ALU:
			if ((BPF_OP(f->code) == BPF_DIV || BPF_OP(f->code) == BPF_MOD) && operand == 0)
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
