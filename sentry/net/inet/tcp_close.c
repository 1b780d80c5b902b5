/* tcp_close.c - how TCP connections end: FIN, RST, TIME_WAIT (shutdown(2), close(2)).
 *
 * HOW      A FIN waits behind what has been sent and is not in the peer's queue yet. A connection is over when both have gone,
 *          or a reset; then the two sockets forget each other.
 * LINUX    net/ipv4/tcp.c, tcp_input.c. Same: close(2) with unread data, or with SO_LINGER and no time, resets; data for a
 *          socket that nobody can read from any more is answered with a reset; ECONNRESET, but EPIPE after the peer's FIN. The
 *          side that closes first keeps the addresses in TIME_WAIT.
 *          With SO_LINGER and a time, close(2) waits until the peer has room for all that was sent. */
#include <string.h>
#include <sys/epoll.h>

#include "sentry/net/inet/tcp.h"

#define FIN_TIMEOUT_NS (60 * NS_PER_SEC)  /* net.ipv4.tcp_fin_timeout */
#define ALL_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLRDNORM | EPOLLWRNORM)

static void unlink_peer(struct tcp_sock *s)
{
	struct tcp_sock *p = TAKE(s->peer);
	if (!p)
		return;
	if (p != s && p->peer == s) {
		p->peer = NULL;
		if (p->outside)                  /* nobody will read what it has, or send to it, any more */
			tcp_wake(p, EPOLLHUP);
		tcp_put(s);
	}
	tcp_put(p);
}

/* The connection is over for s; who calls holds a reference. */
static void conn_done(struct tcp_sock *s)
{
	s->state = TCP_CLOSE;
	s->shutdown = SHUTDOWN_ALL;
	s->fin_queued = false;
	ktimer_cancel(&s->timer);
	tcp_unhash(s);
	if (!s->in.port_lock || s->dead)
		inet_unbind(&s->in);
	bufq_purge(&s->sndq);
	tcp_wake(s, ALL_EVENTS);
	unlink_peer(s);
}

void tcp_reset(struct tcp_sock *s, int error)
{
	AUTO(tcp_put) struct tcp_sock *hold = tcp_get(s);
	if (s->state == TCP_CLOSE)
		return;
	if (s->listener && s->state == TCP_SYN_SENT)
		tcp_leave_synq(s);
	if (s->listener)
		tcp_undefer(s);
	s->in.sock.error = error == ECONNRESET && s->state == TCP_CLOSE_WAIT ? EPIPE : error;
	conn_done(s);
}

void tcp_abort(struct tcp_sock *s)
{
	AUTO(tcp_put) struct tcp_sock *hold = tcp_get(s);
	struct tcp_sock *p = s->peer ? tcp_get(s->peer) : NULL;
	if (s->listener && s->state != TCP_SYN_SENT)
		tcp_undefer(s);
	conn_done(s);
	if (p && p != s)
		tcp_reset(p, ECONNRESET);
	tcp_put(p);
}

/* s has sent its FIN, got the peer's, and was the first: its addresses rest. */
static void time_wait(struct tcp_sock *s)
{
	tcp_time_wait_add(s);
	conn_done(s);
}

static void fin_arrived(struct tcp_sock *s)
{
	s->done = true;
	s->shutdown |= RCV_SHUTDOWN;
	if (s->listener)
		tcp_undefer(s);
	switch (s->state) {
	case TCP_ESTABLISHED:
		s->state = TCP_CLOSE_WAIT;
		break;
	case TCP_FIN_WAIT1:
		s->state = TCP_CLOSING;
		break;
	case TCP_FIN_WAIT2:
		time_wait(s);
		return;
	default:
		break;
	}
	tcp_wake(s, EPOLLIN | EPOLLRDHUP | EPOLLRDNORM | EPOLLHUP);
}

static void fin_acked(struct tcp_sock *s)
{
	switch (s->state) {
	case TCP_FIN_WAIT1:
		s->state = TCP_FIN_WAIT2;
		tcp_wake(s, ALL_EVENTS);
		if (s->dead && s->peer)
			ktimer_arm(&s->timer, now_mono_ns() + (s->linger2 > 0 ? (uint64_t)s->linger2 * NS_PER_SEC : FIN_TIMEOUT_NS));
		if (!s->peer)                    /* nobody is there to send one back */
			conn_done(s);
		break;
	case TCP_CLOSING:
		time_wait(s);
		break;
	case TCP_LAST_ACK:
		conn_done(s);
		break;
	default:
		break;
	}
}

void tcp_fin_try(struct tcp_sock *s)
{
	if (!s->fin_queued || (s->sndq.bytes > 0 && s->peer))
		return;
	AUTO(tcp_put) struct tcp_sock *hold = tcp_get(s);
	struct tcp_sock *p = s->peer ? tcp_get(s->peer) : NULL;
	s->fin_queued = false;
	s->segs_out++;
	if (p)
		fin_arrived(p);
	fin_acked(s);
	tcp_put(p);
}

static void send_fin(struct tcp_sock *s)
{
	s->state = s->state == TCP_ESTABLISHED ? TCP_FIN_WAIT1 : TCP_LAST_ACK;
	s->fin_queued = true;
	tcp_push(s, true);
}

static bool can_send_fin(const struct tcp_sock *s)
{
	return s->state == TCP_ESTABLISHED || s->state == TCP_CLOSE_WAIT;
}

int tcp_shutdown(struct socket *sock, int how)
{
	struct tcp_sock *s = to_tcp(sock);
	AUTO(tcp_put) struct tcp_sock *hold = tcp_get(s);
	unsigned mode = (unsigned)how + 1;       /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 */
	if (s->ss == SS_CONNECTING)
		s->ss = s->state == TCP_SYN_SENT || s->state == TCP_CLOSE ? SS_DISCONNECTING : SS_CONNECTED;
	switch (s->state) {
	case TCP_CLOSE:
		tcp_wake(s, ALL_EVENTS);
		return -ENOTCONN;
	case TCP_LISTEN:
		if (mode & RCV_SHUTDOWN)
			tcp_disconnect(s);
		break;
	case TCP_SYN_SENT:
		tcp_disconnect(s);
		break;
	default:
		s->shutdown |= mode;
		if ((mode & SEND_SHUTDOWN) && can_send_fin(s))
			send_fin(s);
		break;
	}
	tcp_wake(s, ALL_EVENTS);
	return 0;
}

void tcp_disconnect(struct tcp_sock *s)
{
	AUTO(tcp_put) struct tcp_sock *hold = tcp_get(s);
	struct inet_sock *in = &s->in;
	if (s->state == TCP_LISTEN) {
		tcp_unlisten(s);
	} else if (s->state == TCP_SYN_SENT) {
		tcp_leave_synq(s);
		in->sock.error = ECONNRESET;
		conn_done(s);
	} else if (s->state != TCP_CLOSE) {
		tcp_abort(s);
		in->sock.error = ECONNRESET;
	}
	bufq_purge(&s->rcvq);
	if (!in->port_lock) {
		inet_unbind(in);
		in->local.port = 0;
	}
	if (!in->addr_lock)
		in->local.ip = inet_is_v6(in) ? in6addr_any : ip_from_v4(INADDR_ANY);
	memset(&in->remote, 0, sizeof(in->remote));
	s->shutdown = 0;
	s->done = false;
	s->urg = URG_NONE;
	s->rcv_pos = s->snd_pos = 0;
	s->urg_queued = false;
	s->ss = SS_UNCONNECTED;
}

static bool is_flushed(const struct tcp_sock *s)
{
	return s->state != TCP_FIN_WAIT1 && s->state != TCP_CLOSING && s->state != TCP_LAST_ACK;
}

void tcp_linger(struct task *t, struct socket *sock)
{
	struct tcp_sock *s = to_tcp(sock);
	if (sock->linger.l_linger <= 0 || !can_send_fin(s) || s->rcvq.bytes > 0)
		return;
	AUTO(tcp_put) struct tcp_sock *hold = tcp_get(s);
	uint64_t deadline_ns = now_mono_ns() + (uint64_t)sock->linger.l_linger * NS_PER_SEC;
	s->shutdown = SHUTDOWN_ALL;
	send_fin(s);
	(void)wait_event_deadline(t, &sock->wq, is_flushed(s), deadline_ns);
}

void tcp_release(struct socket *sock)
{
	struct tcp_sock *s = to_tcp(sock);
	bool unread = s->rcvq.bytes > 0 || (s->peer && s->peer != s && s->peer->sndq.bytes > 0);
	s->dead = true;
	s->shutdown = SHUTDOWN_ALL;
	if (s->state == TCP_LISTEN)
		tcp_unlisten(s);
	else if (s->state == TCP_SYN_SENT)
		tcp_leave_synq(s);
	if (s->state == TCP_CLOSE || s->state == TCP_SYN_SENT)
		conn_done(s);
	else if (unread || (sock->linger.l_onoff && sock->linger.l_linger == 0) ||
		 (s->state == TCP_FIN_WAIT2 && s->linger2 < 0))
		tcp_abort(s);
	else if (can_send_fin(s))
		send_fin(s);
	else if (s->state == TCP_FIN_WAIT2)
		ktimer_arm(&s->timer, now_mono_ns() + (s->linger2 > 0 ? (uint64_t)s->linger2 * NS_PER_SEC : FIN_TIMEOUT_NS));
	bufq_purge(&s->rcvq);
	tcp_put(s);
}

void tcp_timer(struct ktimer *kt)
{
	struct tcp_sock *s = container_of(kt, struct tcp_sock, timer);
	AUTO(tcp_put) struct tcp_sock *hold = tcp_get(s);
	if (s->state == TCP_SYN_SENT)
		tcp_reset(s, ETIMEDOUT);
	else if (s->listener)
		tcp_undefer(s);
	else if (s->state == TCP_FIN_WAIT2)
		conn_done(s);
	else
		tcp_push(s, true);
}
