/* force.c - mm_force(): copying past the pages' protection, for debuggers.
 *
 * HOW      The stub gives the pages the missing protection for as long as the copy takes, and keeps what they had: another
 *          thread that runs meanwhile does not fault for it. The books don't change. Writing makes the process's own copy of a
 *          private page, as always.
 * LINUX    mm/gup.c, check_vma_flags(): shared memory is not written against its protection. */
#include "sentry/mm/internal.h"

/* Within one mapping. Bytes copied or -errno. */
static ssize_t force_in(struct task *t, const struct vma *v, uint64_t addr, void *buf, size_t bytes, bool write)
{
	int need = write ? PROT_READ | PROT_WRITE : PROT_READ;
	bool shared = (v->flags & MAP_TYPE) != MAP_PRIVATE;
	int missing = need & ~v->prot;
	if ((missing & PROT_WRITE && shared) || (missing & ~v->max_prot))
		return -EFAULT;
	uint64_t start = PAGE_ALIGN_DOWN(addr), len = PAGE_ALIGN_UP(addr + bytes) - start;
	int prot = v->prot;
	if (missing) {
		int64_t err = mm_host_call(t, PL_CALL(SYS_mprotect, start, len, (uint64_t)(prot | need)), 0);
		if (err)
			return err;
	}
	ssize_t n = write ? mm_write(t->mm, addr, buf, bytes) : mm_read(t->mm, addr, buf, bytes);
	if (missing && mm_host_call(t, PL_CALL(SYS_mprotect, start, len, (uint64_t)prot), 0) != 0)
		pl_as_kill(t->mm->as);          /* better than memory that the guest believes to be protected */
	return n;
}

ssize_t mm_force(struct task *t, uint64_t addr, void *buf, size_t bytes, bool write)
{
	struct mm *mm = t->mm;
	size_t done = 0;
	mm_lock(mm);
	while (done < bytes) {
		const struct vma *v = vma_at(mm, addr + done);
		if (!v)
			break;
		size_t want = MIN(bytes - done, v->end - (addr + done));
		ssize_t n = force_in(t, v, addr + done, (char *)buf + done, want, write);
		if (n <= 0)
			break;
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	mm_unlock(mm);
	return done ? (ssize_t)done : -EFAULT;
}
