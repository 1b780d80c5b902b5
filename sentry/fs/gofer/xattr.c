/* xattr.c - extended attributes; which of the host's are to be seen is the gofer's policy (gofer/serve_xattr.c). */
#include <string.h>

#include "sentry/fs/gofer/gofer_inode.h"

static ssize_t give(const struct gofer_answer *a, void *buf, size_t bytes)
{
	size_t n = a->msg.data_bytes;
	if (!buf || bytes == 0)
		return (ssize_t)n;
	if (n > bytes)
		return -ERANGE;
	memcpy(buf, a->msg.data, n);
	return (ssize_t)n;
}

ssize_t gofer_getxattr(struct inode *i, const char *name, void *buf, size_t bytes)
{
	struct gofer_msg q = { .type = GOFER_GETXATTR, .node = to_gofer_inode(i)->node, .name = name };
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	int err = gofer_ask(&q, &a);
	return err ? err : give(a, buf, bytes);
}

ssize_t gofer_listxattr(struct inode *i, char *buf, size_t bytes)
{
	struct gofer_msg q = { .type = GOFER_LISTXATTR, .node = to_gofer_inode(i)->node };
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	int err = gofer_ask(&q, &a);
	return err ? err : give(a, buf, bytes);
}

int gofer_setxattr(struct inode *i, const char *name, const void *value, size_t bytes, int flags)
{
	if (to_gofer_sb(i->sb)->read_only)
		return -EROFS;
	if (bytes > GOFER_DATA_MAX - 4096)
		return -E2BIG;
	struct gofer_msg q = { .type = GOFER_SETXATTR, .node = to_gofer_inode(i)->node, .name = name, .data = value,
			       .data_bytes = (uint32_t)bytes, .flags = (uint32_t)flags };
	to_gofer_inode(i)->stale = true;
	return gofer_ask(&q, NULL);
}

int gofer_removexattr(struct inode *i, const char *name)
{
	if (to_gofer_sb(i->sb)->read_only)
		return -EROFS;
	struct gofer_msg q = { .type = GOFER_REMOVEXATTR, .node = to_gofer_inode(i)->node, .name = name };
	to_gofer_inode(i)->stale = true;
	return gofer_ask(&q, NULL);
}
