/* sem.h - System V semaphores: sets, operations on several at once, what exit undoes (semop(2)). */
#pragma once

#include <sys/sem.h>

#include "sentry/ipc/ipc.h"

#define SEM_MAX_VALUE 32767               /* of a semaphore, and of what is to be undone */

struct sem {
	int value;
	int pid;                          /* who operated on it last */
};

struct sem_wait;
struct sem_undo;
struct sem_set {
	struct ipc_object ipc;
	int nsems;
	int64_t otime, ctime;             /* seconds */
	TAILQ_HEAD(, sem_wait) waits;     /* blocked operations, first come first */
	LIST_HEAD(, sem_undo) undos;      /* one a process that has something to undo */
	struct sem sems[];
};
static inline struct sem_set *to_sem_set(struct ipc_object *o) { return container_of(o, struct sem_set, ipc); }

extern int sem_limits[4];                 /* sysctl kernel.sem: semmsl, semmns, semopm, semmni */
enum { SEM_LIMIT_MSL, SEM_LIMIT_MNS, SEM_LIMIT_OPM, SEM_LIMIT_MNI };
int sem_total(void);                      /* semaphores in all sets */

/* semget(2): the id. -EINVAL -ENOENT -EEXIST -EACCES -ENOSPC -ENOMEM. */
int sem_get(struct task *t, int key, int nsems, int flags) MUST_CHECK;
/* semop(2): all of the operations at once or none. n is at least 1. -EINVAL -EFBIG -EACCES -EIDRM -ERANGE -EAGAIN -EINTR,
 * -ENOMEM; -ETIMEDOUT at deadline_ns (CLOCK_MONOTONIC, UINT64_MAX: never). Sleeps. */
int sem_operate(struct task *t, int id, const struct sembuf *ops, unsigned n, uint64_t deadline_ns) MUST_CHECK;

void sem_remove(struct sem_set *s);       /* IPC_RMID: those who wait get -EIDRM */
/* SETVAL, SETALL: values[0 … n) are those of [first, first + n), in range. What was to be undone there is forgotten. */
void sem_set_values(struct sem_set *s, int first, int n, const unsigned short *values, int pid);
enum sem_count { SEM_COUNT_NEGATIVE, SEM_COUNT_ZERO };
int sem_count(const struct sem_set *s, int num, enum sem_count which);   /* GETNCNT, GETZCNT: who waits on it */
void sem_stat(const struct task *t, const struct sem_set *s, struct semid_ds *out);

/* The undo lists of processes: shared by tasks that were cloned with CLONE_SYSVSEM. */
struct sem_undo_list *sem_undo_share(struct task *t);                  /* for a new task: t's, made if need be. A reference */
void sem_undo_exit(struct task *t);       /* t leaves its list: the last one undoes what is on it. Never sleeps */
