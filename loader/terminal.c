/* terminal.c - see terminal.h.
 *
 * HOW      The sandbox gets open files of its own on the terminal, which can be O_NONBLOCK without anybody else noticing.
 * MISSING  While we are stopped the sandbox goes on, and would read what is typed for the shell. */
#include "loader/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "sentry/sentry.h"

static bool in_background(int fd)
{
	pid_t front = tcgetpgrp(fd);
	return front > 0 && front != getpgrp();
}

/* A new open file on what fd is; the old one where that can't be. */
static int open_again(int fd)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int own = isatty(fd) ? open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

void terminal_open(struct terminal *t, bool force, bool shared, struct sentry_config *cfg)
{
	*t = (struct terminal){ .fd = -1 };
	if (tcgetattr(STDIN_FILENO, &t->saved) == 0)
		t->fd = STDIN_FILENO;
	cfg->tty_in = cfg->tty_out = -1;
	cfg->tty = force || (t->fd >= 0 && !in_background(t->fd));
	if (!cfg->tty)
		return;
	int out = force || isatty(STDOUT_FILENO) ? STDOUT_FILENO : isatty(STDERR_FILENO) ? STDERR_FILENO : STDIN_FILENO;
	cfg->tty_in = open_again(STDIN_FILENO);
	cfg->tty_out = open_again(out);
	for (int fd = 0; fd < 3; fd++)
		cfg->stdio_tty[fd] = force || isatty(fd);
	if (t->fd >= 0) {
		cfg->tty_utf8 = t->saved.c_iflag & IUTF8;
		cfg->tty_erase = t->saved.c_cc[VERASE];
	}
	t->pty = t->fd >= 0 && !in_background(t->fd);
	/* A pipeline's other programs, and our own diagnostics. */
	t->keep_output = !isatty(STDOUT_FILENO) || !isatty(STDERR_FILENO) || shared;
}

void terminal_begin(struct terminal *t)
{
	struct termios now = t->saved;
	/* What we do not change we need not put back: in a pipeline it may be a pager's by then. */
	if (!t->pty || (!t->raw && t->keep_output) || in_background(t->fd))
		return;
	t->touched = true;
	if (t->raw)
		cfmakeraw(&now);
	now.c_oflag = t->keep_output ? t->saved.c_oflag : t->saved.c_oflag & ~(tcflag_t)OPOST;
	tcsetattr(t->fd, TCSADRAIN, &now);
}

void terminal_raw(struct terminal *t)
{
	t->raw = true;
	terminal_begin(t);
}

void terminal_end(const struct terminal *t)
{
	if (t->fd < 0 || !t->touched)
		return;
	/* From a background process group this would stop us: whoever is in the foreground has the say then. */
	sigset_t ttou, before;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &before);
	if (!in_background(t->fd))
		tcsetattr(t->fd, TCSADRAIN, &t->saved);
	sigprocmask(SIG_SETMASK, &before, NULL);
}
