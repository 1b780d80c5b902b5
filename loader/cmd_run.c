/* cmd_run.c - `sbx run`: one sandbox from the command line to its exit status.
 *
 * HOW      Everything that can be wrong with the request is found before the first process is started; from then on whatever
 *          fails, killing init undoes it all. */
#include "loader/cmd_run.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loader/cgroup.h"
#include "loader/env.h"
#include "loader/help.h"
#include "loader/namespaces.h"
#include "loader/report.h"
#include "loader/sandbox.h"
#include "loader/start.h"
#include "loader/stats.h"
#include "loader/supervise.h"
#include "loader/terminal.h"
#include "platform/base/timeline.h"

#define EXEC_AGAIN_MAX 8
#define EXEC_AGAIN "SBX_INTERNAL_EXEC"

static void say(const char *text)
{
	fprintf(stderr, "sbx: %s\n", text);
}

/* The stub's code has a fixed address. If the kernel happened to put something of ours there, start anew. */
static struct err *exec_again(char **args)
{
	const char *before = getenv(EXEC_AGAIN);
	int n = before ? atoi(before) : 0;
	char text[16];
	snprintf(text, sizeof(text), "%d", n + 1);
	if (n >= EXEC_AGAIN_MAX || setenv(EXEC_AGAIN, text, 1) < 0)
		return err_new("the address space has no room for the stub's code");
	/* args is the tail of main()'s argv, whose first word lies right before it. */
	execv("/proc/self/exe", args - 1);
	return err_errno(errno, "starting again");
}

static struct err *prepare_platform(struct sandbox *sb, char **args)
{
	const char *name = sb->opt->platform, *why_not = NULL;
	if (!name)
		name = pl_default(&why_not);
	if (!name)
		return err_new("no platform works on this host: %s", why_not);
	int err = pl_prepare(name, &sb->launch);
	if (err == -EEXIST)
		return exec_again(args);
	if (err == -EINVAL && sb->opt->platform)
		return err_new("--platform: %s: no such platform", name);
	return err ? err_errno(-err, "platform %s", name) : NULL;
}

static struct err *make_sockets(struct sandbox *sb)
{
	int *pairs[] = { sb->gofer_sock, sb->control_sock, sb->report_sock };
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pairs[i]) < 0)
			return err_errno(errno, "socketpair");
	return NULL;
}

static struct err *open_strace(const struct options *o, int *out)
{
	*out = -1;
	if (!o->strace)
		return NULL;
	*out = o->strace_file ? open(o->strace_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) :
				fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	return *out < 0 ? err_errno(errno, "--strace: %s", o->strace_file ? o->strace_file : "standard error") : NULL;
}

static int count_cpus(const struct options *o)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
	int limit = o->cpus > 0 ? (int)o->cpus + (o->cpus > (int)o->cpus) : n;
	return MAX(1, MIN(n, limit));
}

static struct err *configure(struct sandbox *sb, const bool stdio_open[3])
{
	const struct options *o = sb->opt;
	sb->debug_fd = o->debug ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
	debug_fd = sb->debug_fd;
	sb->cfg = (struct sentry_config){
		.ncpus = count_cpus(o),
		.mounts = sb->root.mounts,
		.nmounts = sb->root.nmounts,
		.made = sb->root.made,
		.nmade = sb->root.nmade,
		.hints = sb->root.hints,
		.nhints = sb->root.nhints,
		.argv = (const char *const *)o->argv,
		.envp = env_build(o),
		.cwd = sb->root.cwd,
		.hostname = o->hostname,
		.uid = o->uid,
		.gid = o->gid,
		.memory_limit = o->memory_bytes,
		.pids_limit = o->pids_limit,
		.debug_fd = sb->debug_fd,
		.no_rewrite = o->no_rewrite,
		.stats = o->stats != STATS_OFF,
	};
	for (int i = 0; i < 3; i++)
		sb->cfg.stdio[i] = stdio_open[i] ? i : -1;
	struct sentry_publish *publish = xzalloc(sizeof(*publish) * (size_t)(o->npublish + 1));
	sb->cfg.publish = publish;
	for (int i = 0; i < o->npublish; i++, sb->cfg.npublish++) {
		struct err *e = publish_listen(&o->publish[i], &publish[i]);
		if (e)
			return e;
	}
	terminal_open(&sb->terminal, o->tty, o->debug || (o->strace && !o->strace_file), &sb->cfg);
	return open_strace(o, &sb->cfg.strace_fd);
}

static struct err *start(struct sandbox *sb, const struct cgroup *cg)
{
	bool child;
	struct err *e = namespaces_clone(sb, &child);
	if (e)
		return e;
	if (child)
		init_main(sb);
	timeline_mark(TIMELINE_CLONED);
	/* An end that is open here would hide that the process at the other end of the socket died. */
	const struct pl_launch *l = &sb->launch;
	const int theirs[] = { sb->report_sock[1], sb->control_sock[1], sb->gofer_sock[0], sb->gofer_sock[1], l->init_sock,
			       l->stub_control, l->cfg.init_fd, l->cfg.template_fd, l->cfg.template_memfd, l->cfg.ro_memfd,
			       l->cfg.doorbell_fd };
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	for (int i = 0; i < sb->cfg.npublish; i++)
		close(sb->cfg.publish[i].fd);
	e = namespaces_map(sb);
	timeline_mark(TIMELINE_MAPPED);
	if (!e)
		e = cgroup_add(cg, sb->init_pid);
	struct report go = { .kind = REPORT_GO, .status = sb->nobody_mapped };
	if (!e && !report_send(sb->report_sock[0], &go))
		e = err_new("the sandbox's init died at once");
	if (e)
		supervise_kill(sb);
	return e;
}

static void finish(const struct options *o, const struct result *r, struct cgroup *cg, uint64_t started_ns)
{
	if (r->error)
		say(r->error->text);
	if (cgroup_oom_kills(cg) > 0)
		fprintf(stderr, "sbx: out of memory: the sandbox reached its limit of %s\n", o->memory_text);
	if (r->pids_refused)
		fprintf(stderr, "sbx: out of processes: the sandbox reached its limit of %d\n", o->pids_limit);
	if (o->stats)
		stats_print(stderr, r, cg, now_mono_ns() - started_ns, o->stats == STATS_JSON);
}

static struct err *run(const struct options *o, char **args, const bool stdio_open[3], uint64_t started_ns, int *out_status)
{
	static struct sandbox sb;
	sb = (struct sandbox){ .opt = o };
	if (o->stats)
		timeline_begin(started_ns);
	struct err *e = root_build(o, &sb.root);
	timeline_mark(TIMELINE_REQUEST);
	if (!e)
		e = prepare_platform(&sb, args);
	if (!e)
		e = make_sockets(&sb);
	if (!e)
		e = configure(&sb, stdio_open);
	if (e)
		return e;

	struct cgroup cg;
	supervise_block_signals();
	e = cgroup_create(o, &cg);
	if (e)
		return e;
	sb.limited = cg.dirs[0];
	if (!sb.limited)
		debugf("sbx: no limit was asked for: running without a cgroup\n");
	terminal_begin(&sb.terminal);
	timeline_mark(TIMELINE_PREPARED);
	e = start(&sb, &cg);
	if (!e) {
		struct result r;
		supervise(&sb, &cg, &r);
		timeline_mark(TIMELINE_GONE);
		terminal_end(&sb.terminal);
		finish(o, &r, &cg, started_ns);
		*out_status = r.exit_status;
	} else {
		terminal_end(&sb.terminal);
	}
	cgroup_remove(&cg);
	return e;
}

/* Descriptors 0 to 2 are never anything else than standard input, output and error. */
static void fill_stdio(bool out_open[3])
{
	for (int fd = 0; fd < 3; fd++) {
		out_open[fd] = fcntl(fd, F_GETFD) >= 0;
		if (!out_open[fd] && open("/dev/null", O_RDWR) != fd)
			_exit(EXIT_SBX);
	}
}

int cmd_run(int nargs, char **args, uint64_t started_ns)
{
	bool stdio_open[3];
	fill_stdio(stdio_open);
	struct options o;
	int status = EXIT_SBX;
	struct err *e = options_parse(nargs, args, &o);
	if (!e && o.help) {
		fputs(help_run, stdout);
		return fflush(stdout) == 0 ? 0 : EXIT_SBX;
	}
	if (!e)
		e = run(&o, args, stdio_open, started_ns, &status);
	if (!e)
		return status;
	say(e->text);
	return e->exit_status;
}
