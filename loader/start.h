/* start.h - how each process of a sandbox becomes what it is. */
#pragma once

#include <linux/capability.h>

#include "loader/privileges.h"
#include "loader/sandbox.h"

/* What init prepares for its children and then forgets. */
struct start {
	struct sandbox *sb;
	int proc_fd;                      /* the host's /proc, O_PATH */
	int base_fd;                      /* the root of the mount namespace; see exports.c */
	struct gofer_export *exports;
	int gofer_has_fds[2];             /* a pipe that closes when the gofer has what it needs of the host's tree */
};
#define EXPORTS_DIR "exports"             /* root directory of the gofer */
#define GOFER_OWN_FDS ".fd"               /* in it: where the gofer mounts what it has of /proc */
#define EMPTY_DIR "empty"                 /* root directory of all others */

/* PID 1 of the namespaces: starts the others, then waits for them to die. */
_Noreturn void init_main(struct sandbox *sb);

/* exports.c: makes the sandbox's mount namespace what it is, and moves this process there. */
struct err *exports_mount(struct start *st) MUST_CHECK;
/* Each runs its process and returns only an error, before anything was started. */
struct err *gofer_start(struct start *st) MUST_CHECK;
#define GOFER_CAPS                                                                         \
	(CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_CHOWN) |   \
	 CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID))
struct err *sentry_start(struct start *st) MUST_CHECK;
#define SENTRY_CAPS CAP_BIT(CAP_SYS_PTRACE)
struct err *stub_start(struct start *st) MUST_CHECK;

/* new_root.c: a fresh tmpfs, not mounted anywhere yet. The descriptor, or -errno. */
int tmpfs_new(const char *bytes, const char *inodes) MUST_CHECK;
/* Mounts it over /, in a mount namespace of this process's own. Paths keep their meaning: the root directory is below it. */
struct err *root_attach(int tmpfs_fd) MUST_CHECK;
/* Then makes it the root of the mount namespace, and of all processes in it; the old one lies on top of it. */
struct err *root_enter(int tmpfs_fd) MUST_CHECK;
/* And takes the old one away, for all of them. */
struct err *root_forget_old(int tmpfs_fd) MUST_CHECK;
/* A directory becomes the root directory of this process alone. */
struct err *root_enter_dir(int dir, const char *name) MUST_CHECK;
