/* mount_tree.c - mounts that lie nowhere yet: what fsmount(2) and open_tree(2) make and move_mount(2) puts in place.
 *
 * HOW      A tree of them has a namespace of its own, that nobody is in. A descriptor holds it; with the last one it goes.
 *          Putting it in place moves its mounts to the namespace of where they go; the empty one stays with the descriptor.
 * LINUX    fs/namespace.c (anonymous mount namespaces, do_move_mount, can_move_mount_beneath).
 * MISSING  Mounting beneath where the parent is shared (EINVAL). */
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount_impl.h"

static int tree_new(struct user_ns *owner, struct mount_ns **out)
{
	struct mount_ns *ns = NEW(struct mount_ns);
	int err = ns_id_init(&ns->id, owner);
	if (err) {
		free(ns);
		return err;
	}
	ns->refs = 1;
	ns->detached = true;
	TAILQ_INIT(&ns->mounts);
	waitq_init(&ns->wq);
	*out = ns;
	return 0;
}

int mount_tree_new(struct user_ns *owner, struct superblock *sb, unsigned flags, const char *source, struct mount_ns **out)
{
	int err = tree_new(owner, out);
	if (err)
		return err;
	(*out)->root = mount_new(sb, NULL, flags, source);
	mount_attach(*out, (*out)->root, NULL);
	return 0;
}

int mount_tree_copy(struct mount_ns *ns, const struct path *from, bool recursive, struct mount_ns **out)
{
	const struct mount *m = from->mnt;
	if ((m->ns != ns && !(m->ns && m->ns->detached)) || m->unbindable || from->dentry->unhashed)
		return -EINVAL;
	if (!recursive && mount_has_locked_children(from))
		return -EINVAL;
	int err = tree_new(ns->id.owner, out);
	if (err)
		return err;
	struct mount *top = mount_new(m->sb, from->dentry, m->flags, m->source);
	top->locked_flags = m->locked_flags;
	mount_attach(*out, top, NULL);
	(*out)->root = top;
	if (recursive)
		mount_copy_below(from, top, NULL, COPY_PEER);
	return 0;
}

/* All of a tree to where its root will be. */
static void rehome(struct mount_ns *tree, struct mount_ns *ns)
{
	struct mount *m;
	while ((m = TAILQ_FIRST(&tree->mounts))) {
		TAILQ_REMOVE(&tree->mounts, m, link);
		m->ns = ns;
		TAILQ_INSERT_TAIL(&ns->mounts, m, link);
	}
	tree->root = NULL;
}

int mount_tree_place(struct mount_ns *ns, struct mount *top, const struct path *at)
{
	struct mount_ns *tree = top->ns;
	int err = mount_check_at(ns, top->root, at);
	if (err)
		return err;
	if (top != tree->root || (at->mnt->group && mount_has_unbindable(top)))
		return -EINVAL;
	rehome(tree, ns);
	TAILQ_REMOVE(&ns->mounts, top, link);
	mount_attach(ns, top, at);
	mount_ns_changed(ns);
	mount_pass_on(top);
	return 0;
}

int mount_place_beneath(struct mount_ns *ns, struct mount *m, struct mount *over)
{
	if (over->ns != ns || !over->parent || over->locked || over->parent->group || !m->ns)
		return -EINVAL;
	if (m->ns->detached ? m != m->ns->root : m->ns != ns || !m->parent || m->locked || m->parent->group || mount_is_below(over, m))
		return -EINVAL;
	struct path at = { .mnt = over->parent, .dentry = over->mountpoint };
	int err = mount_check_at(ns, m->root, &at);
	if (err)
		return err;
	path_get(&at);
	if (m->ns->detached)
		rehome(m->ns, ns);
	mount_lift(m);
	mount_lift(over);
	TAILQ_REMOVE(&ns->mounts, m, link);
	mount_attach(ns, m, &at);
	TAILQ_REMOVE(&ns->mounts, over, link);
	mount_attach(ns, over, &(struct path){ .mnt = m, .dentry = m->root });
	mount_ns_changed(ns);
	path_put(&at);
	return 0;
}

int mount_change_flags(struct mount *top, unsigned set, unsigned clear, bool recursive)
{
	struct mount *m;
	TAILQ_FOREACH(m, &top->ns->mounts, link) {
		unsigned wanted = (m->flags & ~clear) | set;
		if (m != top && !(recursive && mount_is_below(m, top)))
			continue;
		if (((m->flags & MNT_LOCK_RDONLY) && !(wanted & MNT_RDONLY)) || (m->locked_flags & ~wanted))
			return -EPERM;
	}
	TAILQ_FOREACH(m, &top->ns->mounts, link) {
		if (m == top || (recursive && mount_is_below(m, top)))
			m->flags = (m->flags & ~clear) | set;
	}
	mount_ns_changed(top->ns);
	return 0;
}
