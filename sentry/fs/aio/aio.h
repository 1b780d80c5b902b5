/* aio.h - contexts of io_submit(2) and its like: requests that are under way, and events that wait to be fetched.
 *
 * A context belongs to an address space and ends with it. Its id is the address of a page in guest memory, as in Linux, where
 * that page is a ring of events: libaio looks there first. Ours stays empty (no magic number), so that it calls. */
#pragma once

#include <linux/aio_abi.h>
#include <sys/queue.h>

#include "sentry/kernel/task.h"

extern int aio_max_nr, aio_nr;            /* sysctls fs.aio-max-nr; fs.aio-nr: how many the contexts were made for */

struct aio_request {
	TAILQ_ENTRY(aio_request) link;
	struct aio_context *ctx;
	struct io_event event;
	struct file *file, *eventfd;      /* references; NULL */
	uint32_t poll_events;             /* IOCB_CMD_POLL: asked for */
	struct waiter w;
};
TAILQ_HEAD(aio_requests, aio_request);

struct aio_context {
	TAILQ_ENTRY(aio_context) link;
	int refs;                         /* the table's, and a call's that sleeps */
	bool dead;
	uint64_t id;
	unsigned nr;                      /* asked for */
	unsigned used, max_used;          /* requests of either list, and reserved ones */
	struct aio_requests polls, done;
	struct waitq wq;                  /* an event came, or it is dead */
};

/* io_setup(2) but for the copying. -EAGAIN: too many in the sandbox; -ENOMEM. Sleeps. */
int aio_setup(struct task *t, unsigned nr, struct aio_context **out) MUST_CHECK;
/* Borrowed; NULL: there is none. */
struct aio_context *aio_find(struct task *t, uint64_t id);
/* Ends it: what is under way is forgotten, who waits is woken. Sleeps. */
void aio_destroy(struct task *t, struct aio_context *ctx);
void aio_put(struct aio_context *ctx);
DEFINE_AUTO(aio_put, struct aio_context *)

/* A request that has a place for its event. NULL: all places are taken. */
struct aio_request *aio_request_new(struct aio_context *ctx);
void aio_request_free(struct aio_request *r);                          /* gives the place back. Sleeps (files) */
void aio_complete(struct aio_request *r, int64_t result);              /* takes r over; tells who waits. Never sleeps */

/* IOCB_CMD_POLL: completes r when r->file has one of the events, maybe at once. Takes r over. */
void aio_poll(struct aio_request *r, uint32_t events);
/* io_cancel(2): what was asked for by this iocb ends with an event. False: nothing by it is under way. */
bool aio_cancel(struct aio_context *ctx, uint64_t iocb);
