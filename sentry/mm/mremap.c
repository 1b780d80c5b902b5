/* mremap.c - mm_mremap().
 *
 * HOW      The host's mremap, in place or to the place the books chose. What must go first (a target, a tail cut off) is
 *          unmapped by a call of its own, so that each one's success is known and the books follow step by step.
 * LINUX    mm/mremap.c. Same: one mapping at a time (EFAULT otherwise), old_size 0 duplicates shared memory,
 *          MREMAP_DONTUNMAP. */
#include "sentry/mm/internal.h"
#include "sentry/mm/rewrite.h"

#include <string.h>

struct move {
	uint64_t old, old_len, new_len, to;
	int flags;
	bool fixed;
};

/* Linux's vma_to_resize(): may [old, old + old_len) become new_len bytes? */
static int check_resize(struct task *t, const struct vma *v, const struct move *m)
{
	if (!v)
		return -EFAULT;
	if (m->old_len == 0 && !(v->flags & MAP_SHARED))
		return -EINVAL;
	if (m->old_len > v->end - m->old)
		return -EFAULT;
	if (m->new_len == m->old_len)
		return 0;
	uint64_t more = m->new_len > m->old_len ? m->new_len - m->old_len : 0;
	if ((v->file || v->shm_id) && v->pgoff + (m->old - v->start) + m->new_len < m->new_len)
		return -EINVAL;
	if (v->vm_flags & VM_LOCKED) {
		int err = mm_may_lock(t, more);
		if (err)
			return -EAGAIN;
	}
	return mm_may_expand(t, more, vma_is_data(v, v->prot)) ? 0 : -ENOMEM;
}

static int unmap(struct task *t, uint64_t start, uint64_t end, struct vma **dead)
{
	if (!vma_any(t->mm, start, end))
		return 0;
	rewrite_yield(t, start, end);
	int64_t ret = mm_host_call(t, PL_CALL(SYS_munmap, start, end - start), 0);
	if (ret == 0)
		vma_cut(t->mm, start, end, dead);
	return (int)ret;
}

/* The part of v at old is now (also) at m->to. */
static void books_move(struct mm *mm, struct vma *v, const struct move *m, struct vma **dead)
{
	struct vma *n = vma_copy(v);
	n->pgoff += m->old - v->start;
	n->start = m->to;
	n->end = m->to + m->new_len;
	n->vm_flags &= ~VM_SEALED;
	if (m->to != m->old && n->name && (strcmp(n->name, "[heap]") == 0 || strcmp(n->name, "[stack]") == 0))
		vma_set_name(n, NULL);
	if (!(m->flags & MREMAP_DONTUNMAP)) {
		vma_cut(mm, m->old, m->old + m->old_len, dead);
	} else if (v->vm_flags & VM_LOCKED) {
		struct vma *left = vma_split_at(mm, m->old);
		vma_split_at(mm, m->old + m->old_len);
		vma_set_vm_flags(mm, left, left->vm_flags & ~VM_LOCKED);
	}
	vma_insert(mm, n);
	vma_merge(mm, m->to, m->to + m->new_len);
}

static int64_t move_to(struct task *t, struct vma *v, const struct move *m, struct vma **dead)
{
	if (t->mm->nvmas + 3 >= MM_MAX_MAP_COUNT)
		return -ENOMEM;
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (m->flags & MREMAP_DONTUNMAP);
	rewrite_moves(t, m->old, m->old + m->old_len);
	int64_t ret = mm_host_call(t, PL_CALL(SYS_mremap, m->old, m->old_len, m->new_len, (uint64_t)flags, m->to), m->to);
	if (ret >= 0)
		books_move(t->mm, v, m, dead);
	return ret;
}

static int64_t mremap_fixed(struct task *t, struct move *m, uint64_t new_addr, struct vma **dead)
{
	struct mm *mm = t->mm;
	if (new_addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (m->new_len > PL_GUEST_END || new_addr > PL_GUEST_END - m->new_len)
		return -EINVAL;
	if (m->old + m->old_len > new_addr && new_addr + m->new_len > m->old)
		return -EINVAL;
	if (m->fixed && new_addr < PL_GUEST_MIN)
		return -EPERM;
	if (vma_any_flag(mm, m->old, m->old + m->old_len, VM_SEALED) ||
	    (m->fixed && vma_any_flag(mm, new_addr, new_addr + m->new_len, VM_SEALED)))
		return -EPERM;
	if (mm->nvmas + 3 >= MM_MAX_MAP_COUNT)
		return -ENOMEM;
	if (m->fixed) {
		int err = unmap(t, new_addr, new_addr + m->new_len, dead);
		if (err)
			return err;
	}
	if (m->old_len > m->new_len) {
		int err = unmap(t, m->old + m->new_len, m->old + m->old_len, dead);
		if (err)
			return err;
		m->old_len = m->new_len;
	}
	struct vma *v = vma_at(mm, m->old);
	int err = check_resize(t, v, m);
	if (err)
		return err;
	if ((m->flags & MREMAP_DONTUNMAP) && !mm_may_expand(t, m->new_len, vma_is_data(v, v->prot)))
		return -ENOMEM;
	int64_t place = mm_place(mm, new_addr, m->new_len, m->fixed ? MAP_FIXED : 0);
	if (place < 0)
		return place;
	m->to = (uint64_t)place;
	return move_to(t, v, m, dead);
}

static bool can_grow_in_place(struct mm *mm, const struct vma *v, const struct move *m)
{
	uint64_t end = m->old + m->old_len, more = m->new_len - m->old_len;
	return m->old_len > 0 && v->end == end && end <= PL_GUEST_END && more <= PL_GUEST_END - end &&
	       vma_gap_up(mm, more, end, end + more) == end;
}

static int64_t grow_in_place(struct task *t, struct vma *v, const struct move *m)
{
	uint64_t end = v->end, more = m->new_len - m->old_len;
	/* Not a second mapping behind: the host would not join it to memory that has moved before. */
	int64_t ret = mm_host_call(t, PL_CALL(SYS_mremap, m->old, m->old_len, m->new_len, 0, 0), m->old);
	if (ret < 0)
		return ret;
	vma_set_range(t->mm, v, v->start, end + more);
	vma_merge(t->mm, v->start, v->end);
	return (int64_t)m->old;
}

static int64_t mremap_locked(struct task *t, struct move *m, uint64_t new_addr, struct vma **dead)
{
	struct mm *mm = t->mm;
	struct vma *v = vma_at(mm, m->old);
	if (!v)
		return -EFAULT;
	if (m->fixed || (m->flags & MREMAP_DONTUNMAP))
		return mremap_fixed(t, m, new_addr, dead);
	if (vma_any_flag(mm, m->old, m->old + MAX(m->old_len, (uint64_t)1), VM_SEALED))
		return -EPERM;
	if (m->old_len >= m->new_len) {
		int err = 0;
		if (m->old_len > m->new_len)
			err = unmap(t, m->old + m->new_len, m->old + m->old_len, dead);
		return err ? err : (int64_t)m->old;
	}
	int err = check_resize(t, v, m);
	if (err)
		return err;
	if (can_grow_in_place(mm, v, m))
		return grow_in_place(t, v, m);
	if (!(m->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	int64_t place = mm_place(mm, 0, m->new_len, 0);
	if (place < 0)
		return place;
	m->to = (uint64_t)place;
	return move_to(t, v, m, dead);
}

int64_t mm_mremap(struct task *t, uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t new_addr)
{
	if (flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && old_len != new_len)
		return -EINVAL;
	if (old & (PAGE_SIZE - 1))
		return -EINVAL;
	struct move m = { .old = old, .old_len = PAGE_ALIGN_UP(old_len), .new_len = PAGE_ALIGN_UP(new_len),
			  .flags = flags, .fixed = flags & MREMAP_FIXED };
	if (m.new_len == 0)
		return -EINVAL;
	if (old >= PL_GUEST_END || m.old_len < old_len)
		return -EFAULT;
	if (m.old_len > PL_GUEST_END - old)
		return m.old_len >= m.new_len && !m.fixed ? -EINVAL : -EFAULT;
	struct vma *dead = NULL;
	mm_lock(t->mm);
	int64_t ret = mremap_locked(t, &m, new_addr, &dead);
	mm_unlock(t->mm);
	vma_free_list(dead);
	return ret;
}
