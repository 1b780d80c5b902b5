/* propagate.c - peer groups and slaves (propagate.h).
 *
 * HOW      A group is an object with two lists. A mount is a member of at most one and a slave of at most one; who is both
 *          passes on to its own peers what it receives.
 * LINUX    fs/pnode.c, where slaves hang on single members. Same: the slaves of a group that ends go to its master. */
#include "sentry/vfs/propagate.h"

static int next_group_id = 1;

static void set_master(struct mount *m, struct peer_group *g)
{
	if (m->master)
		TAILQ_REMOVE(&m->master->slaves, m, slave_link);
	m->master = g;
	if (g)
		TAILQ_INSERT_TAIL(&g->slaves, m, slave_link);
}

static void join(struct mount *m, struct peer_group *g)
{
	m->group = g;
	TAILQ_INSERT_TAIL(&g->members, m, peer_link);
}

static void leave(struct mount *m)
{
	struct peer_group *g = m->group;
	struct mount *slave;
	if (!g)
		return;
	TAILQ_REMOVE(&g->members, m, peer_link);
	m->group = NULL;
	if (!TAILQ_EMPTY(&g->members))
		return;
	while ((slave = TAILQ_FIRST(&g->slaves)))
		set_master(slave, slave == m || m->master == g ? NULL : m->master);
	free(g);
}

void mount_make_shared(struct mount *m)
{
	m->unbindable = false;
	if (m->group)
		return;
	struct peer_group *g = NEW(struct peer_group);
	g->id = next_group_id++;
	TAILQ_INIT(&g->members);
	TAILQ_INIT(&g->slaves);
	join(m, g);
}

void mount_make_slave(struct mount *m)
{
	struct peer_group *g = m->group;
	m->unbindable = false;
	if (!g)
		return;
	bool has_peers = TAILQ_FIRST(&g->members) != m || TAILQ_NEXT(m, peer_link);
	leave(m);
	if (has_peers)
		set_master(m, g);
}

void mount_make_private(struct mount *m)
{
	leave(m);
	set_master(m, NULL);
	m->unbindable = false;
}

void mount_copy_groups(struct mount *c, const struct mount *old, bool as_slave)
{
	if (as_slave && old->group) {
		set_master(c, old->group);
		return;
	}
	if (old->group)
		join(c, old->group);
	set_master(c, old->master);
}

static bool contains(const struct mount_list_of *l, const struct mount *m)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->m[i] == m)
			return true;
	return false;
}

static void add(struct mount_list_of *l, struct mount *m)
{
	struct mount **more = reallocarray(l->m, l->n + 1, sizeof(struct mount *));
	CHECK(more != NULL);
	l->m = more;
	l->m[l->n++] = m;
}

void mount_receivers(const struct mount *m, struct mount_list_of *out)
{
	struct mount *each;
	*out = (struct mount_list_of){ 0 };
	add(out, (struct mount *)m);
	/* The list grows while it is walked: by the peers and slaves of those on it. */
	for (size_t i = 0; i < out->n; i++) {
		const struct peer_group *g = out->m[i]->group;
		if (!g)
			continue;
		TAILQ_FOREACH(each, &g->members, peer_link)
			if (!contains(out, each))
				add(out, each);
		TAILQ_FOREACH(each, &g->slaves, slave_link)
			if (!contains(out, each))
				add(out, each);
	}
	out->n--;
	for (size_t i = 0; i < out->n; i++)
		out->m[i] = out->m[i + 1];
}
