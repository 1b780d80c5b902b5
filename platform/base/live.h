/* live.h - how many objects of each kind there are: the report of --stats on what is left when a sandbox ends.
 *
 * HOW      Who makes an object says live_born(KIND), who frees it live_died(KIND): an addition each. */
#pragma once

/* Kinds, and what they are called. Caches (dentries, inodes) are not here: they stay full by design. */
#define LIVE_KINDS(X) \
	X(TASK, "tasks") \
	X(PROCESS, "processes") \
	X(PID, "ids") \
	X(PGRP, "process groups") \
	X(SESSION, "sessions") \
	X(CRED, "credentials") \
	X(SIGHAND, "signal handler tables") \
	X(SIGNAL, "queued signals") \
	X(TIMER, "posix timers") \
	X(MM, "address spaces") \
	X(VMA, "mappings") \
	X(FDTABLE, "descriptor tables") \
	X(FS_CONTEXT, "working directories") \
	X(FILE, "open files") \
	X(PIPE, "pipes") \
	X(SOCKET, "sockets") \
	X(COROUTINE, "coroutines") \
	X(STUB, "stubs") \
	X(HOST_THREAD, "host threads")

enum live_kind {
#define X(id, name) LIVE_##id,
	LIVE_KINDS(X)
#undef X
	LIVE_COUNT
};

extern long live_objects[LIVE_COUNT];

#define live_born(id) ((void)live_objects[LIVE_##id]++)
#define live_died(id) ((void)live_objects[LIVE_##id]--)
