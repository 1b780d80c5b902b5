/* sys_rusage.c - what a process has used: getrusage(2).
 *
 * LINUX    kernel/sys.c, getrusage(). The process is its living threads and those that have ended; children count
 *          once they have been waited for.
 *          Page faults, block operations and the largest resident set are what the host counted for the process's memory, and
 *          kept when that is left (rusage_keep()).
 * MISSING  Of processes that share their memory with others (vfork(2)) those are the others'. The host's context switches aren't
 *          the guest's. */
#include <sys/resource.h>

#include "sentry/kernel/process.h"
#include "sentry/syscalls/table.h"

/* Of the process: that is what Linux tells about threads too. */
static long largest_resident(struct task *t)
{
	struct rusage host;
	pl_usage(t->pl, false, &host);
	return MAX(host.ru_maxrss, t->tg->rusage_dead.ru_maxrss);
}

long sys_getrusage(struct task *t, int who, uptr_t usage)
{
	struct rusage ru = { 0 }, host;
	struct task *p;
	switch (who) {
	case RUSAGE_THREAD:
		task_rusage(t, &ru);
		pl_usage(t->pl, true, &host);
		rusage_add(&ru, &host);
		ru.ru_maxrss = largest_resident(t);
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
		pl_usage(t->pl, false, &host);
		rusage_add(&ru, &host);
		break;
	case RUSAGE_CHILDREN:
		ru = t->tg->rusage_children;
		break;
	default:
		return -EINVAL;
	}
	return put_user(t, usage, &ru);
}
