/* signal_perm.c - may a task send a signal to another (kill(2))?
 *
 * LINUX   kernel/signal.c: check_kill_permission(). */
#include <linux/capability.h>

#include "sentry/kernel/task.h"

int signal_may_send(const struct task *t, const struct task *target, int sig)
{
	const struct cred *c = t->cred, *tc = target->cred;
	if (t->tg == target->tg)
		return 0;
	if (c->euid == tc->suid || c->euid == tc->uid || c->uid == tc->suid || c->uid == tc->uid)
		return 0;
	if (cred_ns_cap(c, tc->user_ns, CAP_KILL))
		return 0;
	if (sig == SIGCONT && tg_session(t->tg) == tg_session(target->tg))
		return 0;
	return -EPERM;
}
