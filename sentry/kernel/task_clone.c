/* task_clone.c - making tasks (task_clone.h).
 *
 * HOW     Checks and limits; the platform copies thread or address space (this sleeps); the objects are shared or copied;
 *         the child is published when nothing can fail any more. Who shares the memory gets another thread of the same
 *         stub, whether it is a thread of the guest or a process.
 * LINUX   kernel/fork.c: copy_process(), kernel_clone(). Signals to several processes (kill(-1), a terminal's) that come
 *         while the child is being made reach it too, as Linux's "multiprocess" signals do.
 * MISSING CLONE_INTO_CGROUP; CLONE_IO has nothing to share. */
#include "sentry/kernel/task_clone.h"
#include "sentry/kernel/timers.h"

#include <linux/capability.h>
#include <linux/ptrace.h>
#include <linux/sched.h>

#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/ipc/sem.h"
#include "sentry/ipc/shm.h"
#include "sentry/kernel/pid.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/keys/keys.h"
#include "sentry/sentry.h"

/* Each costs the sentry two mappings for its stack, and one more for a stub, of the 65530 that the host lets it have. */
#define TASKS_MAX 16000

static bool has_all(uint64_t flags, uint64_t wanted)
{
	return (flags & wanted) == wanted;
}

static int check_flags(const struct task *t, uint64_t flags)
{
	if (has_all(flags, CLONE_NEWNS | CLONE_FS) || has_all(flags, CLONE_NEWUSER | CLONE_FS))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_PARENT) && tg_is_init(t->tg))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && (flags & (CLONE_NEWUSER | CLONE_NEWPID)))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD)))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && t->pid_ns_children != t->pid_ns)
		return -EINVAL;
	return 0;
}

static int check_limits(const struct task *t)
{
	const struct cred *c = t->cred;
	bool exempt = c->uid == 0 || cred_has_cap(c, CAP_SYS_RESOURCE) || cred_has_cap(c, CAP_SYS_ADMIN);
	if (!exempt && (rlim_t)user_counts(c->uid).tasks >= t->tg->rlimits[RLIMIT_NPROC].rlim_cur)
		return -EAGAIN;
	int limit = sentry_config->pids_limit;
	if (task_count() >= TASKS_MAX)
		return -EAGAIN;
	if (limit <= 0 || task_count() < limit)
		return 0;
	sandbox_pids_refused();
	return -EAGAIN;
}

/* The child's thread and memory. */
static int copy_memory(struct task *t, struct task *child, uint64_t flags)
{
	if (flags & CLONE_VM) {
		/* A tracer may have them stop and go on in any order. */
		bool lend = (flags & (CLONE_VFORK | CLONE_THREAD)) == CLONE_VFORK && !t->ptrace.tracer;
		int err = lend ? pl_thread_lend(t->pl, &child->pl) : pl_thread_clone(t->pl, &child->pl);
		if (lend) {                       /* the child's are where they were */
			t->answers = ANSWERS_STALE;
			t->post.set = NULL;
		}
		if (!err)
			child->mm = mm_get(t->mm);
		return err;
	}
	mm_lock(t->mm);
	int err = pl_as_fork(t->pl, &child->pl);
	if (!err)
		err = mm_fork(t, child->pl->as, &child->mm);
	mm_unlock(t->mm);
	if (!err)
		shm_note_pid(t);
	return err;
}

static void copy_process(struct task *t, struct thread_group *tg, const struct clone_request *req)
{
	struct thread_group *old = t->tg;
	bool sibling = req->flags & CLONE_PARENT;
	tg->parent = sibling ? old->parent : old;
	tg->parent_task = sibling ? old->parent_task : t;
	tg->exit_signal = sibling ? old->exit_signal : req->exit_signal;
	tg->sighand = req->flags & CLONE_SIGHAND ? sighand_get(old->sighand) : sighand_copy(old->sighand);
	if (req->flags & CLONE_CLEAR_SIGHAND) {
		for (int i = 0; i < NSIG64; i++)
			if (tg->sighand->action[i].handler != (uint64_t)SIG_IGN)
				tg->sighand->action[i] = (struct ksigaction){ 0 };
	}
	for (int i = 0; i < RLIM_NLIMITS; i++)
		tg->rlimits[i] = old->rlimits[i];
	rlimit_cpu_changed(tg);
	tg->oom_score_adj = old->oom_score_adj;
	tg->thp_disabled = old->thp_disabled;
	tg->tty_left = old->tty_left;
	tg_join_pgrp(tg, old->pgrp);
}

static void copy_task(struct task *t, struct task *child, const struct clone_request *req, struct ns_change *ns)
{
	child->files = req->flags & CLONE_FILES ? fdtable_get(t->files) : fdtable_copy(t->files);
	child->fs = req->flags & CLONE_FS ? fs_context_get(t->fs) : fs_context_copy(t->fs);
	child->cred = cred_get(t->cred);
	for (size_t i = 0; i < sizeof(child->comm); i++)
		child->comm[i] = t->comm[i];
	child->blocked = t->blocked;
	if ((req->flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM)
		child->altstack = t->altstack;
	if (!(req->flags & CLONE_VM))
		child->rseq = t->rseq;
	if (req->flags & CLONE_SYSVSEM)
		child->sem_undo = sem_undo_share(t);
	if (req->flags & CLONE_CHILD_CLEARTID)
		child->clear_child_tid = req->child_tid;
	ns_fork(t, child);
	ns_change_apply(child, ns);
	if (!(req->flags & CLONE_VM))
		time_ns_enter(child);
	child->sched = t->sched;
	if (t->sched.reset_on_fork) {
		bool realtime = t->sched.policy == SCHED_FIFO || t->sched.policy == SCHED_RR || t->sched.policy == SCHED_DEADLINE;
		if (realtime)
			child->sched.policy = child->sched.priority = 0;
		if (realtime || child->sched.nice < 0)
			child->sched.nice = 0;
		child->sched.reset_on_fork = false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(child->cpu_mask); i++)
		child->cpu_mask[i] = t->cpu_mask[i];
	child->pinned = t->pinned;
	child->pin_stale = t->pin_stale;
	child->personality = t->personality;
	seccomp_fork(t, child);
	keys_fork(t, child, req->flags & CLONE_THREAD);
	child->timer_slack_ns = child->default_timer_slack_ns = t->timer_slack_ns;

	child->pl->regs = t->pl->regs;
	child->pl->regs.rax = 0;
	child->pl->regs.orig_rax = ~0ULL;
	if (req->stack)
		child->pl->regs.rsp = req->stack;
	if (req->flags & CLONE_SETTLS)
		child->pl->regs.fs_base = req->tls;
	if (req->flags & CLONE_CHILD_SETTID)
		(void)!mm_write(child->mm, req->child_tid.addr, &child->vtid, sizeof(child->vtid));
}

/* Reserves a descriptor and tells the guest its number, while failing is still possible. */
static int reserve_pidfd(struct task *t, struct task *child, const struct clone_request *req, struct file **out)
{
	int err = pidfd_new(child->tg, 0, out);
	if (err)
		return err;
	int fd = fd_reserve(t, 0);
	if (fd < 0)
		return fd;
	if (put_user(t, req->pidfd, &fd) == 0)
		return fd;
	fd_abort(t, fd);
	return -EFAULT;
}

static int make(struct task *t, struct task *child, const struct clone_request *req, struct ns_change *ns, int event)
{
	struct thread_group *tg = t->tg;
	bool new_process = !(req->flags & CLONE_THREAD);
	struct fork_signals signals = { 0 };
	if (new_process)
		TAILQ_INSERT_TAIL(&tg->forks, &signals, link);
	int err = copy_memory(t, child, req->flags);
	if (new_process)
		TAILQ_REMOVE(&tg->forks, &signals, link);
	if (err)
		return err;
	if (!(req->flags & CLONE_VM)) {
		const struct time_ns *time = ns->set[NS_TIME].obj;
		err = time_ns_prepare(time ? time : t->time_ns_children, child->mm, child->pl);
		if (err)
			return err == -ESRCH ? -ENOMEM : err;
	}
	/* Killed, or another thread execs. */
	if (t->exiting)
		return -ERESTARTNOINTR;

	if (child->pid_ns->dead)
		return -ENOMEM;

	AUTO(file_put) struct file *pidfd = NULL;
	int fd = -1;
	if (req->flags & CLONE_PIDFD) {
		fd = reserve_pidfd(t, child, req, &pidfd);
		if (fd < 0)
			return fd;
	}
	co_no_sleep_begin();
	if (new_process)
		copy_process(t, child->tg, req);
	copy_task(t, child, req, ns);
	child->tg->pending.set |= signals.set;
	int tid = pid_shown(t, child->tid);
	if (req->flags & CLONE_PARENT_SETTID)
		(void)!put_user(t, req->parent_tid, &tid);
	if (fd >= 0)
		fd_commit(t, fd, TAKE(pidfd), true);
	if (req->flags & CLONE_VFORK)
		child->vfork_parent = t;
	ptrace_inherit(t, child, req->flags, event);
	task_start(child);
	co_no_sleep_end();
	return 0;
}

/* The numbers asked for, from the child's own namespace outwards. */
static int check_set_tid(const struct task *t, const struct pid_ns *ns, const struct clone_request *req)
{
	if (req->nset_tid > ns->level + 1)
		return -EINVAL;
	for (int i = 0; i < req->nset_tid; i++, ns = ns->parent) {
		int tid = req->set_tid[i];
		if (tid < 1 || tid >= pid_max || (tid != 1 && ns->level && !ns->init))
			return -EINVAL;
		if (!cred_ns_cap(t->cred, ns->id.owner, CAP_SYS_ADMIN) && !cred_ns_cap(t->cred, ns->id.owner, CAP_CHECKPOINT_RESTORE))
			return -EPERM;
	}
	return 0;
}

long task_clone(struct task *t, const struct clone_request *req)
{
	int err = check_flags(t, req->flags);
	if (err)
		return err;
	/* Signals first: else one sent to the whole process group could miss the child. */
	if (signal_pending(t))
		return -ERESTARTNOINTR;
	err = check_limits(t);
	if (err)
		return err;
	AUTO_NS_CHANGE ns = { 0 };
	err = ns_unshare(t, req->flags, &ns);
	if (err)
		return err;
	struct pid_ns *pid_ns = ns.set[NS_PID].obj ? ns.set[NS_PID].obj : t->pid_ns_children;
	err = check_set_tid(t, pid_ns, req);
	if (err)
		return err;
	AUTO(task_put) struct task *child = NULL;
	err = task_new_in(req->flags & CLONE_THREAD ? t->tg : NULL, pid_ns, req->set_tid, req->nset_tid, &child);
	if (err)
		return err;
	int event = ptrace_clone_event(t, req->flags, req->exit_signal);
	err = make(t, child, req, &ns, event);
	if (err)
		return err;
	/* From here on the reference is the family's: it may be reaped while we wait for it. */
	int tid = pid_shown(t, child->tid);
	task_get(child);
	if (event)
		ptrace_event(t, event, (uint64_t)tid);
	if (req->flags & CLONE_VFORK) {
		if (wait_event_killable(t, &child->vfork_q, !child->vfork_parent) < 0)
			child->vfork_parent = NULL;
		else
			ptrace_event(t, PTRACE_EVENT_VFORK_DONE, (uint64_t)tid);
	}
	return tid;
}
