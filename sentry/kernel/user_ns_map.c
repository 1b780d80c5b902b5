/* user_ns_map.c - writing and showing the maps of user namespaces.
 *
 * HOW     A map is set once, as a whole. Ranges are translated to the sandbox's ids when it is set: a parent's map
 *         cannot change later.
 * LINUX   kernel/user_namespace.c: map_write(), new_idmap_permitted(), proc_setgroups_write(). */
#include <ctype.h>
#include <linux/capability.h>
#include <string.h>

#include "sentry/fs/pseudo/seq.h"
#include "sentry/kernel/machine.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"

#define EXTENTS_MAX 340

void user_ns_show_map(struct seq *s, const struct user_ns *ns, enum id_kind kind, const struct cred *viewer)
{
	const struct user_ns *lower = viewer ? viewer->user_ns : NULL;
	if (!ns) {
		seq_printf(s, "%10u %10u %10u\n", 0, 0, UINT32_MAX);
		return;
	}
	if (lower == ns)
		lower = ns->id.owner;
	for (unsigned i = 0; i < ns->maps[kind].n; i++) {
		const struct id_extent *e = &ns->maps[kind].extents[i];
		seq_printf(s, "%10u %10u %10u\n", e->first, id_number(lower, kind, e->inner), e->count);
	}
}

/* A decimal number and the blanks around it; false: there is none, or it is too large. */
static bool parse_number(const char **text, uint32_t *out)
{
	uint64_t n = 0;
	const char *p = *text;
	while (*p == ' ' || *p == '\t')
		p++;
	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > UINT32_MAX)
			return false;
	}
	*text = p;
	*out = (uint32_t)n;
	return true;
}

static bool parse_line(const char **text, struct id_extent *e)
{
	if (!parse_number(text, &e->first) || !parse_number(text, &e->lower) || !parse_number(text, &e->count))
		return false;
	while (**text == ' ' || **text == '\t')
		(*text)++;
	if (**text && **text != '\n')
		return false;
	if (**text)
		(*text)++;
	uint32_t end;
	return e->first != ID_NONE && e->lower != ID_NONE && e->count > 0 &&
	       !__builtin_add_overflow(e->first, e->count, &end) && !__builtin_add_overflow(e->lower, e->count, &end);
}

static bool ranges_meet(uint32_t a, uint32_t b, const struct id_extent *x, const struct id_extent *y)
{
	return a <= b + (y->count - 1) && b <= a + (x->count - 1);
}

static int parse(const char *text, struct id_map *map)
{
	map->extents = xzalloc(EXTENTS_MAX * sizeof(*map->extents));
	while (*text) {
		struct id_extent *e = &map->extents[map->n];
		if (map->n == EXTENTS_MAX || !parse_line(&text, e))
			return -EINVAL;
		for (unsigned i = 0; i < map->n; i++) {
			const struct id_extent *o = &map->extents[i];
			if (ranges_meet(e->first, o->first, e, o) || ranges_meet(e->lower, o->lower, e, o))
				return -EINVAL;
		}
		map->n++;
	}
	return map->n > 0 ? 0 : -EINVAL;
}

/* Root's id of the parent gives its files' capabilities away: only with CAP_SETFCAP. */
static bool may_map_root(const struct user_ns *ns, const struct id_map *map, const struct cred *opener)
{
	bool maps_root = false;
	for (unsigned i = 0; i < map->n; i++)
		maps_root |= map->extents[i].lower == 0;
	if (!maps_root)
		return true;
	if (opener->user_ns == ns)
		return ns->parent_had_setfcap;
	return cred_ns_cap(opener, ns->id.owner, CAP_SETFCAP);
}

static bool is_permitted(const struct user_ns *ns, enum id_kind kind, const struct id_map *map, const struct cred *opener,
			 const struct cred *writer)
{
	const struct user_ns *parent = ns->id.owner;
	if (kind == ID_PROJECT)
		return true;
	if (kind == ID_UID && !may_map_root(ns, map, opener))
		return false;
	/* Without privileges: only oneself. */
	if (map->n == 1 && map->extents[0].count == 1 && ns->uid == opener->euid) {
		uint32_t id = id_inner(parent, kind, map->extents[0].lower);
		if (kind == ID_UID ? id == opener->euid : ns->setgroups_denied && id == opener->egid)
			return true;
	}
	int cap = kind == ID_UID ? CAP_SETUID : CAP_SETGID;
	return cred_ns_cap(writer, parent, cap) && cred_ns_cap(opener, parent, cap);
}

/* The parent must have the whole range in one piece. */
static int translate(const struct user_ns *parent, enum id_kind kind, struct id_extent *e)
{
	if (!parent) {
		e->inner = e->lower;
		return 0;
	}
	for (unsigned i = 0; i < parent->maps[kind].n; i++) {
		const struct id_extent *p = &parent->maps[kind].extents[i];
		if (e->lower >= p->first && e->lower - p->first < p->count && p->count - (e->lower - p->first) >= e->count) {
			e->inner = p->inner + (e->lower - p->first);
			return 0;
		}
	}
	return -EPERM;
}

int user_ns_set_map(struct user_ns *ns, enum id_kind kind, const char *text, const struct cred *opener, const struct cred *writer)
{
	if (!ns || (opener->user_ns != ns && opener->user_ns != ns->id.owner))
		return -EPERM;
	if (ns->maps[kind].n)
		return -EPERM;
	if (kind != ID_PROJECT && !cred_ns_cap(opener, ns, CAP_SYS_ADMIN))
		return -EPERM;
	struct id_map map = { 0 };
	int err = parse(text, &map);
	if (!err && !is_permitted(ns, kind, &map, opener, writer))
		err = -EPERM;
	for (unsigned i = 0; i < map.n && !err; i++)
		err = translate(ns->id.owner, kind, &map.extents[i]);
	if (err) {
		free(map.extents);
		return err;
	}
	ns->maps[kind] = map;
	FOREACH_PROCESS(tg)
		answers_forget_group(tg);
	return 0;
}

int user_ns_set_setgroups(struct user_ns *ns, const char *text)
{
	bool deny = strncmp(text, "deny", 4) == 0;
	if (!deny && strncmp(text, "allow", 5) != 0)
		return -EINVAL;
	text += deny ? 4 : 5;
	if (text[strspn(text, " \t\n")])
		return -EINVAL;
	if (!deny)
		return ns && ns->setgroups_denied ? -EPERM : 0;
	/* Once groups are mapped they may have been dropped: too late. */
	if (!ns || ns->maps[ID_GID].n)
		return -EPERM;
	ns->setgroups_denied = true;
	return 0;
}
