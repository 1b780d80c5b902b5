/* stats.c - the sentry's part of --stats: calls by the path they took, and the calls made most.
 *
 * HOW      The platform counts what reaches the sentry, the table each call. The loader adds time and memory, and prints.
 *          What is left at the end (platform/base/live.h) is counted when the last process has ended. */
#include "sentry/stats.h"

#include <sys/socket.h>
#include <time.h>

#include "loader/control.h"
#include "platform/platform.h"
#include "platform/base/loop.h"
#include "sentry/fs/gofer/rpc.h"
#include "sentry/kernel/process.h"
#include "sentry/syscalls/table.h"

static uint64_t cpu_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Keeps the list in order, the largest first. */
static void add_top(struct control_stats *s, uint32_t nr)
{
	uint64_t count = syscall_table[nr].count;
	size_t at = ARRAY_SIZE(s->top);
	while (at > 0 && s->top[at - 1].count < count) {
		if (at < ARRAY_SIZE(s->top))
			s->top[at] = s->top[at - 1];
		at--;
	}
	if (at < ARRAY_SIZE(s->top))
		s->top[at] = (struct control_top){ .nr = nr, .count = count };
}

/* --- the end --- */

#define QUIET_TRIES 10000
static void (*when_quiet)(void);

static void look_whether_quiet(struct ktimer *kt)
{
	static int tries;
	bool gone = processes_gone() && !live_objects[LIVE_COROUTINE] && !live_objects[LIVE_HOST_THREAD];
	if (!gone && ++tries < QUIET_TRIES)
		ktimer_arm(kt, now_mono_ns() + NS_PER_SEC / 1000);
	else
		when_quiet();
}

void stats_when_quiet(void (*fn)(void))
{
	static struct ktimer timer = { .fire = look_whether_quiet };
	when_quiet = fn;
	/* Not at once: the caller may be init's own coroutine. */
	ktimer_arm(&timer, now_mono_ns());
}

void stats_send(int control_fd)
{
	const struct pl_stats *pl = pl_stats();
	struct control_msg msg = { .kind = CONTROL_STATS };
	struct control_stats *s = &msg.stats;
	for (uint32_t nr = 0; nr < SYSCALL_MAX; nr++) {
		s->syscalls += syscall_table[nr].count;
		if (!syscall_table[nr].call)
			s->unimplemented += syscall_table[nr].count;
		if (syscall_table[nr].count)
			add_top(s, nr);
	}
	s->trapped = pl->syscalls - pl->fast;
	s->rewritten = pl->fast;
	s->in_stub = pl->answered;
	s->syscalls += pl->answered;
	s->faults = pl->faults;
	s->forks = pl->forks;
	s->threads = pl->threads;
	s->wakeups = pl->wakeups;
	s->doorbells = pl->doorbells;
	s->moves = pl->moves;
	s->memory_reads = pl->reads;
	s->memory_writes = pl->writes;
	s->gofer_requests = gofer_requests();
	_Static_assert(GOFER_TYPE_END <= CONTROL_GOFER_TYPES, "a count for each");
	for (unsigned type = 0; type < GOFER_TYPE_END; type++)
		s->gofer_types[type] = (uint32_t)gofer_requests_of(type);
	for (int kind = 0; kind < LIVE_COUNT; kind++)
		s->left[kind] = (int32_t)live_objects[kind];
	s->sentry_cpu_ns = cpu_ns();
	(void)send(control_fd, &msg, sizeof(msg), MSG_NOSIGNAL);
}
