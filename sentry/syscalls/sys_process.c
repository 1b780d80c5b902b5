/* sys_process.c - who a task is and where it belongs: ids, process groups, sessions, and what libc registers per thread.
 *
 * LINUX   kernel/sys.c, kernel/futex/syscalls.c. */
#include <linux/futex.h>

#include "sentry/kernel/access.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/process.h"
#include "sentry/syscalls/table.h"

long sys_getpid(struct task *t)
{
	return t->tg->vtgid;
}

long sys_gettid(struct task *t)
{
	return t->vtid;
}

long sys_getppid(struct task *t)
{
	return t->tg->parent ? pid_shown(t, t->tg->parent->tgid) : 0;
}

long sys_getpgrp(struct task *t)
{
	return pid_shown(t, t->tg->pgrp->pgid);
}

static struct thread_group *find_process(struct task *t, int pid)
{
	struct task *found = pid ? task_find_for(t, pid) : t;
	return found && found->tg->pgrp ? found->tg : NULL;
}

long sys_getpgid(struct task *t, int pid)
{
	struct thread_group *tg = find_process(t, pid);
	return tg ? pid_shown(t, tg->pgrp->pgid) : -ESRCH;
}

long sys_getsid(struct task *t, int pid)
{
	struct thread_group *tg = find_process(t, pid);
	return tg ? pid_shown(t, tg_session(tg)->sid) : -ESRCH;
}

static bool is_session_leader(const struct thread_group *tg)
{
	return tg_session(tg)->sid == tg->tgid;
}

long sys_setpgid(struct task *t, int pid, int pgid)
{
	struct thread_group *own = t->tg;
	if (pid == 0)
		pid = own->vtgid;
	if (pgid == 0)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	struct task *target = task_find_for(t, pid);
	if (!target)
		return -ESRCH;
	struct thread_group *tg = target->tg;
	if (target != tg->leader)
		return -EINVAL;
	if (tg->parent == own) {
		if (tg_session(tg) != tg_session(own))
			return -EPERM;
		if (tg->did_exec)
			return -EACCES;
	} else if (tg != own) {
		return -ESRCH;
	}
	if (is_session_leader(tg))
		return -EPERM;
	if (pgid != pid) {
		struct pgrp *pg = pgrp_find_for(t, pgid);
		if (!pg || TAILQ_EMPTY(&pg->members) || pg->session != tg_session(own))
			return -EPERM;
	}
	return tg_set_pgrp(tg, pid_given(t, pgid));
}

long sys_setsid(struct task *t)
{
	struct thread_group *tg = t->tg;
	if (is_session_leader(tg) || pgrp_find(tg->tgid))
		return -EPERM;
	tg_new_session(tg);
	return tg->vtgid;
}

long sys_set_tid_address(struct task *t, uptr_t tidptr)
{
	t->clear_child_tid = tidptr;
	return t->vtid;
}

long sys_set_robust_list(struct task *t, uptr_t head, uint64_t len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	t->robust_list = head;
	t->robust_list_len = len;
	return 0;
}

long sys_get_robust_list(struct task *t, int pid, uptr_t head_ptr, uptr_t len_ptr)
{
	struct task *target = pid ? task_find_for(t, pid) : t;
	if (!target)
		return -ESRCH;
	if (task_may_access(t, target, ACCESS_READ, false) < 0)
		return -EPERM;
	uint64_t len = sizeof(struct robust_list_head), head = target->robust_list.addr;
	if (put_user(t, len_ptr, &len) < 0 || put_user(t, head_ptr, &head) < 0)
		return -EFAULT;
	return 0;
}
