/* control.h - what loader and sentry tell each other over a SOCK_SEQPACKET socket (sentry_config.control_fd).
 *
 * One datagram is one struct control_msg, in full. The loader takes the sentry for hostile: it reads a message into zeroed
 * memory, believes no length, and prints text only after replacing what isn't printable. */
#pragma once

#include <sys/ioctl.h>

#include "platform/base/base.h"
#include "platform/base/live.h"

#define CONTROL_TEXT_MAX 1000

enum control_kind {
	/* --- sentry to loader --- */
	CONTROL_EXIT = 1,                 /* the guest's init ended; status as of wait(2). The loader ends the sandbox */
	CONTROL_ERROR,                    /* it cannot start or go on: text, and status is sbx's exit status (126, 127, 125) */
	CONTROL_STATS,                    /* before CONTROL_EXIT, if sentry_config.stats */
	CONTROL_PIDS_LIMIT,               /* once: a process or thread was refused because of sentry_config.pids_limit */
	CONTROL_RAW,                      /* the guest wants to read from its terminal: from now on the user's shall be raw */
	/* --- loader to sentry --- */
	CONTROL_SIGNAL,                   /* signal number in status, for the guest's init, from outside: its default action
	                                   * happens even though the receiver is PID 1 */
	CONTROL_KEYBOARD,                 /* the same from the terminal's keys: for the foreground process group, or init */
	CONTROL_WINSIZE,                  /* the terminal has this size now */
};

#define CONTROL_GOFER_TYPES 32
struct control_top { uint32_t nr; uint64_t count; };
struct control_stats {
	uint64_t syscalls;                /* guest system calls, by the path they took: */
	uint64_t trapped, rewritten, in_stub;
	uint64_t faults, forks, threads, wakeups;
	uint64_t doorbells, moves;        /* the sentry woken by threads; threads sent away from its processor */
	uint64_t sentry_cpu_ns;
	uint64_t memory_reads, memory_writes;     /* of guest memory by a host call each: what did not travel with a system call */
	uint64_t gofer_requests;
	uint32_t gofer_types[CONTROL_GOFER_TYPES];   /* of these, by GOFER_* (gofer/protocol.h) */
	uint64_t unimplemented;           /* calls that got ENOSYS */
	struct control_top top[10];       /* the calls made most; count 0: no more */
	int32_t left[LIVE_COUNT];         /* objects left when all processes were gone (platform/base/live.h) */
};

struct control_msg {
	uint32_t kind;
	int32_t status;
	union {
		char text[CONTROL_TEXT_MAX];      /* NUL-terminated */
		struct winsize winsize;
		struct control_stats stats;
	};
};
