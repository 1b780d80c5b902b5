/* base.h - the handful of words every file uses: ownership, checks, sizes.
 *
 * Errors are negative errno values everywhere below the loader. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define MIN(a, b) MINMAX_(<, a, b, __COUNTER__)
#define MAX(a, b) MINMAX_(>, a, b, __COUNTER__)
#define MINMAX_(op, a, b, n) MINMAX__(op, a, b, n)        /* n: fresh names, so that they nest */
#define MINMAX__(op, a, b, n) ({ __auto_type a_##n = (a); __auto_type b_##n = (b); a_##n op b_##n ? a_##n : b_##n; })

#include <limits.h>
#include <sys/user.h>              /* defines PAGE_SIZE its own way; ours is a plain 64-bit constant */
#undef PAGE_SIZE
#undef PAGE_MASK
#define PAGE_SIZE 4096UL
#define PAGE_ALIGN_DOWN(x) ((x) & ~(PAGE_SIZE - 1))
#define PAGE_ALIGN_UP(x) (((x) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))
#define ALIGN_UP(x, a) (((x) + (a) - 1) & ~((a) - 1))
#define NS_PER_SEC 1000000000UL

/* AUTO(file_put) struct file *f = NULL;  calls file_put(f) when f leaves its scope, if it is not NULL.
 * TAKE(f) moves the value out, so that the scope's end no longer puts it.
 * A destructor fn becomes usable with AUTO by DEFINE_AUTO(fn, type) beside its prototype. */
#define AUTO(fn) __attribute__((cleanup(fn##_auto)))
#define DEFINE_AUTO(fn, type) \
	static inline __attribute__((unused)) void fn##_auto(type *p) { if (*p) fn(*p); }
#define TAKE(p) ({ __auto_type take_ = (p); (p) = NULL; take_; })

/* AUTO(free): free() takes any pointer, so its cleanup does too. */
static inline __attribute__((unused)) void free_auto(void *pp) { free(*(void **)pp); }

/* Our own invariants only, never input: says where and ends the process. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))
_Noreturn void check_failed(const char *cond, const char *file, int line);

/* Allocation of our own small objects: zeroed; running out of memory ends the sandbox.
 * Sizes that come from outside use calloc/malloc and return -ENOMEM. */
void *xzalloc(size_t bytes) __attribute__((malloc, returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
#define NEW(type) ((type *)xzalloc(sizeof(type)))

/* CLOCK_MONOTONIC / CLOCK_REALTIME of the host in nanoseconds (vDSO, no system call). */
uint64_t now_mono_ns(void);
uint64_t now_real_ns(void);

/* A line on the sandbox's diagnostic stream when --debug is on. */
extern int debug_fd;          /* -1: off */
void debugf(const char *fmt, ...) PRINTF_LIKE(1, 2);
