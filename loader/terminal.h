/* terminal.h - the user's terminal, when standard input is one, and its connection to the sandbox's own.
 *
 * The guest gets a pty. As long as nobody in the sandbox wants input, the terminal here works as before: what is typed is for
 * whom it may concern (a pager behind a pipe, the next command), and signal keys arrive as signals. From then on what the user
 * types goes to the pty as it is and comes back as the pty makes it, so the terminal becomes raw. It is left as it was found.
 * A sandbox started in the background gets none: it would take what is typed for the shell. */
#pragma once

#include <termios.h>

#include "platform/base/base.h"

struct sentry_config;

struct terminal {
	int fd;                           /* -1: standard input is none */
	bool pty;                         /* the sandbox has a pty on it */
	bool touched;                     /* its settings were changed, and are to be put back */
	bool raw;                         /* terminal_raw() was called */
	bool keep_output;                 /* others write to it too: their newlines need treatment */
	struct termios saved;
};

/* Fills in cfg's terminal. force (-t): a pty in any case. shared: diagnostics go to standard error meanwhile. */
void terminal_open(struct terminal *t, bool force, bool shared, struct sentry_config *cfg);
void terminal_begin(struct terminal *t);    /* also when we were stopped and go on */
void terminal_raw(struct terminal *t);
void terminal_end(const struct terminal *t);      /* restores */
