/* munmap.c - mm_munmap().
 *
 * LINUX    mm/mmap.c (do_munmap). Unmapping nothing is fine; cutting a hole into a mapping needs one mapping more. */
#include "sentry/mm/internal.h"
#include "sentry/mm/rewrite.h"

static int munmap_locked(struct task *t, uint64_t start, uint64_t end, struct vma **dead)
{
	struct mm *mm = t->mm;
	struct vma *v = mm_find(mm, start);
	if (!v || v->start >= end)
		return 0;
	if (v->start < start && v->end > end && mm->nvmas >= MM_MAX_MAP_COUNT)
		return -ENOMEM;
	if (vma_any_flag(mm, start, end, VM_SEALED))
		return -EPERM;
	rewrite_yield(t, start, end);
	int64_t ret = mm_host_last(t, PL_CALL(SYS_munmap, start, end - start), 0, (struct mm_undo){ UNDO_NONE });
	if (ret == 0)
		vma_cut(mm, start, end, dead);
	return (int)ret;
}

int mm_munmap(struct task *t, uint64_t addr, uint64_t len)
{
	uint64_t end;
	if (mm_round_range(addr, len, &end) || end == addr)
		return -EINVAL;
	struct vma *dead = NULL;
	mm_lock(t->mm);
	int ret = munmap_locked(t, addr, end, &dead);
	mm_unlock(t->mm);
	vma_free_list(dead);
	return ret;
}
