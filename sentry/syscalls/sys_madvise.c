/* sys_madvise.c - madvise, msync, mincore, and the mlock family. */
#include <sys/mman.h>

#include "sentry/mm/mm.h"
#include "sentry/syscalls/table.h"

long sys_madvise(struct task *t, uptr_t addr, uint64_t length, int advice)
{
	return mm_madvise(t, addr.addr, length, advice);
}

long sys_msync(struct task *t, uptr_t addr, uint64_t length, int flags)
{
	return mm_msync(t, addr.addr, length, flags);
}

long sys_mincore(struct task *t, uptr_t addr, uint64_t length, uptr_t vec)
{
	return mm_mincore(t, addr.addr, length, vec);
}

long sys_mlock(struct task *t, uptr_t addr, uint64_t len)
{
	return mm_mlock(t, addr.addr, len, false);
}

long sys_mlock2(struct task *t, uptr_t addr, uint64_t len, unsigned flags)
{
	if (flags & ~(unsigned)MLOCK_ONFAULT)
		return -EINVAL;
	return mm_mlock(t, addr.addr, len, flags & MLOCK_ONFAULT);
}

long sys_munlock(struct task *t, uptr_t addr, uint64_t len)
{
	return mm_munlock(t, addr.addr, len);
}

long sys_mlockall(struct task *t, int flags)
{
	return mm_mlockall(t, flags);
}

long sys_munlockall(struct task *t)
{
	return mm_munlockall(t);
}
