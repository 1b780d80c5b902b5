/* super.c - mounting an export (gofer.h). */
#include <string.h>

#include "sentry/fs/gofer/ahead.h"
#include "sentry/fs/gofer/gofer.h"

static int gofer_statfs(struct superblock *sb, struct statfs *out)
{
	struct gofer_msg q = { .type = GOFER_STATFS, .node = to_gofer_sb(sb)->root_node };
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	int err = gofer_ask(&q, &a);
	if (err)
		return err;
	const struct gofer_statfs *s = &a->msg.statfs;
	*out = (struct statfs){
		.f_type = (long)s->type, .f_bsize = (long)s->bsize, .f_blocks = s->blocks, .f_bfree = s->bfree,
		.f_bavail = s->bavail, .f_files = s->files, .f_ffree = s->ffree, .f_namelen = (long)s->namelen,
		.f_frsize = (long)s->frsize,
	};
	return 0;
}

static int gofer_syncfs(struct superblock *sb)
{
	struct gofer_sb *gsb = to_gofer_sb(sb);
	if (gsb->read_only)
		return 0;
	struct gofer_msg q = { .type = GOFER_SYNCFS, .node = gsb->root_node };
	return gofer_ask(&q, NULL);
}

static void gofer_sb_release(struct superblock *sb)
{
	struct gofer_sb *gsb = to_gofer_sb(sb);
	gofer_ahead_drop(gsb);
	free(gsb);
}

static const struct superblock_ops exclusive_ops = {
	.statfs = gofer_statfs, .syncfs = gofer_syncfs, .release = gofer_sb_release,
};
static const struct superblock_ops shared_ops = {
	.statfs = gofer_statfs, .syncfs = gofer_syncfs, .release = gofer_sb_release, .revalidate = gofer_revalidate,
	.revalidate_all = gofer_revalidate_all,
};

int gofer_mount(int export, bool read_only, bool shared, struct superblock **out)
{
	struct gofer_msg q = { .type = GOFER_ATTACH, .off = (uint64_t)export };
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	int err = gofer_ask(&q, &a);
	if (err)
		return err;
	struct gofer_sb *gsb = NEW(struct gofer_sb);
	gsb->export = export;
	gsb->shared = shared;
	gsb->read_only = read_only || (a->msg.flags & GOFER_EXPORT_RO);
	gsb->root_node = a->msg.node;
	superblock_init(&gsb->sb, shared ? &shared_ops : &exclusive_ops, "gofer", a->msg.len);
	gsb->sb.read_only = gsb->read_only;
	gsb->sb.cache_negative = !shared;
	struct gofer_entry e = { .node = a->msg.node, .attr = a->msg.attr[0], .text = "" };
	err = gofer_inode_get(gsb, &e, -1, false, &gsb->sb.root);
	if (err) {
		superblock_put(&gsb->sb);
		return err;
	}
	*out = &gsb->sb;
	return 0;
}
