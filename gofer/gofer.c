/* gofer.c - set-up and the serving loop (gofer.h).
 *
 * HOW      One request at a time, each answered before the next is read; the kernel's socket buffer is the queue. A request that
 *          breaks the protocol ends the gofer, and with it the sandbox: an honest sentry sends none. */
#include "gofer/gofer.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gofer/host.h"
#include "gofer/serve.h"
#include "platform/base/timeline.h"

#define SPARE_FDS 32                      /* beside the nodes': exports are added, opens in flight */

static int serve_hello(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd)
{
	(void)fd;
	if (q->flags != GOFER_VERSION)
		return -EPROTONOSUPPORT;
	a->flags = GOFER_VERSION;
	a->len = (uint64_t)g->cfg->nexports;
	return 0;
}

static serve_fn *const handlers[GOFER_TYPE_END] = {
	[GOFER_HELLO] = serve_hello,
	[GOFER_ATTACH] = serve_attach,
	[GOFER_WALK] = serve_walk,
	[GOFER_STATAT] = serve_statat,
	[GOFER_GETATTR] = serve_getattr,
	[GOFER_SETATTR] = serve_setattr,
	[GOFER_OPEN] = serve_open,
	[GOFER_CREATE] = serve_create,
	[GOFER_TMPFILE] = serve_tmpfile,
	[GOFER_MKDIR] = serve_mkdir,
	[GOFER_MKNOD] = serve_mknod,
	[GOFER_SYMLINK] = serve_symlink,
	[GOFER_LINK] = serve_link,
	[GOFER_UNLINK] = serve_unlink,
	[GOFER_RENAME] = serve_rename,
	[GOFER_READLINK] = serve_readlink,
	[GOFER_READDIR] = serve_readdir,
	[GOFER_GETXATTR] = serve_getxattr,
	[GOFER_SETXATTR] = serve_setxattr,
	[GOFER_LISTXATTR] = serve_listxattr,
	[GOFER_REMOVEXATTR] = serve_removexattr,
	[GOFER_STATFS] = serve_statfs,
	[GOFER_FSYNC] = serve_fsync,
	[GOFER_SYNCFS] = serve_syncfs,
	[GOFER_WILLNEED] = serve_willneed,
	[GOFER_CLOSE] = serve_close,
};

/* Answers one request. 0, or -errno: the conversation is over. */
static int serve(struct gofer *g, const void *request, size_t bytes)
{
	static struct gofer_msg q, a;
	static char answer[GOFER_MSG_MAX];
	int err = gofer_decode(request, bytes, GOFER_REQUEST, &q);
	if (err)
		return err;
	a = (struct gofer_msg){ .type = q.type, .tag = q.tag };
	int fd = -1;
	a.result = handlers[q.type](g, &q, &a, &fd);
	if (q.type == GOFER_CLOSE)
		return 0;
	ssize_t len = gofer_encode(&a, GOFER_ANSWER, answer, sizeof(answer));
	if (len < 0) {                            /* the host has names or numbers the protocol has no room for */
		a.result = -EIO;
		len = gofer_encode(&a, GOFER_ANSWER, answer, sizeof(answer));
		CHECK(len > 0);
	}
	int sent = host_send(g->cfg->socket_fd, answer, (size_t)len, gofer_carries_fd(&a) ? fd : -1);
	if (sent == -ETOOMANYREFS) {
		a.result = -ENFILE;
		len = gofer_encode(&a, GOFER_ANSWER, answer, sizeof(answer));
		CHECK(len > 0);
		sent = host_send(g->cfg->socket_fd, answer, (size_t)len, -1);
	}
	if (fd >= 0)
		host_close(fd);
	return sent;
}

static int raise_fd_limit(unsigned *out)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return -errno;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		return -errno;
	*out = (unsigned)MIN(r.rlim_cur, (rlim_t)1 << 20);
	return 0;
}

static bool wanted(const struct gofer_config *cfg, int proc_fd, int fd)
{
	if (fd == cfg->socket_fd || fd == proc_fd || fd == cfg->debug_fd)
		return true;
	for (int i = 0; i < cfg->nexports; i++)
		if (fd == cfg->exports[i].fd)
			return true;
	return false;
}

/* Closes all but what is wanted. 0 to 2 are never free: a stray message to standard error must not end up in a file. */
static int keep_only(const struct gofer_config *cfg, int proc_fd)
{
	int highest = MAX(cfg->socket_fd, proc_fd);
	highest = MAX(highest, cfg->debug_fd);
	highest = MAX(highest, 2);
	for (int i = 0; i < cfg->nexports; i++)
		highest = MAX(highest, cfg->exports[i].fd);
	int first = -1;                           /* of those that go together */
	for (int fd = 0; fd <= highest; fd++) {
		bool goes = fd > 2 && !wanted(cfg, proc_fd, fd);
		if (goes && first < 0)
			first = fd;
		if (!goes && first >= 0 && close_range((unsigned)first, (unsigned)fd - 1, 0) < 0)
			return -errno;
		if (!goes)
			first = -1;
		if (fd <= 2 && !wanted(cfg, proc_fd, fd) && dup3(proc_fd, fd, O_CLOEXEC) < 0)
			return -errno;
	}
	return close_range((unsigned)highest + 1, ~0U, 0) < 0 ? -errno : 0;
}

int gofer_main(const struct gofer_config *cfg)
{
	static struct gofer g;
	static char request[GOFER_MSG_MAX];

	debug_fd = cfg->debug_fd;
	umask(0);
	g.cfg = cfg;
	g.uid = geteuid();
	g.gid = getegid();
	g.proc_fd = cfg->proc_fd >= 0 ? cfg->proc_fd : open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (g.proc_fd < 0) {
		debugf("gofer: /proc/self/fd: errno %d", errno);
		return 1;
	}
	unsigned limit = 0;
	int err = raise_fd_limit(&limit);
	if (!err)
		err = keep_only(cfg, g.proc_fd);
	unsigned taken = (unsigned)cfg->nexports + SPARE_FDS;
	nodes_init(&g, limit > taken + 64 ? limit - taken : 64);
	if (!err && cfg->lock_down)
		err = cfg->lock_down(cfg->lock_down_arg);
	if (err) {
		debugf("gofer: set-up: errno %d", -err);
		return 1;
	}

	timeline_mark(TIMELINE_GOFER);
	for (;;) {
		ssize_t n = host_recv(cfg->socket_fd, cfg->look, request, sizeof(request));
		if (n == 0 || n == -ECONNRESET)
			break;
		err = n < 0 ? (int)n : serve(&g, request, (size_t)n);
		if (err == -EPIPE || err == -ECONNRESET)
			break;
		if (err) {
			debugf("gofer: the sentry broke the protocol: errno %d", -err);
			nodes_fini(&g);
			return 1;
		}
	}
	nodes_fini(&g);
	return 0;
}
