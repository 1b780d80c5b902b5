/* ptrace_regs.c - registers of a stopped task, as its tracer may change them.
 *
 * LINUX   arch/x86/kernel/ptrace.c: putreg(), set_flags(); arch/x86/kernel/fpu/regset.c, xstate.c: copy_uabi_to_xstate().
 *         An XSAVE area here is what Linux calls NT_X86_XSTATE: always as long as the processor's, the set of features it has at
 *         byte 464.
 * MISSING Segment selectors can't be changed. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/kernel/task.h"

#define FLAGS_OF_GUEST 0x54dd5ULL         /* AC RF NT OF DF TF SF ZF AF PF CF */
#define FXSAVE_BYTES 512
#define SW_BYTES_AT 464                   /* of the legacy part: struct _fpx_sw_bytes in a signal frame */
#define MXCSR_AT 24
#define MXCSR_MASK_AT 28
#define HEADER_AT 512                     /* struct xstate_header: features, compaction, reserved */
#define HEADER_BYTES 64
#define FEATURES_FPSSE 3ULL

static int set_reg(struct user_regs_struct *r, uint64_t off, uint64_t value)
{
	uint64_t *reg = (uint64_t *)((char *)r + off);
	switch (off) {
	case offsetof(struct user_regs_struct, cs):
	case offsetof(struct user_regs_struct, ss):
	case offsetof(struct user_regs_struct, ds):
	case offsetof(struct user_regs_struct, es):
	case offsetof(struct user_regs_struct, fs):
	case offsetof(struct user_regs_struct, gs):
		return value == *reg ? 0 : -EIO;
	case offsetof(struct user_regs_struct, fs_base):
	case offsetof(struct user_regs_struct, gs_base):
		if (value >= PL_GUEST_END)
			return -EIO;
		break;
	case offsetof(struct user_regs_struct, eflags):
		value = (*reg & ~FLAGS_OF_GUEST) | (value & FLAGS_OF_GUEST);
		break;
	}
	*reg = value;
	return 0;
}

int ptrace_set_regs(struct task *t, uint64_t off, const uint64_t *words, uint64_t bytes)
{
	if (!t->pl)
		return -EIO;
	int err = 0;
	for (uint64_t at = 0; !err && at + sizeof(*words) <= bytes; at += sizeof(*words))
		err = set_reg(&t->pl->regs, off + at, words[at / sizeof(*words)]);
	return err;
}

static int64_t xstate_get(struct task *t, void **out)
{
	size_t max = pl_fpstate_bytes();
	struct _fpx_sw_bytes sw;
	char *state = calloc(1, MAX(max, (size_t)HEADER_AT + HEADER_BYTES));
	if (!state)
		return -ENOMEM;
	size_t n = t->pl ? pl_fpstate_get(t->pl, state) : 0;
	if (n < HEADER_AT + HEADER_BYTES) {
		free(state);
		return -ENODEV;
	}
	memcpy(&sw, state + SW_BYTES_AT, sizeof(sw));
	memset(state + SW_BYTES_AT, 0, sizeof(sw));
	memcpy(state + SW_BYTES_AT, &sw.xstate_bv, sizeof(sw.xstate_bv));
	size_t used = MIN(n, (size_t)sw.xstate_size);
	memset(state + used, 0, max - used);
	*out = state;
	return (int64_t)(max - FP_XSTATE_MAGIC2_SIZE);
}

static bool is_valid(const char *state, const char *now, bool extended)
{
	uint32_t mxcsr, mxcsr_mask;
	memcpy(&mxcsr, state + MXCSR_AT, sizeof(mxcsr));
	memcpy(&mxcsr_mask, now + MXCSR_MASK_AT, sizeof(mxcsr_mask));
	if (mxcsr & ~(mxcsr_mask ? mxcsr_mask : 0xffbfU))
		return false;
	uint64_t header[HEADER_BYTES / 8];
	struct _fpx_sw_bytes sw;
	if (!extended)
		return true;
	memcpy(header, state + HEADER_AT, sizeof(header));
	memcpy(&sw, now + SW_BYTES_AT, sizeof(sw));
	for (size_t i = 1; i < ARRAY_SIZE(header); i++)
		if (header[i])
			return false;
	return !(header[0] & ~(uint64_t)sw.xstate_bv);
}

/* Into the state as it is, which says how long it is and what is in it. */
static int xstate_set(struct task *t, const void *state, uint64_t bytes, bool extended)
{
	size_t max = pl_fpstate_bytes();
	if (extended && bytes != max - FP_XSTATE_MAGIC2_SIZE)
		return -EFAULT;
	if (!extended && bytes != FXSAVE_BYTES)
		return -EINVAL;
	AUTO(free) char *now = calloc(1, MAX(max, (size_t)HEADER_AT + HEADER_BYTES));
	if (!now)
		return -ENOMEM;
	size_t n = t->pl ? pl_fpstate_get(t->pl, now) : 0;
	if (n < HEADER_AT + HEADER_BYTES)
		return -ENODEV;
	if (!is_valid(state, now, extended))
		return -EINVAL;
	struct _fpx_sw_bytes sw;
	memcpy(&sw, now + SW_BYTES_AT, sizeof(sw));
	memcpy(now, state, SW_BYTES_AT);
	if (extended) {
		size_t used = MIN(n, (size_t)sw.xstate_size);
		memcpy(now + HEADER_AT, (const char *)state + HEADER_AT, used - HEADER_AT);
	} else {
		uint64_t has;
		memcpy(&has, now + HEADER_AT, sizeof(has));
		has |= FEATURES_FPSSE;
		memcpy(now + HEADER_AT, &has, sizeof(has));
	}
	pl_fpstate_set(t->pl, now, n);
	return 0;
}

/* --- the stub has a part in it, so the stopped task does it --- */

struct xstate_job {
	void *state;
	uint64_t bytes;
	bool extended;
	int64_t ret;
};

static void get_job(struct task *t, void *arg)
{
	struct xstate_job *j = arg;
	j->ret = xstate_get(t, &j->state);
}

static void set_job(struct task *t, void *arg)
{
	struct xstate_job *j = arg;
	j->ret = xstate_set(t, j->state, j->bytes, j->extended);
}

int64_t ptrace_xstate_get(struct task *t, void **out)
{
	struct xstate_job j = { .ret = -ESRCH };
	task_job(t, get_job, &j);
	*out = j.state;
	return j.ret;
}

int ptrace_xstate_set(struct task *t, const void *state, uint64_t bytes, bool extended)
{
	struct xstate_job j = { .state = (void *)state, .bytes = bytes, .extended = extended, .ret = -ESRCH };
	task_job(t, set_job, &j);
	return (int)j.ret;
}
