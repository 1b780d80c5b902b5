/* serve_attr.c - attributes, link targets, file system statistics. */
#include "gofer/serve.h"

#include <fcntl.h>

#include "gofer/host.h"

int serve_getattr(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *n;
	int node;
	int err = get_node(g, q->node, &n, &node);
	return err ? err : host_stat(node, &a->attr[0]);
}

static struct timespec to_timespec(const struct gofer_setattr *s, unsigned bit, const struct gofer_time *t)
{
	if (!(s->valid & bit))
		return (struct timespec){ .tv_nsec = UTIME_OMIT };
	return (struct timespec){ .tv_sec = t->sec, .tv_nsec = t->ns };
}

static int truncate_node(struct gofer *g, struct node *n, int64_t size)
{
	if (!S_ISREG(n->mode))
		return S_ISDIR(n->mode) ? -EISDIR : -EINVAL;
	int fd = open_node(g, n, O_WRONLY);
	if (fd < 0)
		return fd;
	int err = host_truncate(fd, size);
	host_close(fd);
	return err;
}

int serve_setattr(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	const struct gofer_setattr *s = &q->set;
	struct node *n;
	int node;
	int err = get_node(g, q->node, &n, &node);
	if (err)
		return err;
	if (n->export->read_only)
		return -EROFS;
	if (s->valid & (GOFER_SET_UID | GOFER_SET_GID))
		err = host_chown(node, s->valid & GOFER_SET_UID ? s->uid : (uint32_t)-1,
				 s->valid & GOFER_SET_GID ? s->gid : (uint32_t)-1);
	/* After the owner: giving a file away drops its set-ID bits. */
	if (!err && (s->valid & GOFER_SET_MODE)) {
		if (S_ISLNK(n->mode))
			return -EOPNOTSUPP;
		err = host_chmod(g->proc_fd, node, allowed_mode(n->export, (n->mode & S_IFMT) | s->mode));
	}
	if (!err && (s->valid & GOFER_SET_SIZE))
		err = truncate_node(g, n, s->size);
	if (!err && (s->valid & (GOFER_SET_ATIME | GOFER_SET_MTIME))) {
		struct timespec ts[2] = { to_timespec(s, GOFER_SET_ATIME, &s->atime),
					  to_timespec(s, GOFER_SET_MTIME, &s->mtime) };
		err = host_utimens(g->proc_fd, node, ts);
	}
	return err ? err : host_stat(node, &a->attr[0]);
}

int serve_readlink(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *n;
	int node;
	int err = get_node(g, q->node, &n, &node);
	if (err)
		return err;
	if (!S_ISLNK(n->mode))
		return -EINVAL;
	ssize_t len = host_readlink(node, g->scratch, GOFER_TEXT_MAX + 1);
	if (len < 0)
		return (int)len;
	if (len > GOFER_TEXT_MAX)
		return -ENAMETOOLONG;
	g->scratch[len] = 0;
	a->text = g->scratch;
	return len == 0 ? -ENOENT : 0;            /* a magic link's empty one */
}

int serve_statfs(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *n;
	int node;
	int err = get_node(g, q->node, &n, &node);
	return err ? err : host_statfs(node, &a->statfs);
}
