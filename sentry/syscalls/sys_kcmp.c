/* sys_kcmp.c - do two processes share a kernel object: kcmp(2).
 *
 * LINUX    kernel/kcmp.c. Same: the order of the objects is made unguessable, for their addresses are nobody's business.
 * MISSING  KCMP_EPOLL_TFD. */
#include <linux/kcmp.h>

#include "sentry/kernel/access.h"
#include "sentry/kernel/host_random.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/syscalls/table.h"

/* 0 equal, 1 less, 2 greater. */
static long compare(uint64_t a, uint64_t b)
{
	static uint64_t cookie[2];
	if (!cookie[1]) {
		host_random(cookie, sizeof(cookie));
		cookie[1] |= 1;                   /* odd: the product keeps all bits apart */
	}
	a = (a ^ cookie[0]) * cookie[1];
	b = (b ^ cookie[0]) * cookie[1];
	return a == b ? 0 : a < b ? 1 : 2;
}

static long compare_files(struct task *a, struct task *b, uint64_t idx1, uint64_t idx2)
{
	if (idx1 > INT32_MAX || idx2 > INT32_MAX || !a->files || !b->files)
		return -EBADF;
	AUTO(file_put) struct file *fa = fd_get_raw(a, (int)idx1);
	AUTO(file_put) struct file *fb = fd_get_raw(b, (int)idx2);
	return fa && fb ? compare(fa->id, fb->id) : -EBADF;
}

long sys_kcmp(struct task *t, int pid1, int pid2, int type, uint64_t idx1, uint64_t idx2)
{
	struct task *a = task_find_for(t, pid1), *b = task_find_for(t, pid2);
	if (!a || !b)
		return -ESRCH;
	if (task_may_access(t, a, ACCESS_READ, false) || task_may_access(t, b, ACCESS_READ, false))
		return -EPERM;
	switch (type) {
	case KCMP_FILE:
		return compare_files(a, b, idx1, idx2);
	case KCMP_VM:
		return compare((uintptr_t)a->mm, (uintptr_t)b->mm);
	case KCMP_FILES:
		return compare((uintptr_t)a->files, (uintptr_t)b->files);
	case KCMP_FS:
		return compare((uintptr_t)a->fs, (uintptr_t)b->fs);
	case KCMP_SIGHAND:
		return compare((uintptr_t)a->tg->sighand, (uintptr_t)b->tg->sighand);
	case KCMP_SYSVSEM:
		return compare((uintptr_t)a->sem_undo, (uintptr_t)b->sem_undo);
	case KCMP_IO:
		return compare(0, 0);             /* nobody has any: as Linux compares two NULLs */
	default:
		return -EINVAL;
	}
}
