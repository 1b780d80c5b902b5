/* sys_priority.c - nice values and I/O priorities: getpriority, setpriority, ioprio_get, ioprio_set.
 *
 * HOW      Kept and reported; the host schedules its threads by its own choice.
 * LINUX    kernel/sys.c, block/ioprio.c. */
#include <linux/capability.h>
#include <linux/ioprio.h>

#include "sentry/kernel/machine.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/table.h"

/* Calls fn for every thread that (which, who) names, as both families do. 0 for "who" is the caller's own. -ESRCH: none. */
enum { WHO_PROCESS, WHO_PGRP, WHO_USER };
static long for_each(struct task *t, int which, int who, long (*fn)(struct task *t, struct task *p, void *arg), void *arg)
{
	long result = -ESRCH;
	if (which == WHO_PROCESS) {
		struct task *p = who ? task_find_for(t, who) : t;
		return p ? fn(t, p, arg) : -ESRCH;
	}
	uint32_t uid = who ? uid_given(t->cred, (uint32_t)who) : t->cred->uid;
	FOREACH_PROCESS(tg) {
		struct task *p;
		if (which == WHO_PGRP && tg->pgrp != (who ? pgrp_find_for(t, who) : t->tg->pgrp))
			continue;
		TAILQ_FOREACH(p, &tg->threads, thread_link) {
			if (which == WHO_USER && p->cred->uid != uid)
				continue;
			long ret = fn(t, p, arg);
			result = result == -ESRCH || ret < 0 ? ret : MAX(result, ret);
		}
	}
	return result;
}

static long get_nice(struct task *t, struct task *p, void *arg)
{
	(void)t;
	(void)arg;
	return 20 - p->sched.nice;
}

long sys_getpriority(struct task *t, int which, int who)
{
	if (which < WHO_PROCESS || which > WHO_USER)
		return -EINVAL;
	return for_each(t, which, who, get_nice, NULL);
}

static bool may_change(const struct task *t, const struct task *p)
{
	return t->cred->euid == p->cred->euid || t->cred->euid == p->cred->uid ||
	       cred_ns_cap(t->cred, p->cred->user_ns, CAP_SYS_NICE);
}

static long set_nice(struct task *t, struct task *p, void *arg)
{
	int nice = *(int *)arg;
	if (!may_change(t, p))
		return -EPERM;
	if (nice < p->sched.nice && !cred_has_cap(t->cred, CAP_SYS_NICE) &&
	    (uint64_t)(20 - nice) > p->tg->rlimits[RLIMIT_NICE].rlim_cur)
		return -EACCES;
	p->sched.nice = nice;
	return 0;
}

long sys_setpriority(struct task *t, int which, int who, int prio)
{
	if (which < WHO_PROCESS || which > WHO_USER)
		return -EINVAL;
	prio = prio < -20 ? -20 : prio > 19 ? 19 : prio;
	return for_each(t, which, who, set_nice, &prio);
}

static long get_ioprio(struct task *t, struct task *p, void *arg)
{
	(void)t;
	(void)arg;
	return p->sched.ioprio;
}

static long set_ioprio(struct task *t, struct task *p, void *arg)
{
	if (p->cred->uid != t->cred->euid && p->cred->uid != t->cred->uid &&
	    !cred_ns_cap(t->cred, p->cred->user_ns, CAP_SYS_NICE))
		return -EPERM;
	p->sched.ioprio = *(int *)arg;
	return 0;
}

long sys_ioprio_get(struct task *t, int which, int who)
{
	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	return for_each(t, which - IOPRIO_WHO_PROCESS, who, get_ioprio, NULL);
}

long sys_ioprio_set(struct task *t, int which, int who, int ioprio)
{
	int class = ioprio >> IOPRIO_CLASS_SHIFT, level = ioprio & ((1 << IOPRIO_CLASS_SHIFT) - 1);
	switch (class) {
	case IOPRIO_CLASS_RT:
		if (!cred_has_cap(t->cred, CAP_SYS_ADMIN) && !cred_has_cap(t->cred, CAP_SYS_NICE))
			return -EPERM;
		break;
	case IOPRIO_CLASS_BE: case IOPRIO_CLASS_IDLE:
		break;
	case IOPRIO_CLASS_NONE:
		if (level)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	return for_each(t, which - IOPRIO_WHO_PROCESS, who, set_ioprio, &ioprio);
}
