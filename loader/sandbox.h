/* sandbox.h - one sandbox as the loader prepares it; every process of it inherits this by fork. */
#pragma once

#include "loader/options.h"
#include "loader/root.h"
#include "loader/terminal.h"
#include "platform/launch.h"
#include "sentry/sentry.h"

struct sandbox {
	const struct options *opt;
	struct root root;
	struct pl_launch launch;
	struct sentry_config cfg;         /* complete but for platform, which is launch.cfg */
	struct terminal terminal;
	int gofer_sock[2];                /* [0] the sentry's, [1] the gofer's */
	int control_sock[2];              /* [0] the loader's, [1] the sentry's */
	int report_sock[2];               /* [0] the loader's, [1] init's; see report.h */
	int debug_fd;                     /* -1: off */
	bool limited;                     /* by cgroups: no process may start before init is in them */
	bool nobody_mapped;               /* uid and gid 65534 exist in the user namespace */
	pid_t init_pid;                   /* as the loader sees it */
	int init_pidfd;
};

#define NOBODY 65534
