/* gofer_start.c - what the gofer sees, and what it may do.
 *
 * HOW      Each export is a detached copy of a host mount (open_tree): a descriptor, read-only where asked, that no path leads
 *          to and no ".." leads out of. The default root alone is made of several mounts, in the tmpfs that becomes the
 *          gofer's root directory. So even a gofer that is taken over finds nothing else to open.
 *          It keeps the user's ids: as root those need capabilities to read any file, and to write only if something was
 *          exported for writing. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gofer/gofer.h"
#include "loader/namespaces.h"
#include "loader/start.h"
#include "platform/base/timeline.h"
#include "platform/seccomp/seccomp.h"

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

static struct err *bind_item(int dir, const struct tree_item *item)
{
	int fd;
	struct err *e = clone_mount(item->text, true, &fd);
	if (e)
		return e;
	if (mkdirat(dir, item->path, 0755) < 0 || move_mount(fd, "", dir, item->path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		e = err_errno(errno, "mounting %s", item->text);
	close(fd);
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
		else if (item->kind == ITEM_SYMLINK && symlinkat(item->text, base, item->path) < 0)
			e = err_errno(errno, "making %s", item->path);
	}
	return e;
}

static struct err *open_dir(int base, const char *path, int *out)
{
	*out = openat(base, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *out < 0 ? err_errno(errno, "opening %s", path) : NULL;
}

/* Builds the only files the gofer will see, and moves this process's root there. */
static struct err *open_exports(const struct root *r, struct gofer_export *exports)
{
	struct err *e = NULL;
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
	int base = tmpfs_new("1m", "256");
	if (base < 0)
		return err_errno(-base, "tmpfs");
	/* Before Linux 6.15 nothing can be mounted into a tree that is itself mounted nowhere. */
	e = root_attach(base);
	if (!e)
		e = build_tree(r, base);
	for (int i = 0; !e && i < r->nexports; i++)
		if (r->exports[i].kind == EXPORT_TREE)
			e = open_dir(base, r->exports[i].path, &exports[i].fd);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	if (!e && mount_setattr(base, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		e = err_errno(errno, "making the gofer's root read-only");
	if (!e)
		e = root_enter(base);
	close(base);
	return e;
}

static int lock_down(void *arg)
{
	struct start *st = arg;
	return seccomp_install(&filter_gofer, st->sb->debug_fd);
}

static uint64_t needed_caps(const struct root *r)
{
	for (int i = 0; i < r->nexports; i++)
		if (!r->exports[i].read_only)
			return GOFER_CAPS;
	return CAP_BIT(CAP_DAC_READ_SEARCH);
}

struct err *gofer_start(struct start *st)
{
	const struct root *r = &st->sb->root;
	prctl(PR_SET_NAME, "sbx gofer");
	struct gofer_config cfg = { .socket_fd = st->sb->gofer_sock[1], .nexports = r->nexports, .debug_fd = st->sb->debug_fd,
				    .lock_down = lock_down, .lock_down_arg = st };
	struct gofer_export *exports = xzalloc(sizeof(*exports) * (size_t)(r->nexports + 1));
	cfg.exports = exports;
	/* Its own descriptors' directory, by whose links it opens files anew: alone, cut out of /proc. The rest must be out of
	 * reach, for where root is the user, what is writable in /proc/sys is writable to the gofer too, whatever its
	 * capabilities. */
	struct err *e = clone_mount("/proc/self/fd", true, &cfg.proc_fd);
	if (!e)
		e = open_exports(r, exports);
	if (e)
		return err_in(e, "files%s", namespaces_hint());
	timeline_mark(TIMELINE_EXPORTS);
	e = privileges_drop(false, needed_caps(r), st->sb->opt->debug);
	if (e)
		return e;
	_exit(gofer_main(&cfg));
}
