/* cbpf.h - classic BPF programs, as seccomp filters and socket filters have them (linux/filter.h). */
#pragma once

#include <linux/filter.h>

#include "platform/base/base.h"

/* What a program reads from. */
struct cbpf_input {
	/* `size` bytes (1, 2, 4) at off as a number; a and x are the registers, which extensions look at. False: there is nothing,
	 * and the program ends with 0. */
	bool (*load)(struct cbpf_input *in, uint32_t off, unsigned size, uint32_t a, uint32_t x, uint32_t *out);
	uint32_t len;                     /* BPF_LEN */
};

/* Is it a program? -EINVAL. One that passed ends for every input, and 0 <= what it reads of its own memory < BPF_MEMWORDS. */
int cbpf_check(const struct sock_filter *prog, unsigned len) MUST_CHECK;
uint32_t cbpf_run(const struct sock_filter *prog, struct cbpf_input *in);
