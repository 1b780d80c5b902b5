/* futex.h - sleeping on a word of guest memory (futex(2)). */
#pragma once

#include "sentry/kernel/task.h"

#define FUTEX_ANY 0xffffffffU             /* every bit set */

/* Deadlines: CLOCK_MONOTONIC of the host, UINT64_MAX for ever. All sleep unless it says otherwise. */

/* 0; -EAGAIN: *addr is not val; -ETIMEDOUT; -ERESTARTSYS; -EFAULT -EINVAL. */
int futex_wait(struct task *t, uptr_t addr, bool shared, uint32_t val, uint32_t bitset, uint64_t deadline_ns) MUST_CHECK;

struct futex_waitv_arg { uptr_t addr; uint32_t val; bool shared; };
/* Waits on any of n words: the index of one that was woken, or as futex_wait(). */
int futex_wait_any(struct task *t, const struct futex_waitv_arg *v, int n, uint64_t deadline_ns) MUST_CHECK;

/* Wakes up to n; how many. Never sleeps. */
int futex_wake(struct task *t, uptr_t addr, bool shared, int n, uint32_t bitset) MUST_CHECK;
void futex_wake_addr(struct task *t, uptr_t addr, int n);             /* errors don't matter */

struct futex_pair { uptr_t addr; bool shared; };
/* Wakes n_wake of those on from, moves n_requeue others to to; how many in all. cmp NULL: doesn't compare. Never sleeps. */
int futex_requeue(struct task *t, struct futex_pair from, struct futex_pair to, int n_wake, int n_requeue,
		  const uint32_t *cmp) MUST_CHECK;
int futex_wake_op(struct task *t, uptr_t addr, uptr_t addr2, bool shared, int n, int n2, uint32_t op) MUST_CHECK;

/* Priority inheritance: the word holds the owner's tid, ownership is handed over. Everybody has the same priority here. */
int futex_lock_pi(struct task *t, uptr_t addr, bool shared, bool try_only, uint64_t deadline_ns) MUST_CHECK;
int futex_unlock_pi(struct task *t, uptr_t addr, bool shared) MUST_CHECK;
