/* tcp_sock.c - life of a TCP socket, and its readiness (tcp(7)).
 *
 * LINUX    net/ipv4/tcp.c tcp_poll(), tcp_ioctl(). */
#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "platform/base/live.h"
#include "sentry/net/inet/tcp.h"

struct tcp_sock *tcp_get(struct tcp_sock *s)
{
	s->refs++;
	return s;
}

void tcp_put(struct tcp_sock *s)
{
	if (!s || --s->refs > 0)
		return;
	CHECK(s->dead && !s->peer && !s->hashed && !s->listener);
	ktimer_cancel(&s->timer);
	bufq_purge(&s->rcvq);
	bufq_purge(&s->sndq);
	inet_fini(&s->in);
	live_died(SOCKET);
	free(s);
}

void tcp_wake(struct tcp_sock *s, uint32_t events)
{
	if (!s->dead)
		waitq_wake(&s->in.sock.wq, events);
}

bool tcp_writable(const struct tcp_sock *s)
{
	size_t used = s->sndq.bytes, size = s->in.sock.sndbuf;
	if (s->notsent_lowat > 0 && used >= (size_t)s->notsent_lowat)
		return false;
	return used < size && size - used >= used / 2;
}

static uint32_t tcp_poll(struct socket *sock)
{
	struct tcp_sock *s = to_tcp(sock);
	uint32_t events = 0;
	if (s->state == TCP_LISTEN)
		return TAILQ_EMPTY(&s->acceptq) ? 0 : EPOLLIN | EPOLLRDNORM;
	if (s->shutdown == SHUTDOWN_ALL || s->state == TCP_CLOSE)
		events |= EPOLLHUP;
	if (s->shutdown & RCV_SHUTDOWN)
		events |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (s->state != TCP_SYN_SENT) {
		if (tcp_readable(s) >= (size_t)sock->rcvlowat)
			events |= EPOLLIN | EPOLLRDNORM;
		if ((s->shutdown & SEND_SHUTDOWN) || tcp_writable(s))
			events |= EPOLLOUT | EPOLLWRNORM;
		else
			s->nospace = true;
		if (s->urg == URG_VALID)
			events |= EPOLLPRI;
	}
	if (sock->error || !TAILQ_EMPTY(&s->in.errors))
		events |= EPOLLERR;
	return events;
}

/* tcp_inq(): what can be read without a break at the urgent byte. */
static int readable_bytes(const struct tcp_sock *s)
{
	size_t n = s->rcvq.bytes;
	if (!s->in.sock.oobinline && s->urg && s->urg_pos >= s->rcv_pos && s->urg_pos < s->rcv_pos + n)
		n = (size_t)(s->urg_pos - s->rcv_pos);
	return (int)MIN(n, (size_t)INT_MAX);
}

static int tcp_ioctl(struct task *t, struct socket *sock, unsigned cmd, uint64_t arg)
{
	struct tcp_sock *s = to_tcp(sock);
	int n;
	switch (cmd) {
	case SIOCINQ:
		if (s->state == TCP_LISTEN)
			return -EINVAL;
		n = s->state == TCP_SYN_SENT ? 0 : readable_bytes(s);
		break;
	case SIOCOUTQ:
	case SIOCOUTQNSD:
		if (s->state == TCP_LISTEN)
			return -EINVAL;
		n = (int)MIN(s->sndq.bytes, (size_t)INT_MAX);
		break;
	case SIOCATMARK:
		n = tcp_at_mark(s);
		break;
	default:
		return net_ioctl(t, s->in.net, s->in.sock.family, cmd, arg);
	}
	return put_user(t, UPTR(arg), &n);
}

static int tcp_getname(struct socket *sock, enum socket_end end, struct sockaddr_storage *out, socklen_t *out_len)
{
	struct tcp_sock *s = to_tcp(sock);
	if (end == SOCKET_PEER && (s->state == TCP_CLOSE || s->state == TCP_SYN_SENT))
		return -ENOTCONN;
	return inet_getname(sock, end, out, out_len);
}

static const struct socket_ops tcp_ops = {
	.bind = inet_bind,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.connect = tcp_connect,
	.getname = tcp_getname,
	.shutdown = tcp_shutdown,
	.send = tcp_send,
	.recv = tcp_recv,
	.poll = tcp_poll,
	.ioctl = tcp_ioctl,
	.getsockopt = tcp_getsockopt,
	.setsockopt = tcp_setsockopt,
	.linger = tcp_linger,
	.release = tcp_release,
};

static bool is_listening(const struct inet_sock *in)
{
	return container_of(in, const struct tcp_sock, in)->state == TCP_LISTEN;
}

static bool tcp_may_share(const struct inet_sock *a, const struct inet_sock *b)
{
	if (a->sock.reuseaddr && b->sock.reuseaddr && !is_listening(b))
		return true;
	return a->sock.reuseport && b->sock.reuseport && a->euid == b->euid;
}

static const struct inet_proto tcp_proto = { .bucket_proto = IPPROTO_TCP, .may_share = tcp_may_share };

int tcp_make(struct net *net, int family, uint32_t euid, struct tcp_sock **out)
{
	struct tcp_sock *s = NEW(struct tcp_sock);
	int err = socket_init(&s->in.sock, &tcp_ops, family, SOCK_STREAM, IPPROTO_TCP);
	if (err) {
		free(s);
		return err;
	}
	inet_init(&s->in, net, &tcp_proto, euid);
	s->refs = 1;
	s->state = TCP_CLOSE;
	s->in.sock.sndbuf = 16384;               /* net.ipv4.tcp_wmem, tcp_rmem */
	s->in.sock.rcvbuf = 131072;
	bufq_init(&s->rcvq);
	bufq_init(&s->sndq);
	s->timer.fire = tcp_timer;
	TAILQ_INIT(&s->acceptq);
	s->in.sock.can_peek_off = true;
	TAILQ_INIT(&s->synq);
	TAILQ_INIT(&s->deferred);
	s->keepidle = 7200;
	s->keepintvl = 75;
	s->keepcnt = 9;
	s->syncnt = 6;
	s->linger2 = 60;
	s->quickack = true;
	s->rto_max_ms = 120000;
	memcpy(s->congestion, "cubic", sizeof("cubic"));
	*out = s;
	return 0;
}

void tcp_copy_options(struct tcp_sock *to, const struct tcp_sock *from)
{
	to->nodelay = from->nodelay;
	to->cork = from->cork;
	to->quickack = from->quickack;
	to->inq = from->inq;
	to->maxseg = from->maxseg;
	to->keepidle = from->keepidle;
	to->keepintvl = from->keepintvl;
	to->keepcnt = from->keepcnt;
	to->syncnt = from->syncnt;
	to->linger2 = from->linger2;
	to->window_clamp = from->window_clamp;
	to->user_timeout = from->user_timeout;
	to->notsent_lowat = from->notsent_lowat;
	memcpy(to->congestion, from->congestion, sizeof(to->congestion));
}

int tcp_create(struct task *t, int family, struct socket **out)
{
	struct tcp_sock *s;
	int err = tcp_make(t->net, family, t->cred->euid, &s);
	if (!err)
		*out = &s->in.sock;
	return err;
}
