/* fpstate.c - a thread's extended state: NT_X86_XSTATE, to and from what signal frames hold.
 *
 * HOW   Both are XSAVE areas of the standard format. They differ in the 48 bytes that the processor leaves to software: ptrace
 *       puts the mask of features there, a frame has struct _fpx_sw_bytes, and a second magic number behind the area. */
#include <cpuid.h>
#include <elf.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "platform/ptrace/ptrace.h"

#define LEGACY_BYTES 512
#define HEADER_BYTES 64
#define MXCSR_OFF 24
#define SW_OFF 464
#define XFEATURES_OFF 512
#define XFEATURE_FPSSE 3ULL
#define XFEATURE_PKRU 9
#define XFEATURE_TILEDATA 18              /* of no size in a process that has not asked for it */

/* The kernel's struct _fpx_sw_bytes (uapi/asm/sigcontext.h). */
struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, pad[7];
};
_Static_assert(sizeof(struct sw_bytes) == LEGACY_BYTES - SW_OFF, "fills the software's bytes");

static size_t area_bytes, area_without_tiles;
static uint64_t features;
static char *clean;

static size_t component_offset(unsigned i)
{
	unsigned a, b, c, d;
	__cpuid_count(0xd, i, a, b, c, d);
	return b;
}

static int read_state(struct tracee *t, void *buf, size_t bytes)
{
	struct iovec iov = { buf, bytes };
	return ptrace(PTRACE_GETREGSET, t->tid, (long)NT_X86_XSTATE, &iov) < 0 ? -errno : (int)iov.iov_len;
}

static int write_state(struct tracee *t, const void *buf)
{
	struct iovec iov = { (void *)buf, area_bytes };
	return ptrace(PTRACE_SETREGSET, t->tid, (long)NT_X86_XSTATE, &iov) < 0 ? -errno : 0;
}

int fpstate_init(struct tracee *template)
{
	size_t max = pl_fpstate_bytes() - FP_XSTATE_MAGIC2_SIZE;
	char *now = xzalloc(max + 64);
	int n = read_state(template, now, ALIGN_UP(max + 8, 8));
	if (n < LEGACY_BYTES + HEADER_BYTES || (size_t)n > max) {
		free(now);
		return n < 0 ? n : -EOPNOTSUPP;
	}
	area_bytes = area_without_tiles = (size_t)n;
	memcpy(&features, now + SW_OFF, sizeof(features));
	if (features >> XFEATURE_TILEDATA & 1)
		area_without_tiles = component_offset(XFEATURE_TILEDATA);

	clean = xzalloc(area_bytes);
	uint64_t has = XFEATURE_FPSSE;
	memcpy(clean, &(uint16_t){ 0x37f }, 2);
	memcpy(clean + MXCSR_OFF, &(uint32_t){ 0x1f80 }, 4);
	if (features >> XFEATURE_PKRU & 1) {
		/* Its initial value is the host's choice. */
		size_t off = component_offset(XFEATURE_PKRU);
		memcpy(clean + off, now + off, 8);
		has |= 1ULL << XFEATURE_PKRU;
	}
	memcpy(clean + XFEATURES_OFF, &has, sizeof(has));
	free(now);
	return write_state(template, clean);
}

size_t ptrace_fpstate_get(struct pl_thread *pt, void *buf)
{
	struct tracee *t = to_tracee(pt);
	if (pt->as->dead || read_state(t, buf, area_bytes) != (int)area_bytes)
		return 0;
	uint64_t has, known = features;
	memcpy(&has, (char *)buf + XFEATURES_OFF, sizeof(has));
	size_t bytes = area_bytes;
	if (!(has >> XFEATURE_TILEDATA & 1)) {
		bytes = area_without_tiles;
		known &= ~(1ULL << XFEATURE_TILEDATA);
	}
	struct sw_bytes sw = {
		.magic1 = FP_XSTATE_MAGIC1, .extended_size = (uint32_t)bytes + FP_XSTATE_MAGIC2_SIZE,
		.xfeatures = known, .xstate_size = (uint32_t)bytes,
	};
	memcpy((char *)buf + SW_OFF, &sw, sizeof(sw));
	memcpy((char *)buf + bytes, &(uint32_t){ FP_XSTATE_MAGIC2 }, FP_XSTATE_MAGIC2_SIZE);
	return sw.extended_size;
}

char *fpstate_save(struct tracee *t)
{
	char *state = xzalloc(area_bytes);
	if (read_state(t, state, area_bytes) == (int)area_bytes)
		return state;
	free(state);
	return NULL;
}

void fpstate_restore(struct tracee *t, char *saved)
{
	if (write_state(t, saved) < 0)
		debugf("sbx: %d: extended state not restored\n", t->tid);
	free(saved);
}

/* As the host's sigreturn does: what a frame does not hold becomes initial, what makes no sense is refused. */
void ptrace_fpstate_set(struct pl_thread *pt, const void *buf, size_t bytes)
{
	struct tracee *t = to_tracee(pt);
	if (pt->as->dead || bytes < LEGACY_BYTES)
		return;
	char *state = xzalloc(area_bytes);
	uint64_t has = XFEATURE_FPSSE;
	memcpy(state, buf, LEGACY_BYTES);
	if (bytes >= LEGACY_BYTES + HEADER_BYTES) {
		struct sw_bytes sw;
		memcpy(&sw, state + SW_OFF, sizeof(sw));
		memcpy(state + LEGACY_BYTES, (const char *)buf + LEGACY_BYTES,
		       MIN(MIN(bytes, area_bytes), MAX((size_t)sw.xstate_size, (size_t)(LEGACY_BYTES + HEADER_BYTES))) - LEGACY_BYTES);
		memcpy(&has, state + XFEATURES_OFF, sizeof(has));
		has &= sw.xfeatures | ~features;
	}
	memcpy(state + XFEATURES_OFF, &has, sizeof(has));
	int err = write_state(t, state);
	t->bad_fpstate = err && err != -ESRCH;
	free(state);
}

void ptrace_fpstate_reset(struct pl_thread *pt)
{
	struct tracee *t = to_tracee(pt);
	if (pt->as->dead)
		return;
	t->bad_fpstate = false;
	/* Only a thread that was killed refuses it. */
	if (write_state(t, clean) < 0)
		debugf("sbx: %d: extended state not reset\n", t->tid);
}
