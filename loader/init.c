/* init.c - PID 1 of a sandbox: starts the others, reaps them, and dies with them.
 *
 * HOW      Its death ends every process of the PID namespace, so the rules are simple: it dies when the loader dies
 *          (PR_SET_PDEATHSIG), and it exits as soon as gofer or sentry is gone. Stubs are its children however they were
 *          made; the sentry, which can't wait for them, learns of each death through a socket.
 *          The gofer is forked from a root directory that has the exports, sentry and stubs from one that has nothing. */
#include <stdio.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/namespaces.h"
#include "loader/report.h"
#include "loader/start.h"
#include "platform/base/timeline.h"
#include "platform/seccomp/seccomp.h"

static int report_fd;

static _Noreturn void fail(struct err *e)
{
	struct report r = { .kind = REPORT_FAILED, .status = e->exit_status };
	snprintf(r.text, sizeof(r.text), "%s", e->text);
	report_send(report_fd, &r);
	_exit(1);
}

static void die_with_the_loader(void)
{
	char c;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		fail(err_errno(errno, "PR_SET_PDEATHSIG"));
	/* If it died before. It says nothing more after REPORT_GO. */
	if (recv(report_fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
		_exit(1);
}

static void reset_signals(void)
{
	for (int sig = 1; sig < __SIGRTMIN; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Waits until the loader has given this process its ids and its cgroup. */
static void wait_for_go(struct sandbox *sb)
{
	struct report go;
	if (!report_recv(report_fd, &go, true) || go.kind != REPORT_GO)
		_exit(1);
	sb->nobody_mapped = go.status;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		fail(err_errno(errno, "becoming root of the user namespace"));
	if (sb->nobody_mapped && setgroups(0, NULL) < 0)
		fail(err_errno(errno, "setgroups"));
}

static void detach_from_the_session(void)
{
	/* Keys pressed on the terminal are for the loader, which passes them on. */
	setsid();
	umask(0);
	/* Memory of guests must not end up in a core file or in a crash collector's pipe: 1 forbids both, see core(5). */
	struct rlimit one = { 1, 1 };
	setrlimit(RLIMIT_CORE, &one);
	reset_signals();
}

static pid_t start(struct start *st, struct err *(*run)(struct start *))
{
	pid_t pid = fork();
	if (pid == 0)
		fail(run(st));
	if (pid < 0)
		fail(err_errno(errno, "fork"));
	return pid;
}

static _Noreturn void died(enum report_who who, int status)
{
	struct report r = { .kind = REPORT_DIED, .who = who, .status = status };
	report_send(report_fd, &r);
	/* Exiting kills what is left. But only what was waited for counts in the loader's getrusage(), for --stats. */
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	_exit(0);
}

static _Noreturn void reap(const struct start *st, pid_t gofer, pid_t sentry)
{
	int init_sock = st->sb->launch.init_sock;
	int gofer_status = 0;
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid == gofer && WIFSIGNALED(status))
			died(WHO_GOFER, status);
		/* A gofer that exits lost its sentry, mostly, but may be waited for first. Without gofer the sentry exits. */
		if (pid == gofer)
			gofer_status = status;
		/* A sentry that gives up may have done so because the gofer died, and be the first to be waited for. */
		if (pid == sentry && WIFEXITED(status) && WEXITSTATUS(status) != 0) {
			if (gofer_status == 0)
				waitpid(gofer, &gofer_status, 0);
			if (gofer_status != 0)
				died(WHO_GOFER, gofer_status);
		}
		if (pid == sentry)
			died(WHO_SENTRY, status);
		if (pid < 0 && errno != EINTR)
			_exit(1);
		struct pl_death death = { .pid = pid, .status = status };
		/* Blocks when the sentry is slow; fails when it is gone, which the next waitpid() will tell. */
		if (pid > 0)
			send(init_sock, &death, sizeof(death), MSG_NOSIGNAL);
	}
}

/* The host's tree, which the gofer still needs for a moment. */
static void forget_the_host(struct start *st)
{
	char c;
	close(st->gofer_has_fds[1]);
	while (read(st->gofer_has_fds[0], &c, 1) < 0 && errno == EINTR)
		;
	struct err *e = root_forget_old(st->base_fd);
	if (e)
		fail(e);
}

void init_main(struct sandbox *sb)
{
	timeline_mark(TIMELINE_INIT);
	report_fd = sb->report_sock[1];
	close(sb->report_sock[0]);
	close(sb->control_sock[0]);
	detach_from_the_session();
	prctl(PR_SET_NAME, "sbx init");
	struct start st = { .sb = sb, .proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) };
	if (st.proc_fd < 0)
		fail(err_errno(errno, "/proc"));
	/* Nothing that happens on the host from here on is to be seen here. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail(err_errno(errno, "making mounts private"));
	wait_for_go(sb);
	timeline_mark(TIMELINE_GO);
	die_with_the_loader();
	struct err *e = privileges_bound(GOFER_CAPS | SENTRY_CAPS);
	if (e)
		fail(e);
	e = exports_mount(&st);
	if (e)
		fail(err_in(e, "files%s", namespaces_hint()));
	if (pipe2(st.gofer_has_fds, O_CLOEXEC) < 0)
		fail(err_errno(errno, "pipe"));
	pid_t gofer = start(&st, gofer_start);

	if (unshare(CLONE_NEWTIME) < 0 && errno != EINVAL)
		fail(err_errno(errno, "time namespace"));
	e = root_enter_dir(st.base_fd, EMPTY_DIR);
	if (e)
		fail(e);
	timeline_mark(TIMELINE_EMPTY);
	start(&st, stub_start);
	pid_t sentry = start(&st, sentry_start);

	forget_the_host(&st);
	const int keep[] = { report_fd, sb->launch.init_sock };
	e = privileges_drop(sb->nobody_mapped, 0, sb->opt->debug);
	if (e)
		fail(e);
	die_with_the_loader();            /* changing ids cleared it */
	int err = close_all_but(keep, ARRAY_SIZE(keep));
	if (!err)
		err = seccomp_install(&filter_init, -1);
	if (err)
		fail(err_errno(-err, "init"));
	reap(&st, gofer, sentry);
}
