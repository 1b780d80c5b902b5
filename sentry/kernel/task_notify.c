/* task_notify.c - what a parent hears of its children, and who becomes the parent of orphans.
 *
 * LINUX   kernel/signal.c: do_notify_parent(), do_notify_parent_cldstop(); kernel/exit.c: forget_original_parent(),
 *         find_new_reaper(), reparent_leader(). */
#include <string.h>

#include <sys/wait.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/process.h"

#define CLOCK_TICKS_PER_SEC 100

static long timeval_to_ticks(struct timeval tv)
{
	return tv.tv_sec * CLOCK_TICKS_PER_SEC + tv.tv_usec / (1000000 / CLOCK_TICKS_PER_SEC);
}

static void child_info(const struct task *t, int code, int status, siginfo_t *info)
{
	const struct thread_group *tg = t->tg;
	memset(info, 0, sizeof(*info));
	info->si_code = code;
	info->si_pid = t->tid;
	info->si_uid = t->cred->uid;
	info->si_status = status;
	info->si_utime = timeval_to_ticks(tg->rusage_dead.ru_utime);
	info->si_stime = timeval_to_ticks(tg->rusage_dead.ru_stime);
}

void exit_info(const struct task *t, int status, siginfo_t *out)
{
	int killer = status & 0x7f;
	int code = !killer ? CLD_EXITED : WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED;
	child_info(t, code, killer ? killer : status >> 8 & 0xff, out);
}

bool notify_parent_exit(struct thread_group *tg)
{
	struct thread_group *parent = tg->parent;
	if (!parent)
		return false;
	int sig = tg->exit_signal, status = tg->exit_code;
	bool reap = parent == init_process() && parent->zombie;
	if (sig == SIGCHLD && !tg->leader->ptrace.tracer) {
		const struct ksigaction *ka = &parent->sighand->action[SIGCHLD - 1];
		if (ka->handler == (uint64_t)SIG_IGN)
			sig = 0;
		reap |= sig == 0 || (ka->flags & SA_NOCLDWAIT);
	}
	if (sig) {
		siginfo_t info;
		exit_info(tg->leader, status, &info);
		info.si_signo = sig;
		signal_send_group(parent, sig, &info);
	}
	waitq_wake(&parent->wait_children, 0);
	return reap;
}

static void tell_stopped(struct thread_group *parent, const struct task *t, int code, int status)
{
	const struct ksigaction *ka = &parent->sighand->action[SIGCHLD - 1];
	if (ka->handler != (uint64_t)SIG_IGN && !(ka->flags & SA_NOCLDSTOP)) {
		siginfo_t info;
		child_info(t, code, status, &info);
		info.si_signo = SIGCHLD;
		signal_send_group(parent, SIGCHLD, &info);
	}
	waitq_wake(&parent->wait_children, 0);
}

void notify_parent_stopped(struct thread_group *tg, int code)
{
	/* A parent that traces has heard of the stop as the tracer. */
	bool told = code == CLD_STOPPED && tg->leader->ptrace.tracer && !ptrace_by_stranger(tg->leader);
	if (tg->parent && !told)
		tell_stopped(tg->parent, tg->leader, code, code == CLD_STOPPED ? tg->stop_sig : SIGCONT);
}

void notify_tracer_stopped(struct task *t, int code)
{
	int status = code == CLD_STOPPED ? t->tg->stop_sig : t->ptrace.code;
	tell_stopped(t->ptrace.tracer->tg, t, code, status & 0x7f);
}

static struct task *live_thread(struct thread_group *tg)
{
	struct task *t;
	TAILQ_FOREACH(t, &tg->threads, thread_link)
		if (t->live)
			return t;
	return NULL;
}

/* The nearest ancestor in the pid namespace that asked for it, else the namespace's init. */
static struct thread_group *find_reaper(struct thread_group *dying)
{
	struct pid_ns *ns = dying->leader->pid_ns;
	for (struct thread_group *tg = dying->parent; tg && tg->leader->pid_ns == ns && !tg_is_init(tg); tg = tg->parent)
		if (tg->child_subreaper && live_thread(tg))
			return tg;
	return ns->init ? ns->init : init_process();
}

static void send_pdeath(struct thread_group *child, const struct task *dying)
{
	struct task *t;
	TAILQ_FOREACH(t, &child->threads, thread_link) {
		if (!t->pdeath_signal)
			continue;
		siginfo_t info;
		memset(&info, 0, sizeof(info));
		info.si_code = SI_USER;
		info.si_pid = dying->tid;
		info.si_uid = dying->cred->uid;
		signal_send_group(child, t->pdeath_signal, &info);
	}
}

static void reparent(struct thread_group *child, struct thread_group *old, struct thread_group *reaper)
{
	TAILQ_REMOVE(&old->children, child, sibling);
	TAILQ_INSERT_TAIL(&reaper->children, child, sibling);
	child->parent = reaper;
	answers_forget_group(child);
	child->parent_task = live_thread(reaper);
	child->exit_signal = SIGCHLD;
	/* A zombie that somebody traces is not the parent's yet. */
	bool reap = child->zombie && !child->leader->ptrace.tracer && notify_parent_exit(child);
	/* Its group may have lost its last link to the session. */
	pgrp_check_orphaned(child, old);
	if (reap)
		task_unpublish(child->leader);
}

void children_reparent(struct task *dying)
{
	struct thread_group *tg = dying->tg, *child;
	struct task *heir = live_thread(tg);
	if (heir) {
		TAILQ_FOREACH(child, &tg->children, sibling) {
			if (child->parent_task != dying)
				continue;
			child->parent_task = heir;
			send_pdeath(child, dying);
		}
		return;
	}
	struct thread_group *reaper = find_reaper(tg);
	if (!reaper || reaper == tg)
		return;                         /* init itself: the sandbox ends */
	while ((child = TAILQ_FIRST(&tg->children))) {
		send_pdeath(child, dying);
		reparent(child, tg, reaper);
	}
}
