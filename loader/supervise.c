/* supervise.c - from the sandbox's start to its end, as the loader sees it.
 *
 * HOW      Three sources tell of the end: the sentry (how the guest ended), init (gofer or sentry died), and init's pidfd
 *          (init died). What the sentry said counts first: it may have been said just before it died. But when it complains
 *          of others, what killed them is the better news, if it comes at once: a process that dies lets go of its sockets
 *          before it can be waited for.
 *          Killing init ends every process of its PID namespace, and waiting for it returns after all of them are gone.
 * SECURITY The sentry's messages are read into zeroed memory and its text is made printable. */
#include "loader/supervise.h"

#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/report.h"
#include "platform/base/timeline.h"

static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT };

static sigset_t forwarded_set(void)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	return set;
}

void supervise_block_signals(void)
{
	sigset_t set = forwarded_set();
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void supervise_kill(struct sandbox *sb)
{
	if (sb->init_pid <= 0)
		return;
	syscall(SYS_pidfd_send_signal, sb->init_pidfd, SIGKILL, NULL, 0);
	while (waitpid(sb->init_pid, NULL, 0) < 0 && errno == EINTR)
		;
	sb->init_pid = 0;
}

#define STATS_MS 500
#define COMPLAINT_MS 200                  /* how long to wait for what is behind a sentry's complaint */

static void end(struct result *r, int exit_status, struct err *error)
{
	err_free(r->error);
	r->exit_status = exit_status;
	r->error = error;
}

static void make_printable(char *s, size_t room)
{
	s[room - 1] = '\0';
	for (; *s; s++)
		if (!isprint((unsigned char)*s) && (unsigned char)*s < 0x80)
			*s = '?';
}

/* All that waits on the control socket. True: the sandbox has ended. With r->error set and false: it complains. */
static bool drain_control(struct sandbox *sb, struct result *r, bool *closed)
{
	int sock = sb->control_sock[0];
	for (;;) {
		struct control_msg m = { 0 };
		ssize_t n = recv(sock, &m, sizeof(m), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			*closed |= n == 0 || errno != EAGAIN;
			return false;
		}
		switch (m.kind) {
		case CONTROL_EXIT:
			end(r, WIFSIGNALED(m.status) ? EXIT_SIGNAL + WTERMSIG(m.status) : WEXITSTATUS(m.status), NULL);
			return true;
		case CONTROL_ERROR:
			make_printable(m.text, sizeof(m.text));
			end(r, m.status > 0 && m.status < 256 ? m.status : EXIT_SBX, err_new("%s", m.text));
			if (r->exit_status != EXIT_SBX)
				return true;
			break;
		case CONTROL_STATS:
			r->has_stats = true;
			r->stats = m.stats;
			break;
		case CONTROL_PIDS_LIMIT:
			r->pids_refused = true;
			break;
		case CONTROL_RAW:
			terminal_raw(&sb->terminal);
		}
	}
}

static void end_died(struct result *r, const char *who, int status, const struct cgroup *cg, const struct options *o)
{
	if (cgroup_oom_kills(cg) > 0)
		end(r, EXIT_SIGNAL + SIGKILL, NULL);
	else if (WIFSIGNALED(status))
		end(r, EXIT_SBX, err_new("%s was killed by signal %d (%s)%s", who, WTERMSIG(status), strsignal(WTERMSIG(status)),
					 WTERMSIG(status) == SIGSYS && !o->debug ?
					 ": it made a system call that it may not make; --debug says which" : ""));
	else
		end(r, EXIT_SBX, err_new("%s ended unexpectedly, with status %d", who, WEXITSTATUS(status)));
}

static bool read_report(struct sandbox *sb, const struct cgroup *cg, struct result *r, bool *closed)
{
	struct report report;
	if (!report_recv(sb->report_sock[0], &report, MSG_DONTWAIT)) {
		*closed = true;
		return false;
	}
	bool control_closed = false;
	switch (report.kind) {
	case REPORT_FAILED:
		make_printable(report.text, sizeof(report.text));
		end(r, EXIT_SBX, err_new("%s", report.text));
		return true;
	case REPORT_DIED:
		if (drain_control(sb, r, &control_closed))
			return true;
		/* A sentry that complained and exited has said it all. */
		if (!r->error || !WIFEXITED(report.status) || report.who != WHO_SENTRY)
			end_died(r, report.who == WHO_GOFER ? "the gofer" : "the sentry", report.status, cg, sb->opt);
		return true;
	default:
		return false;
	}
}

static void send_control(int sock, uint32_t kind, int status)
{
	struct control_msg m = { .kind = kind, .status = status };
	if (kind == CONTROL_WINSIZE && ioctl(STDIN_FILENO, TIOCGWINSZ, &m.winsize) < 0)
		return;
	/* A sentry that doesn't read loses signals; it can still be killed. */
	send(sock, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void forward_signal(struct sandbox *sb, int signal_fd)
{
	int control = sb->control_sock[0];
	struct signalfd_siginfo si;
	if (read(signal_fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGCONT)
		terminal_begin(&sb->terminal);    /* the shell had it, and may have changed its size */
	if (si.ssi_signo == SIGWINCH || (si.ssi_signo == SIGCONT && sb->terminal.pty))
		send_control(control, CONTROL_WINSIZE, 0);
	else if (si.ssi_signo != SIGCONT || si.ssi_code <= 0)
		/* From the terminal's keys: the kernel sent it. */
		send_control(control, si.ssi_code == SI_KERNEL ? CONTROL_KEYBOARD : CONTROL_SIGNAL, (int)si.ssi_signo);
}

static int ms_left(uint64_t deadline_ns)
{
	uint64_t now = now_mono_ns();
	if (deadline_ns == UINT64_MAX)
		return -1;
	return now >= deadline_ns ? 0 : (int)MIN((deadline_ns - now + 999999) / 1000000, (uint64_t)86400000);
}

static void wait_for_end(struct sandbox *sb, const struct cgroup *cg, int signal_fd, uint64_t deadline_ns, struct result *r)
{
	struct pollfd p[] = {
		{ .fd = sb->control_sock[0], .events = POLLIN }, { .fd = sb->report_sock[0], .events = POLLIN },
		{ .fd = sb->init_pidfd, .events = POLLIN }, { .fd = signal_fd, .events = POLLIN },
	};
	for (;;) {
		int n = poll(p, ARRAY_SIZE(p), r->error ? COMPLAINT_MS : ms_left(deadline_ns));
		if (n < 0 && errno != EINTR)
			return end(r, EXIT_SBX, err_errno(errno, "poll"));
		if (n == 0 && r->error)
			return;
		if (n <= 0 && ms_left(deadline_ns) == 0)
			return end(r, EXIT_TIMED_OUT, err_new("the time limit of %g s is over", (double)sb->opt->timeout_ns / 1e9));
		if (n <= 0)
			continue;
		bool closed = false;
		if (p[0].revents && drain_control(sb, r, &closed))
			return;
		if (closed)
			p[0].fd = -1;
		closed = false;
		if (p[1].revents && read_report(sb, cg, r, &closed))
			return;
		if (closed)
			p[1].fd = -1;
		if (p[3].revents)
			forward_signal(sb, signal_fd);
		if (p[2].revents && !(p[1].fd >= 0 && read_report(sb, cg, r, &closed))) {
			siginfo_t si = { 0 };
			waitid(P_PIDFD, (id_t)sb->init_pidfd, &si, WEXITED | WNOWAIT);
			return end_died(r, "the sandbox's init", si.si_code == CLD_EXITED ? si.si_status << 8 : si.si_status, cg, sb->opt);
		}
		if (p[2].revents)
			return;
	}
}

void supervise(struct sandbox *sb, const struct cgroup *cg, struct result *r)
{
	*r = (struct result){ 0 };
	sigset_t set = forwarded_set();
	int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	uint64_t deadline = sb->opt->timeout_ns ? now_mono_ns() + sb->opt->timeout_ns : UINT64_MAX;
	wait_for_end(sb, cg, signal_fd, deadline, r);
	timeline_mark(TIMELINE_TOLD);
	/* init adds up what all of them took, if it is left the time. */
	struct pollfd init = { .fd = sb->init_pidfd, .events = POLLIN };
	if (sb->opt->stats && poll(&init, 1, STATS_MS) < 0)
		debugf("sbx: poll: %s\n", strerror(errno));
	supervise_kill(sb);
	if (signal_fd >= 0)
		close(signal_fd);
}
