/* start.h - how each process of a sandbox becomes what it is. */
#pragma once

#include <linux/capability.h>

#include "gofer/gofer.h"
#include "loader/privileges.h"
#include "loader/sandbox.h"

/* What init prepares for its children and then forgets. */
struct start {
	struct sandbox *sb;
	int proc_fd;                      /* the host's /proc, O_PATH */
	int base_fd;                      /* the root of the mount namespace; see exports.c */
	int tree[2];                      /* a pipe from the gofer: a bool when the new root is there, whether the host's lies on top of
	                                   * it; it closes when the gofer has what it needs of the host's tree */
	int net[2];                       /* a pipe that closes when init has its network namespace */
};
#define EXPORTS_DIR "exports"             /* root directory of the gofer */
#define GOFER_OWN_FDS ".fd"               /* in it: where the gofer mounts what it has of /proc */
#define EMPTY_DIR "empty"                 /* root directory of all others */

/* PID 1 of the namespaces: starts the others, then waits for them to die. */
_Noreturn void init_main(struct sandbox *sb);

/* Waits until the loader has given the sandbox its ids and its cgroup, and takes the ids on. flags: as for recv(2). */
struct err *start_wait_for_go(struct sandbox *sb, int flags) MUST_CHECK;

/* exports.c: makes the sandbox's mount namespace what it is, from st->base_fd, and moves this process there. out: for each
 * of the request's exports. */
struct err *exports_mount(const struct start *st, struct gofer_export **out, bool *out_old_on_top) MUST_CHECK;
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
/* Then makes it the root of the mount namespace, and of all processes in it that had the old one, which lies on top of it;
 * or, where that is impossible, of this process alone. */
struct err *root_enter(int tmpfs_fd, bool *out_old_on_top) MUST_CHECK;
/* Takes the old one that is on top away, for all of them. */
struct err *root_forget_old(int tmpfs_fd) MUST_CHECK;
/* A directory becomes the root directory of this process alone. */
struct err *root_enter_dir(int dir, const char *name) MUST_CHECK;
