/* defer.c - the last thing that a memory call does in the stub, done when guest code goes on.
 *
 * WHY      A command of its own costs a hand-over there and back: as much as the call itself, and on a busy machine two turns at
 *          the processor.
 * HOW      The books say at once what will be. Nobody can tell, for who could is excluded: other tasks in the same memory, a tracer, a
 *          handler that has more to do. What comes in between, a signal, makes it happen first. If the stub's host says no after all
 *          (its own limits), the books are taken back and the call fails; where that can't be, the guest ends. */
#include "sentry/mm/internal.h"
#include "sentry/sentry.h"

void mm_defer_next(struct task *t)
{
	t->defer_next = t->mm->refs == 1 && pl_can_defer() && !task_wants_slow_path(t) && sentry_config->strace_fd < 0;
}

bool mm_may_defer(const struct task *t)
{
	return t->defer_next && !t->pl->deferred.n;
}

void mm_defer(struct task *t, const struct pl_call *v, int n, struct mm_undo undo)
{
	struct pl_deferred *d = &t->pl->deferred;
	t->mm->undo = undo;
	for (int i = 0; i < n; i++)
		d->calls[i] = v[i];
	d->n = n;
}

int64_t mm_host_last(struct task *t, struct pl_call c, uint64_t expected, struct mm_undo undo)
{
	if (!mm_may_defer(t))
		return mm_host_call(t, c, expected);
	c.ret = (long)expected;
	mm_defer(t, &c, 1, undo);
	return (int64_t)expected;
}

void mm_deferred_failed(struct task *t, int64_t result)
{
	struct mm *mm = t->mm;
	struct mm_undo u = mm->undo;
	if (result >= 0 || result < -4095 || u.kind == UNDO_NONE) {
		debugf("sbx: %d: a deferred host call returned %#lx in the stub\n", t->tid, (unsigned long)result);
		pl_as_kill(mm->as);
		return;
	}
	struct vma *dead = NULL;
	mm_lock(mm);
	vma_cut(mm, u.start, u.end, &dead);
	if (u.kind == UNDO_BRK)
		mm->brk = u.brk;
	mm_unlock(mm);
	vma_free_list(dead);
	t->pl->regs.rax = u.kind == UNDO_BRK ? u.brk : (uint64_t)result;
}

void mm_make_deferred(struct task *t)
{
	struct pl_deferred d = t->pl->deferred;
	t->pl->deferred.n = 0;
	struct pl_call v[PL_DEFERRED_MAX];
	for (int i = 0; i < d.n; i++)
		v[i] = d.calls[i];
	int err = pl_calls(t->pl, v, d.n);
	for (int i = 0; i < d.n && !err; i++) {
		if (v[i].ret == d.calls[i].ret)
			continue;
		mm_deferred_failed(t, v[i].ret);
		break;
	}
}
