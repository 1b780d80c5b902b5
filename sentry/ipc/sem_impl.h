/* sem_impl.h - between sem.c, sem_op.c and sem_undo.c. */
#pragma once

#include "sentry/ipc/sem.h"
#include "sentry/kernel/task.h"

/* What one process would have undone on one set. */
struct sem_undo {
	LIST_ENTRY(sem_undo) set_link, list_link;
	struct sem_undo_list *list;
	struct sem_set *set;
	short adjust[];                   /* what to add; nsems */
};

struct sem_undo_list {
	int refs;                         /* tasks */
	LIST_HEAD(, sem_undo) undos;
};

/* t's undo for the set, made if need be. -ENOMEM. */
int sem_undo_get(struct task *t, struct sem_set *s, struct sem_undo **out) MUST_CHECK;
void sem_undo_free(struct sem_undo *u);   /* off both lists */

/* A semop() that waits. Whoever changes the set does the operations for it. */
struct sem_wait {
	TAILQ_ENTRY(sem_wait) link;
	struct waitq wq;
	const struct sembuf *ops;
	unsigned n, blocking;             /* blocking: the first operation that can't be done */
	int pid;
	struct sem_undo *undo;            /* NULL: nothing to undo */
	bool done;                        /* with: */
	int result;
};

/* Something in the set has changed: does what has waited for it. */
void sem_changed(struct sem_set *s);
/* Ends all waits with `result`. */
void sem_end_waits(struct sem_set *s, int result);
