/* mount.c - the tree of mounts (mount_namespaces(7), pivot_root(2)).
 *
 * HOW      A namespace is a list of mounts in the order they were made; each knows its parent and the dentry it covers.
 *          There are few of them, and dentry->mounted says where looking is worth it, so the list is searched.
 *          A mount holds its superblock and the dentry it shows; whoever is inside (open files, cwd) holds the mount.
 *          So a detached mount lives until its last user leaves, and a file system until its last mount goes.
 * LINUX    fs/namespace.c.
 * SIZE     Making, moving and taking off share the list and its rules; copies by propagation are propagate.c, trees mount_tree.c.
 * MISSING  An umount that is passed on leaves what has mounts on it. */
#include "sentry/vfs/mount.h"

#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount_impl.h"
#include "sentry/vfs/propagate.h"

#define NSFS_MAGIC 0x6e736673

#define MOUNTS_MAX 30000                  /* of all namespaces */
#define FLAGS_TO_LOCK (MNT_RDONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC)

static int next_mount_id = 20, live_mounts;

void mount_ns_changed(struct mount_ns *ns)
{
	ns->event++;
	waitq_wake(&ns->wq, EPOLLERR | EPOLLPRI);
}

/* In no tree yet. refs 1: the caller's. */
struct mount *mount_new(struct superblock *sb, struct dentry *root, unsigned flags, const char *source)
{
	struct mount *m = NEW(struct mount);
	m->refs = 1;
	m->id = next_mount_id++;
	m->sb = superblock_get(sb);
	m->root = root ? dentry_get(root) : dcache_root(sb);
	m->flags = flags;
	m->source = xstrdup(source ? source : "none");
	live_mounts++;
	return m;
}

/* A copy is as shared as the original; or its slave, and then perhaps a master of its own. refs 1, in no tree. */
struct mount *mount_copy(const struct mount *m, enum copy_as as)
{
	struct mount *c = mount_new(m->sb, m->root, m->flags, m->source);
	c->locked_flags = m->locked_flags;
	mount_copy_groups(c, m, as != COPY_PEER);
	if (as == COPY_SHARED_SLAVE)
		mount_make_shared(c);
	return c;
}

struct mount *mount_get(struct mount *m)
{
	CHECK(m->refs > 0);
	m->refs++;
	return m;
}

void mount_put(struct mount *m)
{
	if (!m)
		return;
	CHECK(m->refs > 0);
	m->expiring = false;
	if (--m->refs > 0)
		return;
	CHECK(!m->ns && !m->parent && !m->group && !m->master);
	live_mounts--;
	dentry_put(m->root);
	superblock_put(m->sb);
	free(m->source);
	free(m);
}

struct mount *mount_internal(struct superblock *sb, const char *source)
{
	struct mount *m = NEW(struct mount);
	m->refs = 1;
	m->sb = sb;
	m->source = xstrdup(source);
	live_mounts++;
	return m;
}

struct mount *mount_anon(void)
{
	static struct mount *anon;
	if (!anon)
		anon = mount_internal(superblock_get(anon_superblock()), "none");
	return mount_get(anon);
}

/* --- the tree --- */

/* Puts m on `at`. The namespace's list takes over the caller's reference. */
void mount_attach(struct mount_ns *ns, struct mount *m, const struct path *at)
{
	m->ns = ns;
	if (at) {
		m->parent = mount_get(at->mnt);
		m->mountpoint = dentry_get(at->dentry);
		m->mountpoint->mounted++;
		dcache_pin(m->mountpoint);
	}
	TAILQ_INSERT_TAIL(&ns->mounts, m, link);
}

/* Takes m off where it lies, still in the namespace's list. May sleep. */
void mount_lift(struct mount *m)
{
	struct dentry *d = TAKE(m->mountpoint);
	struct mount *parent = TAKE(m->parent);
	if (d) {
		d->mounted--;
		dentry_put(d);
	}
	mount_put(parent);
}

static void detach(struct mount *m)
{
	TAILQ_REMOVE(&m->ns->mounts, m, link);
	m->ns = NULL;
	mount_make_private(m);
	mount_lift(m);
	mount_put(m);
}

static struct mount *child_at(const struct path *p)
{
	struct mount *m;
	if (!p->dentry->mounted || !p->mnt->ns)
		return NULL;
	TAILQ_FOREACH(m, &p->mnt->ns->mounts, link) {
		if (m->parent == p->mnt && m->mountpoint == p->dentry)
			return m;
	}
	return NULL;
}

bool mount_top(struct path *p)
{
	struct mount *m;
	bool moved = false;
	while ((m = child_at(p))) {
		p->mnt = m;
		p->dentry = m->root;
		moved = true;
	}
	return moved;
}

void mount_top_get(struct path *p)
{
	struct path top = *p;
	if (!mount_top(&top))
		return;
	path_get(&top);
	path_put(p);
	*p = top;
}

bool mount_is_below(const struct mount *m, const struct mount *top)
{
	while (m && m != top)
		m = m->parent;
	return m != NULL;
}

static bool has_children(const struct mount *m)
{
	struct mount *c;
	TAILQ_FOREACH(c, &m->ns->mounts, link) {
		if (c->parent == m)
			return true;
	}
	return false;
}

/* m and all that is mounted below it. May sleep. */
static void detach_tree(struct mount *m)
{
	struct mount_ns *ns = m->ns;
	mount_get(m);
	while (m->ns) {
		struct mount *leaf = m, *c;
		TAILQ_FOREACH(c, &ns->mounts, link) {
			if (c != m && mount_is_below(c, m) && !has_children(c)) {
				leaf = c;
				break;
			}
		}
		detach(leaf);
	}
	mount_put(m);
	mount_ns_changed(ns);
}

/* --- namespaces --- */

int mount_ns_new(struct superblock *root, struct mount_ns **out)
{
	struct mount_ns *ns = NEW(struct mount_ns);
	ns->refs = 1;
	ns_id_init_first(&ns->id, NS_MNT);
	TAILQ_INIT(&ns->mounts);
	waitq_init(&ns->wq);
	ns->root = mount_new(root, NULL, root->read_only ? MNT_RDONLY : 0, root->type);
	mount_attach(ns, ns->root, NULL);
	*out = ns;
	return 0;
}

struct mount_ns *mount_ns_get(struct mount_ns *ns)
{
	ns->refs++;
	return ns;
}

void mount_ns_put(struct mount_ns *ns)
{
	if (!ns)
		return;
	CHECK(ns->refs > 0);
	if (--ns->refs > 0)
		return;
	ns->root = NULL;
	while (!TAILQ_EMPTY(&ns->mounts))
		detach(TAILQ_LAST(&ns->mounts, mount_list));
	ns_id_fini(&ns->id);
	free(ns);
}

static void move_path(struct path *p, struct mount *from, struct mount *to)
{
	if (p->mnt != from)
		return;
	struct path moved = { .mnt = mount_get(to), .dentry = dentry_get(p->dentry) };
	struct path old = *p;
	*p = moved;
	path_put(&old);
}

static struct mount *copy_of(struct mount_ns *from, struct mount_ns *to, const struct mount *m)
{
	/* Both lists have the same order. */
	struct mount *a = TAILQ_FIRST(&from->mounts), *b = TAILQ_FIRST(&to->mounts);
	while (a && a != m) {
		a = TAILQ_NEXT(a, link);
		b = TAILQ_NEXT(b, link);
	}
	return a ? b : NULL;
}

int mount_ns_copy(struct mount_ns *ns, struct user_ns *owner, struct fs_context *fs, struct mount_ns **out)
{
	struct mount_ns *copy = NEW(struct mount_ns);
	struct mount *m, *c;
	int count = 0;
	TAILQ_FOREACH(m, &ns->mounts, link)
		count++;
	int err = live_mounts + count > MOUNTS_MAX ? -ENOSPC : ns_id_init(&copy->id, owner);
	if (err) {
		free(copy);
		return err;
	}
	copy->refs = 1;
	TAILQ_INIT(&copy->mounts);
	waitq_init(&copy->wq);
	TAILQ_FOREACH(m, &ns->mounts, link) {
		c = mount_copy(m, owner != ns->id.owner ? COPY_SLAVE : COPY_PEER);
		c->unbindable = m->unbindable;
		if (owner != ns->id.owner) {
			c->locked = m->parent != NULL;
			c->locked_flags |= m->flags & FLAGS_TO_LOCK;
		}
		c->ns = copy;
		TAILQ_INSERT_TAIL(&copy->mounts, c, link);
	}
	TAILQ_FOREACH(m, &ns->mounts, link) {
		c = copy_of(ns, copy, m);
		if (!m->parent)
			continue;
		c->parent = mount_get(copy_of(ns, copy, m->parent));
		c->mountpoint = dentry_get(m->mountpoint);
		c->mountpoint->mounted++;
	}
	copy->root = copy_of(ns, copy, ns->root);
	for (m = TAILQ_FIRST(&ns->mounts), c = TAILQ_FIRST(&copy->mounts); m;
	     m = TAILQ_NEXT(m, link), c = TAILQ_NEXT(c, link)) {
		move_path(&fs->root, m, c);
		move_path(&fs->cwd, m, c);
	}
	*out = copy;
	return 0;
}

/* --- changing --- */

int mount_check_at(struct mount_ns *ns, const struct dentry *root, const struct path *at)
{
	if (at->mnt->ns != ns)
		return -EINVAL;
	if (S_ISDIR(root->inode->mode) != S_ISDIR(at->dentry->inode->mode))
		return -ENOTDIR;
	return at->dentry->unhashed ? -ENOENT : 0;
}

/* What was mounted at `at` is gone; so it is where that was passed on to. */
static void detach_from_receivers(const struct path *at, bool lazy)
{
	struct mount_list_of to;
	mount_receivers(at->mnt, &to);
	for (size_t i = 0; i < to.n; i++)
		mount_get(to.m[i]);
	for (size_t i = 0; i < to.n; i++) {
		struct mount *m = child_at(&(struct path){ .mnt = to.m[i], .dentry = at->dentry });
		if (m && !m->locked && (lazy || !has_children(m)))
			detach_tree(m);
	}
	for (size_t i = 0; i < to.n; i++)
		mount_put(to.m[i]);
	free(to.m);
}

int mount_del(struct mount *m, bool lazy)
{
	struct mount_ns *ns = m->ns;
	if (!ns || m == ns->root || m->locked)
		return -EINVAL;
	/* Its own two: the list's and the caller's. */
	if (!lazy && (has_children(m) || m->refs > 2))
		return -EBUSY;
	struct path at = { .mnt = m->parent, .dentry = m->mountpoint };
	path_get(&at);
	detach_tree(m);
	detach_from_receivers(&at, lazy);
	path_put(&at);
	return 0;
}

int mount_expire(struct path *at)
{
	struct mount *m = at->mnt;
	if (!m->ns || m == m->ns->root)
		return -EINVAL;
	if (has_children(m) || m->refs > 2)
		return -EBUSY;
	bool again = m->expiring;
	if (again)
		return mount_del(m, false);
	path_put(at);                     /* the last use that counts */
	m->expiring = true;
	return -EAGAIN;
}

struct copies {
	size_t n;
	struct pair { struct mount *old, *new; } *pairs;
};

static struct mount *copy_in(const struct copies *c, const struct mount *old)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->pairs[i].old == old)
			return c->pairs[i].new;
	}
	return NULL;
}

static bool copies_add(struct copies *c, struct mount *old, struct mount *new)
{
	struct pair *more = reallocarray(c->pairs, c->n + 1, sizeof(*more));
	if (!more)
		return false;
	c->pairs = more;
	c->pairs[c->n++] = (struct pair){ old, new };
	return true;
}

/* What is mounted below `from`, up to `last` in its namespace's list (NULL: all), also below its copy. */
void mount_copy_below(const struct path *from, struct mount *top, const struct mount *last, enum copy_as as)
{
	struct mount_ns *ns = from->mnt->ns;
	struct copies done = { 0 };
	bool again = copies_add(&done, from->mnt, top);
	while (again) {                   /* a moved mount stands before its parent in the list */
		again = false;
		for (struct mount *m = TAILQ_FIRST(&ns->mounts); m; m = m == last ? NULL : TAILQ_NEXT(m, link)) {
			struct mount *parent = m->parent ? copy_in(&done, m->parent) : NULL;
			if (!parent || copy_in(&done, m) || m->unbindable || live_mounts >= MOUNTS_MAX ||
			    (m->parent == from->mnt && !dentry_is_below(m->mountpoint, from->dentry)))
				continue;
			struct mount *c = mount_copy(m, as);
			c->locked = m->locked;
			mount_attach(top->ns, c, &(struct path){ .mnt = parent, .dentry = m->mountpoint });
			again = copies_add(&done, m, c);
			if (!again)
				break;
		}
	}
	free(done.pairs);
}

/* The copy that a mount of group g has received already, or the original. */
static struct mount *received_by(const struct mount_list_of *to, size_t upto, struct mount *const *got, const struct peer_group *g,
				 const struct mount *dest, struct mount *top)
{
	if (g && dest->group == g)
		return top;
	for (size_t i = 0; i < upto; i++)
		if (got[i] && g && to->m[i]->group == g)
			return got[i];
	return NULL;
}

/* top has come to lie on a shared mount: it, and what is on it, appears on that one's peers and slaves. */
void mount_pass_on(struct mount *top)
{
	struct mount *dest = top->parent, *m;
	if (!dest->group)
		return;
	TAILQ_FOREACH(m, &top->ns->mounts, link)
		if (mount_is_below(m, top))
			mount_make_shared(m);
	struct mount_list_of to;
	mount_receivers(dest, &to);
	struct mount **got = xzalloc((to.n + 1) * sizeof(struct mount *));
	for (size_t i = 0; i < to.n; i++) {
		struct mount *r = to.m[i];
		if (!r->ns || mount_is_below(r, top) || !dentry_is_below(top->mountpoint, r->root) || live_mounts >= MOUNTS_MAX)
			continue;
		struct mount *from = received_by(&to, i, got, r->group, dest, top);
		enum copy_as as = from ? COPY_PEER : r->group ? COPY_SHARED_SLAVE : COPY_SLAVE;
		if (!from)
			from = received_by(&to, i, got, r->master, dest, top);
		if (!from)
			from = top;
		const struct mount *last = TAILQ_LAST(&from->ns->mounts, mount_list);
		got[i] = mount_copy(from, as);
		got[i]->locked = r->ns->id.owner != top->ns->id.owner;
		mount_attach(r->ns, got[i], &(struct path){ .mnt = r, .dentry = top->mountpoint });
		mount_copy_below(&(struct path){ .mnt = from, .dentry = from->root }, got[i], last, as);
		mount_ns_changed(r->ns);
	}
	free(got);
	free(to.m);
}

/* Takes m over; on failure it goes. */
static int add_mount(struct mount_ns *ns, struct mount *m, const struct path *at)
{
	int err = live_mounts >= MOUNTS_MAX ? -ENOSPC : mount_check_at(ns, m->root, at);
	if (err) {
		mount_make_private(m);
		mount_put(m);
		return err;
	}
	mount_attach(ns, m, at);
	mount_ns_changed(ns);
	return 0;
}

int mount_add(struct mount_ns *ns, struct superblock *sb, struct dentry *root, const struct path *at, unsigned flags,
	      const char *source, struct mount **out)
{
	struct mount *m = mount_new(sb, root, flags, source);
	if (sb == at->mnt->sb && m->root == at->mnt->root && at->dentry == at->mnt->root) {
		mount_put(m);             /* the same once more on top of itself: only by a bind mount */
		return -EBUSY;
	}
	int err = add_mount(ns, m, at);
	if (err)
		return err;
	mount_pass_on(m);
	if (out)
		*out = mount_get(m);
	return 0;
}

bool mount_has_locked_children(const struct path *p)
{
	struct mount *m;
	TAILQ_FOREACH(m, &p->mnt->ns->mounts, link)
		if (m->parent == p->mnt && m->locked && dentry_is_below(m->mountpoint, p->dentry))
			return true;
	return false;
}

int mount_bind(const struct path *from, const struct path *at, bool recursive)
{
	struct mount_ns *ns = at->mnt->ns;
	bool is_ns = from->dentry->sb->magic == NSFS_MAGIC;     /* outside all: a bind mount is how it gets a name */
	if (!ns || from->mnt->unbindable || (!is_ns && (from->mnt->ns != ns || from->dentry->unhashed)))
		return -EINVAL;
	if (!is_ns && !recursive && mount_has_locked_children(from))
		return -EINVAL;
	/* Those that exist now: the copy may land inside what is copied. */
	struct mount *last = TAILQ_LAST(&ns->mounts, mount_list);
	struct mount *top = mount_new(from->mnt->sb, from->dentry, from->mnt->flags, from->mnt->source);
	top->locked_flags = from->mnt->locked_flags;
	mount_copy_groups(top, from->mnt, false);
	int err = add_mount(ns, top, at);
	if (err)
		return err;
	if (recursive && !is_ns)
		mount_copy_below(from, top, last, COPY_PEER);
	mount_pass_on(top);
	return 0;
}

/* MS_MOVE into a shared mount would copy what must not be copied. */
bool mount_has_unbindable(const struct mount *top)
{
	struct mount *m;
	TAILQ_FOREACH(m, &top->ns->mounts, link)
		if (m->unbindable && mount_is_below(m, top))
			return true;
	return false;
}

int mount_move(struct mount *m, const struct path *at)
{
	struct mount_ns *ns = m->ns;
	if (!ns || !m->parent || m->locked || m->parent->group)
		return -EINVAL;
	int err = mount_check_at(ns, m->root, at);
	if (err)
		return err;
	if (at->mnt->group && mount_has_unbindable(m))
		return -EINVAL;
	if (mount_is_below(at->mnt, m))
		return -ELOOP;
	TAILQ_REMOVE(&ns->mounts, m, link);
	mount_lift(m);
	mount_attach(ns, m, at);
	mount_ns_changed(ns);
	mount_pass_on(m);
	return 0;
}

void mount_set_propagation(struct mount *top, enum mount_propagation how, bool recursive)
{
	struct mount *m;
	TAILQ_FOREACH(m, &top->ns->mounts, link) {
		if (m != top && !(recursive && mount_is_below(m, top)))
			continue;
		if (how == PROPAGATE_SHARED)
			mount_make_shared(m);
		else if (how == PROPAGATE_SLAVE)
			mount_make_slave(m);
		else
			mount_make_private(m);
		if (how == PROPAGATE_UNBINDABLE)
			m->unbindable = true;
	}
	mount_ns_changed(top->ns);
}

static void move_fs(struct fs_context *fs, const struct path *from, const struct path *to)
{
	struct path *places[] = { &fs->root, &fs->cwd };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct path old = *places[i];
		if (old.mnt != from->mnt || old.dentry != from->dentry)
			continue;
		*places[i] = *to;
		path_get(to);
		path_put(&old);
	}
}

int mount_pivot(struct mount_ns *ns, const struct path *root, const struct path *new_root, const struct path *put_old)
{
	struct mount *new = new_root->mnt, *old = root->mnt;
	if (new->ns != ns || old->ns != ns || put_old->mnt->ns != ns)
		return -EINVAL;
	if (new == old || put_old->mnt == old)
		return -EBUSY;
	if (new->locked || put_old->mnt->group || (new->parent && new->parent->group) || (old->parent && old->parent->group))
		return -EINVAL;
	if (new_root->dentry != new->root || root->dentry != old->root || !mount_is_below(new, old))
		return -EINVAL;
	if (put_old->mnt != new ? !mount_is_below(put_old->mnt, new) : !dentry_is_below(put_old->dentry, new->root))
		return -EINVAL;
	struct path from = { .mnt = mount_get(old), .dentry = dentry_get(old->root) };
	struct path place = { .mnt = old->parent, .dentry = old->mountpoint };     /* of a chroot: where its root lies */
	if (old->parent)
		path_get(&place);
	mount_lift(new);
	mount_lift(old);
	TAILQ_REMOVE(&ns->mounts, old, link);
	mount_attach(ns, old, put_old);
	if (place.mnt) {
		TAILQ_REMOVE(&ns->mounts, new, link);
		mount_attach(ns, new, &place);
		path_put(&place);
	} else {
		ns->root = new;
	}
	mount_ns_changed(ns);
	for (struct thread_group *tg = tg_first(); tg; tg = tg_next(tg)) {
		struct task *each;
		TAILQ_FOREACH(each, &tg->threads, thread_link) {
			if (each->fs && each->mnt_ns == ns)
				move_fs(each->fs, &from, new_root);
		}
	}
	path_put(&from);
	return 0;
}
