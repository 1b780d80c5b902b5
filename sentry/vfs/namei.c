/* namei.c - from a path to what it names (path_resolution(7), openat2(2)).
 *
 * HOW      A walk keeps where it is (cur) and a stack of the names still to go: the path itself and, above it, the
 *          targets of symlinks being followed. A name that is used up is popped before a link's target is pushed, so
 *          an element is the last one exactly when it ends the only name on the stack. The task's root is taken once.
 * LINUX    fs/namei.c. Same: 40 links in all; search permission is checked before the name is looked at;
 *          a trailing slash follows a link at the end and wants a directory.
 * MISSING  fs.protected_symlinks (off, as in a kernel nobody configured); automounts. */
#include "sentry/vfs/namei.h"

#include <fcntl.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"

/* Moves to `to`, whose references are taken over. */
static void walk_move(struct walk *w, struct path to)
{
	struct path old = w->cur;
	w->cur = to;
	path_put(&old);
}

static void walk_move_borrowed(struct walk *w, struct path to)
{
	path_get(&to);
	walk_move(w, to);
}

static int dirfd_path(struct task *t, int dirfd, bool must_be_dir, struct path *out)
{
	if (dirfd == AT_FDCWD) {
		*out = t->fs->cwd;
		path_get(out);
		return 0;
	}
	AUTO(file_put) struct file *f = fd_get_raw(t, dirfd);
	if (!f)
		return -EBADF;
	if (must_be_dir && !S_ISDIR(f->inode->mode))
		return -ENOTDIR;
	file_get_path(f, out);
	return 0;
}

int walk_begin(struct walk *w, struct task *t, int dirfd, const char *name, unsigned flags)
{
	/* Field by field: clearing the stack would cost more than a short walk. */
	w->t = t;
	w->flags = flags;
	w->nlinks = w->depth = 0;
	w->slash = false;
	w->last[0] = '\0';
	w->last_len = 0;
	w->type = LAST_ROOT;
	w->cur = w->root = (struct path){ 0 };
	bool scoped = flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT);
	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (*name == '/' && (flags & LOOKUP_BENEATH))
		return -EXDEV;

	if (*name == '/' && !scoped) {
		w->cur = t->fs->root;
		path_get(&w->cur);
	} else {
		int err = dirfd_path(t, dirfd, *name || scoped, &w->cur);
		if (err)
			return err;
	}
	w->root = scoped ? w->cur : t->fs->root;
	path_get(&w->root);
	w->stack[w->depth++] = (struct walk_frame){ .rest = name };
	return 0;
}

static void pop(struct walk *w)
{
	free(w->stack[--w->depth].buf);
}

void walk_end(struct walk *w)
{
	while (w->depth > 0)
		pop(w);
	dcache_forget_ahead();
	path_put(&w->cur);
	path_put(&w->root);
}

static int step_up(struct walk *w)
{
	struct path p = w->cur;
	for (;;) {
		if (p.dentry == w->root.dentry && p.mnt == w->root.mnt) {
			if (w->flags & LOOKUP_BENEATH)
				return -EXDEV;
			break;
		}
		if (p.dentry != p.mnt->root) {
			p.dentry = p.dentry->parent;
			break;
		}
		if (!p.mnt->parent)
			break;
		p = (struct path){ .mnt = p.mnt->parent, .dentry = p.mnt->mountpoint };
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
	}
	if (mount_top(&p) && (w->flags & LOOKUP_NO_XDEV))
		return -EXDEV;
	walk_move_borrowed(w, p);
	return 0;
}

static int follow_magic(struct walk *w, struct inode *i)
{
	if (w->flags & LOOKUP_NO_MAGICLINKS)
		return -ELOOP;
	struct path to = { 0 };
	int err = i->ops->follow(i, w->t, &to);
	if (err)
		return err;
	if ((w->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) || ((w->flags & LOOKUP_NO_XDEV) && to.mnt != w->cur.mnt)) {
		path_put(&to);
		return -EXDEV;
	}
	walk_move(w, to);
	return 0;
}

static int read_target(struct walk *w, struct inode *i, char **out)
{
	AUTO(free) char *buf = malloc(PATH_MAX);
	if (!buf)
		return -ENOMEM;
	ssize_t n = i->ops->readlink ? i->ops->readlink(i, w->t, buf, PATH_MAX) : -EINVAL;
	if (n < 0)
		return (int)n;
	if (n == 0)
		return -ENOENT;
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	*out = TAKE(buf);
	return 0;
}

int walk_follow(struct walk *w, struct dentry *d)
{
	struct inode *i = d->inode;
	if (++w->nlinks > MAX_SYMLINKS || (w->flags & LOOKUP_NO_SYMLINKS) || (w->cur.mnt->flags & MNT_NOSYMFOLLOW))
		return -ELOOP;
	if (i->ops->follow)
		return follow_magic(w, i);
	char *target = NULL;
	int err = read_target(w, i, &target);
	if (err)
		return err;
	if (w->depth > 0 && !*w->stack[w->depth - 1].rest)
		pop(w);
	w->stack[w->depth++] = (struct walk_frame){ .buf = target, .rest = target };
	if (*target == '/') {
		if (w->flags & LOOKUP_BENEATH)
			return -EXDEV;
		if ((w->flags & LOOKUP_NO_XDEV) && w->root.mnt != w->cur.mnt)
			return -EXDEV;
		walk_move_borrowed(w, w->root);
	}
	return WALK_AGAIN;
}

/* All that is still to walk: what is left of a link's target, then of the names it stands in. False: too long. */
static bool join_rest(const struct walk *w, const char *name, char *buf, size_t bytes)
{
	size_t used = 0;
	for (int i = w->depth; i-- > 0;) {
		const char *rest = i == w->depth - 1 ? name : w->stack[i].rest;
		size_t len = strlen(rest);
		if (len + 2 > bytes - used)
			return false;
		memcpy(buf + used, rest, len);
		used += len;
		buf[used++] = '/';
	}
	buf[used - 1] = '\0';
	return true;
}

/* A name that is not cached: the file system may fetch all that follow with it. */
static void walk_ahead(struct walk *w, const char *name, size_t len)
{
	struct inode *dir = w->cur.dentry->inode;
	if (!dir->ops->walk_ahead)
		return;
	char rest[1024];                  /* a hint: longer paths do without */
	bool open = w->flags & LOOKUP_OPEN;
	if (w->depth > 1 && !join_rest(w, name, rest, sizeof(rest)))
		return;
	const char *path = w->depth > 1 ? rest : name;
	/* A single name that won't be opened is a plain lookup. */
	if (open || path[len + strspn(path + len, "/")])
		dir->ops->walk_ahead(dir, path, open);
}

/* One name in cur: goes there; a symlink is followed if `follow`. Then WALK_AGAIN, if its target is still to walk. */
static int step(struct walk *w, const char *name, size_t len, bool follow)
{
	struct dentry *d = dcache_find(w->cur.dentry, name, len);
	int err = 0;
	if (!d) {
		if (w->cur.dentry->sb->ops->revalidate_all)
			dcache_revalidate_ahead(w->cur.dentry, name);
		if (!dcache_has(w->cur.dentry, name, len))
			walk_ahead(w, name, len);
		err = dcache_lookup(w->cur.dentry, name, len, false, &d);
	}
	if (err)
		return err;
	if (!d->inode) {
		dentry_put(d);
		return -ENOENT;
	}
	if (!d->mounted && !S_ISLNK(d->inode->mode)) {        /* mostly */
		dentry_put(w->cur.dentry);
		w->cur.dentry = d;
		return 0;
	}
	struct path p = { .mnt = w->cur.mnt, .dentry = d };
	if (mount_top(&p) && (w->flags & LOOKUP_NO_XDEV)) {
		err = -EXDEV;
	} else if (S_ISLNK(p.dentry->inode->mode) && follow) {
		err = walk_follow(w, p.dentry);
	} else {
		walk_move_borrowed(w, p);
	}
	dentry_put(d);
	return err;
}

static enum last_type type_of(const char *name, size_t len)
{
	if (name[0] == '.' && len == 1)
		return LAST_DOT;
	if (name[0] == '.' && name[1] == '.' && len == 2)
		return LAST_DOTDOT;
	return LAST_NORM;
}

int walk_parent(struct walk *w)
{
	for (;;) {
		/* A link's target may be only slashes: then it is where "/" already took us. */
		struct walk_frame *top = &w->stack[w->depth - 1];
		while (*top->rest == '/')
			top->rest++;
		if (!*top->rest) {
			pop(w);
			if (w->depth > 0)
				continue;
			w->type = LAST_ROOT;
			return 0;
		}
		const char *name = top->rest;
		size_t len = 0;
		while (name[len] && name[len] != '/')
			len++;
		if (!S_ISDIR(w->cur.dentry->inode->mode))
			return -ENOTDIR;
		int err = inode_permission(w->cur.dentry->inode, w->t->cred, MAY_EXEC);
		if (err)
			return err;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		for (top->rest = name + len; *top->rest == '/'; top->rest++)
			;
		enum last_type type = type_of(name, len);
		if (!*top->rest && w->depth == 1) {
			if (name[len] == '/')
				w->slash = true;
			w->type = type;
			memcpy(w->last, name, len);
			w->last[len] = '\0';
			w->last_len = len;
			return 0;
		}
		if (type == LAST_NORM)
			err = step(w, name, len, true);
		else if (type == LAST_DOTDOT)
			err = step_up(w);
		if (err < 0)
			return err;
	}
}

int walk_last(struct walk *w)
{
	switch (w->type) {
	case LAST_DOTDOT:
		return step_up(w);
	case LAST_NORM:
		return step(w, w->last, w->last_len, (w->flags & LOOKUP_FOLLOW) || w->slash);
	default:
		return 0;
	}
}

/* --- the usual ways in --- */

int path_lookup(struct task *t, int dirfd, const char *name, unsigned flags, struct path *out)
{
	struct walk w;
	int err = walk_begin(&w, t, dirfd, name, flags);
	if (err)
		return err;
	while (*name) {
		err = walk_parent(&w);
		if (!err)
			err = walk_last(&w);
		if (err != WALK_AGAIN)
			break;
	}
	if (!err && (w.slash || (flags & LOOKUP_DIRECTORY)) && !S_ISDIR(w.cur.dentry->inode->mode))
		err = -ENOTDIR;
	if (!err) {
		*out = w.cur;
		w.cur = (struct path){ 0 };
	}
	walk_end(&w);
	return err;
}

int path_copy_user(struct task *t, uptr_t name, char **out)
{
	return strndup_from_user(t, name, PATH_MAX, out);
}

int path_lookup_user(struct task *t, int dirfd, uptr_t name, unsigned flags, struct path *out)
{
	AUTO(free) char *buf = NULL;
	int err = path_copy_user(t, name, &buf);
	return err ? err : path_lookup(t, dirfd, buf, flags, out);
}

int path_parent(struct task *t, int dirfd, const char *name, unsigned flags, struct path *out_dir, char *last,
		enum last_type *out_type, bool *out_slash)
{
	struct walk w;
	int err = walk_begin(&w, t, dirfd, name, flags & ~(unsigned)LOOKUP_EMPTY);
	if (err)
		return err;
	err = walk_parent(&w);
	if (!err) {
		*out_dir = w.cur;
		w.cur = (struct path){ 0 };
		memcpy(last, w.last, sizeof(w.last));
		*out_type = w.type;
		*out_slash = w.slash;
	}
	walk_end(&w);
	return err;
}

/* --- and back: from a place to its name --- */

static bool prepend(char **at, const char *buf, const char *s, size_t len)
{
	if ((size_t)(*at - buf) < len)
		return false;
	*at -= len;
	memcpy(*at, s, len);
	return true;
}

int path_name_reach(struct task *t, const struct path *p, char *buf, size_t bytes, char **out, bool *out_reached)
{
	static const char deleted[] = " (deleted)";
	struct dentry *d = p->dentry;
	struct mount *m = p->mnt;
	char *at = buf + bytes;
	*out_reached = false;
	if (!prepend(&at, buf, "", 1))
		return -ENAMETOOLONG;
	if (d->flags & DENTRY_ANON) {
		*out = at;
		return prepend(out, buf, d->name, strlen(d->name)) ? 0 : -ENAMETOOLONG;
	}
	if (d->unhashed && !prepend(&at, buf, deleted, sizeof(deleted) - 1))
		return -ENAMETOOLONG;
	bool at_top = true;
	for (;;) {
		if (t->fs && d == t->fs->root.dentry && m == t->fs->root.mnt) {
			*out_reached = true;
			break;
		}
		if (d == m->root && m->parent) {
			d = m->mountpoint;
			m = m->parent;
			continue;
		}
		if (d == m->root || d->parent == d) {
			*out_reached = m->ns && m == m->ns->root && !t->fs;
			break;
		}
		if (!prepend(&at, buf, d->name, strlen(d->name)) || !prepend(&at, buf, "/", 1))
			return -ENAMETOOLONG;
		at_top = false;
		d = d->parent;
	}
	if (at_top && !prepend(&at, buf, "/", 1))
		return -ENAMETOOLONG;
	*out = at;
	return 0;
}

int path_name(struct task *t, const struct path *p, char *buf, size_t bytes, char **out)
{
	bool reached;
	return path_name_reach(t, p, buf, bytes, out, &reached);
}
