/* sys_mmap.c - mmap, munmap, mprotect, mremap, brk, remap_file_pages, protection keys, mseal.
 *
 * MISSING  Protection keys: as on a processor without them. */
#include <sys/mman.h>

#include "sentry/mm/mm.h"
#include "sentry/syscalls/table.h"

long sys_mmap(struct task *t, uptr_t addr, uint64_t length, int prot, int flags, int fd, int64_t offset)
{
	if (offset & (int64_t)(PAGE_SIZE - 1))
		return -EINVAL;
	mm_defer_next(t);
	if (flags & MAP_ANONYMOUS)
		return mm_mmap(t, addr.addr, length, prot, flags, NULL, 0);
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	return mm_mmap(t, addr.addr, length, prot, flags, f, (uint64_t)offset);
}

long sys_munmap(struct task *t, uptr_t addr, uint64_t length)
{
	mm_defer_next(t);
	return mm_munmap(t, addr.addr, length);
}

long sys_mprotect(struct task *t, uptr_t addr, uint64_t len, int prot)
{
	mm_defer_next(t);
	return mm_mprotect(t, addr.addr, len, prot);
}

long sys_mremap(struct task *t, uptr_t old_address, uint64_t old_size, uint64_t new_size, int flags, uptr_t new_address)
{
	return mm_mremap(t, old_address.addr, old_size, new_size, flags, new_address.addr);
}

long sys_brk(struct task *t, uptr_t addr)
{
	mm_defer_next(t);
	return mm_brk(t, addr.addr);
}

long sys_remap_file_pages(struct task *t, uptr_t addr, uint64_t size, int prot, uint64_t pgoff, int flags)
{
	if (prot)
		return -EINVAL;
	return mm_remap_file_pages(t, addr.addr, size, pgoff, flags);
}

long sys_pkey_mprotect(struct task *t, uptr_t addr, uint64_t len, int prot, int pkey)
{
	if (pkey != -1)
		return -EINVAL;
	return mm_mprotect(t, addr.addr, len, prot);
}

long sys_pkey_alloc(struct task *t, unsigned flags, unsigned access_rights)
{
	(void)t;
	if (flags || (access_rights & ~(unsigned)(PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE)))
		return -EINVAL;
	return -ENOSPC;
}

long sys_pkey_free(struct task *t, int pkey)
{
	(void)t;
	(void)pkey;
	return -EINVAL;
}

long sys_mseal(struct task *t, uptr_t addr, uint64_t len, uint64_t flags)
{
	if (flags)
		return -EINVAL;
	return mm_mseal(t, addr.addr, len);
}
