/* epoll.c - which files of a set are ready, and telling it (epoll_wait(2)).
 *
 * HOW      A file's wake-up puts its item on the set's ready list, so an event costs the same however large the set is. What is on the
 *          list is only a candidate: the file itself is asked before anything is told. A level-triggered item goes
 *          back to the list's end after it was told, which is also what makes the set fair.
 * LINUX    fs/eventpoll.c. Same: an item that is on the list already still wakes those who wait on the set (a set in a set,
 *          edge-triggered, depends on it).
 * MISSING  EPOLLWAKEUP has no meaning here; busy polling (EPIOCSPARAMS). */
#include "sentry/fs/epoll/epoll_impl.h"

#include <fcntl.h>
#include <stdio.h>

void epitem_ready(struct epitem *it)
{
	if (it->ready)
		return;
	it->ready = true;
	TAILQ_INSERT_TAIL(&it->ep->ready, it, ready_link);
}

void epitem_unready(struct epitem *it)
{
	if (!it->ready)
		return;
	it->ready = false;
	TAILQ_REMOVE(&it->ep->ready, it, ready_link);
}

void epitem_wake(struct waiter *w, uint32_t events)
{
	struct epitem *it = container_of(w, struct epitem, w);
	if (!(it->events & ~EPOLL_PRIVATE))
		return;                  /* EPOLLONESHOT, told already */
	if (events && !(events & it->events))
		return;
	epitem_ready(it);
	it->w.took = !waitq_empty(&it->ep->wq);
	waitq_wake(&it->ep->wq, EPOLLIN | EPOLLRDNORM);
}

/* Is any item of a set that is itself in a set ready? Strikes those that are not from its list. */
static uint32_t epoll_poll_depth(struct epoll *ep, int depth)
{
	struct epitem *it, *next;
	for (it = TAILQ_FIRST(&ep->ready); it; it = next) {
		next = TAILQ_NEXT(it, ready_link);
		if (epitem_poll(it, depth + 1))
			return EPOLLIN | EPOLLRDNORM;
		epitem_unready(it);
	}
	return 0;
}

uint32_t epitem_poll(struct epitem *it, int depth)
{
	if (!is_epoll(it->file))
		return file_poll(it->file) & it->events;
	CHECK(depth <= EPOLL_MAX_NESTS + 1);     /* epoll_ctl_add() saw to it */
	return epoll_poll_depth(to_epoll(it->file), depth) & it->events;
}

static uint32_t epoll_poll(struct file *f)
{
	return epoll_poll_depth(to_epoll(f), 0);
}

bool epoll_maybe_ready(struct file *epf)
{
	return !TAILQ_EMPTY(&to_epoll(epf)->ready);
}

/* Takes what is really ready off the list's front, up to `last`: those behind it have had their turn. */
static int take_ready(struct epoll *ep, struct epitem **its, struct epoll_event *evs, int max, struct epitem **last)
{
	int n = 0;
	while (*last && n < max) {
		struct epitem *it = TAILQ_FIRST(&ep->ready);
		if (it == *last)
			*last = NULL;
		epitem_unready(it);
		uint32_t events = epitem_poll(it, 1);
		if (!events)
			continue;
		its[n] = it;
		evs[n++] = (struct epoll_event){ .events = events, .data.u64 = it->data };
	}
	return n;
}

int epoll_collect(struct file *epf, int max, epoll_put_fn put, void *arg)
{
	struct epoll *ep = to_epoll(epf);
	struct epitem *its[32], *last = TAILQ_LAST(&ep->ready, epitem_list);
	struct epoll_event evs[ARRAY_SIZE(its)];
	int total = 0;
	while (last && total < max) {
		int n = take_ready(ep, its, evs, MIN(max - total, (int)ARRAY_SIZE(its)), &last);
		int err = n ? put(arg, evs, n, total) : 0;
		for (int i = n - 1; err && i >= 0; i--) {
			its[i]->ready = true;
			TAILQ_INSERT_HEAD(&ep->ready, its[i], ready_link);
		}
		if (err)
			return total ? total : err;
		for (int i = 0; i < n; i++) {
			if (its[i]->events & EPOLLONESHOT)
				its[i]->events &= EPOLL_PRIVATE;
			else if (!(its[i]->events & EPOLLET))
				epitem_ready(its[i]);
		}
		total += n;
	}
	return total;
}

static int epoll_show_fdinfo(struct file *f, char *buf, size_t bytes)
{
	size_t len = 0;
	for (struct epitem *it = epitem_first(to_epoll(f)); it && len < bytes; it = epitem_next(it)) {
		struct inode *i = it->file->inode;
		len += (size_t)snprintf(buf + len, bytes - len, "tfd: %8d events: %8x data: %16llx  pos:%lli ino:%llx sdev:%llx\n",
					it->fd, it->events, (unsigned long long)it->data, (long long)it->file->pos,
					(unsigned long long)i->ino, (unsigned long long)(i->sb ? i->sb->dev : 0));
	}
	return (int)MIN(len, bytes);
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = to_epoll(f);
	struct epitem *it;
	while ((it = epitem_first(ep)))
		epitem_remove(it);
	file_fini(f);
	free(ep);
}

static const struct file_ops epoll_ops = {
	.name = "anon_inode:[eventpoll]",
	.poll = epoll_poll,
	.show_fdinfo = epoll_show_fdinfo,
	.release = epoll_release,
};

bool is_epoll(const struct file *f)
{
	return f->ops == &epoll_ops;
}

int epoll_new(struct file **out)
{
	struct epoll *ep = NEW(struct epoll);
	int err = file_init_anon(&ep->file, &epoll_ops, 0600, O_RDWR);
	if (err) {
		free(ep);
		return err;
	}
	RB_INIT(&ep->items);
	TAILQ_INIT(&ep->ready);
	waitq_init(&ep->wq);
	ep->file.wq = &ep->wq;
	*out = &ep->file;
	return 0;
}
