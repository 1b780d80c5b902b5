/* mm.c - address spaces: made, copied, dropped; limits; and the way to the stub's host calls.
 *
 * HOW      Every change runs under mm_lock(): check on the books, let the stub execute, then write down what was executed.
 *          So books and stub disagree only while a change is under way, and a refusal of the host needs no undoing.
 * LINUX    kernel/fork.c (dup_mmap), mm/mmap.c (may_expand_vm). */
#include "sentry/mm/internal.h"

#include <linux/capability.h>

#include "platform/base/live.h"
#include "sentry/mm/rewrite.h"
#include "sentry/vfs/file.h"

void mm_lock(struct mm *mm)
{
	sleep_lock_acquire(&mm->lock);
}

void mm_unlock(struct mm *mm)
{
	sleep_lock_release(&mm->lock);
}

struct mm *mm_get(struct mm *mm)
{
	mm->refs++;
	return mm;
}

void mm_put(struct mm *mm)
{
	if (!mm || --mm->refs > 0)
		return;
	if (mm->aio)
		mm->aio_free(mm);
	pl_as_put(mm->as);
	struct vma *dead = NULL;
	vma_cut(mm, 0, UINT64_MAX, &dead);
	vma_free_list(dead);
	if (mm->exe)
		file_put(mm->exe);
	rewrite_free(mm->rewrite);
	live_died(MM);
	text_maps_free(&mm->texts);
	free(mm);
}

void mm_leave_as(struct mm *mm)
{
	pl_as_put(mm->as);
	mm->as = pl_as_none();
}

int mm_new(struct pl_as *as, struct mm **out)
{
	struct mm *mm = NEW(struct mm);
	live_born(MM);
	mm->refs = 1;
	mm->as = pl_as_get(as);
	sleep_lock_init(&mm->lock);
	RB_INIT(&mm->vmas);
	mm->mmap_base = PL_GUEST_END;
	mm->dumpable = 1;
	mm->dump_filter = DUMP_DEFAULT;
	*out = mm;
	return 0;
}

int mm_fork(struct task *t, struct pl_as *child_as, struct mm **out)
{
	struct mm *old = t->mm;
	struct mm *mm = NEW(struct mm);
	live_born(MM);
	*mm = *old;
	mm->refs = 1;
	mm->as = pl_as_get(child_as);
	sleep_lock_init(&mm->lock);
	RB_INIT(&mm->vmas);
	mm->nvmas = 0;
	mm->aio = NULL;
	mm->usage.minor = mm->usage.major = 0;
	mm->total_bytes = mm->data_bytes = mm->stack_bytes = mm->locked_bytes = 0;
	mm->def_flags = 0;
	mm->rewrite = rewrite_copy(old->rewrite);
	text_maps_copy(&mm->texts, &old->texts);
	if (mm->exe)
		file_get(mm->exe);
	for (struct vma *v = mm_first(old); v; v = mm_next(v)) {
		if (v->vm_flags & VM_DONTFORK)
			continue;
		struct vma *n = vma_copy(v);
		n->vm_flags &= ~VM_LOCKED;
		vma_insert(mm, n);
	}
	*out = mm;
	return 0;
}

/* --- the stub --- */

int mm_host_calls(struct task *t, struct pl_call *v, int n)
{
	return pl_calls(t->pl, v, n);
}

int64_t mm_host_result(struct task *t, const struct pl_call *c, uint64_t expected)
{
	if (c->ret == (int64_t)expected)
		return c->ret;
	if (c->ret < 0 && c->ret >= -4095)
		return c->ret;
	debugf("sbx: %d: host call %ld returned %#lx in the stub\n", t->tid, c->nr, (unsigned long)c->ret);
	pl_as_kill(t->mm->as);
	return -EFAULT;
}

int64_t mm_host_call(struct task *t, struct pl_call c, uint64_t expected)
{
	int err = mm_host_calls(t, &c, 1);
	return err ? err : mm_host_result(t, &c, expected);
}

/* --- limits --- */

uint64_t mm_limit(const struct task *t, int resource)
{
	return t->tg->rlimits[resource].rlim_cur;
}

bool mm_may_expand(const struct task *t, uint64_t bytes, bool data)
{
	uint64_t limit = mm_limit(t, RLIMIT_AS);
	if (bytes > limit || t->mm->total_bytes > limit - bytes)
		return false;
	limit = mm_limit(t, RLIMIT_DATA);
	return !data || (bytes <= limit && t->mm->data_bytes <= limit - bytes);
}

int mm_may_lock(const struct task *t, uint64_t more_bytes)
{
	uint64_t limit = mm_limit(t, RLIMIT_MEMLOCK);
	if (cred_has_cap(t->cred, CAP_IPC_LOCK))
		return 0;
	if (limit == 0)
		return -EPERM;
	return more_bytes > limit || t->mm->locked_bytes > limit - more_bytes ? -EAGAIN : 0;
}

/* --- ranges --- */

int mm_round_range(uint64_t start, uint64_t len, uint64_t *out_end)
{
	if (start & (PAGE_SIZE - 1))
		return -EINVAL;
	uint64_t rounded = PAGE_ALIGN_UP(len);
	if (rounded < len || start + rounded < start)
		return -EINVAL;
	if (start + rounded > PL_GUEST_END && rounded)
		return -ENOMEM;
	*out_end = start + rounded;
	return 0;
}

int mm_futex_key(struct task *t, uptr_t addr, bool shared, struct futex_key *out)
{
	if (addr.addr >= PL_GUEST_END)
		return -EFAULT;
	*out = (struct futex_key){ (uintptr_t)t->mm, addr.addr };
	if (!shared)
		return 0;
	struct vma *v = vma_at(t->mm, addr.addr);
	if (!v)
		return -EFAULT;
	if (!(v->flags & MAP_SHARED))
		return 0;       /* copy on write: nobody else's */
	out->offset = v->pgoff + (addr.addr - v->start);
	/* Identities of anonymous objects are odd: never a pointer's value. */
	out->object = v->file ? (uintptr_t)v->file->inode : (uintptr_t)(v->shm_id * 2 + 1);
	return 0;
}
