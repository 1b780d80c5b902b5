/* ns.h - namespaces: what the kinds have in common (namespaces(7)).
 *
 * A task has a reference on one of each kind, until it exits. Of user namespaces the sandbox's first is NULL; of the other
 * kinds none is. A namespace's capabilities are those of the user namespace that owns it. */
#pragma once

#include "platform/base/base.h"

struct cred;
struct file;
struct fs_context;
struct mount_ns;
struct task;
struct thread_group;
struct time_ns;
struct user_ns;

enum ns_kind { NS_CGROUP, NS_IPC, NS_MNT, NS_NET, NS_PID, NS_TIME, NS_USER, NS_UTS, NS_KINDS };

#define NS_MAX 8000                       /* of all kinds together, for nobody may exhaust the sentry */

struct ns_id {                            /* embedded in each namespace */
	uint32_t ino;                     /* what tells it from others: /proc/PID/ns, nsfs */
	struct user_ns *owner;            /* a reference; NULL: the first */
};
/* A further namespace's identity. -ENOSPC: there are too many. */
int ns_id_init(struct ns_id *id, struct user_ns *owner) MUST_CHECK;
void ns_id_init_first(struct ns_id *id, enum ns_kind kind);   /* the sandbox's first one of a kind: Linux's own number */
void ns_id_fini(struct ns_id *id);

struct uts_ns { int refs; struct ns_id id; char hostname[65], domainname[65]; };
struct cgroup_ns { int refs; struct ns_id id; };
struct uts_ns *uts_ns_first(const char *hostname);
struct cgroup_ns *cgroup_ns_first(void);

/* Any of them. */
struct ns { enum ns_kind kind; void *obj; };
void ns_get(struct ns ns);
void ns_put(struct ns ns);                /* may sleep (mounts) */
const struct ns_id *ns_id(struct ns ns);  /* NULL: the first user namespace */
uint32_t ns_ino(struct ns ns);
struct user_ns *ns_owner(struct ns ns);   /* borrowed; of a user namespace: the parent */
uint64_t ns_clone_flag(enum ns_kind kind);
const char *ns_name(enum ns_kind kind);   /* "mnt": of the link in /proc/PID/ns */
/* Borrowed. for_children: a pid or time namespace it will put its children into. False: the task has exited. */
bool ns_of_task(const struct task *t, enum ns_kind kind, bool for_children, struct ns *out);

/* --- changing a task's namespaces: clone(2), unshare(2), setns(2) --- */

struct ns_change {
	struct cred *cred;                /* NULL: stays */
	struct fs_context *fs;            /* with another mount namespace: where it is in that */
	struct ns set[NS_KINDS];          /* references; obj NULL: stays. Not users: that's in cred */
};
/* What clone or unshare with these CLONE_NEW* flags makes. -EPERM -ENOSPC -EUSERS -EINVAL. out: zeroed; the caller drops it. */
int ns_unshare(const struct task *t, uint64_t flags, struct ns_change *out) MUST_CHECK;
void ns_change_apply(struct task *t, struct ns_change *c);   /* takes everything over; may sleep if t runs */
void ns_change_drop(struct ns_change *c);                    /* harmless on what was applied. May sleep */
#define AUTO_NS_CHANGE __attribute__((cleanup(ns_change_drop))) struct ns_change
/* setns(2): adds `wanted` to out, where a user namespace joined before is already. */
int ns_join(struct task *t, struct ns wanted, struct ns_change *out) MUST_CHECK;

void ns_fork(const struct task *t, struct task *child);      /* shares all; the pid namespace is task_new()'s business */
void ns_exit(struct task *t);                                /* leaves all but user and pid. May sleep */
