/* diag_unix.c - NETLINK_SOCK_DIAG: AF_UNIX sockets.
 *
 * LINUX    net/unix/diag.c. Same: one that is asked for by its inode number must have the cookie given; those
 *          not accepted yet are not told. */
#include <string.h>
#include <sys/sysmacros.h>

#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/netlink/diag.h"
#include "sentry/net/unix/unix_diag.h"

#define WAITING_MAX 256

struct unix_walk {
	const struct unix_diag_req *q;
	struct nl_dump *d;
	struct nl_request *r;
	int err;
};

static struct unix_diag_msg head(const struct unix_diag *u)
{
	struct unix_diag_msg m = { .udiag_family = AF_UNIX, .udiag_type = (uint8_t)u->sock->type, .udiag_state = (uint8_t)u->state,
				   .udiag_ino = (uint32_t)u->ino };
	diag_cookie(u->sock, m.udiag_cookie);
	return m;
}

static void put_waiting(struct nl_buf *b, const struct unix_diag *u)
{
	uint32_t inos[WAITING_MAX];
	unsigned n = unix_diag_waiting(u->sock, inos, WAITING_MAX);
	nl_put(b, UNIX_DIAG_ICONS, inos, n * sizeof(inos[0]));
}

static void put_rest(struct nl_buf *b, unsigned show, const struct netlink_sock *nlk, const struct unix_diag *u)
{
	bool listens = u->sock->listening;
	if ((show & UDIAG_SHOW_NAME) && u->name && u->name_len > offsetof(struct sockaddr_un, sun_path)) {
		size_t n = u->name_len - offsetof(struct sockaddr_un, sun_path);
		nl_put(b, UNIX_DIAG_NAME, u->name->sun_path, MIN(n, sizeof(u->name->sun_path)));
	}
	if ((show & UDIAG_SHOW_VFS) && u->file_ino) {
		struct unix_diag_vfs vfs = { (uint32_t)u->file_ino, (uint32_t)(major(u->file_dev) << 20 | minor(u->file_dev)) };
		nl_put(b, UNIX_DIAG_VFS, &vfs, sizeof(vfs));
	}
	if ((show & UDIAG_SHOW_PEER) && u->peer_ino)
		nl_put_u32(b, UNIX_DIAG_PEER, (uint32_t)u->peer_ino);
	if ((show & UDIAG_SHOW_ICONS) && listens)
		put_waiting(b, u);
	if (show & UDIAG_SHOW_RQLEN) {
		struct unix_diag_rqlen q = { (uint32_t)u->rx, (uint32_t)u->tx };
		nl_put(b, UNIX_DIAG_RQLEN, &q, sizeof(q));
	}
	if (show & UDIAG_SHOW_MEMINFO)
		diag_put_memory(b, UNIX_DIAG_MEMINFO, u->sock, u->rx, u->tx);
	nl_put_u8(b, UNIX_DIAG_SHUTDOWN, (uint8_t)u->shutdown);
	if (show & UDIAG_SHOW_UID)
		nl_put_u32(b, UNIX_DIAG_UID, uid_shown(nlk->cred, u->uid));
}

static bool tell(void *arg, const struct unix_diag *u)
{
	struct unix_walk *w = arg;
	struct unix_diag_msg m = head(u);
	if (!(w->q->udiag_states >> u->state & 1) || !u->ino)
		return true;
	if (nl_dump_begin(w->d, SOCK_DIAG_BY_FAMILY, &m, sizeof(m))) {
		put_rest(w->d->buf, w->q->udiag_show, w->d->nlk, u);
		nl_dump_end(w->d);
	}
	return !w->d->stopped;
}

static void fill_unix(struct nl_dump *d)
{
	struct unix_walk w = { .q = (const void *)d->args, .d = d };
	unix_diag_each(d->nlk->net, tell, &w);
}

static bool tell_that(void *arg, const struct unix_diag *u)
{
	struct unix_walk *w = arg;
	struct unix_diag_msg m = head(u);
	if (w->q->udiag_ino != m.udiag_ino)
		return true;
	w->err = diag_cookie_fits(u->sock, w->q->udiag_cookie) ? 0 : -ESTALE;
	if (w->err)
		return false;
	struct nl_buf *b = nl_buf_new(4096);
	nl_begin(b, SOCK_DIAG_BY_FAMILY, 0, w->r->h.nlmsg_seq, w->r->nlk->port.id, &m, sizeof(m));
	put_rest(b, w->q->udiag_show, w->r->nlk, u);
	(void)nl_end(b);
	nl_reply(w->r, b);
	return false;
}

int diag_unix(struct nl_request *r)
{
	struct unix_diag_req q;
	if (!nl_head(r, &q, sizeof(q)))
		return -EINVAL;
	if (r->h.nlmsg_flags & NLM_F_DUMP)
		return nl_dump_start(r, fill_unix, &q, sizeof(q), 0);
	if (!q.udiag_ino)
		return -EINVAL;
	struct unix_walk w = { .q = &q, .r = r, .err = -ENOENT };
	unix_diag_each(r->net, tell_that, &w);
	return w.err;
}
