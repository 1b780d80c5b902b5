/* serve_xattr.c - extended attributes (xattr(7)) of files and directories.
 *
 * HOW      The guest reads and writes user.*; it sees security.capability and can't set it. The rest of the host's attributes
 *          (labels, ACLs, trusted.*) are the host's business and look unsupported. */
#include "gofer/serve.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "gofer/host.h"

#define VALUE_MAX (GOFER_DATA_MAX - 4096) /* leaves room for a name beside it */

static bool is_user(const char *name)
{
	return strncmp(name, "user.", 5) == 0 && name[5];
}

static bool may_read(const char *name)
{
	return is_user(name) || strcmp(name, "security.capability") == 0;
}

static int open_for_xattr(struct gofer *g, uint64_t id, int none)
{
	struct node *n = node_find(g, id);
	if (!n)
		return -ESTALE;
	return S_ISREG(n->mode) || S_ISDIR(n->mode) ? open_node(g, n, O_RDONLY) : none;
}

int serve_getxattr(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	if (!may_read(q->name))
		return -EOPNOTSUPP;
	int file = open_for_xattr(g, q->node, -ENODATA);
	if (file < 0)
		return file;
	ssize_t n = host_getxattr(file, q->name, g->scratch, VALUE_MAX);
	host_close(file);
	if (n < 0)
		return n == -ERANGE ? -E2BIG : (int)n;
	a->data = g->scratch;
	a->data_bytes = (uint32_t)n;
	return 0;
}

int serve_listxattr(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	int file = open_for_xattr(g, q->node, -EOPNOTSUPP);
	if (file < 0)
		return file == -EOPNOTSUPP ? 0 : file;
	ssize_t n = host_listxattr(file, g->scratch, VALUE_MAX);
	host_close(file);
	if (n < 0)
		return n == -ERANGE ? -E2BIG : n == -EOPNOTSUPP ? 0 : (int)n;
	/* In place: only what may be read. */
	size_t kept = 0, len;
	for (size_t off = 0; off < (size_t)n; off += len) {
		len = strnlen(g->scratch + off, (size_t)n - off) + 1;
		if (off + len > (size_t)n)
			break;
		if (!may_read(g->scratch + off))
			continue;
		memmove(g->scratch + kept, g->scratch + off, len);
		kept += len;
	}
	a->data = g->scratch;
	a->data_bytes = (uint32_t)kept;
	return 0;
}

static int open_for_change(struct gofer *g, const struct gofer_msg *q)
{
	struct node *n = node_find(g, q->node);
	if (!n)
		return -ESTALE;
	if (n->export->read_only)
		return -EROFS;
	if (strncmp(q->name, "system.", 7) == 0)
		return -EOPNOTSUPP;
	return is_user(q->name) ? open_for_xattr(g, q->node, -EPERM) : -EPERM;
}

int serve_setxattr(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)a, (void)fd;
	if (q->flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	int file = open_for_change(g, q);
	if (file < 0)
		return file;
	int err = host_setxattr(file, q->name, q->data, q->data_bytes, (int)q->flags);
	host_close(file);
	return err;
}

int serve_removexattr(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)a, (void)fd;
	int file = open_for_change(g, q);
	if (file < 0)
		return file;
	int err = host_removexattr(file, q->name);
	host_close(file);
	return err;
}
