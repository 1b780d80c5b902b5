/* signal_queue.c - what is pending for whom, and handlers' tables as objects.
 *
 * HOW     A queue is a bit set and a list: the list has an entry for every signal that carries information, in order of
 *         arrival; a bit without an entry is a signal whose information could not be kept (RLIMIT_SIGPENDING).
 * LINUX   kernel/signal.c: next_signal(), collect_signal(). Faults come first, then the lowest number; the thread's own
 *         queue before the process's. */
#include <string.h>

#include "platform/base/live.h"
#include "sentry/kernel/task.h"

void sigpending_init(struct sigpending *p)
{
	p->set = 0;
	TAILQ_INIT(&p->list);
}

/* Off its list. A timer's entry goes back to the timer; others are freed. */
static void entry_release(struct sigpending *p, struct sigqueue_entry *e, siginfo_t *info)
{
	TAILQ_REMOVE(&p->list, e, link);
	e->queue = NULL;
	if (e->timer) {
		e->taken(e, info);
	} else {
		user_charge(e->uid, 0, -1);
		live_died(SIGNAL);
		free(e);
	}
}

void sigpending_flush(struct sigpending *p, ksigset_t set)
{
	p->set &= ~set;
	struct sigqueue_entry *e = TAILQ_FIRST(&p->list);
	while (e) {
		struct sigqueue_entry *next = TAILQ_NEXT(e, link);
		if (SIGBIT(e->info.si_signo) & set)
			entry_release(p, e, NULL);
		e = next;
	}
}

void signal_cancel_entry(struct sigqueue_entry *e)
{
	struct sigpending *p = e->queue;
	if (!p)
		return;
	TAILQ_REMOVE(&p->list, e, link);
	e->queue = NULL;
	struct sigqueue_entry *other;
	TAILQ_FOREACH(other, &p->list, link)
		if (other->info.si_signo == e->info.si_signo)
			return;
	p->set &= ~SIGBIT(e->info.si_signo);
}

static int next_signal(const struct sigpending *p, ksigset_t set)
{
	ksigset_t s = p->set & set;
	if (!s)
		return 0;
	if (s & SIG_SET_FAULT)
		s &= SIG_SET_FAULT;
	return __builtin_ctzll(s) + 1;
}

static void collect(struct sigpending *p, int sig, siginfo_t *out)
{
	struct sigqueue_entry *first = NULL, *e;
	bool more = false;
	TAILQ_FOREACH(e, &p->list, link) {
		if (e->info.si_signo != sig)
			continue;
		more = first != NULL;
		if (more)
			break;
		first = e;
	}
	if (!more)
		p->set &= ~SIGBIT(sig);
	if (!first) {
		memset(out, 0, sizeof(*out));
		out->si_signo = sig;
		out->si_code = SI_USER;
		return;
	}
	*out = first->info;
	entry_release(p, first, out);
}

int signal_dequeue(struct task *t, ksigset_t set, siginfo_t *out)
{
	struct sigpending *p = &t->pending;
	int sig = next_signal(p, set);
	if (!sig) {
		p = &t->tg->pending;
		sig = next_signal(p, set);
	}
	if (sig)
		collect(p, sig, out);
	return sig;
}

ksigset_t signal_pending_set(const struct task *t)
{
	return t->pending.set | t->tg->pending.set;
}

bool signal_pending(const struct task *t)
{
	if (t->exiting || (signal_pending_set(t) & ~t->blocked))
		return true;
	/* A tracer decides itself how long its tracee takes part in a group stop. */
	return t->ptrace.tracer ? ptrace_wants_trap(t) : t->tg->stop_sig && t->stop_state == RUNNING;
}

struct sighand *sighand_new(void)
{
	struct sighand *sh = NEW(struct sighand);
	live_born(SIGHAND);
	sh->refs = 1;
	return sh;
}

struct sighand *sighand_get(struct sighand *sh)
{
	sh->refs++;
	return sh;
}

void sighand_put(struct sighand *sh)
{
	if (!sh || --sh->refs > 0)
		return;
	live_died(SIGHAND);
	free(sh);
}

struct sighand *sighand_copy(const struct sighand *sh)
{
	struct sighand *copy = NEW(struct sighand);
	live_born(SIGHAND);
	*copy = *sh;
	copy->refs = 1;
	return copy;
}
