/* supervise.h - from the sandbox's start to its end, as the loader sees it. */
#pragma once

#include "loader/cgroup.h"
#include "loader/control.h"
#include "loader/sandbox.h"

struct result {
	int exit_status;                  /* sbx's own */
	struct err *error;                /* what to say; NULL: nothing */
	bool pids_refused;                /* --pids-limit was reached */
	bool has_stats;
	struct control_stats stats;
};

/* Before anything is started: signals from now on wait for supervise(). */
void supervise_block_signals(void);

/* Passes signals on, keeps the time limit, and returns when the sandbox has ended, with every process of it gone. */
void supervise(struct sandbox *sb, const struct cgroup *cg, struct result *out);

/* Kills whatever runs in the sandbox and waits until it is gone. */
void supervise_kill(struct sandbox *sb);
