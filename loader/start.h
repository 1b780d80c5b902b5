/* start.h - how each process of a sandbox becomes what it is. All but exports_open() run in the new process. */
#pragma once

#include "gofer/gofer.h"
#include "loader/sandbox.h"

/* What init prepares for its children and then forgets. */
struct start {
	struct sandbox *sb;
	int proc_fd;                      /* the host's /proc, O_PATH */
	struct gofer_export *exports;
	int nexports;
};

/* PID 1 of the namespaces: starts the others, then waits for them to die. */
_Noreturn void init_main(struct sandbox *sb);

/* gofer_start.c: builds the only files the gofer will see, and moves this process's root there. */
struct err *exports_open(struct start *st) MUST_CHECK;
/* Each runs its process and returns only an error, before anything was started. */
struct err *gofer_start(struct start *st) MUST_CHECK;
struct err *sentry_start(struct start *st) MUST_CHECK;
struct err *stub_start(struct start *st) MUST_CHECK;

/* empty_root.c: a fresh tmpfs, not mounted anywhere yet. The descriptor, or -errno. */
int tmpfs_new(const char *bytes, const char *inodes) MUST_CHECK;
/* Mounts it over /, in a mount namespace of this process's own. Paths keep their meaning: the root directory is below it. */
struct err *root_attach(int tmpfs_fd) MUST_CHECK;
/* Then makes it the root directory of this process, and the old one unreachable. */
struct err *root_enter(int tmpfs_fd) MUST_CHECK;
struct err *root_enter_empty(void) MUST_CHECK;
