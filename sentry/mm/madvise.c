/* madvise.c - mm_madvise(), msync, and names of anonymous mappings.
 *
 * HOW      Advice goes to the host's madvise in the stub: what it does to pages, and to forks, is done there. The books
 *          note what /proc and fork ask for.
 * LINUX    mm/madvise.c, mm/msync.c. Same: a hole is ENOMEM after everything around it was done.
 * MISSING  MADV_MERGEABLE (EINVAL, as without KSM: merging pages across sandboxes is a side channel), HWPOISON,
 *          SOFT_OFFLINE, GUARD_INSTALL, COLLAPSE (EINVAL). */
#include "sentry/mm/internal.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_BYTES 80                 /* with the NUL */

/* What a piece of advice changes on the books; set and clear are VM_*. */
static bool books_of(int advice, unsigned *set, unsigned *clear)
{
	*set = *clear = 0;
	switch (advice) {
	case MADV_DONTFORK: *set = VM_DONTFORK; return true;
	case MADV_DOFORK: *clear = VM_DONTFORK; return true;
	case MADV_WIPEONFORK: *set = VM_WIPEONFORK; return true;
	case MADV_KEEPONFORK: *clear = VM_WIPEONFORK; return true;
	case MADV_DONTDUMP: *set = VM_DONTDUMP; return true;
	case MADV_DODUMP: *clear = VM_DONTDUMP; return true;
	case MADV_HUGEPAGE: *set = VM_HUGEPAGE; *clear = VM_NOHUGEPAGE; return true;
	case MADV_NOHUGEPAGE: *set = VM_NOHUGEPAGE; *clear = VM_HUGEPAGE; return true;
	default: return false;
	}
}

static bool is_known(int advice)
{
	switch (advice) {
	case MADV_NORMAL: case MADV_RANDOM: case MADV_SEQUENTIAL: case MADV_WILLNEED: case MADV_DONTNEED:
	case MADV_FREE: case MADV_REMOVE: case MADV_COLD: case MADV_PAGEOUT:
	case MADV_POPULATE_READ: case MADV_POPULATE_WRITE:
		return true;
	default: {
		unsigned set, clear;
		return books_of(advice, &set, &clear);
	}
	}
}

static bool discards(int advice)
{
	return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE || advice == MADV_DONTFORK ||
	       advice == MADV_WIPEONFORK;
}

/* What the host would accept and Linux refuses, for it is only in our books. */
static int check_books(struct mm *mm, uint64_t start, uint64_t end, int advice)
{
	bool drops = advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE;
	for (struct vma *v = mm_find(mm, start); v && v->start < end; v = mm_next(v)) {
		if ((v->vm_flags & VM_SEALED) && discards(advice) && is_known(advice) &&
		    !(v->prot & PROT_WRITE) && !(v->flags & MAP_SHARED))
			return -EPERM;
		if ((v->vm_flags & VM_LOCKED) && (drops || advice == MADV_COLD || advice == MADV_PAGEOUT))
			return -EINVAL;
		if (advice == MADV_REMOVE && !((v->flags & MAP_SHARED) && (v->max_prot & PROT_WRITE)))
			return v->flags & MAP_SHARED ? -EACCES : -EINVAL;
	}
	return 0;
}

static int madvise_locked(struct task *t, uint64_t start, uint64_t end, int advice)
{
	struct mm *mm = t->mm;
	int err = check_books(mm, start, end, advice);
	if (err)
		return err;
	unsigned set, clear;
	bool noted = books_of(advice, &set, &clear);
	if (noted && mm->nvmas + 2 > MM_MAX_MAP_COUNT)
		return -ENOMEM;
	/* Dumps are ours to write, so that advice is not for the host. Populating is no good beyond a hole. */
	int64_t ret = vma_all(mm, start, end) ? 0 : -ENOMEM;
	if (advice != MADV_DONTDUMP && advice != MADV_DODUMP)
		ret = mm_host_call(t, PL_CALL(SYS_madvise, start, end - start, (uint64_t)advice), 0);
	if (noted && (ret == 0 || ret == -ENOMEM) && vma_any(mm, start, end)) {
		struct vma *v = vma_split_at(mm, start);
		vma_split_at(mm, end);
		for (; v && v->start < end; v = mm_next(v))
			vma_set_vm_flags(mm, v, (v->vm_flags | set) & ~clear);
		vma_merge(mm, start, end);
	}
	return (int)ret;
}

int mm_madvise(struct task *t, uint64_t addr, uint64_t len, int advice)
{
	if (!is_known(advice))
		return -EINVAL;
	uint64_t end;
	int err = mm_round_range(addr, len, &end);
	if (err || end == addr)
		return err;
	mm_lock(t->mm);
	err = madvise_locked(t, addr, end, advice);
	mm_unlock(t->mm);
	return err;
}

int mm_msync(struct task *t, uint64_t addr, uint64_t len, int flags)
{
	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC))
		return -EINVAL;
	if ((flags & MS_ASYNC) && (flags & MS_SYNC))
		return -EINVAL;
	uint64_t end;
	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (mm_round_range(addr, len, &end))
		return -ENOMEM;
	if (end == addr)
		return 0;
	if ((flags & MS_INVALIDATE) && vma_any_flag(t->mm, addr, end, VM_LOCKED))
		return -EBUSY;
	/* No lock: it changes no mapping, and may take as long as a disk does. */
	return (int)mm_host_call(t, PL_CALL(SYS_msync, addr, end - addr, (uint64_t)flags), 0);
}

static bool is_valid_name(const char *name)
{
	size_t n = 0;
	for (; name[n]; n++) {
		if (n + 1 >= NAME_MAX_BYTES || !isprint((unsigned char)name[n]) || strchr("\\`$[]", name[n]))
			return false;
	}
	return true;
}

int mm_set_vma_name(struct task *t, uint64_t addr, uint64_t len, const char *name)
{
	struct mm *mm = t->mm;
	uint64_t end;
	if (name && !is_valid_name(name))
		return -EINVAL;
	int err = mm_round_range(addr, len, &end);
	if (err || end == addr)
		return err;
	mm_lock(mm);
	err = vma_all(mm, addr, end) ? 0 : -ENOMEM;
	for (struct vma *v = mm_find(mm, addr); v && v->start < end; v = mm_next(v)) {
		if (v->file) {
			err = -EBADF;
			break;
		}
		if (v->start < addr)
			v = vma_split(mm, v, addr);
		if (v->end > end)
			vma_split(mm, v, end);
		if (!v->name || v->name[0] != '[')      /* [heap] and [stack] stay what they are */
			vma_set_name(v, name);
	}
	vma_merge(mm, addr, end);
	mm_unlock(mm);
	return err;
}
