/* internal.h - what the files of sentry/mm share. */
#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>

#include "sentry/kernel/task.h"
#include "sentry/mm/vma.h"

#define PROT_RWX (PROT_READ | PROT_WRITE | PROT_EXEC)
#ifndef MADV_POPULATE_READ                /* since Linux 5.14; older headers lack them */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#define PERSONALITY_READ_IMPLIES_EXEC 0x0400000

/* Runs the calls in t's stub, all of them. 0 or -errno; each call's own result by mm_host_result(). Sleeps. */
int mm_host_calls(struct task *t, struct pl_call *v, int n);
/* `expected`, or the call's -errno. A stub that answers anything else is killed: -EFAULT. */
int64_t mm_host_result(struct task *t, const struct pl_call *c, uint64_t expected);
/* Both, for one call. Sleeps. */
int64_t mm_host_call(struct task *t, struct pl_call c, uint64_t expected);

/* Puts calls off until guest code goes on, if it may be; their results are .ret for now. */
bool mm_may_defer(const struct task *t);
void mm_defer(struct task *t, const struct pl_call *v, int n, struct mm_undo undo);
/* mm_host_call(), or mm_defer(): then its result is `expected` for now. */
int64_t mm_host_last(struct task *t, struct pl_call c, uint64_t expected, struct mm_undo undo);

uint64_t mm_limit(const struct task *t, int resource);              /* the soft limit */
/* RLIMIT_AS and RLIMIT_DATA: may so many bytes more be mapped? Linux's may_expand_vm(). */
bool mm_may_expand(const struct task *t, uint64_t bytes, bool data);
int mm_may_lock(const struct task *t, uint64_t more_bytes);         /* -EPERM, -EAGAIN */

/* Where a mapping of len bytes goes (len is page-rounded, not 0); flags: MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_32BIT.
 * -ENOMEM, -EINVAL, -EPERM, -EEXIST. */
int64_t mm_place(struct mm *mm, uint64_t addr, uint64_t len, int flags);

/* [*start, *start + *len) of a call on whole pages, page-rounded; the result is a range within the guest's part of the
 * address space, or -EINVAL. -ENOMEM: it leaves that part. An empty range is 0 bytes. */
int mm_round_range(uint64_t start, uint64_t len, uint64_t *out_end);
