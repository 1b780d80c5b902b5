/* main.c - the sentry's life: start the platform and the loop, boot, run, tell the loader how it ended. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loader/control.h"
#include "platform/base/timeline.h"
#include "sentry/boot.h"
#include "sentry/fs/tty/tty.h"
#include "sentry/kernel/task.h"
#include "sentry/net/publish/publish.h"
#include "sentry/sentry.h"
#include "sentry/stats.h"

const struct sentry_config *sentry_config;

/* The loader reads until it has what it needs; a loader that is gone takes us with it. */
static void tell_loader(enum control_kind kind, int status, const char *text)
{
	struct control_msg msg = { .kind = kind, .status = status };
	if (text)
		snprintf(msg.text, sizeof(msg.text), "%s", text);
	if (send(sentry_config->control_fd, &msg, sizeof(msg), MSG_NOSIGNAL) < 0)
		_exit(125);
}

void sandbox_terminal_raw(void)
{
	tell_loader(CONTROL_RAW, 0, NULL);
}

void sandbox_pids_refused(void)
{
	static bool told;
	if (!told)
		tell_loader(CONTROL_PIDS_LIMIT, 0, NULL);
	told = true;
}

static int exit_status_of_init;
static bool draining;                     /* init has ended, its last output is on its way to terminal and network */

static void say_good_bye(void)
{
	if (sentry_config->stats)
		stats_send(sentry_config->control_fd);
	tell_loader(CONTROL_EXIT, exit_status_of_init, NULL);
	loop_stop();
}

static void count_what_is_left(void)
{
	stats_when_quiet(say_good_bye);
}

static void drain_console(void)
{
	console_when_drained(sentry_config->stats ? count_what_is_left : say_good_bye);
}

void sandbox_exit(int wait_status)
{
	timeline_mark(TIMELINE_EXIT);
	exit_status_of_init = wait_status;
	draining = true;
	publish_when_drained(drain_console);
}

void sandbox_fatal(const char *why)
{
	tell_loader(CONTROL_ERROR, 125, why);
	_exit(125);
}

void boot_failed(int exit_status, const char *fmt, ...)
{
	char text[CONTROL_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tell_loader(CONTROL_ERROR, exit_status, text);
	_exit(exit_status);
}

static void template_died(int status)
{
	(void)status;
	sandbox_fatal("the template stub died");
}

/* A signal for the guest's init, from outside of the sandbox: it takes the default action even as PID 1. */
static void signal_init(int sig, bool keyboard)
{
	struct thread_group *init = tg_find(1);
	if (draining) {                           /* who wants it to end now doesn't want the rest */
		say_good_bye();
		return;
	}
	if (!init || sig < 1 || sig > NSIG64 || (keyboard && console_signal(sig)))
		return;
	siginfo_t info = { .si_signo = sig, .si_code = keyboard ? SI_KERNEL : SI_USER };
	signal_send_group(init, sig, &info);
}

static void control_ready(struct loop_fd *lf, uint32_t events)
{
	(void)events;
	struct control_msg msg;
	ssize_t n = recv(lf->fd, &msg, sizeof(msg), MSG_DONTWAIT);
	if (n == 0)
		_exit(125);                       /* the loader is gone */
	if (n != sizeof(msg))
		return;
	if (msg.kind == CONTROL_SIGNAL || msg.kind == CONTROL_KEYBOARD)
		signal_init(msg.status, msg.kind == CONTROL_KEYBOARD);
	else if (msg.kind == CONTROL_WINSIZE)
		console_resize(&msg.winsize);
}

/* The loader, which has been told, ends all processes at once; did this one go first, init would be woken to do the same. */
static void await_end(void)
{
	struct pollfd loader = { .fd = sentry_config->control_fd, .events = POLLIN };
	struct control_msg late;                  /* a signal for a guest that is gone */
	uint64_t until = now_mono_ns() + NS_PER_SEC;
	while (now_mono_ns() < until && poll(&loader, 1, 1000) > 0)
		if (recv(loader.fd, &late, sizeof(late), MSG_DONTWAIT) <= 0)
			return;
}

int sentry_main(const struct sentry_config *cfg)
{
	static struct pl_config platform;
	timeline_mark(TIMELINE_SENTRY);
	static struct loop_fd control = { .events = EPOLLIN, .ready = control_ready };

	/* What writing to descriptors of the caller's could bring. */
	static const int ignored[] = { SIGPIPE, SIGTTIN, SIGTTOU, SIGXFSZ };
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sentry_config = cfg;
	debug_fd = cfg->debug_fd;
	platform = cfg->platform;
	platform.template_died = template_died;
	platform.ncpus = (unsigned)cfg->ncpus;
	int err = loop_init();
	if (!err)
		err = pl_init(&platform);
	control.fd = cfg->control_fd;
	if (!err)
		err = loop_fd_add(&control);
	if (err)
		boot_failed(125, "sentry: %s", strerror(-err));
	co_spawn(boot_main, NULL);
	loop_run();
	if (!cfg->stats)
		await_end();
	return 0;
}
