/* rewrite.c - call sites that are used often are changed to jump to a trampoline, which enters the sentry without a trap.
 *
 * HOW      Every trapped call is counted by its site. A site that has trapped HOT times is looked at (rewrite_code.c), gets a
 *          trampoline in a page near it, and five bytes of its code are replaced by a jump there. The pages are private
 *          memory of the guest, so fork copies all; exec reserves their place beside the program and above the libraries,
 *          before guest code could count on anything there. /proc/PID/maps does not show them.
 * INSIDE   A thread between the two instructions of a site, one that comes back from an interrupted call to the system call
 *          instruction, a branch to it: nothing changed there ("before"), or they fault and are sent on ("over": the byte that
 *          faults goes in first, and out last). A signal inside a trampoline: it is guest code like any other, and stays as
 *          long as the address space lives. Fork: code, pages and books are copied together, under mm_lock().
 * NEVER    A guest that reads its own code sees the jumps; who can't bear that runs with --no-rewrite. A debugger, or a GS base of
 *          the guest's own: rewrite_stop(). How code is changed, and which: rewrite_site.c. */
#include "sentry/mm/rewrite_internal.h"

#include <string.h>

#include "sentry/sentry.h"

#define HOT 12                            /* a rewrite costs about as much as so many traps */
#define SITES_MAX 4096

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

/* --- the places of trampolines --- */

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
			if (!s) {
				s = NEW(struct site);
				s->ip = ip;
				HASH_ADD(hh, rw->sites, ip, sizeof(s->ip), s);
			}
			/* What was there before, if anything, was in another mapping. */
			s->state = SITE_CHANGED;
			s->traps = 0;
			s->code = from->code;
			s->code.start += m->start;
			s->trampoline = m->start + from->trampoline;
			memcpy(s->was, from->was, PATCH_BYTES);
			memcpy(s->patch, from->patch, PATCH_BYTES);
		}
	}
}

/* --- sites that trap --- */

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
	const struct text_map *m = s ? NULL : text_at(t->mm, ip);
	if (m && text_is_changed(m->version, ip - m->start)) {
		/* A call that was interrupted is repeated at the instruction itself. */
		know_texts(t->mm);
		HASH_FIND(hh, rw->sites, &ip, sizeof(ip), s);
	}
	if (!s) {
		if (HASH_COUNT(rw->sites) >= SITES_MAX)
			return;
		s = NEW(struct site);
		s->ip = ip;
		HASH_ADD(hh, rw->sites, ip, sizeof(s->ip), s);
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
		if (!there && !site_rewrite(t, s, nr))
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

static void stop_locked(struct task *t)
{
	struct rewrite *rw = books(t->mm);
	if (rw->stopped)
		return;
	rw->stopped = true;
	know_texts(t->mm);
	for (struct site *s = rw->sites; s; s = s->hh.next)
		site_restore(t, s);
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
		site_restore(t, s);
		s->state = SITE_LEFT;
	}
}

void rewrite_yield(struct task *t, uint64_t start, uint64_t end)
{
	text_unmap(t, start, end);
	if (vma_any_flag(t->mm, start, end, VM_TRAMPOLINES))
		stop_locked(t);
}
