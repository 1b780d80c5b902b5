/* signal_send.c - from "send" to "pending", and who is woken.
 *
 * HOW     SIGKILL is never queued: it marks the process as exiting. For everything else: side effects of stop signals
 *         and SIGCONT on the queues, drop it if it is ignored, queue it, wake a thread that does not block it.
 * LINUX   kernel/signal.c: prepare_signal(), __send_signal_locked(), complete_signal(), force_sig_info_to_task().
 *         Differs on purpose: init (PID 1) is immune to unhandled signals of other guest processes only; what the
 *         sentry itself raises (a terminal's, SIGPIPE, SIGALRM) and what init sends itself acts as it would on a process
 *         that isn't PID 1, so that a program run as PID 1 ends as it does natively. */
#include <string.h>

#include "platform/base/live.h"
#include "sentry/fs/signalfd/signalfd.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/user_ns.h"

#define FIRST_REALTIME 32                /* the kernel's SIGRTMIN; libc keeps two of them for itself */

static bool from_process(const siginfo_t *info)
{
	return info && (info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE);
}

/* The sandbox's own init: sent by another guest process (0 as the sender's pid: from outside of the sandbox), and unhandled. The
 * init of a guest's pid namespace: whatever is unhandled, but SIGKILL and SIGSTOP from above. */
bool signal_init_is_immune(const struct task *t, int sig, const siginfo_t *info)
{
	const struct thread_group *tg = t->tg;
	if (!tg_is_init(tg) || tg->sighand->action[sig - 1].handler != (uint64_t)SIG_DFL)
		return false;
	if (tg == init_process())
		return from_process(info) && info->si_pid != 0 && info->si_pid != tg->tgid;
	bool from_above = !info || info->si_code == SI_KERNEL || (from_process(info) && !pid_number(t->pid_ns, info->si_pid));
	return !tg->init_faulted && !((SIGBIT(sig) & SIG_SET_KERNEL_ONLY) && from_above);
}

/* What has a sender's ids, as the receiver numbers them. */
static void translate_ids(const struct task *t, siginfo_t *info)
{
	if (!from_process(info) && info->si_signo != SIGCHLD && info->si_code != SI_MESGQ)
		return;
	info->si_pid = pid_shown(t, info->si_pid);
	info->si_uid = uid_shown(t->cred, info->si_uid);
}

bool signal_is_ignored(const struct task *t, int sig)
{
	uint64_t handler = t->tg->sighand->action[sig - 1].handler;
	return handler == (uint64_t)SIG_IGN || (handler == (uint64_t)SIG_DFL && (SIGBIT(sig) & SIG_SET_DEFAULT_IGNORE));
}

static void flush_everywhere(struct thread_group *tg, ksigset_t set)
{
	sigpending_flush(&tg->pending, set);
	struct task *t;
	TAILQ_FOREACH(t, &tg->threads, thread_link)
		sigpending_flush(&t->pending, set);
}

void signal_flush_ignored(struct thread_group *tg, int sig)
{
	flush_everywhere(tg, SIGBIT(sig));
}

/* Side effects, which even blocked and ignored signals have; false: nothing is to be queued. */
static bool prepare(struct task *t, int sig, const siginfo_t *info)
{
	struct thread_group *tg = t->tg;
	if (tg->exiting || tg->zombie)
		return false;
	bool immune = signal_init_is_immune(t, sig, info);
	if (SIGBIT(sig) & SIG_SET_STOP) {
		flush_everywhere(tg, SIGBIT(SIGCONT));
	} else if (sig == SIGCONT) {
		flush_everywhere(tg, SIG_SET_STOP);
		signal_group_continue(tg);
	}
	/* A blocked signal is kept: its action may change before it is unblocked. */
	if (((sigmask_now(t) | t->real_blocked) & SIGBIT(sig)) && sig != SIGKILL)
		return true;
	/* A tracer hears of all. */
	return (t->ptrace.tracer && sig != SIGKILL) || (!immune && !signal_is_ignored(t, sig));
}

static bool wants(const struct task *t, int sig)
{
	return t->live && !t->exiting && !(sigmask_now(t) & SIGBIT(sig)) && t->stop_state == RUNNING;
}

/* One thread is enough; best one that has nothing else to do. The leader first, as Linux does. */
static void wake_one(struct thread_group *tg, int sig)
{
	struct task *t, *busy = NULL;
	TAILQ_FOREACH(t, &tg->threads, thread_link) {
		if (!wants(t, sig))
			continue;
		if (!(t->pending.set & ~sigmask_now(t))) {
			task_kick(t);
			return;
		}
		if (!busy)
			busy = t;
	}
	if (busy)
		task_kick(busy);
}

static int enqueue(struct sigpending *p, struct task *t, int sig, const siginfo_t *info)
{
	bool legacy = sig < FIRST_REALTIME;
	bool unlimited = legacy && (!info || info->si_code >= 0);
	uint32_t uid = t->cred->uid;
	if (!unlimited && (rlim_t)user_counts(uid).signals >= t->tg->rlimits[RLIMIT_SIGPENDING].rlim_cur) {
		if (!legacy && info && info->si_code != SI_USER)
			return -EAGAIN;
		return 0;                       /* only the bit */
	}
	struct sigqueue_entry *e = NEW(struct sigqueue_entry);
	live_born(SIGNAL);
	if (info) {
		e->info = *info;
	} else {
		memset(&e->info, 0, sizeof(e->info));
		e->info.si_code = SI_KERNEL;
	}
	e->info.si_signo = sig;
	translate_ids(t, &e->info);
	e->queue = p;
	e->uid = uid;
	user_charge(uid, 0, 1);
	TAILQ_INSERT_TAIL(&p->list, e, link);
	return 0;
}

static void publish(struct task *t, bool group, int sig)
{
	struct sigpending *p = group ? &t->tg->pending : &t->pending;
	p->set |= SIGBIT(sig);
	sigmask_ask(t, group, sig);
	if (group)
		wake_one(t->tg, sig);
	else if (wants(t, sig))
		task_kick(t);
	signalfd_notify();
}

static int send(struct task *t, bool group, int sig, const siginfo_t *info)
{
	CHECK(sig >= 1 && sig <= NSIG64);
	if (!prepare(t, sig, info))
		return 0;
	if (sig == SIGKILL) {
		tg_exit_mark(t->tg, SIGKILL);
		return 0;
	}
	struct sigpending *p = group ? &t->tg->pending : &t->pending;
	if (sig < FIRST_REALTIME && (p->set & SIGBIT(sig)))
		return 0;
	int err = enqueue(p, t, sig, info);
	if (err)
		return err;
	publish(t, group, sig);
	return 0;
}

int signal_send_task(struct task *t, int sig, const siginfo_t *info)
{
	return t->live ? send(t, false, sig, info) : 0;
}

int signal_send_group(struct thread_group *tg, int sig, const siginfo_t *info)
{
	return tg->leader ? send(tg->leader, true, sig, info) : 0;
}

void signal_note_forks(struct thread_group *tg, int sig)
{
	struct fork_signals *f;
	TAILQ_FOREACH(f, &tg->forks, link) {
		if (SIGBIT(sig) & SIG_SET_STOP)
			f->set &= ~SIGBIT(SIGCONT);
		else if (sig == SIGCONT)
			f->set &= ~SIG_SET_STOP;
		f->set |= SIGBIT(sig);
	}
}

int signal_send_pgrp(int pgid, int sig, const siginfo_t *info)
{
	struct pgrp *pg = pgrp_find(pgid);
	if (!pg || TAILQ_EMPTY(&pg->members))
		return -ESRCH;
	struct thread_group *tg;
	TAILQ_FOREACH(tg, &pg->members, pgrp_link) {
		signal_note_forks(tg, sig);
		signal_send_group(tg, sig, info);
	}
	return 0;
}

int signal_send_entry(struct sigqueue_entry *e, struct thread_group *tg, struct task *t)
{
	int sig = e->info.si_signo;
	bool group = !t;
	if (group)
		t = tg->leader;
	if (e->queue || !t || (!group && !t->live) || !prepare(t, sig, &e->info))
		return 1;
	if (sig == SIGKILL) {
		tg_exit_mark(t->tg, SIGKILL);
		return 1;
	}
	struct sigpending *p = group ? &t->tg->pending : &t->pending;
	e->queue = p;
	TAILQ_INSERT_TAIL(&p->list, e, link);
	publish(t, group, sig);
	return 0;
}

void signal_force_fault(struct task *t, int sig, const siginfo_t *info)
{
	struct ksigaction *ka = &t->tg->sighand->action[sig - 1];
	if ((t->blocked & SIGBIT(sig)) || ka->handler == (uint64_t)SIG_IGN) {
		ka->handler = (uint64_t)SIG_DFL;
		t->blocked &= ~SIGBIT(sig);
	}
	if (ka->handler == (uint64_t)SIG_DFL)
		t->tg->init_faulted = true;
	/* Not through prepare(): not even an exiting process's fault may be lost, or it would fault for ever. */
	if (!(t->pending.set & SIGBIT(sig)) && enqueue(&t->pending, t, sig, info) == 0)
		t->pending.set |= SIGBIT(sig);
}

void signal_set_mask(struct task *t, ksigset_t mask)
{
	mask &= ~SIG_SET_KERNEL_ONLY;
	/* What the process has pending and this thread takes no more is another one's now. */
	ksigset_t orphans = t->tg->pending.set & mask & ~t->blocked;
	t->blocked = mask;
	for (; orphans; orphans &= orphans - 1)
		wake_one(t->tg, __builtin_ctzll(orphans) + 1);
}

void signal_set_temporary_mask(struct task *t, ksigset_t mask)
{
	t->saved_mask = t->blocked;
	t->restore_mask = true;
	signal_set_mask(t, mask);
}
