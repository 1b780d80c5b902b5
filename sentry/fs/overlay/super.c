/* super.c - mounting an overlay.
 *
 * LINUX    fs/overlayfs/super.c. One lower layer: more are overlays of overlays. No work directory: upper's operations are
 *          atomic here.
 * MISSING  Changes of lower from outside while it is mounted show or don't, as in Linux. */
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/overlay/overlay.h"
#include "sentry/fs/overlay/overlay_impl.h"
#include "sentry/kernel/cred.h"

static int ovl_statfs(struct superblock *sb, struct statfs *out)
{
	struct superblock *upper = to_ovl_sb(sb)->upper;
	int err = upper->ops->statfs(upper, out);
	if (!err)
		out->f_type = OVERLAYFS_SUPER_MAGIC;
	return err;
}

static int ovl_show_options(struct superblock *sb, char *buf, size_t bytes)
{
	(void)sb;
	return snprintf(buf, bytes, ",lowerdir=/,upperdir=/,workdir=/");
}

static int ovl_syncfs(struct superblock *sb)
{
	(void)sb;
	return 0;
}

static void ovl_sb_release(struct superblock *sb)
{
	struct ovl_sb *osb = to_ovl_sb(sb);
	struct ovl_origin *o, *next_o;
	HASH_ITER(hh, osb->origins, o, next_o)
	{
		ovl_origin_del(osb, o->upper);
	}
	struct ovl_index *x, *next_x;
	HASH_ITER(by_lower, osb->index_lower, x, next_x)
	{
		ovl_index_del(osb, x);
	}
	inode_put(osb->whiteout);
	superblock_put(osb->upper);
	superblock_put(osb->lower);
	free(osb);
}

static const struct superblock_ops ovl_sb_ops = {
	.statfs = ovl_statfs, .release = ovl_sb_release, .show_options = ovl_show_options, .syncfs = ovl_syncfs,
};

static struct inode *make_root(struct ovl_sb *osb)
{
	struct inode *lower = osb->lower->root, *upper = osb->upper->root, *root;
	if (!S_ISDIR(lower->mode)) {
		ovl_inode_get(osb, NULL, "", NULL, inode_get(lower), &root);
		to_ovl(root)->nameless = true;
		return root;
	}
	/* The copy of lower's root is there already. */
	upper->mode = lower->mode;
	upper->uid = lower->uid;
	upper->gid = lower->gid;
	upper->mtime = lower->mtime;
	upper->ino = lower->ino;
	ovl_inode_get(osb, NULL, "", inode_get(upper), inode_get(lower), &root);
	return root;
}

int overlay_mount(struct superblock *lower, struct superblock *upper, struct superblock **out)
{
	struct ovl_sb *osb = NEW(struct ovl_sb);
	superblock_init(&osb->sb, &ovl_sb_ops, "overlay", OVERLAYFS_SUPER_MAGIC);
	osb->lower = superblock_get(lower);
	osb->upper = superblock_get(upper);
	osb->sb.cache_negative = true;
	osb->sb.root = make_root(osb);
	*out = &osb->sb;
	return 0;
}

static int make_in(struct ovl_sb *osb, struct inode *dir, const char *name, const char *target, const struct cred *cred)
{
	AUTO(inode_put) struct inode *made = NULL;
	int err = target ? dir->ops->symlink(dir, name, target, cred, &made) : dir->ops->mkdir(dir, name, 0755, cred, &made);
	if (err)
		return err;
	made->ino = OVL_UPPER_INO + ++osb->next_ino;
	if (!target)
		ovl_origin_set(osb, made, NULL);
	return 0;
}

int overlay_make(struct superblock *sb, const char *path, const char *target)
{
	struct ovl_sb *osb = to_ovl_sb(sb);
	AUTO(cred_put) struct cred *cred = cred_new(0, 0);
	AUTO(inode_put) struct inode *dir = inode_get(osb->upper->root);
	AUTO(free) char *names = xstrdup(path);
	char *name = names, *slash;
	for (; (slash = strchr(name, '/')); name = slash + 1) {
		struct inode *next = NULL;
		*slash = '\0';
		int err = dir->ops->lookup(dir, name, &next);
		if (err)
			return err;
		inode_put(dir);
		dir = next;
	}
	return make_in(osb, dir, name, target, cred);
}
