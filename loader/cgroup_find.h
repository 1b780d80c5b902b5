/* cgroup_find.h - where this process's cgroups are. */
#pragma once

#include "loader/err.h"

/* The directory of this process's cgroup in the hierarchy that has the controller, v1 or v2; NULL: there is none. */
char *cgroup_find(const char *controller, bool *out_v1);
