/* rewrite.h - call sites that are used often are changed to enter the sentry without a trap. See rewrite.c. */
#pragma once

#include "platform/platform.h"

struct mm;
struct task;

/* A system call came from t by a trap: counts its site and, when that pays, rewrites it. Sleeps. */
void rewrite_trapped(struct task *t);

/* A fault of t's that only a rewritten site explains: its registers are mended, it can go on. Else false. Sleeps. */
bool rewrite_fault(struct task *t, const struct pl_event *ev) MUST_CHECK;

/* Puts the code of t's mm back as it was and leaves it so: for debuggers, and guests that use GS themselves. Sleeps. */
void rewrite_stop(struct task *t);
/* After rewrite_stop(), for who looks at t's registers: t, if it is in a trampoline, is at the place in its own code that the
 * trampoline stands for. Never sleeps. */
void rewrite_leave(struct task *t);
bool rewrite_owns(struct mm *mm, uint64_t ip);      /* is it in a trampoline? */

bool rewrite_stopped(const struct mm *mm);          /* by rewrite_stop() */
/* Under mm_lock(): keeps [start, start + bytes), where nothing is mapped, for trampolines. */
void rewrite_keep(struct mm *mm, uint64_t start, uint64_t bytes);

/* For a new address space whose mmap_base is set and whose program will be at `image`: keeps room for trampolines. */
void rewrite_reserve(struct mm *mm, uint64_t image);

/* The guest maps over or unmaps [start, end), under mm_lock(): nothing of ours may be needed there any more. Sleeps. */
void rewrite_yield(struct task *t, uint64_t start, uint64_t end);

/* The guest moves [start, end), under mm_lock(): the code there is put back as it was. Sleeps. */
void rewrite_moves(struct task *t, uint64_t start, uint64_t end);

/* The books of a copied, a dropped address space. */
struct rewrite *rewrite_copy(const struct rewrite *rw);
void rewrite_free(struct rewrite *rw);
