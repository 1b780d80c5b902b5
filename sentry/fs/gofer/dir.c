/* dir.c - open host directories: listing them.
 *
 * HOW      Positions are the host's. A batch of entries is fetched at a time; the gofer keeps the host's descriptor. Going back
 *          to the start asks anew. The first batch of a directory that nobody else changes stays with its inode until a name in
 *          it changes, for interpreters list their libraries at every start; the longest unused go first. */
#include <fcntl.h>

#include "sentry/fs/gofer/gofer_inode.h"

#define CACHE_MAX_BYTES 0x80000

struct gofer_listing {
	struct gofer_answer *batch;
	unsigned refs;                    /* open files', and the cache's */
	struct gofer_inode *cached;       /* whose, NULL: nobody's */
	TAILQ_ENTRY(gofer_listing) link;  /* while cached; the last was used last */
};
static TAILQ_HEAD(, gofer_listing) cache = TAILQ_HEAD_INITIALIZER(cache);
static size_t cache_bytes;

struct gofer_dir {
	struct file file;
	struct gofer_listing *listing;    /* NULL: none */
	size_t off;                       /* of the next entry in its batch */
	off_t pos;                        /* its position */
};

static struct gofer_dir *to_gofer_dir(struct file *f)
{
	return container_of(f, struct gofer_dir, file);
}

static void listing_put(struct gofer_listing *l)
{
	if (!l || --l->refs > 0)
		return;
	gofer_answer_free(l->batch);
	free(l);
}

static size_t listing_bytes(const struct gofer_listing *l)
{
	return sizeof(*l) + sizeof(*l->batch) + l->batch->msg.data_bytes;
}

static void uncache(struct gofer_listing *l)
{
	TAILQ_REMOVE(&cache, l, link);
	cache_bytes -= listing_bytes(l);
	l->cached->listing = NULL;
	l->cached = NULL;
	listing_put(l);
}

static void cache_add(struct gofer_listing *l, struct gofer_inode *gi)
{
	if (gi->listing)
		uncache(gi->listing);
	gi->listing = l;
	l->cached = gi;
	l->refs++;
	TAILQ_INSERT_TAIL(&cache, l, link);
	for (cache_bytes += listing_bytes(l); cache_bytes > CACHE_MAX_BYTES; )
		uncache(TAILQ_FIRST(&cache));
}

void gofer_listing_drop(struct gofer_inode *gi)
{
	gi->names_changed++;
	if (gi->listing)
		uncache(gi->listing);
}

static void use(struct gofer_dir *d, struct gofer_listing *l, off_t pos)
{
	listing_put(d->listing);
	d->listing = l;
	d->off = 0;
	d->pos = pos;
}

/* The batch that starts at pos. */
static int fetch(struct gofer_dir *d, off_t pos)
{
	struct gofer_inode *gi = to_gofer_inode(d->file.inode);
	struct gofer_listing *l = pos == 0 ? gi->listing : NULL;
	if (l) {
		TAILQ_REMOVE(&cache, l, link);
		TAILQ_INSERT_TAIL(&cache, l, link);
		l->refs++;
		use(d, l, pos);
		return 0;
	}
	uint64_t names = gi->names_changed;
	struct gofer_msg q = { .type = GOFER_READDIR, .node = gi->node, .off = (uint64_t)pos };
	struct gofer_answer *a = NULL;
	int err = gofer_ask(&q, &a);
	if (err)
		return err;
	l = NEW(struct gofer_listing);
	l->batch = a;
	l->refs = 1;
	if (pos == 0 && !to_gofer_sb(gi->inode.sb)->shared && names == gi->names_changed)
		cache_add(l, gi);
	use(d, l, pos);
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
		bool have = d->listing && ctx->pos == d->pos && (ctx->pos != 0 || d->off != 0);
		if (!have || (d->off == d->listing->batch->msg.data_bytes && !(d->listing->batch->msg.flags & GOFER_DIR_END))) {
			int err = fetch(d, ctx->pos);
			if (err)
				return err;
		}
		const struct gofer_msg *m = &d->listing->batch->msg;
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
	listing_put(d->listing);
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
