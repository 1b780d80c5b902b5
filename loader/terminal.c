/* terminal.c - see terminal.h. */
#include "loader/terminal.h"

#include <signal.h>
#include <unistd.h>

void terminal_begin(struct terminal *t)
{
	t->fd = tcgetattr(STDIN_FILENO, &t->saved) == 0 ? STDIN_FILENO : -1;
}

void terminal_end(const struct terminal *t)
{
	if (t->fd < 0)
		return;
	/* From a background process group this would stop us: whoever is in the foreground has the say then. */
	sigset_t ttou, before;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &before);
	if (tcgetpgrp(t->fd) == getpgrp())
		tcsetattr(t->fd, TCSADRAIN, &t->saved);
	sigprocmask(SIG_SETMASK, &before, NULL);
}
