/* gofer_start.c - what the gofer may do; what it sees is made by exports.c.
 *
 * HOW      It makes the sandbox's file tree while init makes the network namespace, each half a millisecond's work, and joins
 *          that when both are done. Nobody else has started by then.
 *          It keeps the user's ids: as root those need capabilities to read any file, and to write only if something was
 *          exported for writing. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/namespaces.h"
#include "loader/start.h"
#include "platform/base/timeline.h"
#include "platform/seccomp/seccomp.h"

/* Its own descriptors' directory, by whose links it opens files anew: alone, cut out of /proc. The rest must be out of reach,
 * for where root is the user, what is writable in /proc/sys is writable to the gofer too, whatever its capabilities. */
static struct err *own_descriptors(const struct start *st, int *out)
{
	int dir = openat(st->proc_fd, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : open_tree(dir, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY };
	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ||
	    move_mount(fd, "", AT_FDCWD, "/" GOFER_OWN_FDS, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_errno(errno, "/proc/self/fd");
	close(dir);
	*out = fd;
	return NULL;
}

/* init's network namespace, as soon as it has one. */
static struct err *join_network(const struct start *st)
{
	char c;
	close(st->net[1]);
	while (read(st->net[0], &c, 1) < 0 && errno == EINTR)
		;
	int init = (int)syscall(SYS_pidfd_open, 1, 0);
	if (init < 0 || setns(init, CLONE_NEWNET) < 0)
		return err_errno(errno, "joining the network namespace");
	close(init);
	return NULL;
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
				    .look = st->sb->cfg.ncpus > 1, .lock_down = lock_down, .lock_down_arg = st };
	bool old_on_top = false;
	struct gofer_export *exports = NULL;
	struct err *e = start_wait_for_go(st->sb, MSG_PEEK);
	if (!e && (e = exports_mount(st, &exports, &old_on_top)))
		e = err_in(e, "files%s", namespaces_hint());
	if (!e && write(st->tree[1], &old_on_top, sizeof(old_on_top)) != (ssize_t)sizeof(old_on_top))
		e = err_errno(errno, "pipe");
	if (!e)
		e = root_enter_dir(st->base_fd, EXPORTS_DIR);
	if (!e)
		e = own_descriptors(st, &cfg.proc_fd);
	if (!e)
		e = join_network(st);             /* before init gives up what makes it possible */
	if (e)
		return e;
	cfg.exports = exports;
	/* From here on the host's tree is not needed. */
	close(st->tree[1]);
	timeline_mark(TIMELINE_EXPORTS);
	e = privileges_drop(false, needed_caps(r), st->sb->opt->debug);
	if (e)
		return e;
	_exit(gofer_main(&cfg));
}
