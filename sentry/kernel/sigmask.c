/* sigmask.c - a task's signal mask while its guest code runs: lent to the platform, where rt_sigprocmask(2) changes it.
 *
 * HOW      t->blocked is the mask, except between sigmask_lend() and sigmask_return(): then the platform has it. Who sends a
 *          signal says so to all that could take it (sigmask_ask()) before it looks at their masks (sigmask_now()): from then on they
 *          ask before they change how they stand to it.
 *          What is pending for a task or its process is never decided by the platform: taking it, or leaving it to others. */
#include "sentry/kernel/task.h"

void sigmask_lend(struct task *t)
{
	t->mask_lent = t->answers == ANSWERS_GIVEN && pl_sigmask_lend(t->pl, t->blocked, signal_pending_set(t));
}

void sigmask_return(struct task *t)
{
	t->blocked = sigmask_now(t);
	t->mask_lent = false;
}

ksigset_t sigmask_now(const struct task *t)
{
	return t->mask_lent ? pl_sigmask(t->pl) & ~SIG_SET_KERNEL_ONLY : t->blocked;
}

void sigmask_ask(struct task *t, bool group, int sig)
{
	struct task *other;
	if (!group && t->mask_lent)
		pl_sigmask_ask(t->pl, SIGBIT(sig));
	TAILQ_FOREACH(other, &t->tg->threads, thread_link)
		if (group && other->mask_lent)
			pl_sigmask_ask(other->pl, SIGBIT(sig));
}
