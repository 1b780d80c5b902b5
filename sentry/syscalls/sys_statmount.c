/* sys_statmount.c - statmount(2), listmount(2): mounts by number.
 *
 * HOW      A number is a mount's own for good (struct mount's id); in these calls it has an offset, so that it isn't taken for one
 *          of mountinfo's.
 * LINUX    fs/namespace.c. Same: a string that is empty is not in the mask of what is told.
 * MISSING  Mounts of other namespaces; STATMOUNT_OPT_ARRAY and what came after it. */
#include <limits.h>
#include <linux/capability.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "sentry/fs/pseudo/seq.h"
#include "sentry/syscalls/mount_attr.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/propagate.h"

#define LIST_MAX 1000000
#define LIST_REVERSE 1
#define LIST_ROOT UINT64_MAX              /* LSMT_ROOT */
#define REQ_SIZE_VER0 24

struct mnt_id_req {
	uint32_t size, spare;
	uint64_t mnt_id, param, mnt_ns_id;
};

enum {
	SM_SB_BASIC = 1, SM_MNT_BASIC = 2, SM_PROPAGATE_FROM = 4, SM_MNT_ROOT = 8, SM_MNT_POINT = 16, SM_FS_TYPE = 32,
	SM_MNT_NS_ID = 64, SM_MNT_OPTS = 128, SM_SB_SOURCE = 512,
};

struct statmount {
	uint32_t size, mnt_opts;
	uint64_t mask;
	uint32_t sb_dev_major, sb_dev_minor;
	uint64_t sb_magic;
	uint32_t sb_flags, fs_type;
	uint64_t mnt_id, mnt_parent_id;
	uint32_t mnt_id_old, mnt_parent_id_old;
	uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
	uint32_t mnt_root, mnt_point;
	uint64_t mnt_ns_id;
	uint32_t fs_subtype, sb_source;
	uint64_t spare[48];
};
_Static_assert(sizeof(struct statmount) == 512, "struct statmount");

static int get_req(struct task *t, uptr_t ptr, struct mnt_id_req *out)
{
	uint32_t size;
	if (get_user(t, &size, ptr))
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	int err = copy_struct_from_user(t, out, sizeof(*out), ptr, size, REQ_SIZE_VER0);
	if (err)
		return err;
	if (out->spare || out->mnt_id <= MOUNT_UNIQUE_OFFSET)
		return -EINVAL;
	return out->mnt_ns_id && out->mnt_ns_id != t->mnt_ns->id.ino ? -ENOENT : 0;
}

/* Is m below the place, through any number of mounts? */
static bool is_reachable(const struct mount *m, const struct path *root)
{
	const struct dentry *d = m->root;
	while (m != root->mnt && m->parent) {
		d = m->mountpoint;
		m = m->parent;
	}
	return m == root->mnt && dentry_is_below(d, root->dentry);
}

static struct mount *mount_by_id(struct mount_ns *ns, uint64_t id)
{
	struct mount *m;
	TAILQ_FOREACH(m, &ns->mounts, link) {
		if (mount_unique_id(m) == id)
			return m;
	}
	return NULL;
}

/* --- listmount --- */

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The numbers of what is mounted below `top`, without top_id. *out: the caller frees. */
static int ids_below(struct mount_ns *ns, const struct path *top, uint64_t top_id, uint64_t **out, size_t *out_count)
{
	size_t n = 0, max = 0;
	struct mount *m;
	TAILQ_FOREACH(m, &ns->mounts, link)
		max++;
	uint64_t *ids = calloc(max + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	TAILQ_FOREACH(m, &ns->mounts, link) {
		if (mount_unique_id(m) != top_id && is_reachable(m, top))
			ids[n++] = mount_unique_id(m);
	}
	qsort(ids, n, sizeof(*ids), compare_ids);
	*out = ids;
	*out_count = n;
	return 0;
}

static long copy_ids(struct task *t, const uint64_t *ids, size_t n, uint64_t after, bool reverse, uptr_t out, size_t max)
{
	size_t done = 0;
	for (size_t i = 0; i < n && done < max; i++) {
		uint64_t id = ids[reverse ? n - 1 - i : i];
		if (after && (reverse ? id >= after : id <= after))
			continue;
		if (put_user(t, uptr_add(out, done * sizeof(id)), &id))
			return -EFAULT;
		done++;
	}
	return (long)done;
}

long sys_listmount(struct task *t, uptr_t req, uptr_t mnt_ids, size_t nr_mnt_ids, unsigned flags)
{
	struct mnt_id_req r;
	if (flags & ~LIST_REVERSE)
		return -EINVAL;
	if (nr_mnt_ids > LIST_MAX)
		return -EOVERFLOW;
	int err = get_req(t, req, &r);
	if (err)
		return err;
	if (r.param && r.param <= MOUNT_UNIQUE_OFFSET)
		return -EINVAL;
	struct path top = t->fs->root;
	if (r.mnt_id != LIST_ROOT) {
		struct mount *m = mount_by_id(t->mnt_ns, r.mnt_id);
		if (!m)
			return -ENOENT;
		if (!is_reachable(m, &top) && !may_mount(t))
			return -EPERM;
		top = (struct path){ .mnt = m, .dentry = m->root };
	}
	AUTO(free) uint64_t *ids = NULL;
	size_t n;
	err = ids_below(t->mnt_ns, &top, r.mnt_id, &ids, &n);
	return err ? err : copy_ids(t, ids, n, r.param, flags & LIST_REVERSE, mnt_ids, nr_mnt_ids);
}

/* --- statmount --- */

static uint64_t attr_of(const struct mount *m)
{
	static const struct { unsigned mnt; uint64_t attr; } table[] = {
		{ MNT_RDONLY, MOUNT_ATTR_RDONLY }, { MNT_NOSUID, MOUNT_ATTR_NOSUID }, { MNT_NODEV, MOUNT_ATTR_NODEV },
		{ MNT_NOEXEC, MOUNT_ATTR_NOEXEC }, { MNT_NODIRATIME, MOUNT_ATTR_NODIRATIME },
		{ MNT_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
	};
	uint64_t attr = m->flags & MNT_NOATIME ? MOUNT_ATTR_NOATIME : m->flags & MNT_RELATIME ? 0 : MOUNT_ATTR_STRICTATIME;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (m->flags & table[i].mnt)
			attr |= table[i].attr;
	}
	return attr;
}

/* The nearest group above that the task can see a member of: from where it looks as if things came. */
static int dominating_group(const struct task *t, const struct mount *m)
{
	for (const struct peer_group *g = m->master; g; g = TAILQ_EMPTY(&g->members) ? NULL : TAILQ_FIRST(&g->members)->master) {
		const struct mount *peer;
		TAILQ_FOREACH(peer, &g->members, peer_link) {
			if (peer->ns == t->mnt_ns && is_reachable(peer, &t->fs->root))
				return g->id;
		}
	}
	return 0;
}

static void fill_numbers(const struct task *t, const struct mount *m, uint64_t mask, struct statmount *s)
{
	if (mask & SM_SB_BASIC) {
		s->sb_dev_major = major(m->sb->dev);
		s->sb_dev_minor = minor(m->sb->dev);
		s->sb_magic = m->sb->magic;
		s->sb_flags = m->sb->read_only ? MS_RDONLY : 0;
	}
	if (mask & SM_MNT_BASIC) {
		const struct mount *parent = m->parent ? m->parent : m;
		s->mnt_id = mount_unique_id(m);
		s->mnt_parent_id = mount_unique_id(parent);
		s->mnt_id_old = (uint32_t)m->id;
		s->mnt_parent_id_old = (uint32_t)parent->id;
		s->mnt_attr = attr_of(m);
		s->mnt_propagation = (m->group ? MS_SHARED : 0) | (m->master ? MS_SLAVE : 0) | (m->unbindable ? MS_UNBINDABLE : 0);
		if (!s->mnt_propagation)
			s->mnt_propagation = MS_PRIVATE;
		s->mnt_peer_group = m->group ? (uint64_t)m->group->id : 0;
		s->mnt_master = m->master ? (uint64_t)m->master->id : 0;
	}
	if (mask & SM_PROPAGATE_FROM)
		s->propagate_from = (uint64_t)dominating_group(t, m);
	if (mask & SM_MNT_NS_ID)
		s->mnt_ns_id = t->mnt_ns->id.ino;
	s->mask = mask & (SM_SB_BASIC | SM_MNT_BASIC | SM_PROPAGATE_FROM | SM_MNT_NS_ID);
}

static void show_root(struct seq *s, const struct dentry *d)
{
	if (d->parent != d) {
		show_root(s, d->parent);
		seq_puts(s, "/");
		seq_puts(s, d->name);
	}
}

static void show_string(struct task *t, struct mount *m, uint64_t what, struct seq *s)
{
	char buf[PATH_MAX], *name;
	struct path p = { .mnt = m, .dentry = m->root };
	bool reached;
	switch (what) {
	case SM_MNT_ROOT:
		if (m->root->parent == m->root)
			seq_puts(s, "/");
		else
			show_root(s, m->root);
		break;
	case SM_MNT_POINT:
		if (path_name_reach(t, &p, buf, sizeof(buf), &name, &reached) == 0 && reached)
			seq_puts(s, name);
		break;
	case SM_FS_TYPE:
		seq_puts(s, m->sb->type);
		break;
	case SM_SB_SOURCE:
		seq_puts(s, m->source);
		break;
	default:
		if (m->sb->ops->show_options && m->sb->ops->show_options(m->sb, buf, sizeof(buf)) > 1)
			seq_puts(s, buf + 1);     /* without the first comma */
	}
}

static void fill_strings(struct task *t, struct mount *m, uint64_t mask, struct statmount *s, struct seq *text)
{
	const struct { uint64_t what; uint32_t *at; } strings[] = {
		{ SM_FS_TYPE, &s->fs_type }, { SM_MNT_ROOT, &s->mnt_root }, { SM_MNT_POINT, &s->mnt_point },
		{ SM_MNT_OPTS, &s->mnt_opts }, { SM_SB_SOURCE, &s->sb_source },
	};
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		size_t begin = text->len;
		if (!(mask & strings[i].what))
			continue;
		show_string(t, m, strings[i].what, text);
		if (text->len == begin)
			continue;
		seq_write(text, "", 1);
		*strings[i].at = (uint32_t)begin;
		s->mask |= strings[i].what;
	}
}

static int copy_out(struct task *t, struct statmount *s, const struct seq *text, uptr_t buf, size_t bytes)
{
	size_t fixed = MIN(bytes, sizeof(*s));
	if (text->failed)
		return -ENOMEM;
	if (text->len > 0 && (bytes < sizeof(*s) || bytes - sizeof(*s) < text->len))
		return -EOVERFLOW;
	s->size = (uint32_t)(fixed + text->len);
	if (text->len > 0 && copy_to_user(t, uptr_add(buf, sizeof(*s)), text->buf, text->len))
		return -EFAULT;
	return copy_to_user(t, buf, s, fixed);
}

long sys_statmount(struct task *t, uptr_t req, uptr_t buf, size_t bufsize, unsigned flags)
{
	struct mnt_id_req r;
	if (flags)
		return -EINVAL;
	int err = get_req(t, req, &r);
	if (err)
		return err;
	struct mount *m = mount_by_id(t->mnt_ns, r.mnt_id);
	if (!m)
		return -ENOENT;
	if (!is_reachable(m, &t->fs->root) && !may_mount(t))
		return -EPERM;
	struct statmount s = { 0 };
	struct seq text = { 0 };
	fill_numbers(t, m, r.param, &s);
	fill_strings(t, m, r.param, &s, &text);
	err = copy_out(t, &s, &text, buf, bufsize);
	seq_fini(&text);
	return err;
}
