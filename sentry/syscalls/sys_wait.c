/* sys_wait.c - exit(2), exit_group(2), wait4(2), waitid(2).
 *
 * LINUX   kernel/exit.c: kernel_wait4(), kernel_waitid(). As there, a status that cannot be copied out is lost. */
#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>

#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_wait.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/table.h"

long sys_exit(struct task *t, int status)
{
	task_exit_mark(t, (status & 0xff) << 8);
	return 0;
}

long sys_exit_group(struct task *t, int status)
{
	tg_exit_mark(t->tg, (status & 0xff) << 8);
	return 0;
}

#define WAIT_WHO (__WNOTHREAD | (int)__WCLONE | __WALL)

long sys_wait4(struct task *t, int pid, uptr_t wstatus, int options, uptr_t rusage)
{
	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | WAIT_WHO))
		return -EINVAL;
	if (pid == INT_MIN)
		return -ESRCH;
	struct wait_query q = { .type = CHILD_ANY, .options = options | WEXITED };
	if (pid > 0) {
		q.type = CHILD_PID;
		q.id = pid_given(t, pid);
	} else if (pid != -1) {
		q.type = CHILD_PGRP;
		q.id = pid ? pid_given(t, -pid) : t->tg->pgrp->pgid;
	}
	struct wait_result r;
	int found = task_wait(t, &q, &r);
	if (found <= 0)
		return found;
	if (!uptr_null(wstatus) && put_user(t, wstatus, &r.wstatus) < 0)
		return -EFAULT;
	if (!uptr_null(rusage) && put_user(t, rusage, &r.rusage) < 0)
		return -EFAULT;
	return found;
}

/* What an open pidfd of a process that is not our child leads to: ECHILD. *out_nonblock: then EAGAIN stands for 0. */
static int query_pidfd(struct task *t, int fd, struct wait_query *q, bool *out_nonblock)
{
	if (fd < 0)
		return -EINVAL;
	AUTO(file_put) struct file *f = fd_get(t, fd);
	struct thread_group *tg = f ? pidfd_tg(f) : NULL;
	if (!tg)
		return -EBADF;
	if (tg_find(tg->tgid) != tg)
		return -ECHILD;                 /* waited for; its number may be another's now */
	q->type = CHILD_PID;
	q->id = tg->tgid;
	if ((f->flags & O_NONBLOCK) && !(q->options & WNOHANG)) {
		*out_nonblock = true;
		q->options |= WNOHANG;
	}
	return 0;
}

static int query_of(struct task *t, int idtype, int id, struct wait_query *q, bool *out_nonblock)
{
	switch (idtype) {
	case P_ALL:
		q->type = CHILD_ANY;
		return 0;
	case P_PID:
		q->type = CHILD_PID;
		q->id = pid_given(t, id);
		return id > 0 ? 0 : -EINVAL;
	case P_PGID:
		q->type = CHILD_PGRP;
		q->id = id ? pid_given(t, id) : t->tg->pgrp->pgid;
		return id >= 0 ? 0 : -EINVAL;
	case P_PIDFD:
		return query_pidfd(t, id, q, out_nonblock);
	}
	return -EINVAL;
}

long sys_waitid(struct task *t, int idtype, int id, uptr_t infop, int options, uptr_t rusage)
{
	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | WAIT_WHO))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	struct wait_query q = { .options = options };
	bool nonblock = false;
	int err = query_of(t, idtype, id, &q, &nonblock);
	if (err)
		return err;
	struct wait_result r = { 0 };
	int found = task_wait(t, &q, &r);
	if (found < 0)
		return found;
	if (found == 0 && nonblock)
		return -EAGAIN;
	if (found > 0 && !uptr_null(rusage) && put_user(t, rusage, &r.rusage) < 0)
		return -EFAULT;
	/* The start of a siginfo_t; the rest of it stays as it is. */
	struct { int signo, error, code, pad, pid; uint32_t uid; int status; } info = {
		.signo = found ? SIGCHLD : 0, .code = r.code, .pid = r.pid, .uid = uid_shown(t->cred, r.uid), .status = r.status,
	};
	if (!uptr_null(infop) && put_user(t, infop, &info) < 0)
		return -EFAULT;
	return 0;
}
