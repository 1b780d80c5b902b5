/* ipc_ns.h - an IPC namespace: System V objects and POSIX message queues of their own (ipc_namespaces(7)).
 *
 * A task has a reference on its one (task->ipc_ns). The limits (kernel.shmmax and its like) are the sandbox's. */
#pragma once

#include "sentry/ipc/ipc.h"
#include "sentry/kernel/ns.h"

struct mount;

struct ipc_ns {
	int refs;
	struct ns_id id;
	struct ipc_ids shm, sem, msg;
	struct mount *mqueues;            /* in no mount namespace; NULL: nobody has asked for it yet */
};
extern struct ipc_ns ipc_ns_first;        /* the sandbox's: lives as long as that */
void ipc_ns_boot(void);
int ipc_ns_new(struct user_ns *owner, struct ipc_ns **out) MUST_CHECK;
struct ipc_ns *ipc_ns_get(struct ipc_ns *ns);
void ipc_ns_put(struct ipc_ns *ns);       /* the last one: all objects go. May sleep */

/* Each kind's own part. */
void shm_ids_init(struct ipc_ids *ids);
void sem_ids_init(struct ipc_ids *ids);
void msg_ids_init(struct ipc_ids *ids);
void shm_ids_end(struct ipc_ids *ids);    /* nobody can name them any more; what is attached stays. May sleep */
void sem_ids_end(struct ipc_ids *ids);
void msg_ids_end(struct ipc_ids *ids);
void mqueue_end(struct mount *m);         /* the queues lose their names; takes m. May sleep */
