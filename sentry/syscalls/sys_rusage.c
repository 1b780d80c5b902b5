/* sys_rusage.c - what a process has used: getrusage(2).
 *
 * LINUX    kernel/sys.c, getrusage(). The process is its living threads and those that have ended; children count
 *          once they have been waited for.
 * MISSING  Page faults, block operations and the largest resident set: the host counts those of a stub for itself. */
#include <sys/resource.h>

#include "sentry/kernel/process.h"
#include "sentry/syscalls/table.h"

long sys_getrusage(struct task *t, int who, uptr_t usage)
{
	struct rusage ru = { 0 };
	struct task *p;
	switch (who) {
	case RUSAGE_THREAD:
		task_rusage(t, &ru);
		break;
	case RUSAGE_SELF:
		ru = t->tg->rusage_dead;
		TAILQ_FOREACH(p, &t->tg->threads, thread_link) {
			struct rusage one = { 0 };
			if (p->exited)
				continue;             /* a zombie leader has been added already */
			task_rusage(p, &one);
			rusage_add(&ru, &one);
		}
		break;
	case RUSAGE_CHILDREN:
		ru = t->tg->rusage_children;
		break;
	default:
		return -EINVAL;
	}
	return put_user(t, usage, &ru);
}
