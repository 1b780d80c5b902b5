/* serve_walk.c - from names to nodes, and from nodes to descriptors. */
#include "gofer/serve.h"

#include <fcntl.h>
#include <string.h>

#include "gofer/host.h"

int get_node(struct gofer *g, uint64_t id, struct node **out, int *out_fd)
{
	struct node *n = node_find(g, id);
	if (!n)
		return -ESTALE;
	int fd = node_fd(g, n);
	if (fd < 0)
		return fd;
	*out = n;
	*out_fd = fd;
	return 0;
}

int get_dir(struct gofer *g, uint64_t id, struct node **out, int *out_fd)
{
	int err = get_node(g, id, out, out_fd);
	return !err && !S_ISDIR((*out)->mode) ? -ENOTDIR : err;
}

int get_writable_dir(struct gofer *g, uint64_t id, struct node **out, int *out_fd)
{
	int err = get_dir(g, id, out, out_fd);
	return !err && (*out)->export->read_only ? -EROFS : err;
}

bool is_hidden(const struct gofer_export *e, const struct gofer_attr *attr)
{
	mode_t needed = S_ISDIR(attr->mode) ? S_IROTH | S_IXOTH : S_IROTH;
	return e->public_only && !S_ISLNK(attr->mode) && (attr->mode & needed) != needed;
}

int open_node(struct gofer *g, struct node *n, int flags)
{
	/* Opening a FIFO or a device can block, or do something. What a path means for them is the sentry's to say. */
	if (!S_ISREG(n->mode) && !S_ISDIR(n->mode))
		return -ENXIO;
	if ((flags & O_ACCMODE) != O_RDONLY && n->export->read_only)
		return -EROFS;
	int fd = node_fd(g, n);
	return fd < 0 ? fd : host_reopen(g->proc_fd, fd, flags);
}

int serve_attach(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	if (q->off >= (uint64_t)g->cfg->nexports)
		return -ENOENT;
	const struct gofer_export *e = &g->cfg->exports[q->off];
	struct gofer_statfs fs;
	int err = host_stat(e->fd, &a->attr[0]);
	if (!err)
		err = host_statfs(e->fd, &fs);
	if (err)
		return err;
	if (e->is_file ? !S_ISREG(a->attr[0].mode) : !S_ISDIR(a->attr[0].mode))
		return -ENOTDIR;
	struct node *n;
	err = node_new(g, e->fd, e, NULL, NULL, &a->attr[0], &n);
	if (err)
		return err;
	a->node = n->id;
	a->len = fs.type;
	a->flags = (e->read_only ? GOFER_EXPORT_RO : 0U) | (e->is_file ? GOFER_EXPORT_FILE : 0U);
	return 0;
}

/* One step. *out: the new node. */
static int step(struct gofer *g, struct node *dir, const char *name, char *text, struct gofer_entry *e,
		struct node **out)
{
	int dir_fd = node_fd(g, dir);
	if (dir_fd < 0)
		return dir_fd;
	nodes_make_room(g);
	int fd = host_open_at(dir_fd, name, O_PATH | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	int err = host_stat(fd, &e->attr);
	if (!err && is_hidden(dir->export, &e->attr))
		err = -ENOENT;
	ssize_t len = 0;
	if (!err && S_ISLNK(e->attr.mode)) {
		len = host_readlink(fd, text, GOFER_TEXT_MAX + 1);
		if (len < 0)
			err = (int)len;
		else if (len > GOFER_TEXT_MAX)
			err = -ENAMETOOLONG;
	}
	if (err) {
		host_close(fd);
		return err;
	}
	text[len] = 0;
	e->text = text;
	err = node_new(g, fd, dir->export, dir, name, &e->attr, out);
	if (!err)
		e->node = (*out)->id;
	return err;
}

int serve_walk(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	struct node *n;
	int dir_fd;
	int err = get_dir(g, q->node, &n, &dir_fd);
	if (err)
		return err;
	static char no_text[1];
	for (unsigned i = 0; i < q->count; i++) {
		if (!S_ISDIR(n->mode)) {
			if (!S_ISLNK(n->mode))
				a->mode = ENOTDIR;
			break;
		}
		/* Only the last entry of an answer can be a symlink, so one scratch does for all. */
		err = step(g, n, q->names[i], g->scratch, &a->entries[i], &n);
		if (err) {
			a->mode = (uint32_t)-err;
			break;
		}
		if (!S_ISLNK(n->mode))
			a->entries[i].text = no_text;
		a->count++;
	}
	if (a->mode || a->count < q->count || !(q->flags & GOFER_WALK_OPEN) || !S_ISREG(n->mode))
		return 0;
	*fd = open_node(g, n, O_RDONLY);
	if (*fd >= 0)                             /* else the sentry finds out when it opens it */
		a->flags |= GOFER_WALK_OPENED;
	return 0;
}

static int stat_at(struct gofer *g, uint64_t id, const char *name, struct gofer_entry *e)
{
	struct node *dir;
	int dir_fd;
	int err = get_dir(g, id, &dir, &dir_fd);
	if (!err)
		err = host_stat_at(dir_fd, name, &e->attr);
	e->node = id;
	e->text = "";
	return !err && is_hidden(dir->export, &e->attr) ? -ENOENT : err;
}

int serve_statat(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	const char *ids = q->data;
	if (q->data_bytes != q->count * sizeof(uint64_t))
		return -EINVAL;
	for (; a->count < q->count; a->count++) {
		uint64_t id;
		memcpy(&id, ids + a->count * sizeof(id), sizeof(id));
		int err = stat_at(g, id, q->names[a->count], &a->entries[a->count]);
		if (err) {
			a->mode = (uint32_t)-err;
			break;
		}
	}
	return 0;
}

int serve_open(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)a;
	struct node *n = node_find(g, q->node);
	if (!n)
		return -ESTALE;
	if (q->flags != O_RDONLY && q->flags != O_RDWR && q->flags != O_WRONLY)
		return -EINVAL;
	if (S_ISDIR(n->mode))                     /* a directory's descriptor would be a way out of the sandbox */
		return -EISDIR;
	*fd = open_node(g, n, (int)q->flags);
	return *fd < 0 ? *fd : 0;
}

int serve_close(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)a, (void)fd;
	for (uint32_t i = 0; i + sizeof(uint64_t) <= q->data_bytes; i += sizeof(uint64_t)) {
		uint64_t id;
		memcpy(&id, (const char *)q->data + i, sizeof(id));
		struct node *n = node_find(g, id);
		if (n)
			node_close(g, n);
	}
	return 0;
}
