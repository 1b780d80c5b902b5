/* access.c - may one task look into another.
 *
 * LINUX    kernel/ptrace.c, __ptrace_may_access(). Same: threads of one process may always; the capability overrides the ids,
 *          "not dumpable", and that a target may have capabilities that the viewer lacks. */
#include "sentry/kernel/access.h"

#include <linux/capability.h>

int task_may_access(const struct task *viewer, const struct task *target, enum access_mode mode, bool fs)
{
	if (viewer->tg == target->tg)
		return 0;
	const struct cred *v = viewer->cred, *c = target->cred;
	if (!v || !c)
		return -EPERM;
	uint32_t uid = fs ? v->fsuid : v->uid, gid = fs ? v->fsgid : v->gid;
	bool same = uid == c->uid && uid == c->euid && uid == c->suid && gid == c->gid && gid == c->egid && gid == c->sgid;
	bool capable = cred_ns_cap(v, c->user_ns, CAP_SYS_PTRACE);
	if (!same && !capable)
		return -EPERM;
	if (target->mm && target->mm->dumpable != 1 && !capable)
		return -EPERM;
	uint64_t caps = fs ? v->cap_effective : v->cap_permitted;
	if (!capable && (v->user_ns != c->user_ns || (c->cap_permitted & ~caps)))
		return -EPERM;
	if (mode == ACCESS_ATTACH && !target->mm)
		return -ESRCH;
	return 0;
}
