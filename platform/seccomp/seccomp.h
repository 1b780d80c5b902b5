/* seccomp.h - the allowlists of gofer, sentry and init, compiled at build time from policy_*.c.
 * (The stub's is platform/systrap/stub_filter.c: it depends on the instruction pointer.) */
#pragma once

#include <linux/filter.h>

#include "platform/base/base.h"

struct filter {
	const struct sock_filter *insns;
	unsigned short len;
};
/* filter_sentry_publish: filter_sentry, and what --publish needs. */
extern const struct filter filter_gofer, filter_sentry, filter_sentry_publish, filter_init;

/* Puts the calling process under the filter, for ever. It sets no_new_privs. A call that is not allowed kills the process;
 * with report_fd >= 0 it is refused just the same, but the process first writes its number there. 0, -errno. */
int seccomp_install(const struct filter *f, int report_fd) MUST_CHECK;
