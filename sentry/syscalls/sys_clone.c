/* sys_clone.c - the calls that make tasks, and unshare(2): clone, clone3, fork, vfork.
 *
 * LINUX   kernel/fork.c: clone3_args_valid(), sys_clone(), ksys_unshare(). */
#include <linux/capability.h>
#include <linux/sched.h>

#include "sentry/ipc/sem.h"
#include "sentry/kernel/task_clone.h"
#include "sentry/syscalls/table.h"

#define LEGACY_FLAGS 0xffffffffULL

long sys_clone(struct task *t, uint64_t flags, uptr_t stack, uptr_t parent_tid, uptr_t child_tid, uint64_t tls)
{
	flags &= LEGACY_FLAGS;
	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID))
		return -EINVAL;                 /* both would use parent_tid */
	struct clone_request req = {
		.flags = flags & ~(uint64_t)CSIGNAL,
		.exit_signal = (int)(flags & CSIGNAL),
		.stack = stack.addr,
		.tls = tls,
		.pidfd = parent_tid,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
	};
	if (req.exit_signal > NSIG64)
		req.exit_signal = 0;            /* sends nothing */
	return task_clone(t, &req);
}

long sys_fork(struct task *t)
{
	return task_clone(t, &(struct clone_request){ .exit_signal = SIGCHLD });
}

long sys_vfork(struct task *t)
{
	return task_clone(t, &(struct clone_request){ .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD });
}

static int get_set_tid(struct task *t, const struct clone_args *args, struct clone_request *req)
{
	if (args->set_tid_size > PID_NS_LEVELS || !args->set_tid != !args->set_tid_size)
		return -EINVAL;
	req->nset_tid = (int)args->set_tid_size;
	return copy_from_user(t, req->set_tid, UPTR(args->set_tid), args->set_tid_size * sizeof(int));
}

static bool clone3_valid(const struct clone_args *a)
{
	if (a->flags & ~(LEGACY_FLAGS | CLONE_CLEAR_SIGHAND))
		return false;
	if (a->flags & (CLONE_DETACHED | (CSIGNAL & ~(uint64_t)CLONE_NEWTIME)))
		return false;
	if ((a->flags & CLONE_SIGHAND) && (a->flags & CLONE_CLEAR_SIGHAND))
		return false;
	if ((a->flags & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal)
		return false;
	if (a->exit_signal > NSIG64)
		return false;
	return !a->stack == !a->stack_size && a->stack + a->stack_size >= a->stack;
}

long sys_clone3(struct task *t, uptr_t cl_args, uint64_t size)
{
	struct clone_args a;
	if (size > PAGE_SIZE)
		return -E2BIG;
	int err = copy_struct_from_user(t, &a, sizeof(a), cl_args, size, CLONE_ARGS_SIZE_VER0);
	if (err)
		return err;
	if (!clone3_valid(&a))
		return -EINVAL;
	struct clone_request req = {
		.flags = a.flags,
		.exit_signal = (int)a.exit_signal,
		.stack = a.stack + a.stack_size,
		.tls = a.tls,
		.pidfd = UPTR(a.pidfd),
		.parent_tid = UPTR(a.parent_tid),
		.child_tid = UPTR(a.child_tid),
	};
	err = get_set_tid(t, &a, &req);
	return err ? err : task_clone(t, &req);
}

#define UNSHARE_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
			    CLONE_NEWNET | CLONE_NEWTIME)

long sys_unshare(struct task *t, uint64_t flags)
{
	const uint64_t memory = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
	if (flags & CLONE_NEWUSER)
		flags |= CLONE_THREAD | CLONE_FS;
	if (flags & CLONE_NEWNS)
		flags |= CLONE_FS;
	if (flags & ~(UNSHARE_NAMESPACES | memory | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM))
		return -EINVAL;
	/* Only asking for what is already so: a process cannot leave its own threads. */
	if ((flags & memory) && t->tg->nthreads > 1)
		return -EINVAL;
	if ((flags & (CLONE_SIGHAND | CLONE_VM)) && t->tg->sighand->refs > 1)
		return -EINVAL;
	AUTO_NS_CHANGE ns = { 0 };
	int err = ns_unshare(t, flags, &ns);
	if (err)
		return err;

	if (flags & (CLONE_SYSVSEM | CLONE_NEWIPC))
		sem_undo_exit(t);
	if ((flags & CLONE_FS) && t->fs->refs > 1) {
		struct fs_context *old = t->fs;
		t->fs = fs_context_copy(old);
		fs_context_put(old);
	}
	if ((flags & CLONE_FILES) && t->files->refs > 1) {
		struct fdtable *old = t->files;
		t->files = fdtable_copy(old);
		fdtable_put(t, old);
	}
	ns_change_apply(t, &ns);
	return 0;
}
