/* pid.h - the id space that tasks, process groups and sessions share.
 *
 * An id is in use as long as any of the three has it: a process group outlives its founder, and its number must not be
 * given to a new process meanwhile. */
#pragma once

#include "platform/base/base.h"

struct task;
struct pgrp;
struct pid_ns;
struct session;

extern int pid_max;                       /* sysctl kernel.pid_max: ids are below it */

/* Reserves an id for a task: the next free one if want is 0. -EAGAIN: none is free; -EEXIST; -EINVAL: out of range. */
int pid_reserve(int want) MUST_CHECK;
/* In a further namespace and those above it; want: numbers asked for, from its own outwards. */
int pid_reserve_in(struct pid_ns *ns, const int *want, int nwant) MUST_CHECK;
struct pid_ns *pid_ns_of(int nr);         /* of an id in use; borrowed from it */
void pid_release(int nr);                 /* the task is gone; the id is free unless a group or session has it */

/* Who has the id; NULL: nobody. */
void pid_set_task(int nr, struct task *t);
void pid_set_pgrp(int nr, struct pgrp *pg);
void pid_set_session(int nr, struct session *s);
struct task *pid_task(int nr);
struct pgrp *pid_pgrp(int nr);
struct session *pid_session(int nr);
int pid_last(void);                       /* the id given out last: /proc/loadavg */
