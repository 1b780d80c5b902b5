/* user_ns.h - user namespaces: which number an id has where, and what a capability is worth where (user_namespaces(7)).
 *
 * Inside, every id is the sandbox's: the number it has in the first namespace, which is NULL everywhere. Numbers are
 * translated where they come from or go to a guest. */
#pragma once

#include "sentry/kernel/cred.h"
#include "sentry/kernel/ns.h"

struct seq;

#define ID_NONE UINT32_MAX                /* no id */
#define ID_OVERFLOW 65534                 /* how one without a number is shown */

enum id_kind { ID_UID, ID_GID, ID_PROJECT, ID_KINDS };

/* Numbers [first, first + count) are lower… in the parent, inner… in the sandbox. */
struct id_extent { uint32_t first, lower, inner, count; };
struct id_map { unsigned n; struct id_extent *extents; };

struct user_ns {
	int refs;
	struct ns_id id;                  /* its owner is the parent */
	int level;                        /* 1: the first one's child */
	uint32_t uid, gid;                /* who made it */
	struct id_map maps[ID_KINDS];
	bool setgroups_denied, parent_had_setfcap;
};
struct user_ns *user_ns_get(struct user_ns *ns);      /* NULL stays NULL */
void user_ns_put(struct user_ns *ns);
DEFINE_AUTO(user_ns_put, struct user_ns *)

/* A namespace below c's, and `new`, a private copy of c, in it with all capabilities. -EUSERS -EPERM -ENOSPC. */
int user_ns_new(const struct cred *c, struct cred *new) MUST_CHECK;
void cred_enter_user_ns(struct cred *c, struct user_ns *ns);   /* all capabilities in it; takes a reference */
bool user_ns_is_below(const struct user_ns *ns, const struct user_ns *top);   /* or the same */

/* A namespace's number as the sandbox's id (ID_NONE: none), and back (ID_NONE: none; the shown one: ID_OVERFLOW). */
uint32_t id_inner(const struct user_ns *ns, enum id_kind kind, uint32_t number);
uint32_t id_number(const struct user_ns *ns, enum id_kind kind, uint32_t inner);
static inline uint32_t uid_given(const struct cred *c, uint32_t n) { return c->user_ns ? id_inner(c->user_ns, ID_UID, n) : n; }
static inline uint32_t gid_given(const struct cred *c, uint32_t n) { return c->user_ns ? id_inner(c->user_ns, ID_GID, n) : n; }
uint32_t id_shown(const struct user_ns *ns, enum id_kind kind, uint32_t inner);
static inline uint32_t uid_shown(const struct cred *c, uint32_t id) { return c->user_ns ? id_shown(c->user_ns, ID_UID, id) : id; }
static inline uint32_t gid_shown(const struct cred *c, uint32_t id) { return c->user_ns ? id_shown(c->user_ns, ID_GID, id) : id; }
/* The sandbox's id of c's root, or ID_NONE. */
static inline uint32_t cred_root(const struct cred *c) { return uid_given(c, 0); }
bool user_ns_may_setgroups(const struct user_ns *ns);

/* /proc/PID/uid_map, gid_map, projid_map, setgroups; user_ns_map.c. */
void user_ns_show_map(struct seq *s, const struct user_ns *ns, enum id_kind kind, const struct cred *viewer);
int user_ns_set_map(struct user_ns *ns, enum id_kind kind, const char *text, const struct cred *opener,
		    const struct cred *writer) MUST_CHECK;
int user_ns_set_setgroups(struct user_ns *ns, const char *text) MUST_CHECK;
