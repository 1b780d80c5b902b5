/* pgrp.c - process groups and sessions: membership, and when a group is orphaned.
 *
 * HOW     A group lives as long as it has members (zombies count) or a terminal refers to it; a session as long as it
 *         has groups. Both keep their number in use (pid.h).
 * LINUX   kernel/exit.c: will_become_orphaned_pgrp(), kill_orphaned_pgrp(). */
#include "platform/base/live.h"
#include "sentry/kernel/pid.h"
#include "sentry/kernel/process.h"

static void session_put(struct session *s)
{
	if (--s->refs > 0)
		return;
	pid_set_session(s->sid, NULL);
	live_died(SESSION);
	free(s);
}

static struct pgrp *pgrp_new(int pgid, struct session *s)
{
	struct pgrp *pg = NEW(struct pgrp);
	live_born(PGRP);
	pg->refs = 1;
	pg->pgid = pgid;
	pg->session = s;
	s->refs++;
	TAILQ_INIT(&pg->members);
	pid_set_pgrp(pgid, pg);
	return pg;
}

struct pgrp *pgrp_get(struct pgrp *pg)
{
	pg->refs++;
	return pg;
}

void pgrp_put(struct pgrp *pg)
{
	if (!pg || --pg->refs > 0)
		return;
	CHECK(TAILQ_EMPTY(&pg->members));
	pid_set_pgrp(pg->pgid, NULL);
	session_put(pg->session);
	live_died(PGRP);
	free(pg);
}

struct pgrp *pgrp_find(int pgid)
{
	return pid_pgrp(pgid);
}

void tg_join_pgrp(struct thread_group *tg, struct pgrp *pg)
{
	CHECK(!tg->pgrp);
	tg->pgrp = pgrp_get(pg);
	answers_forget_group(tg);
	TAILQ_INSERT_TAIL(&pg->members, tg, pgrp_link);
}

void tg_leave_pgrp(struct thread_group *tg)
{
	if (!tg->pgrp)
		return;
	TAILQ_REMOVE(&tg->pgrp->members, tg, pgrp_link);
	pgrp_put(tg->pgrp);
	tg->pgrp = NULL;
}

int tg_set_pgrp(struct thread_group *tg, int pgid)
{
	struct pgrp *pg = pgrp_find(pgid);
	if (pg && pg->session != tg_session(tg))
		return -EPERM;
	if (pg == tg->pgrp)
		return 0;
	if (pg)
		pgrp_get(pg);
	else if (pgid == tg->tgid)
		pg = pgrp_new(pgid, tg_session(tg));
	else
		return -EPERM;
	tg_leave_pgrp(tg);
	tg_join_pgrp(tg, pg);
	pgrp_put(pg);
	return 0;
}

void tg_new_session(struct thread_group *tg)
{
	struct session *s = NEW(struct session);
	live_born(SESSION);
	s->sid = tg->tgid;
	pid_set_session(s->sid, s);
	struct pgrp *pg = pgrp_new(tg->tgid, s);
	tg_leave_pgrp(tg);
	tg_join_pgrp(tg, pg);
	pgrp_put(pg);
	tg->tty_left = false;
}

struct session *tg_session(const struct thread_group *tg)
{
	return tg->pgrp ? tg->pgrp->session : NULL;
}

static bool is_orphaned_without(const struct pgrp *pg, const struct thread_group *ignored)
{
	const struct thread_group *tg;
	TAILQ_FOREACH(tg, &pg->members, pgrp_link) {
		if (tg == ignored || tg->zombie || !tg->parent || !tg->parent->pgrp)
			continue;
		if (tg->parent->pgrp != pg && tg->parent->pgrp->session == pg->session)
			return false;
	}
	return true;
}

bool pgrp_is_orphaned(const struct pgrp *pg)
{
	return is_orphaned_without(pg, NULL);
}

static bool has_stopped_jobs(const struct pgrp *pg)
{
	const struct thread_group *tg;
	TAILQ_FOREACH(tg, &pg->members, pgrp_link)
		if (tg->stop_done)
			return true;
	return false;
}

void pgrp_check_orphaned(struct thread_group *tg, struct thread_group *parent)
{
	struct pgrp *pg = tg->pgrp;
	const struct thread_group *ignored = parent ? NULL : tg;
	if (!parent)
		parent = tg->parent;
	if (!parent || !pg || !parent->pgrp || parent->pgrp == pg || parent->pgrp->session != pg->session)
		return;
	if (!is_orphaned_without(pg, ignored) || !has_stopped_jobs(pg))
		return;
	pgrp_get(pg);
	signal_send_pgrp(pg->pgid, SIGHUP, NULL);
	signal_send_pgrp(pg->pgid, SIGCONT, NULL);
	pgrp_put(pg);
}
