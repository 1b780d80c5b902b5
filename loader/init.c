/* init.c - PID 1 of a sandbox: starts the others, reaps them, and dies with them.
 *
 * HOW      Its death ends every process of the PID namespace, so the rules are simple: it dies when the loader dies
 *          (PR_SET_PDEATHSIG), and it exits as soon as gofer or sentry is gone. Stubs are its children however they were
 *          made; the sentry, which can't wait for them, learns of each death through a socket.
 *          The gofer makes the sandbox's file tree, while init makes the network namespace; sentry and stubs are forked when
 *          both are there, from a root directory that has nothing. */
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
#include "platform/base/turns.h"
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

struct err *start_wait_for_go(struct sandbox *sb, int flags)
{
	struct report go;
	if (!report_recv(report_fd, &go, flags) || go.kind != REPORT_GO)
		_exit(1);
	sb->nobody_mapped = go.status;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_errno(errno, "becoming root of the user namespace");
	if (sb->nobody_mapped && setgroups(0, NULL) < 0)
		return err_errno(errno, "setgroups");
	return NULL;
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

/* False: the gofer has closed its end. */
static bool read_tree(const struct start *st, bool *out)
{
	ssize_t n;
	while ((n = read(st->tree[0], out, sizeof(*out))) < 0 && errno == EINTR)
		;
	return n > 0;
}

/* The gofer makes it. Whether the host's lies on top of it. */
static bool wait_for_tree(const struct start *st, pid_t gofer)
{
	bool old_on_top = false;
	close(st->tree[1]);
	if (read_tree(st, &old_on_top))
		return old_on_top;
	int status = 0;
	waitpid(gofer, &status, 0);
	died(WHO_GOFER, status);                  /* it may have said why */
}

/* The host's tree and init's privileges, which the gofer still needs for a moment. */
static void wait_for_gofer(const struct start *st)
{
	bool none;
	while (read_tree(st, &none))
		;
}

static void forget_the_host(const struct start *st)
{
	struct err *e = root_forget_old(st->base_fd);
	if (e)
		fail(e);
}

/* What needs no ids of the user namespace. */
static void prepare(struct start *st)
{
	const struct root *r = &st->sb->root;
	/* Nothing that happens on the host from here on is to be seen here. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail(err_errno(errno, "making mounts private"));
	struct err *e = privileges_bound(GOFER_CAPS | SENTRY_CAPS);
	if (e)
		fail(e);
	char inodes[16];
	snprintf(inodes, sizeof(inodes), "%d", r->nitems + r->nexports + 16);
	st->base_fd = tmpfs_new("1m", inodes);
	if (st->base_fd < 0)
		fail(err_errno(-st->base_fd, "tmpfs"));
	if (pipe2(st->tree, O_CLOEXEC) < 0 || pipe2(st->net, O_CLOEXEC) < 0)
		fail(err_errno(errno, "pipe"));
}

void init_main(struct sandbox *sb)
{
	timeline_mark(TIMELINE_INIT);
	report_fd = sb->report_sock[1];
	close(sb->report_sock[0]);
	close(sb->control_sock[0]);
	detach_from_the_session();
	prctl(PR_SET_NAME, "sbx init");
	turns_short();
	struct start st = { .sb = sb, .proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) };
	if (st.proc_fd < 0)
		fail(err_errno(errno, "/proc"));
	prepare(&st);
	struct err *e = sb->limited ? start_wait_for_go(sb, MSG_PEEK) : NULL;
	if (e)
		fail(e);
	pid_t gofer = start(&st, gofer_start);
	e = namespaces_network();
	if (e)
		fail(e);
	close(st.net[1]);
	timeline_mark(TIMELINE_NETWORK);
	if (unshare(CLONE_NEWTIME) < 0 && errno != EINVAL)
		fail(err_errno(errno, "time namespace"));

	bool old_on_top = wait_for_tree(&st, gofer);
	e = start_wait_for_go(sb, 0);             /* it is there: the gofer has seen it */
	timeline_mark(TIMELINE_GO);
	if (e)
		fail(e);
	die_with_the_loader();
	e = root_enter_dir(st.base_fd, EMPTY_DIR);
	if (e)
		fail(e);
	timeline_mark(TIMELINE_EMPTY);
	pid_t sentry = start(&st, sentry_start);  /* it has more to do before it needs the template than that has */
	start(&st, stub_start);

	wait_for_gofer(&st);
	if (old_on_top)
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
