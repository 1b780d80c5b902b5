/* err.h - errors that people read: what went wrong where, and the exit status it means.
 *
 * A function that can fail returns NULL or a struct err, which its caller passes up, adding context in front:
 * "--bind: /data: no such directory on the host". Only main() and the top of a child process print. */
#pragma once

#include "platform/base/base.h"

/* Exit statuses of `sbx run`, as of podman, docker and timeout(1). The guest's own: its code, or 128 + signal. */
enum {
	EXIT_TIMED_OUT = 124,
	EXIT_SBX = 125,                   /* sbx itself failed: options, the host, an internal error */
	EXIT_CANNOT_EXEC = 126,           /* the program is there and can't be run */
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128,
};

struct err {
	int exit_status;
	char text[1024];
};

struct err *err_new(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((returns_nonnull));
/* With ": " and what errno (taken as a positive number) means. */
struct err *err_errno(int err, const char *fmt, ...) PRINTF_LIKE(2, 3) __attribute__((returns_nonnull));
/* Puts "context: " in front; NULL stays NULL. */
struct err *err_in(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
void err_free(struct err *e);
