/* brk.c - mm_brk(), the heap; and stacks that grow.
 *
 * LINUX    mm/mmap.c (brk, expand_stack). Same: brk never fails, it returns where the break is; a page is kept free above.
 *          Different: a MAP_GROWSDOWN mapping grows when the fault reaches the sentry; a system call's access to memory
 *          below it does not make it grow. The main stack is mapped at its full size from the start. */
#include "sentry/mm/internal.h"

static int map_anonymous(struct task *t, uint64_t start, uint64_t end, int prot, struct mm_undo undo)
{
	int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
	struct pl_call c = PL_CALL(SYS_mmap, start, end - start, (uint64_t)prot, (uint64_t)flags, -1ULL, 0);
	int64_t ret = mm_host_last(t, c, start, undo);
	return ret < 0 ? (int)ret : 0;
}

static int grow_heap(struct task *t, uint64_t start, uint64_t end)
{
	struct mm *mm = t->mm;
	struct vma *next = mm_find(mm, start);
	if (end > PL_GUEST_END || (next && next->start < end + PAGE_SIZE))
		return -ENOMEM;
	if (next && (next->flags & MAP_GROWSDOWN) && next->start < end + MM_STACK_GUARD_GAP)
		return -ENOMEM;
	if (!mm_may_expand(t, end - start, true) || mm->nvmas >= MM_MAX_MAP_COUNT)
		return -ENOMEM;
	if ((mm->def_flags & VM_LOCKED) && mm_may_lock(t, end - start))
		return -EAGAIN;
	int prot = PROT_READ | PROT_WRITE;
	if (t->personality & PERSONALITY_READ_IMPLIES_EXEC)
		prot |= PROT_EXEC;
	int err = map_anonymous(t, start, end, prot, (struct mm_undo){ UNDO_BRK, start, end, mm->brk });
	if (err)
		return err;
	struct vma *v = vma_new(start, end, prot, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	v->vm_flags = (unsigned)mm->def_flags;
	vma_set_name(v, "[heap]");
	vma_insert(mm, v);
	vma_merge(mm, start, end);
	return 0;
}

static int shrink_heap(struct task *t, uint64_t start, uint64_t end, struct vma **dead)
{
	if (!vma_any(t->mm, start, end))
		return 0;
	if (vma_any_flag(t->mm, start, end, VM_SEALED))
		return -EPERM;
	int64_t ret = mm_host_last(t, PL_CALL(SYS_munmap, start, end - start), 0, (struct mm_undo){ UNDO_NONE });
	if (ret == 0)
		vma_cut(t->mm, start, end, dead);
	return (int)ret;
}

/* Linux's check_data_rlimit(): heap and initialised data together. */
static bool within_data_limit(struct task *t, uint64_t brk)
{
	struct mm *mm = t->mm;
	uint64_t limit = mm_limit(t, RLIMIT_DATA);
	return limit == RLIM_INFINITY || brk - mm->start_brk + (mm->end_data - mm->start_data) <= limit;
}

int64_t mm_brk(struct task *t, uint64_t brk)
{
	struct mm *mm = t->mm;
	struct vma *dead = NULL;
	mm_lock(mm);
	if (brk >= mm->start_brk && brk <= PL_GUEST_END && within_data_limit(t, brk)) {
		uint64_t old_end = PAGE_ALIGN_UP(mm->brk), new_end = PAGE_ALIGN_UP(brk);
		int err = 0;
		if (new_end > old_end)
			err = grow_heap(t, old_end, new_end);
		else if (new_end < old_end)
			err = shrink_heap(t, new_end, old_end, &dead);
		if (!err)
			mm->brk = brk;
	}
	int64_t ret = (int64_t)mm->brk;
	mm_unlock(mm);
	vma_free_list(dead);
	return ret;
}

static int grow_stack_locked(struct task *t, uint64_t addr)
{
	struct mm *mm = t->mm;
	struct vma *v = mm_find(mm, addr);
	if (v && v->start <= addr)
		return 0;               /* another thread's fault was first */
	if (!v || !(v->flags & MAP_GROWSDOWN) || v->prot == PROT_NONE)
		return -EFAULT;
	uint64_t start = PAGE_ALIGN_DOWN(addr), limit = mm_limit(t, RLIMIT_STACK);
	struct vma *below = vma_prev(v);
	if (start < PL_GUEST_MIN || v->end - start > limit)
		return -EFAULT;
	if (below && below->prot != PROT_NONE && !(below->flags & MAP_GROWSDOWN) &&
	    below->end + MM_STACK_GUARD_GAP > start)
		return -EFAULT;
	if (below && below->end > start)
		return -EFAULT;
	if (!mm_may_expand(t, v->start - start, false))
		return -EFAULT;
	if (map_anonymous(t, start, v->start, v->prot, (struct mm_undo){ UNDO_NONE }))
		return -EFAULT;
	vma_set_range(mm, v, start, v->end);
	return 0;
}

int mm_grow_stack(struct task *t, uint64_t addr)
{
	if (addr >= PL_GUEST_END)
		return -EFAULT;
	struct vma *v = mm_find(t->mm, addr);   /* most faults are not about stacks: no lock for them */
	if (!v || v->start <= addr || !(v->flags & MAP_GROWSDOWN))
		return -EFAULT;
	mm_lock(t->mm);
	int ret = grow_stack_locked(t, addr);
	mm_unlock(t->mm);
	return ret;
}
