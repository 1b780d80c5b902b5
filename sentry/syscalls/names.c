/* names.c - symbolic names of error numbers and signals.
 *
 * HOW      The C library knows Linux's own; the kernel-internal restart codes are added here. */
#include "sentry/syscalls/names.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "sentry/kernel/task.h"

static const struct { int err; const char *name, *text; } internal[] = {
	{ ERESTARTSYS, "ERESTARTSYS", "To be restarted if SA_RESTART is set" },
	{ ERESTARTNOINTR, "ERESTARTNOINTR", "To be restarted" },
	{ ERESTARTNOHAND, "ERESTARTNOHAND", "To be restarted if no handler" },
	{ ERESTART_RESTARTBLOCK, "ERESTART_RESTARTBLOCK", "Interrupted by signal" },
};

const char *errno_name(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(internal); i++)
		if (internal[i].err == err)
			return internal[i].name;
	return strerrorname_np(err);
}

const char *errno_text(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(internal); i++)
		if (internal[i].err == err)
			return internal[i].text;
	return strerrordesc_np(err);
}

const char *signal_name(int sig, char *buf, size_t bytes)
{
	const char *abbrev = sig > 0 && sig < 32 ? sigabbrev_np(sig) : NULL;
	if (abbrev)
		snprintf(buf, bytes, "SIG%s", abbrev);
	else if (sig >= 32 && sig <= NSIG64)
		snprintf(buf, bytes, sig == 32 ? "SIGRTMIN" : "SIGRT_%d", sig - 32);
	else
		snprintf(buf, bytes, "%d", sig);
	return buf;
}
