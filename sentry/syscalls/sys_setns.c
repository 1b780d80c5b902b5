/* sys_setns.c - setns(2): joining namespaces, by their files or those of a process.
 *
 * LINUX   kernel/nsproxy.c: validate_nsset(). Of a process all are joined or none, the user namespace first, for its
 *         capabilities count for the others. */
#include <linux/sched.h>

#include "sentry/fs/nsfs/nsfs.h"
#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/ipc/sem.h"
#include "sentry/kernel/access.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/syscalls/table.h"

static const enum ns_kind join_order[] = { NS_USER, NS_MNT, NS_UTS, NS_IPC, NS_PID, NS_CGROUP, NS_NET, NS_TIME };

static int join_process(struct task *t, struct thread_group *tg, uint64_t flags, struct ns_change *c)
{
	struct task *target = tg->leader;
	uint64_t known = 0;
	for (size_t i = 0; i < ARRAY_SIZE(join_order); i++)
		known |= ns_clone_flag(join_order[i]);
	if (!flags || (flags & ~known))
		return -EINVAL;
	if (!target || target->exited)
		return -ESRCH;
	int err = task_may_access(t, target, ACCESS_READ, false);
	for (size_t i = 0; i < ARRAY_SIZE(join_order) && !err; i++) {
		struct ns ns;
		if (!(flags & ns_clone_flag(join_order[i])))
			continue;
		err = ns_of_task(target, join_order[i], false, &ns) ? ns_join(t, ns, c) : -ESRCH;
	}
	return err;
}

static int join_file(struct task *t, struct file *f, uint64_t flags, struct ns_change *c)
{
	struct ns ns;
	struct thread_group *tg = pidfd_tg(f);
	if (tg)
		return join_process(t, tg, flags, c);
	if (!nsfs_ns(f, &ns) || (flags && flags != ns_clone_flag(ns.kind)))
		return -EINVAL;
	return ns_join(t, ns, c);
}

long sys_setns(struct task *t, int fd, int nstype)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	AUTO_NS_CHANGE c = { 0 };
	int err = join_file(t, f, (unsigned)nstype, &c);
	if (err)
		return err;
	bool time = c.set[NS_TIME].obj;
	if (time) {
		err = time_ns_prepare(c.set[NS_TIME].obj, t->mm, t->pl);
		if (err)
			return err;
	}
	if (c.set[NS_IPC].obj)
		sem_undo_exit(t);
	ns_change_apply(t, &c);
	if (time)
		time_ns_enter(t);
	return 0;
}
