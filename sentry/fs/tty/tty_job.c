/* tty_job.c - job control: sessions and their controlling terminals, foreground and background.
 *
 * HOW      A session and its terminal point at each other; the session holds the terminal. The pair parts when the session's
 *          leader exits, gives the terminal up or loses it (hangup, the last close of it, somebody steals it).
 * LINUX    drivers/tty/tty_jobctrl.c, __tty_hangup() in tty_io.c; credentials(7), "Sessions". */
#include <linux/capability.h>

#include "sentry/fs/tty/tty_impl.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/process.h"

static bool is_leader(const struct thread_group *tg)
{
	const struct session *s = tg_session(tg);
	return s && s->sid == tg->tgid;
}

struct tty *tty_controlling(const struct thread_group *tg)
{
	const struct session *s = tg_session(tg);
	return s && !tg->tty_left ? s->tty : NULL;
}

/* As new_encode_dev(). */
static int dev_number(const struct tty *tty)
{
	unsigned minor = (unsigned)tty->index;
	return (int)((minor & 0xff) | PTS_MAJOR << 8 | (minor & ~0xffU) << 12);
}

void tty_of_process(const struct thread_group *tg, int *out_nr, int *out_pgid)
{
	const struct tty *tty = tty_controlling(tg);
	*out_nr = tty ? dev_number(tty) : 0;
	*out_pgid = tty ? tty->pgrp ? tty->pgrp->pgid : 0 : -1;
}

void tty_signal(struct tty *tty, int sig)
{
	if (tty->pgrp)
		signal_send_pgrp(tty->pgrp->pgid, sig, NULL);
}

int tty_check_change(struct task *t, struct tty *tty, int sig)
{
	struct pgrp *own = t->tg->pgrp;
	if (!own || tty_controlling(t->tg) != tty || !tty->pgrp || tty->pgrp == own)
		return 0;
	if ((t->blocked & SIGBIT(sig)) || t->tg->sighand->action[sig - 1].handler == (uint64_t)SIG_IGN)
		return sig == SIGTTIN ? -EIO : 0;
	if (pgrp_is_orphaned(own))
		return -EIO;
	signal_send_pgrp(own->pgid, sig, NULL);
	return -ERESTARTSYS;
}

/* --- coming together, parting --- */

static void part(struct tty *tty)
{
	struct session *s = tty->session;
	pgrp_put(TAKE(tty->pgrp));
	tty->session = NULL;
	if (!s)
		return;
	s->tty = NULL;
	tty_put(tty);
}

void tty_clear_session(struct tty *tty)
{
	part(tty);
}

/* The leader exits: its session loses the terminal, and what ran in the foreground hears of it. */
static void leader_exits(struct session *s)
{
	struct tty *tty = s->tty;
	if (tty) {
		tty_signal(tty, SIGHUP);
		part(tty);
	} else if (s->tty_old_pgid) {
		struct pgrp *pg = pgrp_find(s->tty_old_pgid);
		if (pg && pg->session == s) {
			signal_send_pgrp(pg->pgid, SIGHUP, NULL);
			signal_send_pgrp(pg->pgid, SIGCONT, NULL);
		}
	}
}

void tty_set_controlling(struct tty *tty, struct task *t)
{
	struct session *s = tg_session(t->tg);
	tty_get(tty);
	part(tty);
	tty->session = s;
	tty->pgrp = pgrp_get(t->tg->pgrp);
	s->tty = tty;
	s->hangup = leader_exits;
	s->tty_old_pgid = 0;
	t->tg->tty_left = false;
}

void tty_give_up(struct task *t)
{
	struct tty *tty = tty_controlling(t->tg);
	if (!is_leader(t->tg)) {
		t->tg->tty_left = true;
		return;
	}
	tty_signal(tty, SIGHUP);
	tty_signal(tty, SIGCONT);
	part(tty);
}

void tty_hangup(struct tty *tty)
{
	struct session *s = tty->session;
	tty->hangups++;
	ldisc_reset(tty);
	tty->staged.tail = tty->staged.head;
	if (s) {
		struct thread_group *leader = tg_find(s->sid);
		s->tty_old_pgid = tty->pgrp ? tty->pgrp->pgid : 0;
		if (leader && is_leader(leader) && !leader->zombie) {
			signal_send_group(leader, SIGHUP, NULL);
			signal_send_group(leader, SIGCONT, NULL);
		}
		part(tty);
	}
	waitq_wake(&tty->wq, EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | EPOLLHUP | EPOLLERR);
}

/* --- ioctls --- */

static bool may_admin(const struct task *t)
{
	return cred_has_cap(t->cred, CAP_SYS_ADMIN);
}

static long set_controlling(struct task *t, struct tty_file *tf, uint64_t arg)
{
	struct tty *tty = tf->tty;
	if (is_leader(t->tg) && tg_session(t->tg) == tty->session)
		return 0;
	if (!is_leader(t->tg) || tty_controlling(t->tg))
		return -EPERM;
	if (tty->session && !(arg == 1 && may_admin(t)))
		return -EPERM;
	if (!(tf->file.mode & FMODE_READ) && !may_admin(t))
		return -EPERM;
	tty_set_controlling(tty, t);
	return 0;
}

static long set_pgrp(struct task *t, struct tty *tty, uptr_t arg)
{
	int err = tty_check_change(t, tty, SIGTTOU);
	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (tty_controlling(t->tg) != tty)
		return -ENOTTY;
	int pgid;
	err = get_user(t, &pgid, arg);
	if (err)
		return err;
	if (pgid < 0)
		return -EINVAL;
	struct pgrp *pg = pgrp_find_for(t, pgid);
	if (!pg)
		return task_find_for(t, pgid) ? -EPERM : -ESRCH;
	if (pg->session != tty->session || TAILQ_EMPTY(&pg->members))
		return -EPERM;
	pgrp_get(pg);
	pgrp_put(tty->pgrp);
	tty->pgrp = pg;
	return 0;
}

/* May the number be asked for? Through the master always. */
static bool is_known(const struct task *t, const struct tty_file *tf)
{
	return tf->master || tty_controlling(t->tg) == tf->tty;
}

long tty_ioctl_job(struct task *t, struct tty_file *tf, unsigned cmd, uint64_t arg)
{
	struct tty *tty = tf->tty;
	int n;
	switch (cmd) {
	case TIOCSCTTY:
		return set_controlling(t, tf, arg);
	case TIOCNOTTY:
		if (tf->master || tty_controlling(t->tg) != tty)
			return -ENOTTY;
		tty_give_up(t);
		return 0;
	case TIOCGPGRP:
		if (!is_known(t, tf))
			return -ENOTTY;
		n = tty->pgrp ? pid_shown(t, tty->pgrp->pgid) : 0;
		return put_user(t, UPTR(arg), &n);
	case TIOCSPGRP:
		return set_pgrp(t, tty, UPTR(arg));
	case TIOCGSID:
		if (!is_known(t, tf) || !tty->session)
			return -ENOTTY;
		n = pid_shown(t, tty->session->sid);
		return put_user(t, UPTR(arg), &n);
	case TIOCVHANGUP:
		if (!may_admin(t))
			return -EPERM;
		tty_hangup(tty);
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}
