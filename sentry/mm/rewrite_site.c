/* rewrite_site.c - changing one call site, and back.
 *
 * RUNNING  Other threads may be executing what changes. As Linux's text_poke_bp() does it: a breakpoint over the first byte,
 *          then the rest, then the first byte, and between the steps membarrier(2) makes every core fetch anew. Who runs into
 *          the breakpoint meanwhile is sent back (rewrite_fault). Nobody is stopped.
 * NEVER    Shared mappings, sealed ones, code that is not just executable. Code that was replaced meanwhile, by the guest,
 *          is left alone: before bytes are put back they must be ours. */
#include "sentry/mm/rewrite_internal.h"

#include <linux/membarrier.h>
#include <string.h>

/* --- trampolines --- */

static bool in_reach(const struct site_code *c, const struct region *r)
{
	int64_t far = (int64_t)(r->start - c->start);
	return far == (int32_t)far && far + (int64_t)REGION_BYTES <= INT32_MAX;
}

static uint64_t take_trampoline(struct region *r, const struct site_code *c)
{
	for (unsigned i = 0; i < REGION_BYTES / TRAMPOLINE_BYTES; i++) {
		uint64_t at = r->start + i * TRAMPOLINE_BYTES;
		if ((r->used[i / 64] >> i % 64 & 1) || !site_fits(c, at))
			continue;
		r->used[i / 64] |= 1ULL << i % 64;
		return at;
	}
	return 0;
}

/* Its pages: made in the stub when the first is needed. */
static bool map_region(struct task *t, struct region *r)
{
	struct pl_call c = PL_CALL(SYS_mmap, r->start, REGION_BYTES, PROT_READ | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1UL, 0);
	r->mapped = r->mapped || mm_host_call(t, c, r->start) >= 0;
	return r->mapped;
}

static uint64_t find_trampoline(struct task *t, const struct site_code *c)
{
	struct rewrite *rw = t->mm->rewrite;
	for (int i = 0; i < REGIONS; i++) {
		struct region *r = &rw->regions[i];
		if (!r->start || !in_reach(c, r) || !map_region(t, r))
			continue;
		uint64_t at = take_trampoline(r, c);
		if (at)
			return at;
	}
	return 0;
}

/* --- changing code --- */

/* Everybody who runs in mm fetches his instructions anew. Nothing to do for a thread that is alone: it is stopped. */
static int sync_cores(struct task *t)
{
	if (t->mm->refs == 1)
		return 0;
	struct rewrite *rw = t->mm->rewrite;
	struct pl_call v[2] = { PL_CALL(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0),
				PL_CALL(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) };
	int first = rw->sync_core ? 1 : 0;
	int err = mm_host_calls(t, v + first, 2 - first);
	if (!err && v[1].ret < 0)
		err = (int)v[1].ret;
	rw->sync_core = !err;
	return err;
}

static int poke(struct task *t, uint64_t addr, const uint8_t *bytes, size_t n)
{
	if (mm_write(t->mm, addr, bytes, n) != (ssize_t)n)
		return -EFAULT;
	return sync_cores(t);
}

/* From one content of the five bytes to the other; both ways. The pages are writable. */
static int change(struct task *t, const struct site *s, const uint8_t *to, bool undo)
{
	static const uint8_t breakpoint = 0xcc;
	if (t->mm->refs == 1)
		return poke(t, s->code.start, to, PATCH_BYTES);
	int err = poke(t, s->code.start, &breakpoint, 1);
	if (!err && s->code.over_syscall && !undo)
		err = poke(t, s->code.start + 2, to + 2, 1);
	uint8_t rest[PATCH_BYTES];
	memcpy(rest, to, PATCH_BYTES);
	if (s->code.over_syscall && undo)
		rest[2] = s->patch[2];
	if (!err)
		err = poke(t, s->code.start + 1, rest + 1, PATCH_BYTES - 1);
	if (!err && rest[2] != to[2])
		err = poke(t, s->code.start + 2, to + 2, 1);
	return err ? err : poke(t, s->code.start, to, 1);
}

/* Makes the pages of [addr, addr + n) writable, or gives them back what their mapping says. */
static struct pl_call reprotect(uint64_t addr, size_t n, int prot)
{
	uint64_t start = addr & ~(PAGE_SIZE - 1);
	return PL_CALL(SYS_mprotect, start, PAGE_ALIGN_UP(addr + n) - start, (uint64_t)prot);
}

static bool all_done(const struct pl_call *v, int n)
{
	for (int i = 0; i < n; i++)
		if (v[i].ret < 0)
			return false;
	return true;
}

/* Code that may be changed: a private mapping that is all there. */
static struct vma *code_vma(struct mm *mm, uint64_t start, size_t bytes)
{
	struct vma *v = vma_at(mm, start);
	if (!v || v->end < start + bytes || !(v->flags & MAP_PRIVATE) || !(v->prot & PROT_EXEC) ||
	    (v->vm_flags & (VM_SEALED | VM_TRAMPOLINES)))
		return NULL;
	return v;
}

static bool recognise(struct task *t, uint64_t ip, uint64_t nr, struct site_code *out)
{
	struct vma *v = code_vma(t->mm, ip, 2);
	if (!v)
		return false;
	uint8_t code[SITE_BEFORE + SITE_AFTER];
	uint64_t from = MAX(v->start, ip - SITE_BEFORE), to = MIN(v->end, ip + SITE_AFTER);
	ssize_t n = mm_read(t->mm, from, code, to - from);
	return n > 0 && site_recognise(code, (size_t)n, ip - from, ip, nr, out) && code_vma(t->mm, out->start, PATCH_BYTES);
}

bool site_rewrite(struct task *t, struct site *s, uint64_t nr)
{
	struct mm *mm = t->mm;
	if (!recognise(t, s->ip, nr, &s->code) || (s->trampoline = find_trampoline(t, &s->code)) == 0)
		return false;
	uint8_t trampoline[TRAMPOLINE_BYTES];
	if (!site_trampoline(&s->code, s->ip, s->trampoline, pl_fast_entry(), trampoline, s->patch) ||
	    mm_read(mm, s->code.start, s->was, PATCH_BYTES) != PATCH_BYTES)
		return false;

	s->state = SITE_CHANGING;
	int prot = vma_at(mm, s->code.start)->prot;
	struct pl_call v[2] = { reprotect(s->trampoline, TRAMPOLINE_BYTES, PROT_RWX),
				reprotect(s->code.start, PATCH_BYTES, prot | PROT_WRITE) };
	bool ok = mm_host_calls(t, v, 2) == 0 && all_done(v, 2) &&
		  mm_write(mm, s->trampoline, trampoline, TRAMPOLINE_BYTES) == TRAMPOLINE_BYTES && sync_cores(t) == 0 &&
		  change(t, s, s->patch, false) == 0;
	v[0] = reprotect(s->trampoline, TRAMPOLINE_BYTES, PROT_READ | PROT_EXEC);
	v[1] = reprotect(s->code.start, PATCH_BYTES, prot);
	/* Half a change is worse than none, and nothing but a stub that is gone or spoilt can have stopped it. */
	if (mm_host_calls(t, v, 2) != 0 || !all_done(v, 2) || !ok)
		pl_as_kill(mm->as);
	s->state = SITE_CHANGED;
	return true;
}

void site_restore(struct task *t, struct site *s)
{
	struct mm *mm = t->mm;
	uint8_t now[PATCH_BYTES];
	if (s->state != SITE_CHANGED || !code_vma(mm, s->code.start, PATCH_BYTES) ||
	    mm_read(mm, s->code.start, now, PATCH_BYTES) != PATCH_BYTES || memcmp(now, s->patch, PATCH_BYTES) != 0)
		return;
	int prot = vma_at(mm, s->code.start)->prot;
	struct pl_call c = reprotect(s->code.start, PATCH_BYTES, prot | PROT_WRITE);
	bool ok = mm_host_call(t, c, 0) == 0 && change(t, s, s->was, true) == 0;
	if (mm_host_call(t, reprotect(s->code.start, PATCH_BYTES, prot), 0) < 0 || !ok)
		pl_as_kill(mm->as);
}
