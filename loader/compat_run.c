/* compat_run.c - the schedule of `sbx compat`: each test natively, in a sandbox on each platform, and once more with a trace
 * where only the sandbox failed.
 *
 * HOW      --jobs slots, each with one test at a time, so that two runs of a test never meet. One poll loop for all. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "loader/compat.h"

struct slot {
	const struct test *test;          /* NULL: idle */
	int platform;                     /* -1: natively */
	bool again;                       /* the traced run */
	struct execution x;
	struct outcome native, sandbox, traced;
};

struct schedule {
	const struct compat_options *o;
	const struct test_list *tests;
	struct report_rows *rows;
	struct slot *slots;
	int next;                         /* of the tests */
	bool on_terminal;
};

static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void show_progress(const struct schedule *s)
{
	if (!s->on_terminal)
		return;
	const struct report_rows *r = s->rows;
	const char *name = "";
	for (int i = 0; i < s->o->jobs; i++)
		if (s->slots[i].test)
			name = s->slots[i].test->name;
	fprintf(stderr, "\r\033[K[%d/%d] %zu passed, %zu failed  %.40s", r->done, r->total, rows_sum(r, BOTH_PASS),
		rows_sum(r, ONLY_NATIVE), name);
}

static struct err *start_run(struct schedule *s, struct slot *slot)
{
	struct outcome *out = slot->platform < 0 ? &slot->native : slot->again ? &slot->traced : &slot->sandbox;
	const char *platform = slot->platform < 0 ? NULL : s->o->platforms[slot->platform];
	return execution_start(&slot->x, s->o, slot->test, platform, slot->again, out);
}

static struct err *start_test(struct schedule *s, struct slot *slot)
{
	*slot = (struct slot){ .test = &s->tests->v[s->next++], .platform = -1 };
	struct err *e = start_run(s, slot);
	if (e)
		slot->test = NULL;
	return e;
}

/* A run of the slot has ended: the next one, if there is any. */
static struct err *advance(struct schedule *s, struct slot *slot)
{
	if (slot->platform >= 0 && !slot->again && outcomes_differ(&slot->native, &slot->sandbox)) {
		slot->again = true;
	} else {
		if (slot->platform >= 0) {
			compare(s->rows, slot->test, slot->platform, &slot->native, &slot->sandbox,
				slot->again ? &slot->traced : NULL);
			outcome_free(&slot->sandbox);
			outcome_free(&slot->traced);
		}
		slot->again = false;
		slot->platform++;
	}
	struct err *e = NULL;
	if (slot->platform < s->o->nplatforms)
		e = start_run(s, slot);
	if (e || slot->platform == s->o->nplatforms) {
		s->rows->done++;
		slot->test = NULL;
		outcome_free(&slot->native);
	}
	show_progress(s);
	return e;
}

static void wait_for_news(const struct schedule *s)
{
	int n = 0;
	uint64_t deadline = UINT64_MAX, now = now_mono_ns();
	AUTO(free) struct pollfd *p = xzalloc(sizeof(*p) * 3 * (size_t)s->o->jobs);
	for (int i = 0; i < s->o->jobs; i++) {
		const struct slot *slot = &s->slots[i];
		if (!slot->test)
			continue;
		const struct execution *x = &slot->x;
		p[n++] = (struct pollfd){ .fd = x->out_fd, .events = POLLIN };
		p[n++] = (struct pollfd){ .fd = x->calls_fd, .events = POLLIN };
		p[n++] = (struct pollfd){ .fd = x->pidfd, .events = POLLIN };
		deadline = MIN(deadline, x->deadline_ns);
	}
	int ms = deadline <= now ? 0 : (int)MIN((deadline - now) / 1000000 + 1, (uint64_t)3600000);
	poll(p, (nfds_t)n, ms);
}

/* Only a pipe at its end would make poll return at once for ever: the run closed its outputs and goes on. */
static void forget_closed(struct execution *x)
{
	int *fds[] = { &x->out_fd, &x->calls_fd };
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		struct pollfd p = { .fd = *fds[i], .events = POLLIN };
		if (*fds[i] >= 0 && poll(&p, 1, 0) == 1 && p.revents == POLLHUP) {
			close(*fds[i]);
			*fds[i] = -1;
		}
	}
}

struct err *compat_run(const struct compat_options *o, const struct test_list *tests, struct report_rows *rows)
{
	struct schedule s = { .o = o, .tests = tests, .rows = rows, .on_terminal = isatty(STDERR_FILENO) };
	*rows = (struct report_rows){ .total = tests->count };
	s.slots = xzalloc(sizeof(*s.slots) * (size_t)o->jobs);
	struct sigaction sa = { .sa_handler = on_interrupt };
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	uint64_t started_ns = now_mono_ns();
	struct err *e = NULL;
	for (bool busy = true; busy && !e && !interrupted;) {
		busy = false;
		for (int i = 0; i < o->jobs && !e; i++) {
			struct slot *slot = &s.slots[i];
			if (slot->test && execution_step(&slot->x, o))
				e = advance(&s, slot);
			if (!e && !slot->test && s.next < tests->count)
				e = start_test(&s, slot);
			if (slot->test)
				forget_closed(&slot->x);
			busy |= slot->test != NULL;
		}
		if (busy && !e)
			wait_for_news(&s);
	}
	for (int i = 0; i < o->jobs; i++)
		if (s.slots[i].test)
			execution_abandon(&s.slots[i].x);
	if (s.on_terminal)
		fputs("\r\033[K", stderr);
	rows->interrupted = interrupted;
	rows->wall_ns = now_mono_ns() - started_ns;
	free(s.slots);
	return e;
}
