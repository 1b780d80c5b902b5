/* lookup.c - what a name is, seen through both layers; and the memory of what names alone don't tell.
 *
 * LINUX    fs/overlayfs/namei.c. Redirects, opaque marks and the index of hard links, which Linux keeps in extended
 *          attributes and a work directory so that they survive a reboot, are tables here: upper doesn't survive either. */
#include <limits.h>
#include <string.h>

#include "sentry/fs/overlay/overlay_impl.h"
#include "sentry/fs/tmpfs/tmpfs.h"

bool ovl_upper_find(struct ovl_inode *dir, const char *name, struct inode **out)
{
	*out = NULL;
	return dir->upper && dir->upper->ops->lookup(dir->upper, name, out) == 0;
}

int ovl_lower_has(struct ovl_inode *dir, const char *name)
{
	if (!dir->lower)
		return 0;
	struct inode *found = NULL;
	int err = dir->lower->ops->lookup(dir->lower, name, &found);
	inode_put(found);
	return err == -ENOENT ? 0 : err ? err : 1;
}

/* Does an entry of upper hide all that lower may have by its name? */
static bool hides_lower(struct ovl_sb *osb, const struct inode *upper)
{
	return !S_ISDIR(upper->mode) || ovl_origin_find(osb, upper);
}

int ovl_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct ovl_inode *d = to_ovl(dir);
	struct ovl_sb *osb = ovl_sb_of(d);
	AUTO(inode_put) struct inode *upper = NULL;
	AUTO(inode_put) struct inode *lower = NULL;
	if (d->lower && !(ovl_upper_find(d, name, &upper) && hides_lower(osb, upper))) {
		int err = d->lower->ops->lookup(d->lower, name, &lower);
		if (err && err != -ENOENT)
			return err;
	}
	/* That slept, and a copy-up may have ended meanwhile: what is in upper now is what counts. */
	inode_put(TAKE(upper));
	if (ovl_upper_find(d, name, &upper)) {
		if (is_whiteout(upper))
			return -ENOENT;
		struct ovl_origin *o = S_ISDIR(upper->mode) ? ovl_origin_find(osb, upper) : NULL;
		if (!S_ISDIR(upper->mode) || o || (lower && !S_ISDIR(lower->mode)))
			inode_put(TAKE(lower));
		if (o && o->lower)
			lower = inode_get(o->lower);
	} else if (!lower) {
		return -ENOENT;
	} else if (!S_ISDIR(lower->mode)) {
		struct ovl_index *x = ovl_index_find_lower(osb, lower);
		if (x && x->upper)
			upper = inode_get(x->upper);
	}
	ovl_inode_get(osb, d, name, TAKE(upper), TAKE(lower), out);
	return 0;
}

static bool upper_hides(struct ovl_inode *dir, const char *path)
{
	char name[NAME_MAX + 1];
	AUTO(inode_put) struct inode *upper = NULL;
	path += strspn(path, "/");
	size_t len = strcspn(path, "/");
	if (len > NAME_MAX)
		return false;
	memcpy(name, path, len);
	name[len] = '\0';
	return ovl_upper_find(dir, name, &upper) && hides_lower(ovl_sb_of(dir), upper);
}

/* Lower is what lies far. That upper may hide the path's later names costs at worst a few attributes fetched for nothing. */
void ovl_walk_ahead(struct inode *dir, const char *rest, bool open)
{
	struct inode *lower = to_ovl(dir)->lower;
	if (lower && lower->ops->walk_ahead && !upper_hides(to_ovl(dir), rest))
		lower->ops->walk_ahead(lower, rest, open);
}

/* --- directories that lower doesn't have by the same name --- */

struct ovl_origin *ovl_origin_find(struct ovl_sb *osb, const struct inode *upper)
{
	struct ovl_origin *o;
	HASH_FIND_PTR(osb->origins, &upper, o);
	return o;
}

void ovl_origin_set(struct ovl_sb *osb, struct inode *upper, struct inode *lower)
{
	struct ovl_origin *o = ovl_origin_find(osb, upper);
	if (!o) {
		o = NEW(struct ovl_origin);
		o->upper = upper;
		HASH_ADD_PTR(osb->origins, upper, o);
	}
	struct inode *old = o->lower;
	o->lower = lower ? inode_get(lower) : NULL;
	inode_put(old);
}

void ovl_origin_del(struct ovl_sb *osb, struct inode *upper)
{
	struct ovl_origin *o = ovl_origin_find(osb, upper);
	if (!o)
		return;
	HASH_DEL(osb->origins, o);
	inode_put(o->lower);
	free(o);
}

/* --- files that lower has by several names --- */

struct ovl_index *ovl_index_find_lower(struct ovl_sb *osb, const struct inode *lower)
{
	struct ovl_index *x;
	HASH_FIND(by_lower, osb->index_lower, &lower, sizeof(lower), x);
	return x;
}

struct ovl_index *ovl_index_find(struct ovl_sb *osb, const struct ovl_inode *oi)
{
	struct ovl_index *x;
	if (!oi->upper)
		return ovl_index_find_lower(osb, oi->lower);
	HASH_FIND(by_upper, osb->index_upper, &oi->upper, sizeof(oi->upper), x);
	return x;
}

struct ovl_index *ovl_index_make(struct ovl_sb *osb, struct inode *lower)
{
	struct ovl_index *x = ovl_index_find_lower(osb, lower);
	if (x)
		return x;
	x = NEW(struct ovl_index);
	x->lower = inode_get(lower);
	x->nlink = lower->nlink;
	HASH_ADD(by_lower, osb->index_lower, lower, sizeof(x->lower), x);
	return x;
}

void ovl_index_set_upper(struct ovl_sb *osb, struct ovl_index *x, struct inode *upper)
{
	CHECK(!x->upper);
	x->upper = inode_get(upper);
	HASH_ADD(by_upper, osb->index_upper, upper, sizeof(x->upper), x);
}

void ovl_index_del(struct ovl_sb *osb, struct ovl_index *x)
{
	HASH_DELETE(by_lower, osb->index_lower, x);
	if (x->upper)
		HASH_DELETE(by_upper, osb->index_upper, x);
	struct inode *lower = x->lower, *upper = x->upper;
	free(x);
	inode_put(lower);
	inode_put(upper);
}
