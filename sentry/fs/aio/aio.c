/* aio.c - contexts and requests of io_submit(2) and its like (aio.h).
 *
 * HOW      Reading, writing and syncing are done by io_submit itself; only polls stay under way. A request that is done keeps
 *          its place until its event is fetched, so there is always room for an event.
 * LINUX    fs/aio.c. Same: a context has room for at least twice what was asked for; files other than block devices are read
 *          and written within io_submit there, too.
 * MISSING  The ring in guest memory. */
#include "sentry/fs/aio/aio.h"

#include <sys/epoll.h>
#include <sys/mman.h>

#include "sentry/fs/eventfd/eventfd.h"
#include "sentry/mm/mm.h"
#include "sentry/vfs/file.h"

#define MIN_REQUESTS 127                  /* what fits a page in Linux */

int aio_max_nr = 65536, aio_nr;

struct aio_contexts {
	TAILQ_HEAD(, aio_context) list;
};

static void files_put(struct file *a, struct file *b)
{
	if (a)
		file_put(a);
	if (b)
		file_put(b);
}

/* A context leaves its table: nothing finds it any more. */
static void retire(struct aio_contexts *table, struct aio_context *ctx)
{
	TAILQ_REMOVE(&table->list, ctx, link);
	aio_nr -= (int)ctx->nr;
	ctx->dead = true;
	waitq_wake(&ctx->wq, 0);
	aio_put(ctx);
}

static void contexts_free(struct mm *mm)
{
	for (struct aio_context *ctx; (ctx = TAILQ_FIRST(&mm->aio->list)); )
		retire(mm->aio, ctx);
	free(mm->aio);
}

static struct aio_contexts *contexts_of(struct mm *mm)
{
	if (!mm->aio) {
		mm->aio = NEW(struct aio_contexts);
		mm->aio_free = contexts_free;
		TAILQ_INIT(&mm->aio->list);
	}
	return mm->aio;
}

int aio_setup(struct task *t, unsigned nr, struct aio_context **out)
{
	if (nr > (unsigned)aio_max_nr || aio_nr > aio_max_nr - (int)nr)
		return -EAGAIN;
	aio_nr += (int)nr;                /* before the sleep: two at once must not both fit */
	int64_t id = mm_mmap(t, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	if (id < 0) {
		aio_nr -= (int)nr;
		return -ENOMEM;
	}
	struct aio_context *ctx = NEW(struct aio_context);
	ctx->refs = 1;
	ctx->id = (uint64_t)id;
	ctx->nr = nr;
	ctx->max_used = MAX(2 * nr, (unsigned)MIN_REQUESTS);
	TAILQ_INIT(&ctx->polls);
	TAILQ_INIT(&ctx->done);
	waitq_init(&ctx->wq);
	TAILQ_INSERT_TAIL(&contexts_of(t->mm)->list, ctx, link);
	*out = ctx;
	return 0;
}

struct aio_context *aio_find(struct task *t, uint64_t id)
{
	struct aio_context *ctx;
	if (!t->mm->aio)
		return NULL;
	TAILQ_FOREACH(ctx, &t->mm->aio->list, link) {
		if (ctx->id == id)
			return ctx;
	}
	return NULL;
}

void aio_destroy(struct task *t, struct aio_context *ctx)
{
	uint64_t id = ctx->id;
	retire(t->mm->aio, ctx);
	/* The guest may have unmapped it before; what it did then is its own affair. */
	(void)!mm_munmap(t, id, PAGE_SIZE);
}

static void requests_free(struct aio_requests *list)
{
	for (struct aio_request *r; (r = TAILQ_FIRST(list)); ) {
		TAILQ_REMOVE(list, r, link);
		waiter_del(&r->w);
		aio_request_free(r);
	}
}

void aio_put(struct aio_context *ctx)
{
	if (!ctx || --ctx->refs > 0)
		return;
	requests_free(&ctx->polls);
	requests_free(&ctx->done);
	free(ctx);
}

struct aio_request *aio_request_new(struct aio_context *ctx)
{
	if (ctx->used >= ctx->max_used)
		return NULL;
	ctx->used++;
	struct aio_request *r = NEW(struct aio_request);
	r->ctx = ctx;
	return r;
}

void aio_request_free(struct aio_request *r)
{
	struct file *file = r->file, *eventfd = r->eventfd;
	r->ctx->used--;
	free(r);
	files_put(file, eventfd);
}

struct files { struct file *a, *b; };

static void put_later(void *arg)
{
	struct files files = *(struct files *)arg;
	free(arg);
	files_put(files.a, files.b);
}

/* Its files are not held until the event is fetched: somebody may wait for them to be closed. Closing may sleep, a wake-up
 * must not: a coroutine of its own does it. */
static void let_files_go(struct aio_request *r)
{
	if (!r->file && !r->eventfd)
		return;
	struct files *files = NEW(struct files);
	*files = (struct files){ TAKE(r->file), TAKE(r->eventfd) };
	co_spawn(put_later, files);
}

void aio_complete(struct aio_request *r, int64_t result)
{
	r->event.res = result;
	TAILQ_INSERT_TAIL(&r->ctx->done, r, link);
	if (r->eventfd)
		eventfd_signal(r->eventfd, 1);
	waitq_wake(&r->ctx->wq, EPOLLIN);
	let_files_go(r);
}

/* --- polls --- */

static void poll_end(struct aio_request *r, int64_t result)
{
	TAILQ_REMOVE(&r->ctx->polls, r, link);
	waiter_del(&r->w);
	aio_complete(r, result);
}

static void poll_wake(struct waiter *w, uint32_t hint)
{
	struct aio_request *r = container_of(w, struct aio_request, w);
	if (hint && !(hint & r->poll_events))
		return;
	uint32_t events = file_poll(r->file) & r->poll_events;
	if (events)
		poll_end(r, events);
}

void aio_poll(struct aio_request *r, uint32_t events)
{
	r->poll_events = events | EPOLLERR | EPOLLHUP;
	TAILQ_INSERT_TAIL(&r->ctx->polls, r, link);
	r->w.wake = poll_wake;
	if (r->file->wq)
		waiter_add(&r->w, r->file->wq);
	poll_wake(&r->w, 0);
}

bool aio_cancel(struct aio_context *ctx, uint64_t iocb)
{
	struct aio_request *r;
	TAILQ_FOREACH(r, &ctx->polls, link) {
		if (r->event.obj != iocb)
			continue;
		poll_end(r, 0);
		return true;
	}
	return false;
}
