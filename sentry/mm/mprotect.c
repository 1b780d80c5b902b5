/* mprotect.c - mm_mprotect(), and mm_mseal() which forbids it.
 *
 * LINUX    mm/mprotect.c, mm/mseal.c. Same: what lies before a hole (ENOMEM) or before a mapping that must not have the
 *          protection (EACCES) is changed all the same. */
#include "sentry/mm/internal.h"

/* How far the change goes; *err: why not further. */
static uint64_t allowed_until(struct task *t, uint64_t start, uint64_t end, int prot, int *err)
{
	uint64_t at = start, more_data = 0;
	*err = 0;
	for (struct vma *v = mm_find(t->mm, start); at < end; v = mm_next(v)) {
		if (!v || v->start > at) {
			*err = -ENOMEM;
			break;
		}
		if (prot & ~v->max_prot) {
			*err = -EACCES;
			break;
		}
		uint64_t until = MIN(v->end, end);
		if (vma_is_data(v, prot) && !vma_is_data(v, v->prot)) {
			more_data += until - at;
			if (t->mm->data_bytes + more_data > mm_limit(t, RLIMIT_DATA)) {
				*err = -ENOMEM;
				break;
			}
		}
		at = until;
	}
	return at;
}

static int mprotect_locked(struct task *t, uint64_t start, uint64_t end, int prot)
{
	struct mm *mm = t->mm;
	struct vma *v = vma_at(mm, start);
	if (prot & PROT_GROWSDOWN) {
		v = mm_find(mm, start);
		if (!v || v->start >= end)
			return -ENOMEM;
		if (!(v->flags & MAP_GROWSDOWN))
			return -EINVAL;
		start = v->start;
	}
	if (!v)
		return -ENOMEM;
	if (vma_any_flag(mm, start, end, VM_SEALED))
		return -EPERM;
	if (mm->nvmas + 2 > MM_MAX_MAP_COUNT && (v->start < start || v->end > end) && v->prot != (prot & PROT_RWX))
		return -ENOMEM;
	if ((t->personality & PERSONALITY_READ_IMPLIES_EXEC) && (prot & PROT_READ) && (v->max_prot & PROT_EXEC))
		prot |= PROT_EXEC;
	prot &= PROT_RWX;
	int why;
	end = allowed_until(t, start, end, prot, &why);
	if (end == start)
		return why;
	int64_t ret = mm_host_last(t, PL_CALL(SYS_mprotect, start, end - start, (uint64_t)prot), 0, (struct mm_undo){ UNDO_NONE });
	if (ret < 0)
		return (int)ret;
	v = vma_split_at(mm, start);
	vma_split_at(mm, end);
	for (; v && v->start < end; v = mm_next(v))
		vma_set_prot(mm, v, prot);
	vma_merge(mm, start, end);
	return why;
}

int mm_mprotect(struct task *t, uint64_t addr, uint64_t len, int prot)
{
	if ((prot & (PROT_GROWSDOWN | PROT_GROWSUP)) == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (len == 0)
		return 0;
	uint64_t end;
	if (mm_round_range(addr, len, &end) || end == addr)
		return -ENOMEM;
	const int prot_sem = 0x8;
	if (prot & ~(PROT_RWX | prot_sem | PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	mm_lock(t->mm);
	int ret = prot & PROT_GROWSUP ? -EINVAL : mprotect_locked(t, addr, end, prot);
	mm_unlock(t->mm);
	return ret;
}

int mm_mseal(struct task *t, uint64_t addr, uint64_t len)
{
	uint64_t end;
	int err = mm_round_range(addr, len, &end);
	if (err || end == addr)
		return err;
	struct mm *mm = t->mm;
	mm_lock(mm);
	if (vma_all(mm, addr, end)) {
		struct vma *v = vma_split_at(mm, addr);
		vma_split_at(mm, end);
		for (; v && v->start < end; v = mm_next(v))
			vma_set_vm_flags(mm, v, v->vm_flags | VM_SEALED);
		vma_merge(mm, addr, end);
	} else {
		err = -ENOMEM;
	}
	mm_unlock(mm);
	return err;
}
