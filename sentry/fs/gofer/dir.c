/* dir.c - open host directories: listing them.
 *
 * HOW      Positions are the host's. A batch of entries is fetched at a time and kept with the open file; the gofer keeps the
 *          host's descriptor. Going back to the start asks anew. */
#include <fcntl.h>

#include "sentry/fs/gofer/gofer_inode.h"

struct gofer_dir {
	struct file file;
	struct gofer_answer *batch;       /* NULL: none */
	size_t off;                       /* of the next entry in batch */
	off_t pos;                        /* its position */
};

static struct gofer_dir *to_gofer_dir(struct file *f)
{
	return container_of(f, struct gofer_dir, file);
}

static void drop_batch(struct gofer_dir *d)
{
	gofer_answer_free(TAKE(d->batch));
}

/* The batch that starts at pos. */
static int fetch(struct gofer_dir *d, off_t pos)
{
	struct gofer_msg q = { .type = GOFER_READDIR, .node = to_gofer_inode(d->file.inode)->node, .off = (uint64_t)pos };
	struct gofer_answer *a = NULL;
	int err = gofer_ask(&q, &a);
	if (err)
		return err;
	drop_batch(d);
	d->batch = a;
	d->off = 0;
	d->pos = pos;
	return 0;
}

static int dir_iterate(struct file *f, struct dir_context *ctx)
{
	struct gofer_dir *d = to_gofer_dir(f);
	struct gofer_inode *gi = to_gofer_inode(f->inode);
	struct gofer_sb *gsb = to_gofer_sb(f->inode->sb);
	for (;;) {
		if (ctx->pos < 0)
			return -EINVAL;
		bool have = d->batch && ctx->pos == d->pos && (ctx->pos != 0 || d->off != 0);
		if (!have || (d->off == d->batch->msg.data_bytes && !(d->batch->msg.flags & GOFER_DIR_END))) {
			int err = fetch(d, ctx->pos);
			if (err)
				return err;
		}
		const struct gofer_msg *m = &d->batch->msg;
		while (d->off < m->data_bytes) {
			struct gofer_dirent e;
			size_t n = gofer_dirent_get((const char *)m->data + d->off, m->data_bytes - d->off, &e);
			if (n == 0)
				return -EIO;
			if (!ctx->emit(ctx, e.name, e.name_len, gofer_map_ino(gsb, gi->key.dev, e.ino), e.type, e.next))
				return 0;
			d->off += n;
			d->pos = ctx->pos = e.next;
		}
		if ((m->flags & GOFER_DIR_END) || m->data_bytes == 0)
			return 0;
	}
}

static void dir_release(struct file *f)
{
	struct gofer_dir *d = to_gofer_dir(f);
	drop_batch(d);
	file_fini(f);
	free(d);
}

static const struct file_ops dir_file_ops = {
	.iterate = dir_iterate,
	.fsync = gofer_fsync,
	.release = dir_release,
};

int gofer_open_dir(struct gofer_inode *gi, const struct path *path, int flags, struct file **out)
{
	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EISDIR;
	struct gofer_dir *d = NEW(struct gofer_dir);
	file_init(&d->file, &dir_file_ops, &gi->inode, path, flags);
	d->file.mode |= FMODE_NOWAIT_POLL;
	*out = &d->file;
	return 0;
}
