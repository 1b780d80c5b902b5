/* mlock.c - locked memory, mincore, and remap_file_pages.
 *
 * HOW      mlock() makes the pages present and counts them against RLIMIT_MEMLOCK. The stub may not lock memory on the
 *          host (one sandbox could take all of it), so the host may still swap it.
 * LINUX    mm/mlock.c: limits, partial effects at holes and errors are the same. mm/mincore.c is the host's own. */
#include "sentry/mm/internal.h"

#include <linux/capability.h>

#include "sentry/vfs/file.h"

static uint64_t locked_within(struct mm *mm, uint64_t start, uint64_t end)
{
	uint64_t bytes = 0;
	for (struct vma *v = mm_find(mm, start); v && v->start < end; v = mm_next(v)) {
		if (v->vm_flags & VM_LOCKED)
			bytes += MIN(v->end, end) - MAX(v->start, start);
	}
	return bytes;
}

/* Up to the first hole: -ENOMEM if there is one. */
static int set_locked(struct mm *mm, uint64_t start, uint64_t end, bool lock)
{
	if (mm->nvmas + 2 > MM_MAX_MAP_COUNT || !vma_at(mm, start))
		return -ENOMEM;
	struct vma *v = vma_split_at(mm, start);
	vma_split_at(mm, end);
	uint64_t at = start;
	for (; v && v->start == at && at < end; v = mm_next(v)) {
		vma_set_vm_flags(mm, v, lock ? v->vm_flags | VM_LOCKED : v->vm_flags & ~VM_LOCKED);
		at = v->end;
	}
	vma_merge(mm, start, at);
	return at < end ? -ENOMEM : 0;
}

/* Brings in what is there, by the mappings' protection. A whole stack is left alone: Linux would have mapped less of it. */
static int populate(struct task *t, uint64_t start, uint64_t end)
{
	enum { BATCH = 16 };
	struct pl_call calls[BATCH];
	int n = 0, result = 0;
	struct vma *v = mm_find(t->mm, start);
	for (;;) {
		bool more = v && v->start < end;
		if (more && v->prot != PROT_NONE && !(v->flags & MAP_GROWSDOWN)) {
			bool write = (v->prot & PROT_WRITE) && (!(v->flags & MAP_SHARED) || !(v->prot & PROT_READ));
			uint64_t from = MAX(v->start, start), to = MIN(v->end, end);
			calls[n++] = PL_CALL(SYS_madvise, from, to - from, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
		}
		if (n == BATCH || (!more && n > 0)) {
			int err = mm_host_calls(t, calls, n);
			if (err)
				return err;
			for (int i = 0; i < n; i++) {
				if (calls[i].ret < 0 && calls[i].ret != -EINVAL)
					result = calls[i].ret == -ENOMEM ? -EAGAIN : -ENOMEM;
			}
			n = 0;
		}
		if (!more)
			return result;
		v = mm_next(v);
	}
}

static int mlock_locked(struct task *t, uint64_t start, uint64_t end, bool on_fault)
{
	struct mm *mm = t->mm;
	if (!cred_has_cap(t->cred, CAP_IPC_LOCK)) {
		uint64_t limit = mm_limit(t, RLIMIT_MEMLOCK);
		if (limit == 0)
			return -EPERM;
		uint64_t after = mm->locked_bytes + (end - start) - locked_within(mm, start, end);
		if (after > limit)
			return -ENOMEM;
	}
	int err = set_locked(mm, start, end, true);
	return err || on_fault ? err : populate(t, start, end);
}

/* mlock() rounds outwards. */
static int round_outwards(uint64_t *addr, uint64_t len, uint64_t *end)
{
	uint64_t skew = *addr & (PAGE_SIZE - 1);
	if (len + skew < len)
		return -EINVAL;
	*addr -= skew;
	return mm_round_range(*addr, len + skew, end);
}

int mm_mlock(struct task *t, uint64_t addr, uint64_t len, bool on_fault)
{
	uint64_t end;
	int err = round_outwards(&addr, len, &end);
	if (err || end == addr)
		return err;
	mm_lock(t->mm);
	err = mlock_locked(t, addr, end, on_fault);
	mm_unlock(t->mm);
	return err;
}

int mm_munlock(struct task *t, uint64_t addr, uint64_t len)
{
	uint64_t end;
	int err = round_outwards(&addr, len, &end);
	if (err || end == addr)
		return err;
	mm_lock(t->mm);
	err = set_locked(t->mm, addr, end, false);
	mm_unlock(t->mm);
	return err;
}

static int mlockall_locked(struct task *t, int flags)
{
	struct mm *mm = t->mm;
	if (!cred_has_cap(t->cred, CAP_IPC_LOCK)) {
		uint64_t limit = mm_limit(t, RLIMIT_MEMLOCK);
		if (limit == 0)
			return -EPERM;
		if ((flags & MCL_CURRENT) && mm->total_bytes > limit)
			return -ENOMEM;
	}
	mm->def_flags = flags & MCL_FUTURE ? VM_LOCKED : 0;
	if (!(flags & MCL_CURRENT))
		return 0;
	for (struct vma *v = mm_first(mm); v; v = mm_next(v))
		vma_set_vm_flags(mm, v, v->vm_flags | VM_LOCKED);
	vma_merge(mm, 0, PL_GUEST_END);
	/* As on Linux, pages that can't be had are not mlockall()'s failure. */
	int err = flags & MCL_ONFAULT ? 0 : populate(t, 0, PL_GUEST_END);
	return err == -ESRCH ? err : 0;
}

int mm_mlockall(struct task *t, int flags)
{
	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	mm_lock(t->mm);
	int err = mlockall_locked(t, flags);
	mm_unlock(t->mm);
	return err;
}

int mm_munlockall(struct task *t)
{
	struct mm *mm = t->mm;
	mm_lock(mm);
	mm->def_flags = 0;
	for (struct vma *v = mm_first(mm); v; v = mm_next(v))
		vma_set_vm_flags(mm, v, v->vm_flags & ~VM_LOCKED);
	vma_merge(mm, 0, PL_GUEST_END);
	mm_unlock(mm);
	return 0;
}

int mm_mincore(struct task *t, uint64_t addr, uint64_t len, uptr_t vec)
{
	uint64_t end;
	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (mm_round_range(addr, len, &end))
		return -ENOMEM;
	uint64_t pages = (end - addr) / PAGE_SIZE;
	if (vec.addr > PL_GUEST_END || pages > PL_GUEST_END - vec.addr)
		return -EFAULT;
	if (pages == 0)
		return 0;
	return (int)mm_host_call(t, PL_CALL(SYS_mincore, addr, end - addr, vec.addr), 0);
}

int mm_remap_file_pages(struct task *t, uint64_t addr, uint64_t len, uint64_t pgoff, int flags)
{
	uint64_t start = PAGE_ALIGN_DOWN(addr), size = PAGE_ALIGN_DOWN(len), off;
	if (start + size <= start || size > PL_GUEST_END || start > PL_GUEST_END - size)
		return -EINVAL;
	if (__builtin_mul_overflow(pgoff, PAGE_SIZE, &off) || off + size < off)
		return -EINVAL;
	struct vma *v = vma_at(t->mm, start);
	if (!v || !(v->flags & MAP_SHARED) || !v->file || !vma_all(t->mm, start, start + size))
		return -EINVAL;
	for (struct vma *n = v; n && n->start < start + size; n = mm_next(n)) {
		if (n->file != v->file || n->flags != v->flags)
			return -EINVAL;
	}
	struct file *f = file_get(v->file);
	int map_flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE | (flags & MAP_NONBLOCK);
	int64_t ret = mm_mmap(t, start, size, v->prot, map_flags, f, off);
	file_put(f);
	return ret < 0 ? (int)ret : 0;
}
