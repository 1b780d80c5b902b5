/* unix_connect.c - how two AF_UNIX sockets become peers.
 *
 * HOW      connect(2) makes the server's end at once and queues it at the listener; accept(2) only hands it out. So a
 *          client may write before it is accepted.
 * LINUX    net/unix/af_unix.c. Same: SO_PEERCRED is who called connect, listen or socketpair; one more connection than the
 *          backlog may wait. */
#include "sentry/kernel/task.h"
#include "sentry/net/unix/unix_impl.h"

#include <string.h>
#include <sys/epoll.h>

#define SOMAX 4096                        /* net.core.somaxconn */

int unix_listen(struct task *t, struct socket *s, int backlog)
{
	struct unix_sock *u = to_unix(s);
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!u->addr || u->state == UNIX_CONNECTED)
		return -EINVAL;
	unsigned old = u->backlog;
	u->backlog = MIN((unsigned)backlog, (unsigned)SOMAX);
	if (u->backlog > old)
		waitq_wake(&u->room_q, EPOLLOUT);
	u->state = UNIX_LISTEN;
	s->listening = true;
	s->peer = scm_creds_of(t);
	unix_set_peer_of(u, t->tg, t->cred);
	return 0;
}

int unix_accept(struct socket *s, struct socket **out)
{
	struct unix_sock *u = to_unix(s);
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (u->state != UNIX_LISTEN)
		return -EINVAL;
	struct unix_sock *embryo = TAILQ_FIRST(&u->acceptq);
	if (!embryo)
		return u->shutdown & RCV_SHUTDOWN ? -EINVAL : -EAGAIN;
	TAILQ_REMOVE(&u->acceptq, embryo, accept_link);
	u->acceptq_count--;
	embryo->embryo = false;
	waitq_wake(&u->room_q, EPOLLOUT);
	*out = &embryo->sock;
	return 0;
}

bool unix_may_send(const struct unix_sock *u, const struct unix_sock *other)
{
	return !other->peer || other->peer == u;
}

static void set_peer(struct unix_sock *u, struct unix_sock *peer)
{
	struct unix_sock *old = u->peer;
	u->peer = peer ? unix_get(peer) : NULL;
	if (!old)
		return;
	waiter_del(&u->full_w);
	/* What the old peer sent is not from whom we listen to now. */
	if (old != peer && u->sock.type == SOCK_DGRAM) {
		if (!TAILQ_EMPTY(&u->recvq)) {
			unix_purge(u);
			if (!old->dead && old->peer == u)
				old->sock.error = ECONNRESET;
		}
		waitq_wake(&old->sock.wq, EPOLLOUT | EPOLLERR);
		waitq_wake(&u->sock.wq, EPOLLOUT);
	}
	unix_put(old);
}

static int connect_datagram(struct task *t, struct unix_sock *u, const struct sockaddr_storage *addr, socklen_t len)
{
	if (addr->ss_family == AF_UNSPEC) {
		set_peer(u, NULL);
		return 0;
	}
	AUTO(unix_put) struct unix_sock *other = NULL;
	int err = unix_find(t, u, addr, len, &other);
	if (err)
		return err;
	if (!unix_may_send(u, other))
		return -EPERM;
	set_peer(u, other);
	return 0;
}

static int connect_stream(struct task *t, struct unix_sock *u, const struct sockaddr_storage *addr, socklen_t len)
{
	AUTO(unix_put) struct unix_sock *other = NULL;
	int err = unix_find(t, u, addr, len, &other);
	if (err)
		return err;
	/* The lookup slept. */
	if (u->state != UNIX_CLOSED)
		return u->state == UNIX_LISTEN ? -EINVAL : -EISCONN;
	if (other->dead || other->state != UNIX_LISTEN || (other->shutdown & RCV_SHUTDOWN))
		return -ECONNREFUSED;
	if (other->acceptq_count > other->backlog) {
		unix_wait_room(u, other);
		return -EAGAIN;
	}
	struct unix_sock *server;
	err = unix_make(u->net, u->sock.type, &server);
	if (err)
		return err;
	server->embryo = true;
	server->state = UNIX_CONNECTED;
	server->addr = unix_addr_get(other->addr);
	server->sock.sndbuf = other->sock.sndbuf;
	server->sock.passcred = other->sock.passcred;
	server->sock.passpidfd = other->sock.passpidfd;
	server->sock.passsec = other->sock.passsec;
	server->no_rights = other->no_rights;
	server->sock.peer = scm_creds_of(t);
	unix_set_peer_of(server, t->tg, t->cred);
	set_peer(server, u);
	u->state = UNIX_CONNECTED;
	u->sock.peer = other->sock.peer;
	unix_set_peer_of(u, other->peer_tg, other->peer_cred);
	set_peer(u, server);
	TAILQ_INSERT_TAIL(&other->acceptq, server, accept_link);
	other->acceptq_count++;
	waitq_wake(&other->sock.wq, EPOLLIN | EPOLLRDNORM);
	return 0;
}

int unix_connect(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len)
{
	struct unix_sock *u = to_unix(s);
	if (s->passcred || s->passpidfd) {
		int err = unix_autobind(u);
		if (err)
			return err;
	}
	if (s->type == SOCK_DGRAM)
		return connect_datagram(t, u, addr, len);
	return connect_stream(t, u, addr, len);
}

int unix_pair(struct task *t, struct socket *sa, struct socket *sb)
{
	struct unix_sock *a = to_unix(sa), *b = to_unix(sb);
	unix_set_peer_of(a, t->tg, t->cred);
	unix_set_peer_of(b, t->tg, t->cred);
	set_peer(a, b);
	set_peer(b, a);
	if (sa->type != SOCK_DGRAM)
		a->state = b->state = UNIX_CONNECTED;
	return 0;
}
