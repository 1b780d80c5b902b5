/* serve_data.c - directory listings, and what would make the sentry wait for a disk: sync, cold reads. */
#include "gofer/serve.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "gofer/host.h"

#define RAW_BYTES 32768
#define WILLNEED_MAX (1U << 20)

/* The directory's listing descriptor, standing at pos. */
static int dir_at(struct gofer *g, struct node *n, uint64_t pos)
{
	if (n->dir_fd < 0) {
		nodes_make_room(g);
		int fd = open_node(g, n, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return fd;
		n->dir_fd = fd;
		n->dir_pos = 0;
		g->nfds++;
		if (pos == 0)
			return 0;
	} else if (pos == n->dir_pos && pos != 0) {
		return 0;
	}
	int err = host_seek_dir(n->dir_fd, pos);  /* to 0 also where it stands at 0: a rewind sees what is new */
	if (!err)
		n->dir_pos = pos;
	return err;
}

/* One batch of the host's records behind out + used; the new length, or -errno. 0 more: *end. */
static ssize_t add_batch(struct node *n, char *out, size_t bytes, size_t used, bool *end)
{
	static char raw[RAW_BYTES] __attribute__((aligned(8)));
	ssize_t got = host_getdents(n->dir_fd, raw, sizeof(raw));
	*end = got == 0;
	if (got < 0)
		return got;
	for (ssize_t off = 0; off < got;) {
		struct dirent64 *d = (struct dirent64 *)(raw + off);
		struct gofer_attr attr;
		bool hidden = n->export->public_only && host_stat_at(n->dir_fd, d->d_name, &attr) == 0 &&
			      is_hidden(n->export, &attr);
		bool above = strcmp(d->d_name, "..") == 0 && !n->parent;
		struct gofer_dirent e = {
			/* What lies above an export is nobody's business. */
			.ino = above ? n->ino : d->d_ino,
			.next = d->d_off, .type = d->d_type,
			.name = d->d_name, .name_len = (uint8_t)strnlen(d->d_name, GOFER_NAME_MAX),
		};
		if (!hidden || strcmp(d->d_name, "..") == 0)
			used += gofer_dirent_put(out + used, bytes - used, &e);
		n->dir_pos = (uint64_t)d->d_off;
		off += d->d_reclen;
	}
	return (ssize_t)used;
}

int serve_readdir(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *n = node_find(g, q->node);
	if (!n)
		return -ESTALE;
	if (!S_ISDIR(n->mode))
		return -ENOTDIR;
	if (q->off > INT64_MAX)
		return -EINVAL;
	int err = dir_at(g, n, q->off);
	if (err)
		return err;
	/* Our records are never longer than the host's, so a batch fits while RAW_BYTES are left. Small directories are
	 * told to be complete in the first answer. */
	size_t used = 0;
	bool end = false;
	while (!end && sizeof(g->scratch) - used >= RAW_BYTES) {
		ssize_t now = add_batch(n, g->scratch, sizeof(g->scratch), used, &end);
		if (now < 0 && used == 0) {
			node_close_dir(g, n);
			return (int)now;
		}
		if (now < 0)                      /* the next request finds out again */
			break;
		used = (size_t)now;
	}
	if (end) {
		node_close_dir(g, n);
		a->flags = GOFER_DIR_END;
	}
	a->data = g->scratch;
	a->data_bytes = (uint32_t)used;
	return 0;
}

static int open_for_sync(struct gofer *g, uint64_t id)
{
	struct node *n = node_find(g, id);
	if (!n)
		return -ESTALE;
	int fd = open_node(g, n, O_RDONLY);
	if (fd == -EACCES && S_ISREG(n->mode))
		fd = open_node(g, n, O_WRONLY);
	return fd;
}

int serve_fsync(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)a, (void)fd;
	int file = open_for_sync(g, q->node);
	if (file < 0)
		return file;
	int err = host_sync(file, q->flags & 1);
	host_close(file);
	return err;
}

int serve_syncfs(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)a, (void)fd;
	struct node *n = node_find(g, q->node);
	if (n && n->export->read_only)            /* nothing of ours to write; other people's is not for us to force */
		return 0;
	int file = open_for_sync(g, q->node);
	if (file < 0)
		return file;
	int err = host_syncfs(file);
	host_close(file);
	return err;
}

int serve_willneed(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)a, (void)fd;
	struct node *n = node_find(g, q->node);
	if (!n || !S_ISREG(n->mode))
		return -ESTALE;
	if (q->off > INT64_MAX - WILLNEED_MAX || q->len > WILLNEED_MAX)
		return -EINVAL;
	int file = open_node(g, n, O_RDONLY);
	if (file < 0)
		return file;
	ssize_t got = 1;
	for (uint64_t done = 0; done < q->len && got > 0; done += (uint64_t)got)
		got = host_pread(file, g->scratch, MIN(sizeof(g->scratch), q->len - done), (off_t)(q->off + done));
	host_close(file);
	return got < 0 ? (int)got : 0;
}
