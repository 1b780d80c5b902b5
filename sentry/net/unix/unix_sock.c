/* unix_sock.c - life of an AF_UNIX socket, its readiness and its end.
 *
 * HOW      A socket outlives its file while a peer or an unread message of its own refers to it; then it is dead: it has no
 *          name and its queue is empty.
 * LINUX    net/unix/af_unix.c. Same: closing with unread data gives the peer ECONNRESET; a socket is writable only when
 *          a quarter of its buffer or less is in flight.
 * MISSING  SO_PASSSEC and SO_PEERSEC have no security module to ask. */
#include "platform/base/live.h"
#include "sentry/kernel/task.h"
#include "sentry/net/net.h"
#include "sentry/net/unix/unix_impl.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

struct unix_sock *unix_get(struct unix_sock *u)
{
	u->refs++;
	return u;
}

void unix_put(struct unix_sock *u)
{
	if (!u || --u->refs > 0)
		return;
	CHECK(u->dead && TAILQ_EMPTY(&u->recvq));
	unix_addr_put(u->addr);
	net_put(u->net);
	live_died(SOCKET);
	free(u);
}

bool unix_writable(const struct unix_sock *u)
{
	return u->state != UNIX_LISTEN && u->wmem * 4 <= u->sock.sndbuf;
}

static void room_wake(struct waiter *w, uint32_t events)
{
	(void)events;
	struct unix_sock *u = container_of(w, struct unix_sock, full_w);
	waiter_del(w);
	waitq_wake(&u->sock.wq, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

void unix_wait_room(struct unix_sock *who, struct unix_sock *u)
{
	waiter_del(&who->full_w);
	who->full_w.wake = room_wake;
	waiter_add(&who->full_w, &u->room_q);
}

static bool is_datagram(const struct unix_sock *u)
{
	return u->sock.type == SOCK_DGRAM;
}

static uint32_t unix_poll(struct socket *s)
{
	struct unix_sock *u = to_unix(s);
	uint32_t events = 0;
	if (s->error)
		events |= EPOLLERR;
	if (u->shutdown == SHUTDOWN_ALL || (!is_datagram(u) && u->state == UNIX_CLOSED))
		events |= EPOLLHUP;
	if (u->shutdown & RCV_SHUTDOWN)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (!TAILQ_EMPTY(&u->recvq) || !TAILQ_EMPTY(&u->acceptq))
		events |= EPOLLIN | EPOLLRDNORM;
	if (u->oob)
		events |= EPOLLPRI;
	if (!unix_writable(u))
		return events;
	if (is_datagram(u) && u->peer && u->peer->peer != u && !u->peer->dead && unix_recvq_full(u->peer)) {
		unix_wait_room(u, u->peer);
		return events;
	}
	return events | EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
}

static int unix_getname(struct socket *s, enum socket_end end, struct sockaddr_storage *out, socklen_t *out_len)
{
	struct unix_sock *u = to_unix(s);
	bool peer = end != SOCKET_SELF;
	if (peer && !u->peer)
		return -ENOTCONN;
	unix_addr_copy(peer ? u->peer->addr : u->addr, out, out_len);
	return 0;
}

static int unix_shutdown(struct socket *s, int how)
{
	struct unix_sock *u = to_unix(s), *peer = u->peer;
	unsigned mode = (unsigned)how + 1;       /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 */
	u->shutdown |= mode;
	waitq_wake(&s->wq, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLRDNORM | EPOLLWRNORM);
	if (!peer || is_datagram(u))
		return 0;
	if (mode & RCV_SHUTDOWN)
		peer->shutdown |= SEND_SHUTDOWN;
	if (mode & SEND_SHUTDOWN)
		peer->shutdown |= RCV_SHUTDOWN;
	waitq_wake(&peer->sock.wq, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLRDNORM | EPOLLWRNORM);
	return 0;
}

static int unix_ioctl(struct task *t, struct socket *s, unsigned cmd, uint64_t arg)
{
	struct unix_sock *u = to_unix(s);
	int n;
	switch (cmd) {
	case SIOCOUTQ:
		n = (int)u->wmem;
		break;
	case SIOCINQ:
		if (u->state == UNIX_LISTEN)
			return -EINVAL;
		n = (int)u->recvq_bytes;
		if (is_datagram(u))
			n = TAILQ_EMPTY(&u->recvq) ? 0 : (int)TAILQ_FIRST(&u->recvq)->len;
		break;
	case SIOCATMARK:
		n = unix_oob_at_mark(u);
		break;
	default:
		return -ENOTTY;
	}
	return put_user(t, UPTR(arg), &n);
}

/* The other end of a connection learns that this one has gone. */
static void hang_up(struct unix_sock *u)
{
	struct unix_sock *peer = u->peer;
	const struct unix_buf *unread = TAILQ_FIRST(&u->recvq);
	if (unread && u->sock.type == SOCK_STREAM && unread->off == unread->len)
		unread = TAILQ_NEXT(unread, link);
	peer->shutdown = SHUTDOWN_ALL;
	if (unread || u->embryo)
		peer->sock.error = ECONNRESET;
	waitq_wake(&peer->sock.wq, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLRDNORM | EPOLLWRNORM);
}

static void unix_release(struct socket *s)
{
	struct unix_sock *u = to_unix(s), *embryo;
	u->dead = true;
	TAILQ_REMOVE(&u->net->unixes, u, net_link);
	u->state = UNIX_CLOSED;
	u->shutdown = SHUTDOWN_ALL;
	waiter_del(&u->full_w);
	if (u->peer && !is_datagram(u))
		hang_up(u);
	unix_unbind(u);
	while ((embryo = TAILQ_FIRST(&u->acceptq))) {
		TAILQ_REMOVE(&u->acceptq, embryo, accept_link);
		file_put(&embryo->sock.file);
	}
	unix_purge(u);
	waitq_wake(&u->room_q, EPOLLOUT);
	unix_put(TAKE(u->peer));
	unix_set_peer_of(u, NULL, NULL);
	unix_put(u);
	unix_gc();
}

static const struct socket_ops unix_ops = {
	.bind = unix_bind,
	.listen = unix_listen,
	.accept = unix_accept,
	.connect = unix_connect,
	.getname = unix_getname,
	.shutdown = unix_shutdown,
	.send = unix_send,
	.recv = unix_recv,
	.poll = unix_poll,
	.ioctl = unix_ioctl,
	.getsockopt = unix_getsockopt,
	.setsockopt = unix_setsockopt,
	.release = unix_release,
};

int unix_make(struct net *net, int type, struct unix_sock **out)
{
	struct unix_sock *u = NEW(struct unix_sock);
	int err = socket_init(&u->sock, &unix_ops, AF_UNIX, type, 0);
	if (err) {
		free(u);
		return err;
	}
	u->sock.can_peek_off = true;
	u->refs = 1;
	u->net = net_get(net);
	TAILQ_INSERT_TAIL(&net->unixes, u, net_link);
	TAILQ_INIT(&u->recvq);
	TAILQ_INIT(&u->acceptq);
	waitq_init(&u->room_q);
	*out = u;
	return 0;
}

static int unix_create(struct task *t, int type, int protocol, struct socket **out)
{
	if (protocol && protocol != PF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;               /* as BSD has it */
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	if (!t->net)
		return -EAFNOSUPPORT;
	struct unix_sock *u;
	int err = unix_make(t->net, type, &u);
	if (!err)
		*out = &u->sock;
	return err;
}

const struct socket_family unix_family = { .family = AF_UNIX, .create = unix_create, .pair = unix_pair };
