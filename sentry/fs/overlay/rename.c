/* rename.c - rename in an overlay: also of directories that lower has.
 *
 * HOW      What moves is copied up first (a directory: only itself, for what is in it goes on coming from its place in lower,
 *          which ovl_origin remembers); the old name gets a whiteout if lower has it. Whatever can fail comes before
 *          the first change that shows.
 * LINUX    fs/overlayfs/dir.c (ovl_rename), with redirect_dir=on. RENAME_WHITEOUT is EINVAL there, too. */
#include <stdio.h>

#include "sentry/fs/overlay/overlay_impl.h"

struct move {
	struct ovl_inode *old_dir, *new_dir, *source, *target;       /* target may be NULL */
	const char *old_name, *new_name;
	int old_in_lower;
	struct ovl_names *target_lower;                              /* what must be whited out in target */
	struct inode *old_upper, *new_upper;                         /* entries in upper, references, or NULL */
};

/* All that may sleep. */
static int prepare(struct move *m, bool exchange)
{
	int err = ovl_copy_up(m->source);
	if (!err && exchange)
		err = ovl_copy_up(m->target);
	if (!err && !exchange && m->target && S_ISDIR(m->target->inode.mode))
		err = ovl_names_of_lower(m->target, &m->target_lower);
	if (!err)
		err = ovl_copy_up(m->old_dir);
	if (!err)
		err = ovl_copy_up(m->new_dir);
	if (err)
		return err;
	m->old_in_lower = ovl_lower_has(m->old_dir, m->old_name);
	return m->old_in_lower < 0 ? m->old_in_lower : 0;
}

static void find_entries(struct move *m)
{
	ovl_upper_find(m->old_dir, m->old_name, &m->old_upper);
	ovl_upper_find(m->new_dir, m->new_name, &m->new_upper);
}

static int upper_link(struct ovl_inode *dir, const char *name, struct ovl_inode *oi)
{
	return dir->upper->ops->link(dir->upper, name, oi->upper);
}

static void upper_rename(struct ovl_inode *from, const char *old, struct inode *source, struct ovl_inode *to,
			 const char *new, struct inode *target, unsigned flags)
{
	int err = from->upper->ops->rename(from->upper, old, source, to->upper, new, target, flags);
	CHECK(err == 0);
}

static void keep_origin(struct ovl_inode *oi)
{
	if (S_ISDIR(oi->inode.mode))
		ovl_origin_set(ovl_sb_of(oi), oi->upper, oi->lower);
}

static int commit(struct move *m)
{
	bool over_dir = m->target && S_ISDIR(m->target->inode.mode);
	int err = over_dir ? ovl_check_empty(m->target, m->target_lower) : 0;
	if (!err && m->old_in_lower)
		err = ovl_whiteout_prepare(m->old_dir);
	if (err)
		return err;
	if (!m->old_upper) {              /* one of several names, that only lower has: the copy gets the new name */
		err = upper_link(m->new_dir, OVL_TEMP, m->source);
		if (err) {
			if (m->old_in_lower)
				ovl_whiteout_cancel(m->old_dir);
			return err;
		}
	}
	if (over_dir && m->target->upper)
		ovl_remove_whiteouts(m->target);
	if (m->old_upper)
		upper_rename(m->old_dir, m->old_name, m->source->upper, m->new_dir, m->new_name, m->new_upper, 0);
	else
		upper_rename(m->new_dir, OVL_TEMP, m->source->upper, m->new_dir, m->new_name, m->new_upper, 0);
	if (m->old_in_lower)
		ovl_whiteout_place(m->old_dir, m->old_name, NULL);
	keep_origin(m->source);
	if (over_dir) {
		m->target->nameless = true;
		ovl_names_changed(m->target);
	} else if (m->target) {
		ovl_lost_name(m->target);
	}
	return 0;
}

/* Names that only lower has get entries in upper, so that there is something to exchange. */
static int commit_exchange(struct move *m)
{
	bool linked_old = false;
	int err = 0;
	if (!m->old_upper) {
		err = upper_link(m->old_dir, m->old_name, m->source);
		linked_old = !err;
	}
	if (!err && !m->new_upper)
		err = upper_link(m->new_dir, m->new_name, m->target);
	if (err) {
		if (linked_old)
			m->old_dir->upper->ops->unlink(m->old_dir->upper, m->old_name, m->source->upper);
		return err;
	}
	upper_rename(m->old_dir, m->old_name, m->source->upper, m->new_dir, m->new_name, m->target->upper,
		     RENAME_EXCHANGE);
	keep_origin(m->source);
	keep_origin(m->target);
	ovl_copy_attr(m->target);
	return 0;
}

int ovl_rename(struct inode *old_dir, const char *old_name, struct inode *source, struct inode *new_dir,
	       const char *new_name, struct inode *target, unsigned flags)
{
	struct move m = {
		.old_dir = to_ovl(old_dir), .new_dir = to_ovl(new_dir), .source = to_ovl(source),
		.target = target ? to_ovl(target) : NULL, .old_name = old_name, .new_name = new_name,
	};
	if (flags & RENAME_WHITEOUT)
		return -EINVAL;
	bool exchange = flags & RENAME_EXCHANGE;
	int err = prepare(&m, exchange);
	if (!err) {
		find_entries(&m);
		err = exchange ? commit_exchange(&m) : commit(&m);
	}
	inode_put(m.old_upper);
	inode_put(m.new_upper);
	ovl_names_put(m.target_lower);
	if (err)
		return err;
	ovl_copy_attr(m.source);
	ovl_names_changed(m.old_dir);
	if (m.new_dir != m.old_dir)
		ovl_names_changed(m.new_dir);
	return 0;
}
