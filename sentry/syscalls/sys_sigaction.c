/* sys_sigaction.c - actions, masks, waiting for signals, the alternate stack: the rt_sig* calls, pause(2),
 * restart_syscall(2).
 *
 * LINUX   kernel/signal.c: do_sigaction(), do_sigtimedwait(), do_sigaltstack(). */
#include <string.h>

#include "sentry/kernel/clock.h"
#include "sentry/syscalls/table.h"

#define SA_KERNEL_RESTORER 0x04000000UL
#define SA_EXPOSE_TAGBITS 0x00000800UL
#define SA_KNOWN ((uint64_t)(unsigned)(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | \
				       SA_RESETHAND) | SA_EXPOSE_TAGBITS | SA_KERNEL_RESTORER)

long sys_rt_sigaction(struct task *t, int signum, uptr_t act, uptr_t oldact, uint64_t sigsetsize)
{
	struct ksigaction new, old;
	if (sigsetsize != sizeof(ksigset_t))
		return -EINVAL;
	if (!uptr_null(act) && get_user(t, &new, act) < 0)
		return -EFAULT;
	if (signum < 1 || signum > NSIG64 || (!uptr_null(act) && (SIGBIT(signum) & SIG_SET_KERNEL_ONLY)))
		return -EINVAL;
	struct ksigaction *ka = &t->tg->sighand->action[signum - 1];
	old = *ka;
	if (!uptr_null(act)) {
		new.flags &= SA_KNOWN;
		new.mask &= ~SIG_SET_KERNEL_ONLY;
		*ka = new;
		if (signal_is_ignored(t, signum))
			signal_flush_ignored(t->tg, signum);
	}
	if (!uptr_null(oldact) && put_user(t, oldact, &old) < 0)
		return -EFAULT;
	return 0;
}

long sys_rt_sigprocmask(struct task *t, int how, uptr_t set, uptr_t oldset, uint64_t sigsetsize)
{
	ksigset_t arg, old = t->blocked;
	if (sigsetsize != sizeof(arg))
		return -EINVAL;
	if (!uptr_null(set)) {
		if (get_user(t, &arg, set) < 0)
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK:
			signal_set_mask(t, t->blocked | arg);
			break;
		case SIG_UNBLOCK:
			signal_set_mask(t, t->blocked & ~arg);
			break;
		case SIG_SETMASK:
			signal_set_mask(t, arg);
			break;
		default:
			return -EINVAL;
		}
	}
	if (!uptr_null(oldset) && put_user(t, oldset, &old) < 0)
		return -EFAULT;
	return 0;
}

long sys_rt_sigpending(struct task *t, uptr_t set, uint64_t sigsetsize)
{
	ksigset_t pending = signal_pending_set(t) & t->blocked;
	if (sigsetsize > sizeof(pending))
		return -EINVAL;
	return copy_to_user(t, set, &pending, sigsetsize);
}

static long wait_for_signal(struct task *t)
{
	(void)!wait_event(t, NULL, false);
	return -ERESTARTNOHAND;
}

long sys_pause(struct task *t)
{
	return wait_for_signal(t);
}

long sys_rt_sigsuspend(struct task *t, uptr_t mask, uint64_t sigsetsize)
{
	ksigset_t set;
	if (sigsetsize != sizeof(set))
		return -EINVAL;
	if (get_user(t, &set, mask) < 0)
		return -EFAULT;
	signal_set_temporary_mask(t, set);
	return wait_for_signal(t);
}

/* While it waits, the awaited signals count as unblocked, so that they wake this thread. */
static int wait_for_one_of(struct task *t, ksigset_t set, uint64_t deadline_ns, siginfo_t *info)
{
	int sig = 0;
	t->real_blocked = t->blocked;
	t->blocked &= ~set;
	int err = wait_event_deadline(t, NULL, (sig = signal_dequeue(t, set, info)) != 0, deadline_ns);
	ksigset_t blocked = t->real_blocked;
	t->real_blocked = 0;
	signal_set_mask(t, blocked);
	if (sig)
		return sig;
	return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

long sys_rt_sigtimedwait(struct task *t, uptr_t set, uptr_t uinfo, uptr_t timeout, uint64_t sigsetsize)
{
	ksigset_t wanted;
	uint64_t deadline_ns = UINT64_MAX;
	struct timespec ts = { 0 };
	if (sigsetsize != sizeof(wanted))
		return -EINVAL;
	if (get_user(t, &wanted, set) < 0)
		return -EFAULT;
	if (!uptr_null(timeout)) {
		if (get_user(t, &ts, timeout) < 0)
			return -EFAULT;
		if (!timespec_valid(&ts))
			return -EINVAL;
		deadline_ns = now_mono_ns() + timespec_to_ns(&ts);
	}
	wanted &= ~SIG_SET_KERNEL_ONLY;
	siginfo_t info;
	int sig = signal_dequeue(t, wanted, &info);
	if (!sig && !uptr_null(timeout) && timespec_to_ns(&ts) == 0)
		return -EAGAIN;
	if (!sig)
		sig = wait_for_one_of(t, wanted, deadline_ns, &info);
	if (sig > 0 && !uptr_null(uinfo) && put_user(t, uinfo, &info) < 0)
		return -EFAULT;
	return sig;
}

long sys_rt_sigreturn(struct task *t)
{
	return signal_return(t);
}

long sys_restart_syscall(struct task *t)
{
	long (*restart)(struct task *) = t->restart;
	t->restart = NULL;
	return restart ? restart(t) : -EINTR;
}

long sys_sigaltstack(struct task *t, uptr_t ss, uptr_t old_ss)
{
	const unsigned autodisarm = 1U << 31;
	stack_t new, old;
	if (!uptr_null(ss) && get_user(t, &new, ss) < 0)
		return -EFAULT;
	memset(&old, 0, sizeof(old));
	old.ss_sp = t->altstack.ss_sp;
	old.ss_size = t->altstack.ss_size;
	old.ss_flags = !t->altstack.ss_size ? SS_DISABLE : signal_on_altstack(t, t->pl->regs.rsp) ? SS_ONSTACK : 0;
	old.ss_flags |= (int)((unsigned)t->altstack.ss_flags & autodisarm);
	if (!uptr_null(ss)) {
		int err = signal_set_altstack(t, &new);
		if (err)
			return err;
	}
	return uptr_null(old_ss) ? 0 : put_user(t, old_ss, &old);
}
