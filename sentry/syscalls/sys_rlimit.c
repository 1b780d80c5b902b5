/* sys_rlimit.c - resource limits: getrlimit(2), setrlimit(2), prlimit64(2).
 *
 * LINUX   kernel/sys.c: do_prlimit(). The limits bind where the resource is: fd tables, mm, signals, clone. */
#include <linux/capability.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/timers.h"
#include "sentry/syscalls/table.h"

#define NR_OPEN_MAX 1048576              /* /proc/sys/fs/nr_open */

static int set_limit(struct task *t, struct thread_group *tg, unsigned resource, const struct rlimit *new)
{
	struct rlimit *rl = &tg->rlimits[resource];
	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && new->rlim_max > NR_OPEN_MAX)
		return -EPERM;
	if (new->rlim_max > rl->rlim_max && !cred_has_cap(t->cred, CAP_SYS_RESOURCE))
		return -EPERM;
	*rl = *new;
	if (resource == RLIMIT_CPU)
		rlimit_cpu_changed(tg);
	return 0;
}

static bool may_limit(const struct task *t, const struct task *target)
{
	const struct cred *c = t->cred, *tc = target->cred;
	if (t->tg == target->tg || cred_ns_cap(c, tc->user_ns, CAP_SYS_RESOURCE))
		return true;
	return c->uid == tc->euid && c->uid == tc->suid && c->uid == tc->uid && c->gid == tc->egid &&
	       c->gid == tc->sgid && c->gid == tc->gid;
}

long sys_prlimit64(struct task *t, int pid, unsigned resource, uptr_t new_limit, uptr_t old_limit)
{
	struct rlimit new;
	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (!uptr_null(new_limit) && get_user(t, &new, new_limit) < 0)
		return -EFAULT;
	struct task *target = pid ? task_find_for(t, pid) : t;
	if (!target)
		return -ESRCH;
	if (!may_limit(t, target))
		return -EPERM;
	struct rlimit old = target->tg->rlimits[resource];
	if (!uptr_null(new_limit)) {
		int err = set_limit(t, target->tg, resource, &new);
		if (err)
			return err;
	}
	return uptr_null(old_limit) ? 0 : put_user(t, old_limit, &old);
}

long sys_getrlimit(struct task *t, unsigned resource, uptr_t rlim)
{
	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	return put_user(t, rlim, &t->tg->rlimits[resource]);
}

long sys_setrlimit(struct task *t, unsigned resource, uptr_t rlim)
{
	struct rlimit new;
	if (get_user(t, &new, rlim) < 0)
		return -EFAULT;
	return resource < RLIM_NLIMITS ? set_limit(t, t->tg, resource, &new) : -EINVAL;
}
