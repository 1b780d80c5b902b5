/* epoll_ctl.c - which files are in a set (epoll_ctl(2)).
 *
 * HOW      An item is found by descriptor and file together: the same file may be in a set once for each of its descriptors.
 * LINUX    fs/eventpoll.c. Same: nesting of sets is bounded in depth, and, since a wake-up runs through all of them, in
 *          the number of ways from one file up to the sets (reverse_path_check()); an item goes with the last reference
 *          to its file, not with the descriptor. */
#include "sentry/fs/epoll/epoll_impl.h"

/* Of the whole sandbox; a set's items are the guest's way to make the sentry hold memory. */
#define EPOLL_MAX_ITEMS (1U << 20)
static unsigned item_count;

static int item_cmp(struct epitem *a, struct epitem *b)
{
	if (a->fd != b->fd)
		return a->fd < b->fd ? -1 : 1;
	return a->file < b->file ? -1 : a->file > b->file;
}
RB_GENERATE_INTERNAL(epitem_tree, epitem, link, item_cmp, static __attribute__((unused)))

struct epitem *epitem_first(struct epoll *ep)
{
	return RB_MIN(epitem_tree, &ep->items);
}

struct epitem *epitem_next(struct epitem *it)
{
	return RB_NEXT(epitem_tree, &it->ep->items, it);
}

struct epitem *epitem_find(struct epoll *ep, struct file *f, int fd)
{
	struct epitem key = { .fd = fd, .file = f };
	return RB_FIND(epitem_tree, &ep->items, &key);
}

bool epoll_nearly_full(void)
{
	return item_count >= EPOLL_MAX_ITEMS / 2;
}

static void item_insert(struct epitem *it)
{
	struct file *f = it->file;
	RB_INSERT(epitem_tree, &it->ep->items, it);
	it->file_next = f->epitems;
	it->file_prev = &f->epitems;
	if (it->file_next)
		it->file_next->file_prev = &it->file_next;
	f->epitems = it;
	it->w.wake = epitem_wake;
	it->w.exclusive = it->events & EPOLLEXCLUSIVE;
	if (f->wq)
		waiter_add(&it->w, f->wq);
	item_count++;
}

void epitem_remove(struct epitem *it)
{
	waiter_del(&it->w);
	epitem_unready(it);
	*it->file_prev = it->file_next;
	if (it->file_next)
		it->file_next->file_prev = it->file_prev;
	RB_REMOVE(epitem_tree, &it->ep->items, it);
	free(it);
	item_count--;
}

void epoll_file_released(struct file *f)
{
	while (f->epitems)
		epitem_remove(f->epitems);
}

/* Each set is looked into once in a walk, or ways that meet again would multiply: 100 sets on each of 5 levels, all in all
 * of the next, are 10^10 ways. */
static uint64_t walk;
static bool visited(struct epoll *ep)
{
	bool seen = ep->visit == walk;
	ep->visit = walk;
	return seen;
}

/* How many levels of sets hang below f (0: it is no set), or -1: too many, or ep is among them. */
static int depth_below(struct file *f, const struct epoll *ep, int depth)
{
	if (!is_epoll(f))
		return 0;
	struct epoll *here = to_epoll(f);
	if (here == ep || depth > EPOLL_MAX_NESTS)
		return -1;
	if (visited(here))
		return here->depth;
	int deepest = 0;
	for (struct epitem *it = epitem_first(here); it; it = epitem_next(it)) {
		int below = depth_below(it->file, ep, depth + 1);
		if (below < 0)
			return -1;
		deepest = MAX(deepest, below);
	}
	return here->depth = deepest + 1;
}

static int depth_above(struct epoll *ep)
{
	if (visited(ep))
		return ep->depth;
	int highest = 0;
	for (struct epitem *it = ep->file.epitems; it; it = it->file_next)
		highest = MAX(highest, 1 + depth_above(it->ep));
	return ep->depth = highest;
}

static bool nests_too_deep(struct epoll *ep, struct file *f)
{
	walk++;
	int below = depth_below(f, ep, 0);
	walk++;
	return below < 0 || below + depth_above(ep) > EPOLL_MAX_NESTS;
}

/* How many ways lead up from f, by length: each is run through by each of f's wake-ups. */
static bool paths_ok(struct file *f, int nests, int *count)
{
	static const int limits[EPOLL_MAX_NESTS + 1] = { 1000, 500, 100, 50, 10 };
	if (nests > EPOLL_MAX_NESTS)
		return false;
	for (struct epitem *it = f->epitems; it; it = it->file_next) {
		struct file *up = &it->ep->file;
		if (up->epitems) {
			if (!paths_ok(up, nests + 1, count))
				return false;
		} else if (nests > 0 && ++count[nests] > limits[nests]) {
			return false;
		}
	}
	return true;
}

/* The files at the bottom of what was just linked. */
static bool paths_below_ok(struct file *f)
{
	int count[EPOLL_MAX_NESTS + 1] = { 0 };
	if (!is_epoll(f))
		return paths_ok(f, 0, count);
	if (visited(to_epoll(f)))
		return true;
	for (struct epitem *it = epitem_first(to_epoll(f)); it; it = epitem_next(it))
		if (!paths_below_ok(it->file))
			return false;
	return true;
}

/* Tells those who wait if the item is ready as it is. */
static void item_check(struct epitem *it)
{
	if (!it->ready && epitem_poll(it, 1)) {
		epitem_ready(it);
		waitq_wake(&it->ep->wq, EPOLLIN | EPOLLRDNORM);
	}
}

int epoll_ctl_add(struct file *epf, struct file *f, int fd, const struct epoll_event *ev)
{
	struct epoll *ep = to_epoll(epf);
	if (!f->ops->poll || (f->mode & FMODE_NOWAIT_POLL))
		return -EPERM;
	if (epf == f || ((ev->events & EPOLLEXCLUSIVE) && is_epoll(f)))
		return -EINVAL;
	if (is_epoll(f) && nests_too_deep(ep, f))
		return -ELOOP;
	if (epitem_find(ep, f, fd))
		return -EEXIST;
	if (item_count >= EPOLL_MAX_ITEMS)
		return -ENOSPC;

	struct epitem *it = NEW(struct epitem);
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->events = ev->events | EPOLLERR | EPOLLHUP;
	it->data = ev->data.u64;
	item_insert(it);
	walk++;
	if ((is_epoll(f) || epf->epitems) && !paths_below_ok(f)) {
		epitem_remove(it);
		return -EINVAL;
	}
	item_check(it);
	return 0;
}

int epoll_ctl_mod(struct file *epf, struct file *f, int fd, const struct epoll_event *ev)
{
	struct epitem *it = epitem_find(to_epoll(epf), f, fd);
	if (!it)
		return -ENOENT;
	if ((it->events | ev->events) & EPOLLEXCLUSIVE)
		return -EINVAL;
	it->events = ev->events | EPOLLERR | EPOLLHUP;
	it->data = ev->data.u64;
	item_check(it);
	return 0;
}

int epoll_ctl_del(struct file *epf, struct file *f, int fd)
{
	struct epitem *it = epitem_find(to_epoll(epf), f, fd);
	if (!it)
		return -ENOENT;
	epitem_remove(it);
	return 0;
}
