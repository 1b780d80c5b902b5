/* user_ns.c - user namespaces as objects, and numbers in them (user_ns.h).
 *
 * LINUX   kernel/user_namespace.c, security/commoncap.c: cap_capable(). */
#include "sentry/kernel/user_ns.h"
#include "sentry/keys/keys.h"

#include <linux/capability.h>
#include <linux/securebits.h>

#define LEVELS_MAX 33
#define ALL_CAPS ((1ULL << (CAP_LAST_CAP + 1)) - 1)

struct user_ns *user_ns_get(struct user_ns *ns)
{
	if (ns)
		ns->refs++;
	return ns;
}

void user_ns_put(struct user_ns *ns)
{
	while (ns && --ns->refs == 0) {
		struct user_ns *parent = user_ns_get(ns->id.owner);
		keys_user_ns_gone(ns->id.ino);
		ns_id_fini(&ns->id);
		for (int i = 0; i < ID_KINDS; i++)
			free(ns->maps[i].extents);
		free(ns);
		ns = parent;
	}
}

void cred_enter_user_ns(struct cred *c, struct user_ns *ns)
{
	struct user_ns *old = c->user_ns;
	c->user_ns = user_ns_get(ns);
	user_ns_put(old);
	c->securebits = SECUREBITS_DEFAULT;
	c->cap_inheritable = c->cap_ambient = 0;
	c->cap_permitted = c->cap_effective = c->cap_bset = ALL_CAPS;
}

int user_ns_new(const struct cred *c, struct cred *new)
{
	struct user_ns *parent = c->user_ns;
	int level = parent ? parent->level + 1 : 1;
	if (level > LEVELS_MAX)
		return -EUSERS;
	/* Who has no number cannot be mapped either, and would own what it cannot name. */
	if (id_number(parent, ID_UID, c->euid) == ID_NONE || id_number(parent, ID_GID, c->egid) == ID_NONE)
		return -EPERM;
	AUTO(user_ns_put) struct user_ns *ns = NEW(struct user_ns);
	ns->refs = 1;
	int err = ns_id_init(&ns->id, parent);
	if (err)
		return err;
	ns->level = level;
	ns->uid = c->euid;
	ns->gid = c->egid;
	ns->setgroups_denied = parent && parent->setgroups_denied;
	ns->parent_had_setfcap = cred_has_own_cap(c, CAP_SETFCAP);
	cred_enter_user_ns(new, ns);
	return 0;
}

bool user_ns_is_below(const struct user_ns *ns, const struct user_ns *top)
{
	while (ns && ns != top)
		ns = ns->id.owner;
	return ns == top;
}

bool cred_ns_cap(const struct cred *c, const struct user_ns *ns, int cap)
{
	int own_level = c->user_ns ? c->user_ns->level : 0;
	for (;;) {
		if (ns == c->user_ns)
			return cred_has_own_cap(c, cap);
		if (!ns || ns->level <= own_level)
			return false;
		/* Who made a namespace has all capabilities in it, while in the parent. */
		if (ns->id.owner == c->user_ns && ns->uid == c->euid)
			return true;
		ns = ns->id.owner;
	}
}

uint32_t id_inner(const struct user_ns *ns, enum id_kind kind, uint32_t number)
{
	if (!ns)
		return number;
	const struct id_map *map = &ns->maps[kind];
	for (unsigned i = 0; i < map->n; i++) {
		const struct id_extent *e = &map->extents[i];
		if (number >= e->first && number - e->first < e->count)
			return e->inner + (number - e->first);
	}
	return ID_NONE;
}

uint32_t id_number(const struct user_ns *ns, enum id_kind kind, uint32_t inner)
{
	if (!ns)
		return inner;
	const struct id_map *map = &ns->maps[kind];
	for (unsigned i = 0; i < map->n; i++) {
		const struct id_extent *e = &map->extents[i];
		if (inner >= e->inner && inner - e->inner < e->count)
			return e->first + (inner - e->inner);
	}
	return ID_NONE;
}

uint32_t id_shown(const struct user_ns *ns, enum id_kind kind, uint32_t inner)
{
	uint32_t n = id_number(ns, kind, inner);
	return n == ID_NONE && ns ? ID_OVERFLOW : n;
}

bool user_ns_may_setgroups(const struct user_ns *ns)
{
	return !ns || (ns->maps[ID_GID].n > 0 && !ns->setgroups_denied);
}
