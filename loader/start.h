/* start.h - how each process of a sandbox becomes what it is. */
#pragma once

#include <linux/capability.h>

#include "loader/privileges.h"
#include "loader/sandbox.h"

/* What init prepares for its children and then forgets. */
struct start {
	struct sandbox *sb;
	int proc_fd;                      /* the host's /proc, O_PATH */
};

/* PID 1 of the namespaces: starts the others, then waits for them to die. */
_Noreturn void init_main(struct sandbox *sb);

/* Each runs its process and returns only an error, before anything was started. */
struct err *gofer_start(struct start *st) MUST_CHECK;              /* in a mount namespace of its own, a copy of the host's */
#define GOFER_CAPS                                                                         \
	(CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_CHOWN) |   \
	 CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID))
struct err *sentry_start(struct start *st) MUST_CHECK;
#define SENTRY_CAPS CAP_BIT(CAP_SYS_PTRACE)
struct err *stub_start(struct start *st) MUST_CHECK;

/* empty_root.c: a fresh tmpfs, not mounted anywhere yet. The descriptor, or -errno. */
int tmpfs_new(const char *bytes, const char *inodes) MUST_CHECK;
/* Mounts it over /, in a mount namespace of this process's own. Paths keep their meaning: the root directory is below it. */
struct err *root_attach(int tmpfs_fd) MUST_CHECK;
/* Then makes it the root directory of this process, and the old one unreachable. */
struct err *root_enter(int tmpfs_fd) MUST_CHECK;
struct err *root_enter_empty(void) MUST_CHECK;
