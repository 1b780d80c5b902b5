/* tcp_data.c - bytes through TCP connections.
 *
 * HOW      A sender copies into the receiver's queue while its window is open, then into its own; the receiver, when it has
 *          read, moves whole buffers over. What is held back (TCP_CORK, MSG_MORE) is in the sender's queue, too.
 * LINUX    net/ipv4/tcp.c. Same: a read stops before the urgent byte, and skips it there (SO_OOBINLINE: not); room is told
 *          when a third of the send buffer is free; corked data goes after 200 ms at the latest.
 * MISSING  Nagle's algorithm: over loopback every segment is acknowledged at once, so it never holds anything. MSG_ZEROCOPY
 *          copies, and says so. TCP fast open is an ordinary connect. */
#include <string.h>
#include <sys/epoll.h>

#include "sentry/net/inet/tcp.h"
#include "sentry/vfs/async.h"

#define CHUNK (256 * 1024UL)              /* an op's share: then others run */
#define WINDOW_AUTO (512 * 1024U)         /* what autotuning makes of a window */
#define CORK_NS (200 * 1000000ULL)
#define READABLE (EPOLLIN | EPOLLRDNORM)

static size_t window_left(const struct tcp_sock *s)
{
	size_t window = s->in.sock.rcvbuf;
	if (!(s->in.sock.buf_lock & SOCK_RCVBUF_LOCK))
		window = MAX(window, (size_t)WINDOW_AUTO);
	return s->rcvq.bytes < window ? window - s->rcvq.bytes : 0;
}

size_t tcp_readable(const struct tcp_sock *s)
{
	size_t n = s->rcvq.bytes;
	if (s->urg && !s->in.sock.oobinline && s->urg_pos == s->rcv_pos && n > 0)
		n--;                             /* the urgent byte doesn't count */
	return n;
}

bool tcp_at_mark(const struct tcp_sock *s)
{
	return s->urg && s->urg_pos == s->rcv_pos;
}

/* The urgent byte of p->peer has just come into p's queue. */
static void urgent_arrived(struct tcp_sock *s, struct tcp_sock *p)
{
	size_t behind = (size_t)(s->snd_pos - s->snd_urg);       /* bytes from it to the end of p's queue */
	struct uio u;
	uio_init_kernel(&u, &p->urg_byte, 1);
	if (behind > p->rcvq.bytes || bufq_peek(&p->rcvq, &u, p->rcvq.bytes - behind, 1) != 1)
		return;
	s->urg_queued = false;
	p->urg = URG_VALID;
	p->urg_pos = p->rcv_pos + p->rcvq.bytes - behind;
	if (!p->dead)
		file_signal_urgent(&p->in.sock.file);
	tcp_wake(p, EPOLLPRI);
}

static void arrived(struct tcp_sock *s, struct tcp_sock *p, size_t bytes)
{
	s->snd_pos += bytes;
	s->bytes_out += bytes;
	p->bytes_in += bytes;
	s->segs_out++;
	p->segs_in++;
	s->in.net->lo_packets++;
	s->in.net->lo_bytes += bytes;
	p->last_recv_ns = s->last_send_ns = now_mono_ns();
	if (p->listener)
		tcp_undefer(p);
	if (s->urg_queued && s->snd_pos > s->snd_urg)
		urgent_arrived(s, p);
	tcp_wake(p, READABLE);
}

static void tell_room(struct tcp_sock *s)
{
	if (s->nospace && tcp_writable(s)) {
		s->nospace = false;
		tcp_wake(s, EPOLLOUT | EPOLLWRNORM);
	}
}

void tcp_push(struct tcp_sock *s, bool all)
{
	struct tcp_sock *p = s->peer;
	size_t mss = s->maxseg ? (size_t)s->maxseg : TCP_MSS, room, moved = 0;
	if (p && s->sndq.bytes > 0) {
		if (!all && s->sndq.bytes < mss) {
			if (!s->timer.armed)
				ktimer_arm(&s->timer, now_mono_ns() + CORK_NS);
			return;
		}
		if (s->timer.armed)
			ktimer_cancel(&s->timer);
		while (s->sndq.bytes > 0 && (room = window_left(p)) > 0) {
			if (!p->in.sock.filter)
				moved += bufq_move(&p->rcvq, &s->sndq, room);
			else if (!tcp_filter_segment(s, p, room, &moved))
				break;
		}
		if (moved)
			arrived(s, p, moved);
		tell_room(s);
	}
	tcp_fin_try(s);
}

/* Is there nobody any more who could read what s sends? Linux's peer answers such data with a reset. */
static bool peer_refuses(const struct tcp_sock *s)
{
	const struct tcp_sock *p = s->peer;
	if (!p || p->dead)
		return true;
	return (p->shutdown & RCV_SHUTDOWN) && (p->state == TCP_FIN_WAIT1 || p->state == TCP_FIN_WAIT2);
}

static void send_to_nobody(struct tcp_sock *s)
{
	AUTO(tcp_put) struct tcp_sock *hold = tcp_get(s);
	AUTO(tcp_put) struct tcp_sock *p = s->peer && s->peer != s ? tcp_get(s->peer) : NULL;
	tcp_reset(s, ECONNRESET);
	if (p)
		tcp_reset(p, ECONNRESET);
}

static ssize_t queue(struct tcp_sock *s, struct uio *src, bool hold)
{
	struct tcp_sock *p = s->peer;
	size_t bytes = MIN(src->resid, CHUNK), window = window_left(p);
	if (!hold && s->sndq.bytes == 0 && window > 0 && !p->in.sock.filter) {
		ssize_t n = bufq_write(&p->rcvq, src, MIN(bytes, window));
		if (n > 0)
			arrived(s, p, (size_t)n);
		return n;
	}
	if (s->sndq.bytes >= s->in.sock.sndbuf) {
		s->nospace = true;
		return -EAGAIN;
	}
	ssize_t n = bufq_write(&s->sndq, src, MIN(bytes, (size_t)s->in.sock.sndbuf - s->sndq.bytes));
	if (n > 0)
		tcp_push(s, !hold);
	return n;
}

static int check_state(struct tcp_sock *s)
{
	switch (s->state) {
	case TCP_SYN_SENT:
		s->nospace = true;
		return -EAGAIN;
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
		if (!s->in.sock.error && !(s->shutdown & SEND_SHUTDOWN))
			return 0;
		break;
	default:
		break;
	}
	return s->in.sock.error ? socket_take_error(&s->in.sock) : -EPIPE;
}

ssize_t tcp_send(struct task *t, struct socket *sock, struct socket_msg *m)
{
	struct tcp_sock *s = to_tcp(sock);
	if ((m->flags & MSG_FASTOPEN) && s->ss == SS_UNCONNECTED) {
		if (!m->name_len)
			return -EINVAL;
		int err = tcp_connect(t, sock, &m->name, m->name_len);
		if (err != -EINPROGRESS)
			return err;
		if (s->state != TCP_SYN_SENT)
			err = tcp_connect(t, sock, &m->name, m->name_len);
		if (err)
			return err == -EINPROGRESS ? -EAGAIN : err;
	}
	int err = check_state(s);
	if (err)
		return err;
	if (m->data->resid == 0)
		return 0;
	if (peer_refuses(s)) {
		send_to_nobody(s);
		return (ssize_t)uio_skip(m->data, m->data->resid);
	}
	/* Where the last byte will be, if it is urgent: known only when all is taken. */
	uint64_t end = s->snd_pos + s->sndq.bytes + m->data->resid;
	if ((m->flags & MSG_OOB) && m->data->resid <= CHUNK) {
		s->urg_queued = true;
		s->snd_urg = end - 1;
	}
	ssize_t n = queue(s, m->data, s->cork || (m->flags & MSG_MORE));
	if (n > 0 && m->data->resid == 0 && (m->flags & MSG_ZEROCOPY) && sock->zerocopy)
		inet_zerocopy_done(&s->in, s->zerocopy_id++);
	return n;
}

bool tcp_has_window(struct tcp_sock *s)
{
	bool has = s->peer && window_left(s->peer) > 0;
	s->nospace = !has;
	return has;
}

ssize_t tcp_send_from(struct tcp_sock *s, bufq_get_fn *get, void *arg)
{
	int err = check_state(s);
	if (err)
		return err;
	if (peer_refuses(s)) {
		char byte;
		ssize_t n = get(arg, &byte, 1);
		if (n > 0)
			send_to_nobody(s);
		return n > 0 ? -ECONNRESET : n;
	}
	if (!tcp_has_window(s))
		return -EAGAIN;
	struct tcp_sock *p = s->peer;
	ssize_t n = bufq_append(&p->rcvq, window_left(p), get, arg);
	if (n > 0)
		arrived(s, p, (size_t)n);
	return n;
}

static ssize_t recv_urgent(struct tcp_sock *s, struct socket_msg *m)
{
	if (s->in.sock.oobinline || s->urg == URG_NONE || s->urg == URG_READ)
		return -EINVAL;
	if (s->state == TCP_CLOSE && !s->done)
		return -ENOTCONN;
	m->out_flags |= MSG_OOB;
	if (!(m->flags & MSG_PEEK))
		s->urg = URG_READ;
	if (m->data->resid == 0) {
		m->out_flags |= MSG_TRUNC;
		return 0;
	}
	ssize_t n = m->flags & MSG_TRUNC ? 1 : uio_fill(m->data, &s->urg_byte, 1);
	return n < 0 ? -EFAULT : 1;
}

/* Nothing to read: what to say instead. */
static ssize_t recv_nothing(struct tcp_sock *s)
{
	if (s->done)
		return 0;
	if (s->in.sock.error)
		return socket_take_error(&s->in.sock);
	if (s->shutdown & RCV_SHUTDOWN)
		return 0;
	return s->state == TCP_CLOSE ? -ENOTCONN : -EAGAIN;
}

static void skip_urgent(struct tcp_sock *s)
{
	bufq_drop(&s->rcvq, 1);
	s->rcv_pos++;
	s->urg = URG_NONE;
}

/* After a read: room for what the peer couldn't get rid of. */
static void read_done(struct tcp_sock *s, size_t bytes)
{
	s->rcv_pos += bytes;
	if (s->urg && s->rcv_pos > s->urg_pos)
		s->urg = URG_NONE;
	struct tcp_sock *p = s->peer;
	if (p && p->sndq.bytes > 0)
		tcp_push(p, !p->cork);
	else if (p && p->outside && window_left(s) >= s->rcvq.bytes / 2)
		tell_room(p);
}

void tcp_took(struct tcp_sock *s, size_t bytes)
{
	bufq_drop(&s->rcvq, bytes);
	read_done(s, bytes);
}

static ssize_t read_queue(struct tcp_sock *s, struct socket_msg *m, size_t skip, size_t bytes)
{
	if (m->flags & MSG_PEEK)
		return m->flags & MSG_TRUNC ? (ssize_t)uio_skip(m->data, bytes) : bufq_peek(&s->rcvq, m->data, skip, bytes);
	if (m->flags & MSG_TRUNC) {
		bufq_drop(&s->rcvq, bytes);
		return (ssize_t)uio_skip(m->data, bytes);
	}
	return bufq_read(&s->rcvq, m->data, bytes);
}

ssize_t tcp_recv(struct task *t, struct socket *sock, struct socket_msg *m)
{
	(void)t;
	struct tcp_sock *s = to_tcp(sock);
	if (m->flags & MSG_ERRQUEUE)
		return inet_error_recv(&s->in, m);
	if (s->state == TCP_LISTEN)
		return -ENOTCONN;
	if (m->flags & MSG_OOB)
		return recv_urgent(s, m);
	if (s->rcvq.bytes == 0)
		return m->data->resid ? recv_nothing(s) : 0;
	if (m->data->resid == 0)
		return 0;
	bool peek = m->flags & MSG_PEEK;
	size_t skip = 0, bytes = s->rcvq.bytes, from = socket_peek_from(sock, m);
	if (s->urg && s->urg_pos >= s->rcv_pos && s->urg_pos < s->rcv_pos + bytes) {
		if (s->urg_pos > s->rcv_pos)
			bytes = (size_t)(s->urg_pos - s->rcv_pos);
		else if (!sock->oobinline && peek)
			skip = 1;
		else if (!sock->oobinline)
			skip_urgent(s);
		bytes = skip || s->rcvq.bytes < bytes ? s->rcvq.bytes - skip : bytes;
		if (bytes == 0)
			return recv_nothing(s);
	}
	if (from >= bytes)
		return recv_nothing(s);
	bytes = MIN(MIN(bytes - from, m->data->resid), CHUNK);
	ssize_t n = read_queue(s, m, skip + from, bytes);
	if (n < (ssize_t)bytes)
		m->stop = true;
	if (n > 0)
		socket_peeked(sock, m, (size_t)n);
	if (n > 0 && !peek)
		read_done(s, (size_t)n);
	if (s->inq && m->cmsgs) {
		int left = (int)MIN(s->rcvq.bytes, (size_t)INT_MAX);
		socket_cmsg_add(m, IPPROTO_TCP, TCP_CM_INQ_TYPE, &left, sizeof(left));
	}
	return n;
}
