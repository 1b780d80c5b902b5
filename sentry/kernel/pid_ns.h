/* pid_ns.h - pid namespaces: which number a task has where (pid_namespaces(7)).
 *
 * Inside, an id is the sandbox's: the number in the first namespace. A task has a number in its own namespace and in
 * each above it. Numbers are translated where they come from or go to a guest. */
#pragma once

#include "sentry/kernel/ns.h"

#define PID_NS_LEVELS 32

struct pid_ns {
	int refs;
	struct ns_id id;
	struct pid_ns *parent;            /* a reference; NULL: the first */
	int level;                        /* the first's: 0 */
	struct thread_group *init;        /* who has number 1; NULL: not yet, or no more */
	int last;                         /* number given out last */
	bool dead;                        /* its init has gone: nobody comes any more */
	int ntasks;                       /* published, here and below */
	struct waitq *gone;               /* of init's exit: told when ntasks goes down */
};
struct pid_ns *pid_ns_first(void);        /* borrowed: lives as long as the sandbox */
int pid_ns_new(struct pid_ns *parent, struct user_ns *owner, struct pid_ns **out) MUST_CHECK;
struct pid_ns *pid_ns_get(struct pid_ns *ns);
void pid_ns_put(struct pid_ns *ns);
bool pid_ns_is_below(const struct pid_ns *ns, const struct pid_ns *top);   /* or the same */

/* An id (a task's, a group's, a session's) as ns numbers it; 0: it can't be seen from there. */
int pid_number(const struct pid_ns *ns, int id);
/* The number's id; 0: nobody's. */
int pid_of_number(const struct pid_ns *ns, int number);
/* The same for what a task is told and says. id and number 0 stay 0. */
int pid_shown(const struct task *t, int id);
int pid_given(const struct task *t, int number);
struct task *task_find_for(const struct task *t, int number);                 /* as task_find(), by t's numbers */
struct thread_group *tg_find_for(const struct task *t, int number);
struct pgrp *pgrp_find_for(const struct task *t, int number);
/* In each namespace from `top` down to its own: how many. */
int pid_numbers(const struct pid_ns *top, int id, int out[PID_NS_LEVELS + 1]);

bool tg_is_init(const struct thread_group *tg);       /* of its pid namespace */
/* The last thread of a namespace's init goes: ends all others there and waits for that. Sleeps. */
void pid_ns_end(struct thread_group *init);
