/* launch.h - how the loader brings a platform up: the part that runs before the sentry exists.
 *
 *   loader ── clone(namespaces) ──> init (PID 1)
 *                                     ├─ template stub   pl_template_main()
 *                                     ├─ gofer           gofer_main()
 *                                     └─ sentry          sentry_main(): pl_init(&launch.cfg)
 *
 * All stubs are forked from the template, or from each other, with CLONE_PARENT: they are init's children, and init
 * tells the sentry of every death with a struct pl_death over cfg.init_fd. */
#pragma once

#include "platform/platform.h"

struct pl_death { int32_t pid, status; };

struct pl_launch {
	struct pl_config cfg;             /* for the sentry; template_died is filled in there */
	int init_sock;                    /* init's end of cfg.init_fd */
	int stub_control;                 /* the template's end of cfg.template_fd */
};

/* Makes memfds and sockets and puts the stub's code at its fixed address, in the calling process, before any fork.
 * -EEXIST: something lies there already (address space randomisation; exec again to roll the dice anew). */
int pl_prepare(const char *platform, struct pl_launch *out) MUST_CHECK;

/* In a fresh child of init, after privileges were dropped and PR_SET_DUMPABLE is 1: becomes the template stub. Closes
 * every descriptor it does not need, installs the stub's seccomp filter, unmaps everything else. */
_Noreturn void pl_template_main(struct pl_launch *l);

/* "systrap" if this host can do it; else NULL and why. */
const char *pl_default(const char **why_not);
