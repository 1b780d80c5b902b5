/* seccomp_bpf.c - what of classic BPF seccomp's filters may use, and what they read.
 *
 * LINUX   kernel/seccomp.c: seccomp_check_filter(). */
#include "sentry/kernel/seccomp.h"

#include <stddef.h>
#include <string.h>

#include "sentry/kernel/cbpf.h"

struct input {
	struct cbpf_input in;
	const struct seccomp_data *sd;
	bool used_more;
};

/* Does seccomp take the instruction? Loads are of whole words of struct seccomp_data. */
static bool allowed(const struct sock_filter *f)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		if (f->code == (BPF_LD | BPF_W | BPF_ABS))
			return f->k < sizeof(struct seccomp_data) && f->k % sizeof(uint32_t) == 0;
		return BPF_MODE(f->code) != BPF_ABS && BPF_MODE(f->code) != BPF_IND;
	case BPF_LDX:
		return BPF_MODE(f->code) != BPF_MSH;
	case BPF_ALU:
		return BPF_OP(f->code) != BPF_MOD;
	default:
		return true;
	}
}

int seccomp_bpf_check(const struct sock_filter *prog, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		if (!allowed(&prog[i]))
			return -EINVAL;
	return cbpf_check(prog, len);
}

static bool load_word(struct cbpf_input *in, uint32_t off, unsigned size, uint32_t a, uint32_t x, uint32_t *out)
{
	struct input *input = container_of(in, struct input, in);
	(void)a;
	(void)x;
	memcpy(out, (const char *)input->sd + off, size);        /* the check has seen both */
	input->used_more |= off >= offsetof(struct seccomp_data, instruction_pointer);
	return true;
}

uint32_t seccomp_bpf_run(const struct sock_filter *prog, const struct seccomp_data *sd, bool *used_more)
{
	struct input input = { .in = { .load = load_word, .len = sizeof(*sd) }, .sd = sd };
	uint32_t ret = cbpf_run(prog, &input.in);
	*used_more = input.used_more;
	return ret;
}
