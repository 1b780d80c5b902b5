/* cgroup.c - the host's limits on a sandbox as a whole, by the cgroup file systems, v1, v2 or both at once.
 *
 * HOW      A directory sbx-PID is made beside or below our own cgroup in each hierarchy that has a controller we need.
 *          Nothing is made when no limit was asked for: killing and waiting are the PID namespace's work, and putting a
 *          process into a cgroup costs a grace period of the kernel's RCU (9 ms measured, more than the whole start-up).
 *          The directories outlive their processes, and the loader may be killed; so a process of two pages, in a session
 *          of its own, waits for the loader's end of a pipe to close and removes what is left.
 * MISSING  Asking systemd for a scope (ordinary users on v2 whose session has no delegated cgroup get an error). */
#include "loader/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loader/cgroup_find.h"
#include "loader/privileges.h"

#define CPU_PERIOD_US 100000

static int write_text(const char *dir, const char *file, const char *text)
{
	char path[4200];
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, strlen(text));
	int err = n < 0 ? -errno : 0;
	close(fd);
	return err;
}

static struct err *set(const char *dir, const char *file, const char *text)
{
	int err = write_text(dir, file, text);
	return err ? err_errno(-err, "%s/%s", dir, file) : NULL;
}

/* The number in a file, or behind a word in it. */
static uint64_t get(const char *dir, const char *file, const char *word)
{
	char path[4200], line[256];
	unsigned long long value = 0;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		size_t len = strlen(word);
		if (strncmp(line, word, len) == 0 && sscanf(line + len, "%llu", &value) == 1)
			break;
	}
	if (f)
		fclose(f);
	return value;
}

/* In v2 only a directory whose parent has the controller switched on for its children has it, and only one without
 * processes of its own may switch it on. So if our own cgroup won't, its parent, which has it for us, will do. */
static char *v2_parent(char *own, const char *controller)
{
	char word[32];
	snprintf(word, sizeof(word), "+%s", controller);
	if (write_text(own, "cgroup.subtree_control", word) == 0)
		return own;
	char *slash = strrchr(own, '/');
	char path[4200];
	snprintf(path, sizeof(path), "%.*s/cgroup.controllers", (int)(slash - own), own);
	if (slash != own && access(path, F_OK) == 0)
		*slash = '\0';
	return own;
}

/* Our directory for the controller; made, unless another controller of the same hierarchy did. */
static struct err *make_dir(struct cgroup *cg, const char *controller, const char **out, bool *out_v1)
{
	AUTO(free) char *own = cgroup_find(controller, out_v1);
	if (!own)
		return err_new("this host has no cgroup controller '%s' for us", controller);
	char *dir = NULL;
	CHECK(asprintf(&dir, "%s/sbx-%d", *out_v1 ? own : v2_parent(own, controller), getpid()) >= 0);
	for (int i = 0; i < CGROUP_DIRS; i++) {
		if (cg->dirs[i] && strcmp(cg->dirs[i], dir) == 0) {
			free(dir);
			*out = cg->dirs[i];
			return NULL;
		}
		if (cg->dirs[i])
			continue;
		if (mkdir(dir, 0755) < 0) {
			struct err *e = err_errno(errno, "%s", dir);
			free(dir);
			return e;
		}
		*out = cg->dirs[i] = dir;
		return NULL;
	}
	return err_new("too many cgroup hierarchies");
}

static struct err *limit_memory(struct cgroup *cg, const struct options *o)
{
	struct err *e = make_dir(cg, "memory", &cg->memory_dir, &cg->memory_v1);
	if (e)
		return e;
	char text[32];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)o->memory_bytes);
	if (!cg->memory_v1) {
		write_text(cg->memory_dir, "memory.swap.max", "0");      /* absent without swap */
		return set(cg->memory_dir, "memory.max", text);
	}
	e = set(cg->memory_dir, "memory.limit_in_bytes", text);
	if (!e)
		write_text(cg->memory_dir, "memory.memsw.limit_in_bytes", text);
	return e;
}

static struct err *limit_cpu(struct cgroup *cg, const struct options *o)
{
	struct err *e = make_dir(cg, "cpu", &cg->cpu_dir, &cg->cpu_v1);
	if (e)
		return e;
	char text[48];
	long quota = (long)(o->cpus * CPU_PERIOD_US);
	if (!cg->cpu_v1) {
		snprintf(text, sizeof(text), "%ld %d", MAX(quota, 1000L), CPU_PERIOD_US);
		return set(cg->cpu_dir, "cpu.max", text);
	}
	snprintf(text, sizeof(text), "%d", CPU_PERIOD_US);
	e = set(cg->cpu_dir, "cpu.cfs_period_us", text);
	snprintf(text, sizeof(text), "%ld", MAX(quota, 1000L));
	return e ? e : set(cg->cpu_dir, "cpu.cfs_quota_us", text);
}

/* The sentry counts guest threads itself and says EAGAIN in time. This is the second line: twice as many host threads, for an
 * exec has two stubs for a moment, and some for the sandbox's own. */
static struct err *limit_pids(struct cgroup *cg, const struct options *o)
{
	bool v1;
	struct err *e = make_dir(cg, "pids", &cg->pids_dir, &v1);
	char text[32];
	snprintf(text, sizeof(text), "%d", 2 * o->pids_limit + 64);
	return e ? e : set(cg->pids_dir, "pids.max", text);
}

static void remove_dirs(struct cgroup *cg, int tries)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	for (int i = 0; i < CGROUP_DIRS && cg->dirs[i]; i++)
		for (int n = 0; n < tries && rmdir(cg->dirs[i]) < 0 && errno == EBUSY; n++)
			nanosleep(&pause, NULL);
}

static struct err *start_watcher(struct cgroup *cg)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(errno, "pipe");
	cg->watcher = fork();
	if (cg->watcher == 0) {
		char c;
		setsid();
		prctl(PR_SET_NAME, "sbx cleanup");
		if (chdir("/") < 0 || close_all_but(&fds[0], 1) < 0)
			_exit(1);
		while (read(fds[0], &c, 1) < 0 && errno == EINTR)
			;
		remove_dirs(cg, 2000);
		_exit(0);
	}
	close(fds[0]);
	cg->watcher_pipe = fds[1];
	return cg->watcher < 0 ? err_errno(errno, "fork") : NULL;
}

struct err *cgroup_create(const struct options *o, struct cgroup *cg)
{
	*cg = (struct cgroup){ .watcher_pipe = -1 };
	struct err *e = NULL;
	if (o->memory_bytes)
		e = err_in(limit_memory(cg, o), "--memory");
	if (!e && o->cpus > 0)
		e = err_in(limit_cpu(cg, o), "--cpus");
	if (!e && o->pids_limit)
		e = err_in(limit_pids(cg, o), "--pids-limit");
	if (!e && cg->dirs[0])
		e = start_watcher(cg);
	if (e)
		cgroup_remove(cg);
	return e;
}

struct err *cgroup_add(const struct cgroup *cg, pid_t pid)
{
	char text[16];
	snprintf(text, sizeof(text), "%d", pid);
	struct err *e = NULL;
	for (int i = 0; !e && i < CGROUP_DIRS && cg->dirs[i]; i++)
		e = set(cg->dirs[i], "cgroup.procs", text);
	return e;
}

uint64_t cgroup_oom_kills(const struct cgroup *cg)
{
	if (!cg->memory_dir)
		return 0;
	return get(cg->memory_dir, cg->memory_v1 ? "memory.oom_control" : "memory.events", "oom_kill ");
}

uint64_t cgroup_pids_refused(const struct cgroup *cg)
{
	return cg->pids_dir ? get(cg->pids_dir, "pids.events", "max ") : 0;
}

uint64_t cgroup_peak_bytes(const struct cgroup *cg)
{
	if (!cg->memory_dir)
		return 0;
	return get(cg->memory_dir, cg->memory_v1 ? "memory.max_usage_in_bytes" : "memory.peak", "");
}

void cgroup_remove(struct cgroup *cg)
{
	remove_dirs(cg, 200);
	if (cg->watcher_pipe >= 0)
		close(cg->watcher_pipe);
	if (cg->watcher > 0)
		waitpid(cg->watcher, NULL, 0);
	for (int i = 0; i < CGROUP_DIRS; i++)
		free(cg->dirs[i]);
	*cg = (struct cgroup){ .watcher_pipe = -1 };
}
