/* names.c - making and removing entries: in upper, with whiteouts where lower has the name.
 *
 * HOW      What takes the place of something else in upper (a new file that of a whiteout, a whiteout that of a file) is made
 *          under a name no guest can give and moved over it, so that an error leaves everything as it was.
 * LINUX    fs/overlayfs/dir.c. */
#include "sentry/fs/overlay/overlay_impl.h"

void ovl_names_changed(struct ovl_inode *dir)
{
	dir->version++;
	ovl_copy_attr(dir);
}

/* --- whiteouts --- */

int ovl_whiteout_prepare(struct ovl_inode *dir)
{
	struct ovl_sb *osb = ovl_sb_of(dir);
	struct inode *upper = dir->upper;
	if (osb->whiteout)
		return upper->ops->link(upper, OVL_TEMP_WHITEOUT, osb->whiteout);
	return upper->ops->mknod(upper, OVL_TEMP_WHITEOUT, S_IFCHR, 0, NULL, &osb->whiteout);
}

void ovl_whiteout_cancel(struct ovl_inode *dir)
{
	dir->upper->ops->unlink(dir->upper, OVL_TEMP_WHITEOUT, ovl_sb_of(dir)->whiteout);
}

void ovl_whiteout_place(struct ovl_inode *dir, const char *name, struct inode *old)
{
	struct inode *upper = dir->upper, *whiteout = ovl_sb_of(dir)->whiteout;
	int err = upper->ops->rename(upper, OVL_TEMP_WHITEOUT, whiteout, upper, name, old, 0);
	CHECK(err == 0);
}

/* --- making --- */

struct making {
	struct ovl_inode *dir;
	const char *name;                 /* as the guest calls it */
	const char *where;                /* as it is made */
	struct inode *whiteout;           /* what it will replace: a reference, or NULL */
};

static int making_begin(struct making *m, struct inode *dir, const char *name)
{
	*m = (struct making){ .dir = to_ovl(dir), .name = name, .where = name };
	int err = ovl_copy_up(m->dir);
	if (err)
		return err;
	if (ovl_upper_find(m->dir, name, &m->whiteout)) {
		if (!is_whiteout(m->whiteout)) {
			inode_put(m->whiteout);
			return -EEXIST;
		}
		m->where = OVL_TEMP;
	}
	return 0;
}

/* err: what making it returned. Takes made's reference over. out may be NULL. */
static int making_end(struct making *m, int err, struct inode *made, struct inode **out)
{
	struct inode *upper = m->dir->upper;
	if (!err && m->whiteout) {
		int moved = upper->ops->rename(upper, OVL_TEMP, made, upper, m->name, m->whiteout, 0);
		CHECK(moved == 0);
		if (S_ISDIR(made->mode))
			ovl_origin_set(ovl_sb_of(m->dir), made, NULL);
	}
	inode_put(m->whiteout);
	if (err)
		return err;
	ovl_names_changed(m->dir);
	if (out)
		ovl_inode_get(ovl_sb_of(m->dir), m->dir, m->name, made, NULL, out);
	else
		inode_put(made);
	return 0;
}

static void give_ino(struct ovl_inode *dir, int err, struct inode *made)
{
	if (!err)
		made->ino = OVL_UPPER_INO + ++ovl_sb_of(dir)->next_ino;
}

int ovl_create(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out)
{
	struct making m;
	struct inode *made = NULL;
	int err = making_begin(&m, dir, name);
	if (err)
		return err;
	err = m.dir->upper->ops->create(m.dir->upper, m.where, mode, cred, &made);
	give_ino(m.dir, err, made);
	return making_end(&m, err, made, out);
}

int ovl_mkdir(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out)
{
	struct making m;
	struct inode *made = NULL;
	int err = making_begin(&m, dir, name);
	if (err)
		return err;
	err = m.dir->upper->ops->mkdir(m.dir->upper, m.where, mode, cred, &made);
	give_ino(m.dir, err, made);
	return making_end(&m, err, made, out);
}

int ovl_mknod(struct inode *dir, const char *name, mode_t mode, dev_t dev, const struct cred *cred, struct inode **out)
{
	struct making m;
	struct inode *made = NULL;
	if (S_ISCHR(mode) && dev == 0)            /* it would be a whiteout */
		return -EPERM;
	int err = making_begin(&m, dir, name);
	if (err)
		return err;
	err = m.dir->upper->ops->mknod(m.dir->upper, m.where, mode, dev, cred, &made);
	give_ino(m.dir, err, made);
	return making_end(&m, err, made, out);
}

int ovl_symlink(struct inode *dir, const char *name, const char *target, const struct cred *cred, struct inode **out)
{
	struct making m;
	struct inode *made = NULL;
	int err = making_begin(&m, dir, name);
	if (err)
		return err;
	err = m.dir->upper->ops->symlink(m.dir->upper, m.where, target, cred, &made);
	give_ino(m.dir, err, made);
	return making_end(&m, err, made, out);
}

int ovl_link(struct inode *dir, const char *name, struct inode *target)
{
	struct ovl_inode *oi = to_ovl(target);
	struct making m;
	int err = ovl_copy_up(oi);
	if (!err)
		err = making_begin(&m, dir, name);
	if (err)
		return err;
	err = m.dir->upper->ops->link(m.dir->upper, m.where, oi->upper);
	err = making_end(&m, err, err ? NULL : inode_get(oi->upper), NULL);
	if (err)
		return err;
	oi->nameless = false;                     /* an unnamed file got a name */
	struct ovl_index *x = ovl_index_find(ovl_sb_of(oi), oi);
	if (x)
		x->nlink++;
	ovl_copy_attr(oi);
	return 0;
}

int ovl_tmpfile(struct inode *dir, mode_t mode, const struct cred *cred, struct inode **out)
{
	struct ovl_inode *d = to_ovl(dir);
	struct inode *made;
	int err = ovl_copy_up(d);
	if (err)
		return err;
	err = d->upper->ops->tmpfile(d->upper, mode, cred, &made);
	if (err)
		return err;
	give_ino(d, 0, made);
	ovl_inode_get(ovl_sb_of(d), d, "", made, NULL, out);
	return 0;
}

/* --- removing --- */

void ovl_lost_name(struct ovl_inode *oi)
{
	struct ovl_sb *osb = ovl_sb_of(oi);
	struct ovl_index *x = ovl_index_find(osb, oi);
	bool last;
	if (!oi->upper && !x && oi->lower->nlink > 1)
		x = ovl_index_make(osb, oi->lower);
	if (x) {
		x->nlink -= x->nlink > 0;
		last = x->nlink == 0;
		if (last)
			ovl_index_del(osb, x);
	} else {
		last = !oi->upper;
	}
	if (last)
		oi->nameless = true;
	ovl_copy_attr(oi);
	oi->inode.ctime = inode_now();
}

int ovl_unlink(struct inode *dir, const char *name, struct inode *target)
{
	struct ovl_inode *d = to_ovl(dir);
	int has = ovl_lower_has(d, name);
	int err = has < 0 ? has : ovl_copy_up(d);
	if (err)
		return err;
	/* From here on nothing sleeps. */
	AUTO(inode_put) struct inode *upper = NULL;
	ovl_upper_find(d, name, &upper);
	if (has) {
		err = ovl_whiteout_prepare(d);
		if (err)
			return err;
		ovl_whiteout_place(d, name, upper);
	} else {
		err = upper ? d->upper->ops->unlink(d->upper, name, upper) : -ENOENT;
		if (err)
			return err;
	}
	ovl_names_changed(d);
	ovl_lost_name(to_ovl(target));
	return 0;
}

int ovl_rmdir(struct inode *dir, const char *name, struct inode *target)
{
	struct ovl_inode *d = to_ovl(dir), *victim = to_ovl(target);
	struct ovl_names *lower_names = NULL;
	int has = ovl_lower_has(d, name);
	int err = has < 0 ? has : ovl_names_of_lower(victim, &lower_names);
	if (!err)
		err = ovl_check_empty(victim, lower_names);       /* before a copy that isn't needed */
	if (!err)
		err = ovl_copy_up(d);
	/* From here on nothing sleeps. */
	if (!err)
		err = ovl_check_empty(victim, lower_names);
	ovl_names_put(lower_names);
	if (!err && has)
		err = ovl_whiteout_prepare(d);
	if (err)
		return err;
	if (victim->upper)
		ovl_remove_whiteouts(victim);
	if (has)
		ovl_whiteout_place(d, name, victim->upper);
	else
		err = victim->upper ? d->upper->ops->rmdir(d->upper, name, victim->upper) : -ENOENT;
	if (err)
		return err;
	victim->nameless = true;
	ovl_names_changed(victim);
	ovl_names_changed(d);
	return 0;
}
