/* cgroup.h - the host's limits on a sandbox as a whole: memory, processor time, processes. */
#pragma once

#include "loader/err.h"
#include "loader/options.h"

#define CGROUP_DIRS 3

struct cgroup {
	char *dirs[CGROUP_DIRS];          /* ours, one in each hierarchy; NULL: none more */
	const char *memory_dir;           /* one of them, or NULL; likewise below */
	const char *cpu_dir, *pids_dir;
	bool memory_v1, cpu_v1;
	pid_t watcher;                    /* removes them if we can't; 0: none */
	int watcher_pipe;
};

/* Makes the cgroups that the options need, and sets their limits. If no limit was asked for nothing is made; what can't be
 * made for a limit is an error. */
struct err *cgroup_create(const struct options *o, struct cgroup *out) MUST_CHECK;
struct err *cgroup_add(const struct cgroup *cg, pid_t pid) MUST_CHECK;
/* How many processes the kernel killed because the memory limit was reached. */
uint64_t cgroup_oom_kills(const struct cgroup *cg);
/* How often a process or thread was refused because of the limit. */
uint64_t cgroup_pids_refused(const struct cgroup *cg);
uint64_t cgroup_peak_bytes(const struct cgroup *cg);              /* 0: unknown */
/* After the last process is gone. */
void cgroup_remove(struct cgroup *cg);
