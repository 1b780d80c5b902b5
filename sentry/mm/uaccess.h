/* uaccess.h - the only way to guest memory.
 *
 * A guest address is a struct, so that it can't be dereferenced, mixed up with a host pointer or used in
 * arithmetic by accident. All functions return 0 (or a count) or -EFAULT; none sleeps. Every word is copied
 * once into sentry memory and only then looked at: what is in guest memory can change at any moment. */
#pragma once

#include <sys/uio.h>

#include "platform/base/base.h"

struct task;
struct mm;

typedef struct { uint64_t addr; } uptr_t;
#define UPTR(a) ((uptr_t){ (uint64_t)(a) })
static inline bool uptr_null(uptr_t p) { return p.addr == 0; }
static inline uptr_t uptr_add(uptr_t p, uint64_t bytes) { return UPTR(p.addr + bytes); }

int copy_from_user(struct task *t, void *dst, uptr_t src, size_t bytes) MUST_CHECK;
int copy_to_user(struct task *t, uptr_t dst, const void *src, size_t bytes) MUST_CHECK;

/* Bytes of t's own memory, possibly short, or -EFAULT: for struct uio. */
ssize_t task_read(struct task *t, uint64_t addr, void *dst, size_t bytes);
ssize_t task_write(struct task *t, uint64_t addr, const void *src, size_t bytes);

/* Of another address space (ptrace, /proc/PID/mem, process_vm_readv): bytes copied, possibly short, or -EFAULT. */
ssize_t mm_read(struct mm *mm, uint64_t addr, void *dst, size_t bytes);
ssize_t mm_write(struct mm *mm, uint64_t addr, const void *src, size_t bytes);

/* One object: the size is the host object's. get_user(t, &v, p), put_user(t, p, &v). */
#define get_user(t, dst, src) copy_from_user((t), (dst), (src), sizeof(*(dst)))
#define put_user(t, dst, src) copy_to_user((t), (dst), (src), sizeof(*(src)))

int clear_user(struct task *t, uptr_t dst, size_t bytes) MUST_CHECK;

/* A NUL-terminated string. Returns its length without the NUL; -ENAMETOOLONG when there is no NUL in the first `bytes`
 * bytes (which is what paths want), -EFAULT. */
ssize_t strncpy_from_user(struct task *t, char *dst, uptr_t src, size_t bytes) MUST_CHECK;
/* The same into fresh memory (at most `max` bytes with the NUL); the caller frees. */
int strndup_from_user(struct task *t, uptr_t src, size_t max, char **out) MUST_CHECK;

/* clone3-style extensible structs: copies MIN(usize, ksize) bytes, zero-fills the rest; -E2BIG if bytes beyond
 * ksize are not zero; -EINVAL if usize < min. */
int copy_struct_from_user(struct task *t, void *dst, size_t ksize, uptr_t src, size_t usize, size_t min) MUST_CHECK;
