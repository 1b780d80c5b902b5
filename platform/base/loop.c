/* loop.c - see loop.h. */
#include "platform/base/loop.h"

#include "platform/base/cycles.h"
#include "platform/base/look.h"

#include <signal.h>

struct timer_tree;
static int timer_cmp(struct ktimer *a, struct ktimer *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns ? -1 : 1;
	return a < b ? -1 : a > b;
}
RB_HEAD(timer_tree, ktimer);
RB_GENERATE_INTERNAL(timer_tree, ktimer, link, timer_cmp, __attribute__((unused)) static)

static int epoll_fd = -1;
static struct timer_tree timers = RB_INITIALIZER(&timers);
static struct loop_hook *hook;
static bool stop;
static int expected;                      /* see loop_expect() */
static uint64_t expected_since;           /* the last of them, in cycles */

int loop_init(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd < 0 ? -errno : 0;
}

int loop_fd_add(struct loop_fd *lf)
{
	struct epoll_event ev = { .events = lf->events, .data.ptr = lf };
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, lf->fd, &ev) < 0 ? -errno : 0;
}

void loop_fd_mod(struct loop_fd *lf, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = lf };
	lf->events = events;
	CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, lf->fd, &ev) == 0);
}

/* The one batch of events that is being handled; a watcher that goes away is struck from it. */
static struct epoll_event batch[64];
static int batch_count;

void loop_fd_del(struct loop_fd *lf)
{
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, lf->fd, NULL);
	for (int i = 0; i < batch_count; i++)
		if (batch[i].data.ptr == lf)
			batch[i].data.ptr = NULL;
}

void ktimer_cancel(struct ktimer *kt)
{
	if (!kt->armed)
		return;
	RB_REMOVE(timer_tree, &timers, kt);
	kt->armed = false;
}

void ktimer_arm(struct ktimer *kt, uint64_t deadline_ns)
{
	ktimer_cancel(kt);
	kt->deadline_ns = deadline_ns;
	kt->armed = true;
	RB_INSERT(timer_tree, &timers, kt);
}

static bool run_timers(void)
{
	struct ktimer *kt = RB_MIN(timer_tree, &timers);
	if (!kt)
		return false;
	uint64_t now = now_mono_ns();
	bool any = false;
	while (kt && kt->deadline_ns <= now) {
		ktimer_cancel(kt);
		kt->fire(kt);
		any = true;
		kt = RB_MIN(timer_tree, &timers);
	}
	return any;
}

/* timeout_ns: 0 polls; UINT64_MAX waits for ever. mask: of signals blocked meanwhile, or NULL. */
static bool poll_host(uint64_t timeout_ns, const sigset_t *mask)
{
	struct timespec ts = { .tv_sec = (time_t)(timeout_ns / NS_PER_SEC), .tv_nsec = (long)(timeout_ns % NS_PER_SEC) };
	int n = epoll_pwait2(epoll_fd, batch, ARRAY_SIZE(batch), timeout_ns == UINT64_MAX ? NULL : &ts, mask);
	if (n <= 0)
		return false;
	batch_count = n;
	for (int i = 0; i < n; i++) {
		struct loop_fd *lf = batch[i].data.ptr;
		if (lf)
			lf->ready(lf, batch[i].events);
	}
	batch_count = 0;
	return true;
}

static uint64_t timeout_ns(void)
{
	struct ktimer *kt = RB_MIN(timer_tree, &timers);
	if (!kt)
		return UINT64_MAX;
	uint64_t now = now_mono_ns();
	return kt->deadline_ns > now ? kt->deadline_ns - now : 0;
}

void loop_set_hook(struct loop_hook *h)
{
	hook = h;
}

void loop_stop(void)
{
	stop = true;
}

void loop_expect(int change)
{
	expected += change;
	if (change > 0)
		expected_since = cycles_now();
}

/* One that takes long is waited for like anything else. */
static bool expects_soon(void)
{
	return expected > 0 && cycles_now() - expected_since < cycles_from_ns(LOOK_NS);
}

static bool await_expected(void)
{
	struct look look = look_begin();
	do {
		if (poll_host(0, NULL) || run_timers() || (hook && hook->poll(hook)))
			return true;
	} while (look_again(&look));
	return false;
}

/* Is the time for looking over? */
static bool looked_long(uint64_t since, uint64_t *limit)
{
	if (cycles_now() - since < *limit)
		return false;
	*limit = hook->spin(hook, true);
	return cycles_now() - since >= *limit;
}

/* Polls for a while. True: there is work; false: time to sleep. */
static bool spin(void)
{
	uint64_t start = cycles_now(), limit = hook && hook->spin ? hook->spin(hook, false) : 0;
	for (unsigned i = 1; limit && !looked_long(start, &limit); i++) {
		if (hook->poll(hook))
			return true;
		if (i % 64 == 0 && (run_timers() || poll_host(0, NULL)))
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

void loop_run(void)
{
	unsigned turns = 0;

	stop = false;
	while (!stop) {
		bool work = co_run_ready();
		work |= hook && hook->poll(hook);
		/* A busy guest must not starve timers and host descriptors. */
		if (!work || ++turns % 8 == 0)
			work |= run_timers();
		if (work && turns % 64 == 0)
			poll_host(0, NULL);
		if (work || (expects_soon() ? await_expected() : spin()))
			continue;
		if (hook && !hook->before_sleep(hook))
			continue;
		poll_host(timeout_ns(), hook ? hook->sleep_mask : NULL);
		if (hook)
			hook->after_sleep(hook);
	}
}
