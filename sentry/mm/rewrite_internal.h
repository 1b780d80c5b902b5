/* rewrite_internal.h - what rewrite.c and rewrite_site.c share: the books of an address space, and changing one site. */
#pragma once

#include <uthash.h>

#include "sentry/mm/rewrite.h"
#include "sentry/mm/rewrite_code.h"
#include "sentry/mm/internal.h"

#define REGION_BYTES 0x10000ULL           /* all 256-byte classes of site_fits() */
#define REGIONS 2

struct site {
	uint64_t ip;                      /* the system call instruction */
	enum { SITE_COUNTING, SITE_CHANGING, SITE_CHANGED, SITE_LEFT } state;
	unsigned traps;
	struct site_code code;            /* from SITE_CHANGING on, as the next three */
	uint64_t trampoline;
	uint8_t was[PATCH_BYTES], patch[PATCH_BYTES];
	UT_hash_handle hh;
};

struct region {
	uint64_t start;                   /* 0: none */
	bool mapped;                      /* in the stub, too */
	uint64_t used[REGION_BYTES / TRAMPOLINE_BYTES / 64];
};

struct rewrite {
	struct site *sites;
	struct region regions[REGIONS];
	bool stopped;
	bool sync_core;                   /* membarrier is registered */
};

/* All under mm_lock(); they sleep. */

/* Gives s a trampoline and changes its code; it was called with nr. False: there is no safe way, nothing has changed. */
bool site_rewrite(struct task *t, struct site *s, uint64_t nr) MUST_CHECK;
/* Puts s's code back as it was, if it is still ours. */
void site_restore(struct task *t, struct site *s);
