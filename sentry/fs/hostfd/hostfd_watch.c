/* hostfd_watch.c - readiness of host descriptors, told to the guest's waiters.
 *
 * HOW      The watch is edge-triggered: a terminal full of input nobody reads says so once. Each "not now" arms it anew, which
 *          makes the host look again, so that what became ready between the attempt and the arming is not missed. An
 *          event that finds nobody waiting takes the watch away until somebody asks again. */
#include "sentry/fs/hostfd/hostfd_impl.h"

static void watch_ready(struct loop_fd *lf, uint32_t events)
{
	struct hostfd_inode *hi = container_of(lf, struct hostfd_inode, watch);
	if (waitq_empty(&hi->wq)) {
		hostfd_watch_fini(hi);
		return;
	}
	/* An end that is gone makes both directions ready: with end of file, or with an error. */
	if (events & (EPOLLHUP | EPOLLERR))
		events |= EPOLLIN | EPOLLOUT;
	waitq_wake(&hi->wq, events);
}

void hostfd_watch(struct hostfd_inode *hi, uint32_t events)
{
	if (!hi->pollable)
		return;
	if (hi->watched) {
		loop_fd_mod(&hi->watch, hi->watch.events | events);
		return;
	}
	hi->watch.events = events | EPOLLET;
	if (loop_fd_add(&hi->watch) == 0)
		hi->watched = true;
	else                              /* EPERM: an ordinary file */
		hi->pollable = false;
}

void hostfd_watch_init(struct hostfd_inode *hi)
{
	waitq_init(&hi->wq);
	hi->watch = (struct loop_fd){ .fd = hi->fd, .ready = watch_ready };
	/* Whether the host can watch it at all: no later attempt is needed to know. */
	hi->pollable = true;
	hostfd_watch(hi, EPOLLIN);
	hostfd_watch_fini(hi);
}

void hostfd_watch_fini(struct hostfd_inode *hi)
{
	if (hi->watched)
		loop_fd_del(&hi->watch);
	hi->watched = false;
}
