/* serve_names.c - taking names away and moving them.
 *
 * HOW      A node whose own name goes is pinned first: a guest may hold the file open, and its descriptor is all that is left. */
#include "gofer/serve.h"

#include <fcntl.h>
#include <stdio.h>

#include "gofer/host.h"

int serve_unlink(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *dir, *target;
	int dir_fd, target_fd;
	if (q->flags & ~(uint32_t)AT_REMOVEDIR)
		return -EINVAL;
	int err = get_writable_dir(g, q->node, &dir, &dir_fd);
	if (!err)
		err = get_node(g, q->target, &target, &target_fd);
	if (!err)
		err = node_pin(g, target, dir, q->name);
	if (!err)
		err = host_unlink(dir_fd, q->name, q->flags & AT_REMOVEDIR);
	if (!err)
		err = host_stat(target_fd, &a->attr[0]);
	return err ? err : host_stat(dir_fd, &a->attr[1]);
}

int serve_rename(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *from, *to, *target, *replaced = NULL;
	int from_fd, to_fd, target_fd, replaced_fd;
	if (q->flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	int err = get_writable_dir(g, q->node, &from, &from_fd);
	if (!err)
		err = get_writable_dir(g, q->node2, &to, &to_fd);
	if (!err)
		err = get_node(g, q->target, &target, &target_fd);
	if (!err && q->replaced)
		err = get_node(g, q->replaced, &replaced, &replaced_fd);
	if (!err && from->export != to->export)
		err = -EXDEV;
	bool exchange = q->flags & RENAME_EXCHANGE;
	if (!err && replaced && !exchange)
		err = node_pin(g, replaced, to, q->name2);
	if (!err)
		err = host_rename(from_fd, q->name, to_fd, q->name2, q->flags);
	if (err)
		return err;

	node_moved(target, from, q->name, to, q->name2);
	if (replaced && exchange)
		node_moved(replaced, to, q->name2, from, q->name);
	err = host_stat(target_fd, &a->attr[0]);
	if (!err)
		err = host_stat(from_fd, &a->attr[1]);
	return err ? err : host_stat(to_fd, &a->attr[2]);
}
