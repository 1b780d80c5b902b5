/* trace.h - one line of --strace output while it is being made; for trace*.c only. */
#pragma once

#include "sentry/kernel/task.h"

#define TRACE_STRING 32                   /* bytes of a string shown */
#define TRACE_ARRAY 32                    /* elements of an array shown */

struct trace {
	struct task *t;
	uint64_t nr;
	const uint64_t *args;
	int arg, argc;                    /* the argument being printed; how many are printed */
	bool after;                       /* the call has been made: ret is its result */
	long ret;
	size_t len;
	char buf[8192];                   /* a longer line is cut */
	char aux[512];                    /* shown behind the result, in parentheses */
};

/* Appends; what does not fit is dropped. */
void trace_printf(struct trace *tr, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A quoted, escaped string; `more` appends "...". */
void trace_quoted(struct trace *tr, const char *s, size_t len, bool more);
/* Reads a guest object for printing; when it can't be read, prints the address and returns false. */
bool trace_fetch(struct trace *tr, uint64_t addr, void *dst, size_t bytes);
#define TRACE_FETCH(tr, addr, obj) trace_fetch((tr), (addr), (obj), sizeof(*(obj)))

struct flag_name { uint64_t value; const char *name; };
#define FLAG(x) { (uint64_t)(uint32_t)(x), #x }
/* "A|B|0x40"; zero: the entry of value 0, or "0". */
void trace_bits(struct trace *tr, uint64_t v, const struct flag_name *names, size_t n);
/* One name; not in the table: the number, with the prefix's own "0x…" style. */
void trace_one_of(struct trace *tr, uint64_t v, const struct flag_name *names, size_t n);
void trace_set_of_signals(struct trace *tr, ksigset_t set);

/* The printers of args.def. */
#define ARG(kind, type, value, printer) void printer(struct trace *tr, uint64_t v);
#include "sentry/syscalls/args.def"
#undef ARG
