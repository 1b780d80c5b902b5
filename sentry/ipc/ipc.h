/* ipc.h - what System V's shared memory, semaphores and message queues have in common: ids, keys, permissions (sysvipc(7)).
 *
 * A kind has one struct ipc_ids and embeds struct ipc_object. The table holds a reference until the object is removed;
 * who sleeps on an object holds another and looks at `removed` when awake. None of these functions sleeps. */
#pragma once

#include <sys/ipc.h>
#include <sys/queue.h>
#include <uthash.h>

#include "platform/base/base.h"
#include "sentry/kernel/cred.h"

struct ipc_ns;
struct seq;
struct task;

#define IPC_INDEX_BITS 15
#define IPC_INDEX_MAX (1 << IPC_INDEX_BITS)

struct ipc_object {
	struct ipc_ids *ids;
	int id;                           /* sequence number << IPC_INDEX_BITS | index: a number is not soon used again */
	int key;
	int refs;
	bool removed;                     /* no id leads here any more */
	uint32_t uid, gid, cuid, cgid;    /* owner, creator */
	mode_t mode;                      /* permission bits, and the kind's own above them */
	UT_hash_handle by_key;
};

struct ipc_ids {
	const struct ipc_ns *ns;          /* whose they are */
	int *max;                         /* objects: a sysctl */
	void (*free)(struct ipc_object *o);   /* the last reference is gone. Never sleeps */
	int count;
	int next_id;                      /* sysctl kernel.*_next_id: the id wanted for the next object; -1: any */
	int last_index, sequence, size;
	struct ipc_object **slots;        /* size */
	struct ipc_object *keys;
};
#define IPC_IDS_INIT(max_, free_) { .max = (max_), .free = (free_), .next_id = -1, .last_index = -1 }

/* By id, by place in the table (SHM_STAT and its like). Borrowed; NULL: EINVAL. */
struct ipc_object *ipc_find(const struct ipc_ids *ids, int id);
struct ipc_object *ipc_find_index(const struct ipc_ids *ids, int index);
struct ipc_object *ipc_next(const struct ipc_ids *ids, int *index);   /* at or after *index, which moves behind it; NULL: end */
int ipc_max_index(const struct ipc_ids *ids);                          /* in use; 0 when nothing is */

/* The start of shmget(2) and its like. *out: what has the key (borrowed), or NULL: the caller makes one. -ENOENT -EEXIST. */
int ipc_get_key(struct ipc_ids *ids, int key, int flags, struct ipc_object **out) MUST_CHECK;
/* Puts an object into the table, which takes the first reference over. cred: the creator. The id, or -ENOSPC. */
int ipc_add(struct ipc_ids *ids, struct ipc_object *o, int key, mode_t mode, const struct cred *cred) MUST_CHECK;
void ipc_forget_key(struct ipc_object *o);                             /* it becomes IPC_PRIVATE */
void ipc_remove(struct ipc_object *o);                                 /* the id is free */
struct ipc_object *ipc_ref(struct ipc_object *o);
void ipc_put(struct ipc_object *o);

/* wanted: permission bits for anybody, 0444 or 0222 or what a get call asked for. -EACCES. */
int ipc_permission(const struct ipc_object *o, const struct cred *c, mode_t wanted) MUST_CHECK;
bool ipc_is_owner(const struct ipc_object *o, const struct cred *c);   /* may IPC_SET and IPC_RMID */

/* ids as c numbers them */
void ipc_perm_get(const struct ipc_object *o, const struct cred *c, struct ipc_perm *out);
/* IPC_SET: owner, group and permission bits. -EINVAL. */
int ipc_perm_set(struct ipc_object *o, const struct cred *c, const struct ipc_perm *in) MUST_CHECK;
