/* cred.h - who a task is (credentials(7)). Immutable once shared: changing means copy, change, replace. */
#pragma once

#include "platform/base/base.h"

struct user_ns;

struct cred {
	int refs;
	uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	int ngroups;
	uint32_t *groups;                 /* sorted not: as set */
	uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bset, cap_ambient;
	unsigned securebits;
	bool no_new_privs;
	struct user_ns *user_ns;          /* a reference; NULL: the sandbox's first */
};
struct cred *cred_get(const struct cred *c);
void cred_put(struct cred *c);
DEFINE_AUTO(cred_put, struct cred *)
struct cred *cred_copy(const struct cred *c);                          /* private, refs 1 */
struct cred *cred_new(uint32_t uid, uint32_t gid);                     /* of a first task: all capabilities if uid is 0 */
/* t becomes who `new` says; takes it over. Losing or gaining makes t undumpable, as Linux's commit_creds(). */
struct task;
void cred_install(struct task *t, struct cred *new);
bool cred_in_group(const struct cred *c, uint32_t gid);                /* fsgid or supplementary */
/* A capability over the whole sandbox; in c's own user namespace; in any one (NULL: the first). */
static inline bool cred_has_own_cap(const struct cred *c, int cap) { return c->cap_effective >> cap & 1; }
static inline bool cred_has_cap(const struct cred *c, int cap) { return !c->user_ns && cred_has_own_cap(c, cap); }
bool cred_ns_cap(const struct cred *c, const struct user_ns *ns, int cap);

/* A user's tasks and queued signals, against RLIMIT_NPROC and RLIMIT_SIGPENDING, and inotify instances: kernel/user.c. */
struct user_counts { int tasks, signals, inotifies; };
struct user_counts user_counts(uint32_t uid);
void user_charge(uint32_t uid, int tasks, int signals);                /* adds; negative to give back */
void user_charge_inotify(uint32_t uid, int n);
