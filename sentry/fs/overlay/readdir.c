/* readdir.c - reading directories.
 *
 * HOW      A directory of one layer is read straight from that layer. A merged one is listed once: upper's entries, then
 *          lower's that upper has nothing for; a position is an index into that list. The list is shared by all who start
 *          reading while no name changes; it is what an open directory goes on showing until it is rewound.
 * LINUX    fs/overlayfs/readdir.c: the same, with a list for each inode and version. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "sentry/fs/overlay/overlay_impl.h"
#include "sentry/fs/tmpfs/tmpfs.h"

struct ovl_name {
	uint64_t ino;
	unsigned type;
	size_t len;
	char text[];
};

struct ovl_names {
	int refs;
	uint64_t version;
	uint64_t charged_bytes;
	size_t count, room;
	struct ovl_name **list;
};

static bool is_dot(const char *name, size_t len)
{
	return (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.');
}

/* --- lists of names --- */

static struct ovl_names *names_new(void)
{
	struct ovl_names *n = NEW(struct ovl_names);
	n->refs = 1;
	return n;
}

void ovl_names_put(struct ovl_names *n)
{
	if (!n || --n->refs > 0)
		return;
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
	fs_memory_uncharge(n->charged_bytes);
	free(n);
}
DEFINE_AUTO(ovl_names_put, struct ovl_names *)

static int names_add(struct ovl_names *n, const char *text, size_t len, uint64_t ino, unsigned type)
{
	uint64_t cost = sizeof(struct ovl_name) + len + 1 + 3 * sizeof(void *);
	if (fs_memory_charge(cost) < 0)
		return -ENOMEM;
	n->charged_bytes += cost;
	if (n->count == n->room) {
		size_t room = n->room ? 2 * n->room : 16;
		struct ovl_name **list = reallocarray(n->list, room, sizeof(*list));
		if (!list)
			return -ENOMEM;
		n->list = list;
		n->room = room;
	}
	struct ovl_name *e = malloc(sizeof(*e) + len + 1);
	if (!e)
		return -ENOMEM;
	e->ino = ino;
	e->type = type;
	e->len = len;
	memcpy(e->text, text, len);
	e->text[len] = '\0';
	n->list[n->count++] = e;
	return 0;
}

struct collect {
	struct dir_context ctx;
	struct ovl_names *names;
	size_t seen;
	int err;
};

static bool collect_emit(struct dir_context *ctx, const char *name, size_t len, uint64_t ino, unsigned type, off_t next)
{
	struct collect *c = container_of(ctx, struct collect, ctx);
	(void)next;
	c->seen++;
	if (!is_dot(name, len))
		c->err = names_add(c->names, name, len, ino, type);
	return c->err == 0;
}

/* Adds all that a real directory has. Sleeps if the directory's file system does. */
static int names_read(struct inode *real, struct ovl_names *names)
{
	AUTO(file_put) struct file *f = NULL;
	int err = real->ops->open(real, NULL, O_RDONLY | O_DIRECTORY, NULL, &f);
	if (err)
		return err;
	struct collect c = { .ctx.emit = collect_emit, .names = names };
	size_t before;
	do {                                      /* it may come in portions */
		before = c.seen;
		err = f->ops->iterate(f, &c.ctx);
	} while (!err && !c.err && c.seen > before);
	return err ? err : c.err;
}

int ovl_names_of_lower(struct ovl_inode *dir, struct ovl_names **out)
{
	*out = NULL;
	if (!dir->lower)
		return 0;
	AUTO(ovl_names_put) struct ovl_names *n = names_new();
	int err = names_read(dir->lower, n);
	if (!err)
		*out = TAKE(n);
	return err;
}

static bool upper_has(struct ovl_inode *dir, const char *name, bool *out_whiteout)
{
	AUTO(inode_put) struct inode *i = NULL;
	bool has = ovl_upper_find(dir, name, &i);
	*out_whiteout = has && is_whiteout(i);
	return has;
}

/* What dir shows now, given what lower has. Never sleeps. */
static int names_merge(struct ovl_inode *dir, const struct ovl_names *lower, struct ovl_names *out)
{
	AUTO(ovl_names_put) struct ovl_names *upper = names_new();
	bool whiteout;
	int err = dir->upper ? names_read(dir->upper, upper) : 0;
	for (size_t i = 0; !err && i < upper->count; i++) {
		struct ovl_name *e = upper->list[i];
		if (e->type == DT_CHR && upper_has(dir, e->text, &whiteout) && whiteout)
			continue;
		err = names_add(out, e->text, e->len, e->ino, e->type);
	}
	for (size_t i = 0; !err && lower && i < lower->count; i++) {
		struct ovl_name *e = lower->list[i];
		if (!upper_has(dir, e->text, &whiteout))
			err = names_add(out, e->text, e->len, e->ino, e->type);
	}
	return err;
}

/* dir's listing, the one that is there or a new one. Sleeps. *out: a reference. */
static int names_get(struct ovl_inode *dir, struct ovl_names **out)
{
	if (!dir->names || dir->names->version != dir->version) {
		AUTO(ovl_names_put) struct ovl_names *lower = NULL;
		AUTO(ovl_names_put) struct ovl_names *n = names_new();
		int err = ovl_names_of_lower(dir, &lower);
		if (!err)
			err = names_merge(dir, lower, n);
		if (err)
			return err;
		n->version = dir->version;
		ovl_names_put(dir->names);
		dir->names = TAKE(n);
	}
	dir->names->refs++;
	*out = dir->names;
	return 0;
}

/* --- is it empty? --- */

int ovl_check_empty(struct ovl_inode *dir, const struct ovl_names *lower)
{
	AUTO(ovl_names_put) struct ovl_names *n = names_new();
	int err = names_merge(dir, lower, n);
	return err ? err : n->count > 0 ? -ENOTEMPTY : 0;
}

void ovl_remove_whiteouts(struct ovl_inode *dir)
{
	AUTO(ovl_names_put) struct ovl_names *n = names_new();
	int err = names_read(dir->upper, n);
	for (size_t i = 0; !err && i < n->count; i++) {
		AUTO(inode_put) struct inode *w = NULL;
		if (ovl_upper_find(dir, n->list[i]->text, &w))
			err = dir->upper->ops->unlink(dir->upper, n->list[i]->text, w);
	}
}

/* --- open directories --- */

struct ovl_dir_file {
	struct file file;
	enum { UNREAD, ONE_LAYER, MERGED } kind;  /* as of the start of reading */
	struct file *real;                        /* ONE_LAYER: that layer's */
	struct ovl_names *names;                  /* MERGED */
};

static void forget(struct ovl_dir_file *df)
{
	file_put(TAKE(df->real));
	ovl_names_put(TAKE(df->names));
	df->kind = UNREAD;
}

static int begin(struct ovl_dir_file *df)
{
	struct ovl_inode *dir = to_ovl(df->file.inode);
	forget(df);
	bool merged = dir->upper && dir->lower;
	struct inode *real = ovl_real(dir);
	int err = merged ? names_get(dir, &df->names)
			 : real->ops->open(real, NULL, O_RDONLY | O_DIRECTORY, NULL, &df->real);
	if (!err)
		df->kind = merged ? MERGED : ONE_LAYER;
	return err;
}

static uint64_t parent_ino(const struct file *f)
{
	struct dentry *d = f->path.dentry;
	return d && d->parent->inode ? d->parent->inode->ino : f->inode->ino;
}

struct forward {
	struct dir_context inner, *outer;
	const struct file *f;
};

static bool forward_emit(struct dir_context *ctx, const char *name, size_t len, uint64_t ino, unsigned type, off_t next)
{
	struct forward *fw = container_of(ctx, struct forward, inner);
	if (is_dot(name, len))                    /* the layers may not know where they are */
		ino = len == 1 ? fw->f->inode->ino : parent_ino(fw->f);
	return fw->outer->emit(fw->outer, name, len, ino, type, next);
}

static int iterate_names(struct ovl_dir_file *df, struct dir_context *ctx)
{
	const struct file *f = &df->file;
	for (; ctx->pos < 2 || (uint64_t)ctx->pos - 2 < df->names->count; ctx->pos++) {
		bool more;
		if (ctx->pos < 2) {
			uint64_t ino = ctx->pos == 0 ? f->inode->ino : parent_ino(f);
			more = ctx->emit(ctx, "..", (size_t)ctx->pos + 1, ino, DT_DIR, ctx->pos + 1);
		} else {
			struct ovl_name *e = df->names->list[ctx->pos - 2];
			more = ctx->emit(ctx, e->text, e->len, e->ino, e->type, ctx->pos + 1);
		}
		if (!more)
			break;
	}
	return 0;
}

static int dir_iterate(struct file *f, struct dir_context *ctx)
{
	struct ovl_dir_file *df = container_of(f, struct ovl_dir_file, file);
	if (ctx->pos < 0)
		return -EINVAL;
	if (ctx->pos == 0 || df->kind == UNREAD) {
		int err = begin(df);
		if (err)
			return err;
	}
	if (df->kind == MERGED)
		return iterate_names(df, ctx);
	struct forward fw = { .inner = { .emit = forward_emit, .pos = ctx->pos }, .outer = ctx, .f = f };
	int err = df->real->ops->iterate(df->real, &fw.inner);
	ctx->pos = fw.inner.pos;
	return err;
}

static int dir_fsync(struct file *f, bool datasync)
{
	(void)f;
	(void)datasync;
	return 0;
}

static void dir_file_release(struct file *f)
{
	struct ovl_dir_file *df = container_of(f, struct ovl_dir_file, file);
	forget(df);
	file_fini(f);
	free(df);
}

static const struct file_ops ovl_dir_file_ops = {
	.iterate = dir_iterate, .fsync = dir_fsync, .release = dir_file_release,
};

int ovl_dir_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	struct ovl_dir_file *df = NEW(struct ovl_dir_file);
	file_init(&df->file, &ovl_dir_file_ops, i, path, flags);
	df->file.mode |= FMODE_NOWAIT_POLL;
	*out = &df->file;
	return 0;
}
