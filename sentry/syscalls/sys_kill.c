/* sys_kill.c - sending signals: kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2), rt_tgsigqueueinfo(2).
 *
 * LINUX   kernel/signal.c: kill_something_info(), do_tkill(), do_rt_sigqueueinfo(). */
#include <limits.h>
#include <string.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/table.h"

static bool signal_valid(int sig)
{
	return sig >= 0 && sig <= NSIG64;
}

static siginfo_t info_of(struct task *t, int sig, int code)
{
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = code;
	info.si_pid = t->tg->tgid;
	info.si_uid = t->cred->uid;
	return info;
}

static int send_process(struct task *t, struct thread_group *tg, int sig, const siginfo_t *info)
{
	if (!tg->leader)
		return -ESRCH;
	int err = signal_may_send(t, tg->leader, sig);
	if (err || sig == 0)
		return err;
	return signal_send_group(tg, sig, info);
}

static int send_pgrp(struct task *t, int pgid, int sig, const siginfo_t *info)
{
	struct pgrp *pg = pgrp_find(pgid);
	int result = -ESRCH;
	bool any = false;
	if (!pg)
		return -ESRCH;
	struct thread_group *tg;
	TAILQ_FOREACH(tg, &pg->members, pgrp_link) {
		result = send_process(t, tg, sig, info);
		any |= result == 0;
		if (sig && result == 0)
			signal_note_forks(tg, sig);
	}
	return any ? 0 : result;
}

/* Everybody but init and the caller. */
static int send_all(struct task *t, int sig, const siginfo_t *info)
{
	int result = 0;
	bool any = false;
	for (struct thread_group *tg = tg_first(); tg; tg = tg_next(tg)) {
		if (pid_shown(t, tg->tgid) <= 1 || tg == t->tg)
			continue;
		any = true;
		int err = send_process(t, tg, sig, info);
		if (err != -EPERM)
			result = err;
		if (sig && err == 0)
			signal_note_forks(tg, sig);
	}
	return any ? result : -ESRCH;
}

long sys_kill(struct task *t, int pid, int sig)
{
	if (!signal_valid(sig))
		return -EINVAL;
	siginfo_t info = info_of(t, sig, SI_USER);
	if (pid > 0) {
		struct task *target = task_find_for(t, pid);
		return target ? send_process(t, target->tg, sig, &info) : -ESRCH;
	}
	if (pid == INT_MIN)
		return -ESRCH;
	if (pid == -1)
		return send_all(t, sig, &info);
	return send_pgrp(t, pid ? pid_given(t, -pid) : t->tg->pgrp->pgid, sig, &info);
}

static int send_thread(struct task *t, int tgid, int tid, int sig, const siginfo_t *info)
{
	struct task *target = task_find_for(t, tid);
	if (!target || (tgid > 0 && pid_shown(t, target->tg->tgid) != tgid))
		return -ESRCH;
	int err = signal_may_send(t, target, sig);
	if (err || sig == 0)
		return err;
	return signal_send_task(target, sig, info);
}

long sys_tkill(struct task *t, int tid, int sig)
{
	if (tid <= 0 || !signal_valid(sig))
		return -EINVAL;
	siginfo_t info = info_of(t, sig, SI_TKILL);
	return send_thread(t, 0, tid, sig, &info);
}

long sys_tgkill(struct task *t, int tgid, int tid, int sig)
{
	if (tgid <= 0 || tid <= 0 || !signal_valid(sig))
		return -EINVAL;
	siginfo_t info = info_of(t, sig, SI_TKILL);
	return send_thread(t, tgid, tid, sig, &info);
}

/* A guest may pretend to be anybody, but not the kernel, and kill() only to itself. */
static int get_info(struct task *t, int target, int sig, uptr_t uinfo, siginfo_t *out)
{
	if (get_user(t, out, uinfo) < 0)
		return -EFAULT;
	out->si_signo = sig;
	out->si_pid = pid_given(t, out->si_pid);
	out->si_uid = uid_given(t->cred, out->si_uid);
	if ((out->si_code >= 0 || out->si_code == SI_TKILL) && t->vtid != target)
		return -EPERM;
	return 0;
}

long sys_rt_sigqueueinfo(struct task *t, int tgid, int sig, uptr_t uinfo)
{
	siginfo_t info;
	int err = get_info(t, tgid, sig, uinfo, &info);
	if (err)
		return err;
	if (!signal_valid(sig))
		return -EINVAL;
	struct task *target = tgid > 0 ? task_find_for(t, tgid) : NULL;
	return target ? send_process(t, target->tg, sig, &info) : -ESRCH;
}

long sys_rt_tgsigqueueinfo(struct task *t, int tgid, int tid, int sig, uptr_t uinfo)
{
	siginfo_t info;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	int err = get_info(t, tid, sig, uinfo, &info);
	if (err)
		return err;
	return signal_valid(sig) ? send_thread(t, tgid, tid, sig, &info) : -EINVAL;
}
