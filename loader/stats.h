/* stats.h - what --stats prints. */
#pragma once

#include <stdio.h>

#include "loader/supervise.h"

/* After every process of the sandbox was waited for. */
void stats_print(FILE *to, const struct result *r, const struct cgroup *cg, uint64_t wall_ns, bool json);
