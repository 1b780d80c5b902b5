/* post.h - changes of an epoll set that are made without asking: known to succeed, carried out with the thread's next event.
 *
 * WHY      Event loops change what they wait for several times between two waits, and each change is a hand-over.
 * HOW      The sentry tells which descriptors are in a set that nobody but its thread can see: epoll_ctl(2) of them succeeds. The
 *          stub's trap code answers 0 and writes down what was asked for. The sentry does it before it looks at the event.
 * TRUST    A posted change is one that the guest could have asked for: the sentry checks it like any other. */
#pragma once

#include <stdint.h>

#define PL_POSTS 16
#define PL_POST_FDS 1024                  /* descriptors above are not posted */

struct pl_post {
	int32_t op, fd;
	uint32_t events, pad;
	uint64_t data;
};

/* As it lies in the slot. The stub moves bits between the maps as it answers. */
struct slot_post {
	int32_t set;                      /* the set's descriptor, -1: none */
	uint32_t pad;
	uint64_t in[PL_POST_FDS / 64];    /* are in the set: EPOLL_CTL_MOD and DEL succeed */
	uint64_t out[PL_POST_FDS / 64];   /* are not: EPOLL_CTL_ADD does */
	struct pl_post posts[PL_POSTS];
	uint64_t empty[PL_POST_FDS / 64]; /* pl_empty_fd() */
};
