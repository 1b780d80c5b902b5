/* compat_native.c - runs a test on the host's own kernel, such that nothing of it survives.
 *
 * HOW      Each run has a keeper: a process that its orphans come to (PR_SET_CHILD_SUBREAPER), so that leaving the process
 *          group or the session is no way out. When the test ends, or its time, the keeper stops all of its descendants until
 *          none is new, kills them, and waits for them.
 *          Memory and processes are limited by a cgroup; without one by RLIMIT_AS and RLIMIT_NPROC, which root can pass.
 * SECURITY None is meant against a test that wants to harm this machine: native means native. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loader/cgroup.h"
#include "loader/compat.h"

#define STOP_ROUNDS_MAX 200

/* Calls fn for every descendant of pid, but for `except`. Returns how many there were. */
static int for_descendants(pid_t pid, pid_t except, void (*fn)(pid_t pid))
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *tasks = opendir(path);
	int n = 0;
	struct dirent *d;
	while (tasks && (d = readdir(tasks))) {
		char name[350];
		snprintf(name, sizeof(name), "/proc/%d/task/%s/children", pid, d->d_name);
		FILE *f = d->d_name[0] == '.' ? NULL : fopen(name, "re");
		int child;
		while (f && fscanf(f, "%d", &child) == 1) {
			if (child == except)
				continue;
			fn(child);
			n += 1 + for_descendants(child, except, fn);
		}
		if (f)
			fclose(f);
	}
	if (tasks)
		closedir(tasks);
	return n;
}

static void stop(pid_t pid) { kill(pid, SIGSTOP); }
static void end(pid_t pid) { kill(pid, SIGKILL); }

static void kill_all(pid_t except)
{
	/* What is stopped cannot fork: when a round finds no more than the one before, that were all. */
	for (int round = 0, before = -1, n; round < STOP_ROUNDS_MAX; round++, before = n) {
		n = for_descendants(getpid(), except, stop);
		if (n == before)
			break;
	}
	while (for_descendants(getpid(), except, end) > 0) {
		const struct timespec pause = { .tv_nsec = 1000000 };
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		nanosleep(&pause, NULL);
	}
}

static unsigned processes_now(void)
{
	DIR *proc = opendir("/proc");
	unsigned n = 0;
	struct dirent *d;
	while (proc && (d = readdir(proc)))
		n += d->d_name[0] >= '1' && d->d_name[0] <= '9';
	if (proc)
		closedir(proc);
	return n;
}

static void limit(int resource, rlim_t to)
{
	struct rlimit r;
	if (getrlimit(resource, &r) == 0 && (r.rlim_max == RLIM_INFINITY || to < r.rlim_max)) {
		r.rlim_cur = r.rlim_max = to;
		setrlimit(resource, &r);
	}
}

static _Noreturn void run_test(const struct compat_options *o, const struct test *t, const char *tmp_dir, const struct cgroup *cg,
			       struct native_result *shared)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* No core files here; the hard limit stays, for tests look at it. */
	struct rlimit core;
	if (getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &core);
	}
	if (cg) {
		err_free(cgroup_add(cg, getpid()));
	} else {
		limit(RLIMIT_AS, o->memory_bytes);
		limit(RLIMIT_NPROC, (rlim_t)o->pids_limit + processes_now());
	}
	setenv("TMPDIR", tmp_dir, 1);
	execvp(t->argv[0], t->argv);
	shared->end.exec_errno = errno;
	_exit(EXIT_NOT_FOUND);
}

_Noreturn void native_keeper(const struct compat_options *o, const struct test *t, const char *tmp_dir,
			     struct native_result *shared)
{
	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NAME, "sbx keeper");
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);

	struct options limits = { .memory_bytes = o->memory_bytes, .pids_limit = o->pids_limit };
	struct cgroup cg;
	bool limited = o->has_cgroup;
	if (limited) {
		struct err *e = cgroup_create(&limits, &cg);
		limited = !e;
		err_free(e);
	}
	pid_t pid = fork();
	if (pid == 0)
		run_test(o, t, tmp_dir, limited ? &cg : NULL, shared);
	int sig;
	pid_t got = pid < 0 ? pid : 0;
	while (got == 0 && sigwait(&set, &sig) == 0 && sig == SIGCHLD)
		while ((got = waitpid(-1, &shared->end.status, WNOHANG)) > 0 && got != pid)
			;
	shared->end.timed_out = got == 0;
	if (pid < 0)
		shared->end.exec_errno = errno;
	kill_all(limited ? cg.watcher : -1);
	if (limited) {
		shared->end.out_of_memory = cgroup_oom_kills(&cg) > 0;
		shared->end.out_of_processes = cgroup_pids_refused(&cg) > 0;
		cgroup_remove(&cg);
	}
	shared->ended = true;
	_exit(0);
}
