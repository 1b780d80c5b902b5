/* sys_pidfd.c - pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2).
 *
 * LINUX    kernel/pid.c, kernel/signal.c. Same: a signal's information may only be made up by the process for itself, or with
 *          codes that say it comes from a user. */
#include <fcntl.h>
#include <string.h>

#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/fs/proc/proc.h"
#include "sentry/kernel/access.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/table.h"

#define SEND_THREAD 1u                    /* PIDFD_SIGNAL_THREAD … */
#define SEND_THREAD_GROUP 2u
#define SEND_PROCESS_GROUP 4u

long sys_pidfd_open(struct task *t, int pid, unsigned flags)
{
	if ((flags & ~(unsigned)O_NONBLOCK) || pid <= 0)
		return -EINVAL;
	struct thread_group *tg = tg_find_for(t, pid);
	if (!tg)
		return task_find_for(t, pid) ? -ENOENT : -ESRCH;
	AUTO(file_put) struct file *f = NULL;
	int err = pidfd_new(tg, (int)flags, &f);
	if (err)
		return err;
	int fd = fd_install(t, f, 0, true);
	if (fd >= 0)
		f = NULL;
	return fd;
}

/* NULL: it was waited for, and tg is a mere shell. */
static struct task *leader_of(struct thread_group *tg)
{
	return tg_find(tg->tgid) == tg ? tg->leader : NULL;
}

static int info_get(struct task *t, uptr_t from, int sig, const struct task *target, siginfo_t *out)
{
	if (uptr_null(from)) {
		memset(out, 0, sizeof(*out));
		out->si_signo = sig;
		out->si_code = SI_USER;
		out->si_pid = t->tg->tgid;
		out->si_uid = t->cred->uid;
		return 0;
	}
	if (get_user(t, out, from))
		return -EFAULT;
	if (out->si_signo != sig)
		return -EINVAL;
	out->si_pid = pid_given(t, out->si_pid);
	out->si_uid = uid_given(t->cred, out->si_uid);
	if (target->tg != t->tg && (out->si_code >= 0 || out->si_code == SI_TKILL))
		return -EPERM;
	return 0;
}

static int send_pgrp(struct task *t, struct pgrp *pg, int sig, const siginfo_t *info)
{
	int result = -ESRCH;
	bool any = false;
	struct thread_group *tg;
	TAILQ_FOREACH(tg, &pg->members, pgrp_link) {
		result = tg->leader ? signal_may_send(t, tg->leader, sig) : -ESRCH;
		if (!result && sig)
			result = signal_send_group(tg, sig, info);
		any |= result == 0;
	}
	return any ? 0 : result;
}

long sys_pidfd_send_signal(struct task *t, int pidfd, int sig, uptr_t info, unsigned flags)
{
	if ((flags & ~(SEND_THREAD | SEND_THREAD_GROUP | SEND_PROCESS_GROUP)) || (flags & (flags - 1)))
		return -EINVAL;
	AUTO(file_put) struct file *f = fd_get(t, pidfd);
	if (!f)
		return -EBADF;
	/* An open directory /proc/PID does too, for it was there before pidfds. */
	struct thread_group *tg = pidfd_tg(f);
	if (!tg)
		tg = proc_pid_dir_tg(f);
	if (!tg)
		return -EBADF;
	struct task *target = leader_of(tg);
	if (!target)
		return -ESRCH;
	siginfo_t si;
	int err = info_get(t, info, sig, target, &si);
	if (err)
		return err;
	if (sig < 0 || sig > NSIG64)
		return -EINVAL;
	if (flags & SEND_PROCESS_GROUP)
		return send_pgrp(t, tg->pgrp, sig, &si);
	err = signal_may_send(t, target, sig);
	if (err || sig == 0)
		return err;
	return flags & SEND_THREAD ? signal_send_task(target, sig, &si) : signal_send_group(tg, sig, &si);
}

long sys_pidfd_getfd(struct task *t, int pidfd, int targetfd, unsigned flags)
{
	if (flags)
		return -EINVAL;
	AUTO(file_put) struct file *f = fd_get(t, pidfd);
	if (!f)
		return -EBADF;
	struct thread_group *tg = pidfd_tg(f);
	if (!tg)
		return -EBADF;
	struct task *target = leader_of(tg);
	if (!target || target->exited || !target->files)
		return -ESRCH;
	int err = task_may_access(t, target, ACCESS_ATTACH, false);
	if (err)
		return err;
	AUTO(file_put) struct file *got = fd_get_raw(target, targetfd);
	if (!got)
		return -EBADF;
	int fd = fd_install(t, got, 0, true);
	if (fd >= 0)
		got = NULL;
	return fd;
}
