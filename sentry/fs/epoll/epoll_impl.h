/* epoll_impl.h - what epoll.c (events) and epoll_ctl.c (membership) share. */
#pragma once

#include <bsd/sys/tree.h>

#include "sentry/fs/epoll/epoll.h"

/* One file in one set. It holds no reference on the file: the file's end removes it. */
struct epitem {
	struct waiter w;                  /* on file->wq */
	struct epoll *ep;
	struct file *file;
	struct epitem *file_next, **file_prev;   /* file->epitems: the sets file is in */
	RB_ENTRY(epitem) link;            /* ep->items, by fd and file */
	TAILQ_ENTRY(epitem) ready_link;
	bool ready;                       /* on ep->ready */
	int fd;
	uint32_t events;                  /* as asked for, with EPOLLET and its like; EPOLLONESHOT cleared all but those */
	uint64_t data;
};
RB_HEAD(epitem_tree, epitem);
TAILQ_HEAD(epitem_list, epitem);

struct epoll {
	struct file file;
	struct waitq wq;                  /* file.wq: who waits in epoll_wait, poll, and sets that hold this one */
	struct epitem_tree items;
	struct epitem_list ready;
	uint64_t visit;                   /* of epoll_ctl.c's walks: the last one that came by */
	int depth;                        /* what it found here */
};
#define to_epoll(f) container_of(f, struct epoll, file)

/* Sets may hold sets, this deep. */
#define EPOLL_MAX_NESTS 4
#define EPOLL_PRIVATE (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)

void epitem_wake(struct waiter *w, uint32_t events);
uint32_t epitem_poll(struct epitem *it, int depth);
void epitem_ready(struct epitem *it);
void epitem_unready(struct epitem *it);
void epitem_remove(struct epitem *it);
struct epitem *epitem_find(struct epoll *ep, struct file *f, int fd);    /* NULL */
bool epoll_nearly_full(void);             /* of all items that there may be in the sandbox */
struct epitem *epitem_first(struct epoll *ep);
struct epitem *epitem_next(struct epitem *it);
