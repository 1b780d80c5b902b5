/* async.c - O_ASYNC: an open file that becomes ready sends its owner a signal.
 *
 * HOW      A waiter on the file's own queue that sends the signal where others would wake a coroutine.
 * LINUX    fs/fcntl.c: send_sigio(), fcntl_setfl(). Same: whether the owner may be told is decided by who set it.
 *          Different: whoever wakes the file's waiters makes the signal, so there can be more of them. */
#include "sentry/vfs/async.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "sentry/kernel/task.h"

struct file_async {
	struct waiter w;
	struct file *f;                   /* it ends with the file */
	int fd;
};

/* Linux's sigio_perm(). */
static bool may_tell(const struct file *f, const struct task *to)
{
	const struct cred *c = to->cred;
	return f->owner.euid == 0 || f->owner.euid == c->suid || f->owner.euid == c->uid || f->owner.uid == c->suid ||
	       f->owner.uid == c->uid;
}

static void tell_group(struct file *f, struct thread_group *tg, int sig, const siginfo_t *info)
{
	if (!tg || tg->zombie || !tg->leader || !may_tell(f, tg->leader))
		return;
	/* No room in the queue: the plain signal says to look at all files. */
	if (signal_send_group(tg, sig, info) == -EAGAIN)
		signal_send_group(tg, SIGIO, NULL);
}

static void signal_owner(struct file *f, int sig, const siginfo_t *told)
{
	if (f->owner.type == F_OWNER_PID) {
		tell_group(f, tg_find(f->owner.pid), sig, told);
	} else if (f->owner.type == F_OWNER_PGRP) {
		struct pgrp *pg = pgrp_find(f->owner.pid);
		struct thread_group *tg;
		if (pg)
			TAILQ_FOREACH(tg, &pg->members, pgrp_link)
				tell_group(f, tg, sig, told);
	} else {
		struct task *to = task_find(f->owner.pid);
		if (to && may_tell(f, to) && signal_send_task(to, sig, told) == -EAGAIN)
			signal_send_group(to->tg, SIGIO, NULL);
	}
}

void file_signal_owner(struct file *f, int fd, int code, long band)
{
	siginfo_t info = { .si_signo = f->owner.sig, .si_code = code };
	info.si_band = band;
	info.si_fd = fd;
	const siginfo_t *told = f->owner.sig ? &info : NULL;
	int sig = f->owner.sig ? f->owner.sig : SIGIO;
	if (f->owner.pid)
		signal_owner(f, sig, told);
}

void file_signal_urgent(struct file *f)
{
	if (f->owner.pid)
		signal_owner(f, SIGURG, NULL);
}

void file_default_owner(struct task *t, struct file *f)
{
	if (f->owner.pid)
		return;
	f->owner.pid = t->tg->tgid;
	f->owner.type = F_OWNER_PID;
	f->owner.uid = t->cred->uid;
	f->owner.euid = t->cred->euid;
}

static void ready(struct waiter *w, uint32_t events)
{
	struct file_async *a = container_of(w, struct file_async, w);
	uint32_t now = file_poll(a->f) & (events ? events | EPOLLERR | EPOLLHUP : ~0U);
	if (now & (EPOLLIN | EPOLLRDNORM))
		file_signal_owner(a->f, a->fd, POLL_IN, EPOLLIN | EPOLLRDNORM);
	else if (now & EPOLLHUP)
		file_signal_owner(a->f, a->fd, POLL_HUP, EPOLLHUP | EPOLLERR);
	else if (now & EPOLLERR)
		file_signal_owner(a->f, a->fd, POLL_ERR, EPOLLERR);
	else if (now & (EPOLLOUT | EPOLLWRNORM))
		file_signal_owner(a->f, a->fd, POLL_OUT, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

void file_set_async(struct file *f, int fd, bool on)
{
	bool tells = f->wq && (S_ISFIFO(f->inode->mode) || S_ISSOCK(f->inode->mode) || S_ISCHR(f->inode->mode));
	if (!on) {
		async_file_released(f);
	} else if (tells && !f->async) {
		struct file_async *a = NEW(struct file_async);
		a->f = f;
		a->fd = fd;
		a->w.wake = ready;
		waiter_add(&a->w, f->wq);
		f->async = a;
		f->flags |= O_ASYNC;
	} else if (f->async) {
		f->async->fd = fd;
	}
}

void async_file_released(struct file *f)
{
	struct file_async *a = TAKE(f->async);
	f->flags &= ~O_ASYNC;
	if (!a)
		return;
	waiter_del(&a->w);
	free(a);
}
