/* serve_make.c - new files, directories, links.
 *
 * HOW      Everything is made exclusively and then looked at by descriptor. The owner is the guest's if the gofer may give files
 *          away and its user namespace knows the number; else it stays the gofer's own, and the answer says so. */
#include "gofer/serve.h"

#include <fcntl.h>
#include <unistd.h>

#include "gofer/host.h"

mode_t allowed_mode(const struct gofer_export *e, mode_t mode)
{
	if (S_ISDIR(mode))
		return mode & 07777;
	mode &= 07777;
	if (!(e->allow & GOFER_ALLOW_SUID))
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
	return mode;
}

/* The new object behind fd (O_PATH, taken over) becomes a node. A directory's set-group-ID bit, and the group that comes
 * with it, are the host's to inherit. */
static int adopt(struct gofer *g, int fd, struct node *dir, const char *name, const struct gofer_msg *q,
		 struct gofer_msg *a)
{
	struct gofer_attr *attr = &a->attr[0];
	int err = host_stat(fd, attr);
	if (err) {
		host_close(fd);
		return err;
	}
	/* Where others may write too, the name may be another's object by now: give away only what is ours alone. */
	bool ours = attr->uid == g->uid && (S_ISDIR(attr->mode) || attr->nlink <= 1);
	if (ours && (attr->uid != q->uid || attr->gid != q->gid)) {
		bool chowned = host_chown(fd, q->uid, q->gid) == 0;
		/* Giving away drops set-ID bits. */
		if (chowned && S_ISREG(attr->mode) && (attr->mode & (S_ISUID | S_ISGID)))
			err = host_chmod(g->proc_fd, fd, attr->mode & 07777);
		if (chowned && !err)
			err = host_stat(fd, attr);
		if (err) {
			host_close(fd);
			return err;
		}
	}
	struct node *n;
	nodes_make_room(g);
	err = node_new(g, fd, dir->export, dir, name, attr, &n);
	if (!err)
		a->node = n->id;
	return err;
}

static int finish(struct gofer *g, int dir_fd, struct node *dir, const struct gofer_msg *q, struct gofer_msg *a)
{
	nodes_make_room(g);
	int fd = host_open_at(dir_fd, q->name, O_PATH | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	int err = adopt(g, fd, dir, q->name, q, a);
	return err ? err : host_stat(dir_fd, &a->attr[1]);
}


int serve_create(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	struct node *dir;
	int dir_fd;
	int err = get_writable_dir(g, q->node, &dir, &dir_fd);
	if (err)
		return err;
	mode_t mode = allowed_mode(dir->export, q->mode);
	int rw = host_open_at(dir_fd, q->name, O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
	if (rw < 0)
		return rw;
	/* The node is of what was just made, even if the name is another's by now. */
	nodes_make_room(g);
	int path = host_reopen(g->proc_fd, rw, O_PATH);
	err = path < 0 ? path : adopt(g, path, dir, q->name, q, a);
	if (!err)
		err = host_stat(dir_fd, &a->attr[1]);
	if (err) {
		host_close(rw);
		return err;
	}
	*fd = rw;
	return 0;
}

int serve_tmpfile(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	struct node *dir;
	int dir_fd;
	int err = get_writable_dir(g, q->node, &dir, &dir_fd);
	if (err)
		return err;
	mode_t mode = allowed_mode(dir->export, q->mode);
	int rw = host_open_at(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (rw < 0)
		return rw;
	nodes_make_room(g);
	int path = host_reopen(g->proc_fd, rw, O_PATH);
	err = path < 0 ? path : adopt(g, path, dir, NULL, q, a);
	if (err) {
		host_close(rw);
		return err;
	}
	*fd = rw;
	return 0;
}

int serve_mkdir(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *dir;
	int dir_fd;
	int err = get_writable_dir(g, q->node, &dir, &dir_fd);
	if (!err)
		err = host_mkdir(dir_fd, q->name, q->mode & 07777);
	return err ? err : finish(g, dir_fd, dir, q, a);
}

int serve_mknod(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *dir;
	int dir_fd;
	int err = get_writable_dir(g, q->node, &dir, &dir_fd);
	if (err)
		return err;
	mode_t type = q->mode & S_IFMT;
	bool ok = type == S_IFREG || (type == S_IFIFO && (dir->export->allow & GOFER_ALLOW_FIFO)) ||
		  (type == S_IFSOCK && (dir->export->allow & GOFER_ALLOW_SOCKET));
	if (!ok)
		return -EPERM;
	err = host_mknod(dir_fd, q->name, type | allowed_mode(dir->export, q->mode));
	return err ? err : finish(g, dir_fd, dir, q, a);
}

int serve_symlink(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *dir;
	int dir_fd;
	int err = get_writable_dir(g, q->node, &dir, &dir_fd);
	if (!err)
		err = host_symlink(q->text, dir_fd, q->name);
	return err ? err : finish(g, dir_fd, dir, q, a);
}

int serve_link(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	struct node *dir, *target;
	int dir_fd, target_fd;
	int err = get_writable_dir(g, q->node, &dir, &dir_fd);
	if (!err)
		err = get_node(g, q->target, &target, &target_fd);
	if (err)
		return err;
	if (S_ISDIR(target->mode))
		return -EPERM;
	if (target->export != dir->export)        /* or a read-only export's file would become writable */
		return -EXDEV;
	err = host_link(g->proc_fd, target_fd, dir_fd, q->name);
	if (!err)
		err = host_stat(target_fd, &a->attr[0]);
	return err ? err : host_stat(dir_fd, &a->attr[1]);
}
