/* terminal.h - the user's terminal, when standard input is one.
 *
 * The sentry gets the terminal's descriptor itself, and the guest's settings act on it, so all there is to do here is to
 * leave it as it was found. A guest pty would go between these two: then terminal_begin() makes the terminal raw and the
 * sentry copies between it and the pty's master. */
#pragma once

#include <termios.h>

#include "platform/base/base.h"

struct terminal {
	int fd;                           /* -1: standard input is none */
	struct termios saved;
};

void terminal_begin(struct terminal *t);
void terminal_end(const struct terminal *t);      /* restores */
