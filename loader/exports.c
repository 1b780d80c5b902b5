/* exports.c - the only file tree in the sandbox's mount namespace.
 *
 * HOW      A tmpfs becomes the root of the namespace. One of its directories has copies of the host's mounts that are exported
 *          (open_tree), read-only where asked: it is the gofer's root directory, so even a gofer that is taken over finds nothing
 *          else to open. Another is empty, and everybody else's root.
 *          One namespace, one file system, nothing that is mounted nowhere: taking each of those down costs a grace period of
 *          RCU when a sandbox ends, 40 us on an idle machine, milliseconds on a busy one.
 *          The host's tree lies on top of the root until init detaches it (root_forget_old), which takes a grace period, too; so
 *          nobody waits for it. No path leads there from one of the two directories. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/start.h"

static struct err *clone_mount(const char *host, bool read_only, int *out)
{
	int fd = open_tree(AT_FDCWD, host, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (fd < 0)
		return err_errno(errno, "%s", host);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NODEV | (read_only ? MOUNT_ATTR_RDONLY : 0) };
	if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0) {
		int err = errno;
		close(fd);
		return err_errno(err, "%s: mount_setattr", host);
	}
	*out = fd;
	return NULL;
}

static bool make_mount_point(int dir, const char *path, bool is_file)
{
	if (!is_file)
		return mkdirat(dir, path, 0755) == 0;
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 && close(fd) == 0;
}

/* Mounts what clone_mount() made at path, a new name in dir. */
static struct err *attach(int dir, const char *path, int fd, bool is_file)
{
	if (!make_mount_point(dir, path, is_file) || move_mount(fd, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_errno(errno, "mounting on %s", path);
	return NULL;
}

static struct err *bind_item(int dir, const struct tree_item *item)
{
	int fd;
	struct err *e = clone_mount(item->text, true, &fd);
	if (!e) {
		e = attach(dir, item->path, fd, false);
		close(fd);
	}
	return e;
}

/* Covers a file of the host's, if it is there and is not a symlink. */
static struct err *cover_item(int base, int number, const struct tree_item *item)
{
	char name[16];
	snprintf(name, sizeof(name), "file%d", number);
	struct stat st;
	if (fstatat(base, item->path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	int fd = openat(base, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(errno, "making %s", item->path);
	size_t len = strlen(item->text);
	ssize_t n = write(fd, item->text, len);
	close(fd);
	if (n != (ssize_t)len)
		return err_new("making %s: short write", item->path);
	fd = open_tree(base, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || move_mount(fd, "", base, item->path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_errno(errno, "mounting %s", item->path);
	close(fd);
	return NULL;
}

static struct err *build_tree(const struct root *r, int base)
{
	struct err *e = NULL;
	for (int i = 0; !e && i < r->nitems; i++) {
		const struct tree_item *item = &r->items[i];
		if (item->kind == ITEM_BIND)
			e = bind_item(base, item);
		else if (item->kind == ITEM_FILE)
			e = cover_item(base, i, item);
		else if (item->kind == ITEM_DIR && mkdirat(base, item->path, 0755) < 0)
			e = err_errno(errno, "making %s", item->path);
	}
	return e;
}

static struct err *open_export(int base, int number, const struct root_export *ex, struct gofer_export *out)
{
	char name[16];
	snprintf(name, sizeof(name), "bind%d", number);
	if (ex->kind == EXPORT_BIND)
		return attach(base, name, out->fd, ex->is_file);
	out->fd = openat(base, ex->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return out->fd < 0 ? err_errno(errno, "opening %s", ex->path) : NULL;
}

struct err *exports_mount(const struct start *st, struct gofer_export **out, bool *out_old_on_top)
{
	const struct root *r = &st->sb->root;
	struct gofer_export *exports = *out = xzalloc(sizeof(*exports) * (size_t)(r->nexports + 1));
	struct err *e = NULL;
	/* Before something lies over the root directory, which may be one of them. */
	for (int i = 0; !e && i < r->nexports; i++) {
		const struct root_export *ex = &r->exports[i];
		exports[i] = (struct gofer_export){ .fd = -1, .read_only = ex->read_only, .is_file = ex->is_file,
						    .public_only = ex->public_only,
						    .allow = GOFER_ALLOW_FIFO | GOFER_ALLOW_SOCKET };
		if (ex->kind == EXPORT_BIND)
			e = clone_mount(ex->path, ex->read_only, &exports[i].fd);
	}
	if (e)
		return err_in(e, "exporting");
	int base = st->base_fd;
	/* Before Linux 6.15 nothing can be mounted into a tree that is itself mounted nowhere. */
	e = root_attach(base);
	int dir = -1;
	if (!e && (mkdirat(base, EMPTY_DIR, 0555) < 0 || mkdirat(base, EXPORTS_DIR, 0755) < 0 ||
		   (dir = openat(base, EXPORTS_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0 ||
		   mkdirat(dir, GOFER_OWN_FDS, 0555) < 0))
		e = err_errno(errno, "making directories");
	if (!e)
		e = build_tree(r, dir);
	for (int i = 0; !e && i < r->nexports; i++)
		e = open_export(dir, i, &r->exports[i], &exports[i]);
	if (dir >= 0)
		close(dir);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	if (!e && mount_setattr(base, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		e = err_errno(errno, "making the root read-only");
	return e ? e : root_enter(base, out_old_on_top);
}
