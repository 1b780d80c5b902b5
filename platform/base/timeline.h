/* timeline.h - when a sandbox reached each stage of its start and its end; what --stats prints of it.
 *
 * HOW      One page that all of a sandbox's own processes share, a time for each stage. It exists with --stats only: without
 *          it a mark costs a look at a pointer. Whoever takes over one of the processes can write there what it likes; the
 *          loader only prints it. */
#pragma once

#include "platform/base/base.h"

/* In the order in which they happen where nothing runs side by side. */
#define TIMELINE_STAGES(X)                                            \
	X(LOADER, "loader", "first instruction of main")              \
	X(REQUEST, "loader", "request read, files found")             \
	X(PREPARED, "loader", "platform, sockets, cgroup prepared")   \
	X(CLONED, "loader", "namespaces made")                        \
	X(INIT, "init", "runs")                                       \
	X(MAPPED, "loader", "user ids mapped")                        \
	X(GO, "init", "has its ids")                                  \
	X(EXPORTS, "gofer", "has its files")                          \
	X(GOFER, "gofer", "serves")                                   \
	X(NETWORK, "init", "has its network")                         \
	X(EMPTY, "init", "has its empty root")                        \
	X(TEMPLATE, "template", "ready")                              \
	X(SENTRY, "sentry", "runs")                                   \
	X(MOUNTED, "sentry", "guest's tree mounted")                  \
	X(STUB, "sentry", "first address space")                      \
	X(GUEST, "sentry", "program loaded; guest runs")              \
	X(EXIT, "sentry", "guest has ended")                          \
	X(TOLD, "loader", "has the exit status")                      \
	X(GONE, "loader", "all processes gone")

enum timeline_stage {
#define X(id, who, what) TIMELINE_##id,
	TIMELINE_STAGES(X)
#undef X
	TIMELINE_COUNT,
};

extern uint64_t *timeline_page;           /* ns of CLOCK_MONOTONIC by stage, 0: not reached; NULL: off */

/* Makes the page; before any fork. first_ns: what TIMELINE_LOADER was. Without memory there is no timeline. */
void timeline_begin(uint64_t first_ns);

/* The first time only. */
static inline void timeline_mark(enum timeline_stage stage)
{
	if (timeline_page && !timeline_page[stage])
		timeline_page[stage] = now_mono_ns();
}
