/* rewrite.c - call sites that are used often are changed to jump to a trampoline, which enters the sentry without a trap.
 *
 * HOW      Every trapped call is counted by its site. A site that has trapped HOT times is looked at (rewrite_code.c), gets a
 *          trampoline in a page near it, and five bytes of its code are replaced by a jump there. The pages are private
 *          memory of the guest, so fork copies all; exec reserves their place beside the program and above the libraries,
 *          before guest code could count on anything there. /proc/PID/maps does not show them.
 * RUNNING  Other threads may be executing what changes. As Linux's text_poke_bp() does it: a breakpoint over the first byte,
 *          then the rest, then the first byte, and between the steps membarrier(2) makes every core fetch anew. Who runs into
 *          the breakpoint meanwhile is sent back (rewrite_fault). Nobody is stopped.
 * INSIDE   A thread between the two instructions of a site, one that comes back from an interrupted call to the system call
 *          instruction, a branch to it: nothing changed there ("before"), or they fault and are sent on ("over": the byte that
 *          faults goes in first, and out last). A signal inside a trampoline: it is guest code like any other, and stays as
 *          long as the address space lives. Fork: code, pages and books are copied together, under mm_lock().
 * NEVER    Shared mappings, sealed ones, code that is not just executable. A guest that reads its own code sees the jumps;
 *          who can't bear that runs with --no-rewrite. A debugger, or a GS base of the guest's own: rewrite_stop(). Code that was
 *          replaced meanwhile, by the guest, is left alone: before bytes are put back they must be ours. */
#include "sentry/mm/rewrite.h"

#include <linux/membarrier.h>
#include <string.h>
#include <uthash.h>

#include "sentry/mm/internal.h"
#include "sentry/mm/rewrite_code.h"
#include "sentry/sentry.h"

#define HOT 12                            /* a rewrite costs about as much as so many traps */
#define REGION_BYTES 0x10000ULL           /* all 256-byte classes of site_fits() */
#define REGIONS 2
#define SITES_MAX 4096

struct site {
	uint64_t ip;                      /* the system call instruction */
	enum { SITE_COUNTING, SITE_CHANGING, SITE_CHANGED, SITE_LEFT } state;
	unsigned traps;
	struct site_code code;            /* from SITE_CHANGING on, as the next three */
	uint64_t trampoline;
	uint8_t was[PATCH_BYTES], patch[PATCH_BYTES];
	UT_hash_handle hh;
};

struct region {
	uint64_t start;                   /* 0: none */
	bool mapped;                      /* in the stub, too */
	uint64_t used[REGION_BYTES / TRAMPOLINE_BYTES / 64];
};

struct rewrite {
	struct site *sites;
	struct region regions[REGIONS];
	bool stopped;
	bool sync_core;                   /* membarrier is registered */
};

static struct rewrite *books(struct mm *mm)
{
	if (!mm->rewrite)
		mm->rewrite = NEW(struct rewrite);
	return mm->rewrite;
}

struct rewrite *rewrite_copy(const struct rewrite *from)
{
	if (!from)
		return NULL;
	struct rewrite *rw = NEW(struct rewrite);
	*rw = *from;
	rw->sites = NULL;
	rw->sync_core = false;
	for (const struct site *s = from->sites; s; s = s->hh.next) {
		if (s->state == SITE_COUNTING || s->state == SITE_CHANGING)
			continue;
		struct site *n = NEW(struct site);
		*n = *s;
		HASH_ADD(hh, rw->sites, ip, sizeof(n->ip), n);
	}
	return rw;
}

void rewrite_free(struct rewrite *rw)
{
	if (!rw)
		return;
	struct site *s, *next;
	HASH_ITER(hh, rw->sites, s, next) {
		HASH_DEL(rw->sites, s);
		free(s);
	}
	free(rw);
}

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

void rewrite_keep(struct mm *mm, uint64_t start, uint64_t bytes)
{
	struct vma *v = vma_new(start, start + bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	vma_set_name(v, "[uprobes]");
	v->vm_flags |= VM_TRAMPOLINES;
	vma_insert(mm, v);
}

static void reserve(struct mm *mm, struct region *r, uint64_t at)
{
	rewrite_keep(mm, at, REGION_BYTES);
	r->start = at;
}

void rewrite_reserve(struct mm *mm, uint64_t image)
{
	if (!pl_fast_entry() || sentry_config->no_rewrite)
		return;
	struct rewrite *rw = books(mm);
	mm->mmap_base -= REGION_BYTES;
	reserve(mm, &rw->regions[0], mm->mmap_base);
	/* Directly below is text_program()'s place. */
	if (image >= PL_GUEST_MIN + TEXT_ROOM + REGION_BYTES && image <= mm->mmap_base)
		reserve(mm, &rw->regions[1], image - TEXT_ROOM - REGION_BYTES);
}

/* --- code that was mapped with its sites changed --- */

/* Its sites on our books: for who must find all, or change them back. */
static void know_texts(struct mm *mm)
{
	struct text_map *m;
	SLIST_FOREACH(m, &mm->texts, link) {
		if (m->known || !m->version || m->start == m->end)
			continue;
		m->known = true;
		for (unsigned i = 0; i < m->version->nsites; i++) {
			const struct text_site *from = &m->version->sites[i];
			uint64_t ip = m->start + from->ip;
			struct rewrite *rw = books(mm);
			struct site *s;
			HASH_FIND(hh, rw->sites, &ip, sizeof(ip), s);
			if (s)                    /* it was reached in another way, and has been seen to */
				continue;
			s = NEW(struct site);
			s->ip = ip;
			s->state = SITE_CHANGED;
			s->code = from->code;
			s->code.start += m->start;
			s->trampoline = m->start + from->trampoline;
			memcpy(s->was, from->was, PATCH_BYTES);
			memcpy(s->patch, from->patch, PATCH_BYTES);
			HASH_ADD(hh, rw->sites, ip, sizeof(s->ip), s);
		}
	}
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

static bool rewrite_site(struct task *t, struct site *s, uint64_t nr)
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

static bool may_be_rewritten(uint64_t nr)
{
	switch (nr) {
	case SYS_clone:                   /* they need the whole state of the thread, which a trap brings along */
	case SYS_clone3:
	case SYS_fork:
	case SYS_vfork:
	case SYS_execve:
	case SYS_execveat:
	case SYS_exit:
	case SYS_exit_group:
		return false;
	}
	return nr < 1024;
}

void rewrite_trapped(struct task *t)
{
	const struct user_regs_struct *r = &t->pl->regs;
	uint64_t ip = r->rip - 2, nr = r->orig_rax;
	struct rewrite *rw = books(t->mm);
	if (rw->stopped || !may_be_rewritten(nr) || r->gs_base || ip >= PL_GUEST_END || sentry_config->no_rewrite)
		return;
	struct site *s;
	HASH_FIND(hh, rw->sites, &ip, sizeof(ip), s);
	if (!s) {
		if (HASH_COUNT(rw->sites) >= SITES_MAX)
			return;
		s = NEW(struct site);
		s->ip = ip;
		HASH_ADD(hh, rw->sites, ip, sizeof(s->ip), s);
		const struct text_map *m = text_at(t->mm, ip);
		if (m)
			text_trapped(m->text, ip - m->start, nr);
	}
	if (s->state == SITE_CHANGING || s->state == SITE_LEFT || ++s->traps % HOT)
		return;
	mm_lock(t->mm);
	/* Another thread may have been faster. A changed site traps if it is jumped into, or if its mapping is a new one. */
	if (!rw->stopped && s->state != SITE_LEFT && s->traps >= HOT) {
		uint8_t now[PATCH_BYTES];
		bool there = s->state == SITE_CHANGED && mm_read(t->mm, s->code.start, now, PATCH_BYTES) == PATCH_BYTES &&
			     memcmp(now, s->patch, PATCH_BYTES) == 0;
		s->traps = 0;
		if (!there && !rewrite_site(t, s, nr))
			s->state = SITE_LEFT;
	}
	mm_unlock(t->mm);
}

/* --- faults --- */

bool rewrite_fault(struct task *t, const struct pl_event *ev)
{
	struct user_regs_struct *r = &t->pl->regs;
	int sig = ev->fault.si_signo;
	if (sig != SIGILL && sig != SIGTRAP)
		return false;
	know_texts(t->mm);
	struct rewrite *rw = t->mm->rewrite;
	if (!rw || !rw->sites)
		return false;
	/* A guest that steps through its own code: not through ours. */
	if (sig == SIGTRAP && (r->eflags & 0x100))
		return rewrite_owns(t->mm, r->rip);
	for (struct site *s = rw->sites; s; s = s->hh.next) {
		if (s->state != SITE_CHANGED && s->state != SITE_CHANGING)
			continue;
		if (sig == SIGILL && s->code.over_syscall && r->rip == s->code.start + 2) {
			r->rip = s->trampoline + TRAMPOLINE_TAIL;
			return true;
		}
		if (sig == SIGTRAP && r->rip == s->code.start + 1) {
			uint8_t now;
			mm_lock(t->mm);                  /* until the change is done */
			bool ours = mm_read(t->mm, s->code.start, &now, 1) == 1 && now != 0xcc;
			mm_unlock(t->mm);
			if (ours)
				r->rip--;
			return ours;
		}
	}
	return false;
}

/* --- giving up --- */

static void restore(struct task *t, struct site *s)
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

static void stop_locked(struct task *t)
{
	struct rewrite *rw = books(t->mm);
	if (rw->stopped)
		return;
	rw->stopped = true;
	know_texts(t->mm);
	for (struct site *s = rw->sites; s; s = s->hh.next)
		restore(t, s);
}

void rewrite_stop(struct task *t)
{
	if (!pl_fast_entry())
		return;
	mm_lock(t->mm);
	stop_locked(t);
	mm_unlock(t->mm);
}

bool rewrite_owns(struct mm *mm, uint64_t ip)
{
	const struct vma *v = vma_at(mm, ip);
	return v && (v->vm_flags & VM_TRAMPOLINES);
}

/* Where in the guest's code the instruction at `at` in s's trampoline is. What enters the sentry stands for the system call. */
static uint64_t original_ip(const struct site *s, uint64_t at)
{
	const struct site_code *c = &s->code;
	if (c->over_syscall)
		return at < TRAMPOLINE_TAIL ? s->ip : s->ip + 2 + (at - TRAMPOLINE_TAIL);
	return at < (uint64_t)c->moved_bytes ? c->start + at : s->ip;
}

void rewrite_leave(struct task *t)
{
	struct user_regs_struct *r = &t->pl->regs;
	if (!rewrite_owns(t->mm, r->rip))
		return;
	know_texts(t->mm);
	struct rewrite *rw = t->mm->rewrite;
	if (!rw)
		return;
	for (const struct site *s = rw->sites; s; s = s->hh.next) {
		uint8_t now[PATCH_BYTES];
		if (s->state != SITE_CHANGED || r->rip - s->trampoline >= TRAMPOLINE_BYTES)
			continue;
		/* Not into code that the guest has replaced. */
		if (mm_read(t->mm, s->code.start, now, PATCH_BYTES) != PATCH_BYTES || memcmp(now, s->was, PATCH_BYTES) != 0)
			return;
		uint64_t ip = original_ip(s, r->rip - s->trampoline);
		if (t->in_syscall && r->rcx == r->rip)
			r->rcx = ip;
		r->rip = ip;
		return;
	}
}

bool rewrite_stopped(const struct mm *mm)
{
	return mm->rewrite && mm->rewrite->stopped;
}

void rewrite_moves(struct task *t, uint64_t start, uint64_t end)
{
	know_texts(t->mm);
	struct rewrite *rw = t->mm->rewrite;
	for (struct site *s = rw ? rw->sites : NULL; s; s = s->hh.next) {
		if (s->code.start + PATCH_BYTES <= start || s->code.start >= end)
			continue;
		restore(t, s);
		s->state = SITE_LEFT;
	}
}

void rewrite_yield(struct task *t, uint64_t start, uint64_t end)
{
	text_unmap(t, start, end);
	if (vma_any_flag(t->mm, start, end, VM_TRAMPOLINES))
		stop_locked(t);
}
