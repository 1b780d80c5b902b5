/* unix_msg.c - bytes, files and credentials through AF_UNIX sockets.
 *
 * HOW      What is sent lies in the receiver's queue, charged to the sender until it is read; that is the back-pressure.
 * LINUX    net/unix/af_unix.c. Same: a stream read stops behind bytes that files came with, and, with SO_PASSCRED, where
 *          the sender changes; datagram queues hold max_dgram_qlen + 1 messages of others than the peer. */
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/net/filter.h"
#include "sentry/net/unix/unix_impl.h"

#include <string.h>
#include <sys/epoll.h>

#define STREAM_CHUNK 65536UL
#define BUF_OVERHEAD 640                  /* what Linux charges for a message's own bookkeeping, about */
#define DGRAM_QLEN 10                     /* net.unix.max_dgram_qlen */

bool unix_recvq_full(const struct unix_sock *u)
{
	return u->recvq_count > DGRAM_QLEN;
}

void unix_buf_free(struct unix_buf *b)
{
	struct unix_sock *from = b->from;
	from->wmem -= b->charge;
	fs_memory_uncharge(b->charge);
	if (!from->dead && unix_writable(from))
		waitq_wake(&from->sock.wq, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	unix_put(from);
	unix_land(b->scm.files);
	scm_files_put(b->scm.files);
	free(b);
}

void unix_buf_unlink(struct unix_sock *u, struct unix_buf *b)
{
	TAILQ_REMOVE(&u->recvq, b, link);
	u->recvq_bytes -= b->len - b->off;
	u->recvq_count--;
	if (!unix_recvq_full(u))
		waitq_wake(&u->room_q, EPOLLOUT);
}

void unix_purge(struct unix_sock *u)
{
	struct unix_buf *b;
	while ((b = TAILQ_FIRST(&u->recvq))) {
		unix_buf_unlink(u, b);
		unix_buf_free(b);
	}
}

/* Copies up to `bytes` from the message into a buffer. */
static int buf_make(struct unix_sock *from, struct socket_msg *m, size_t bytes, struct unix_buf **out)
{
	size_t charge = bytes + BUF_OVERHEAD;
	if (fs_memory_charge(charge))
		return -ENOBUFS;
	struct unix_buf *b = malloc(sizeof(*b) + bytes);
	ssize_t n = b && bytes ? uio_drain(m->data, b->data, bytes) : 0;
	if (!b || n < 0 || (n < (ssize_t)bytes && from->sock.type != SOCK_STREAM)) {
		fs_memory_uncharge(charge);
		free(b);
		return n ? -EFAULT : -ENOBUFS;
	}
	b->len = (size_t)n;
	b->off = 0;
	b->charge = charge;
	b->from = unix_get(from);
	b->scm = (struct scm){ 0 };
	from->wmem += b->charge;
	*out = b;
	return 0;
}

/* What goes along, and the queue. The message's files go with its first bytes. */
static void buf_send(struct task *t, struct unix_sock *other, struct unix_buf *b, struct socket_msg *m)
{
	b->scm.files = TAKE(m->scm.files);
	unix_fly(b->scm.files);
	b->scm.has_creds = m->scm.has_creds;
	b->scm.creds = m->scm.creds;
	if (!b->scm.has_creds && t && (b->from->sock.passcred || other->sock.passcred || other->embryo)) {
		b->scm.has_creds = true;
		b->scm.creds = scm_creds_of(t);
	}
	TAILQ_INSERT_TAIL(&other->recvq, b, link);
	other->recvq_bytes += b->len;
	other->recvq_count++;
	waitq_wake(&other->sock.wq, EPOLLIN | EPOLLRDNORM | EPOLLRDBAND);
}

static ssize_t stream_send(struct task *t, struct unix_sock *u, struct socket_msg *m)
{
	struct unix_sock *other = u->peer;
	if (m->name_len)
		return u->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!other)
		return -ENOTCONN;
	if ((u->shutdown & SEND_SHUTDOWN) || other->dead || (other->shutdown & RCV_SHUTDOWN))
		return -EPIPE;
	if (m->data->resid == 0)
		return 0;
	if (u->wmem >= u->sock.sndbuf)
		return -EAGAIN;
	size_t half = u->sock.sndbuf / 2;
	size_t bytes = MIN(m->data->resid, MIN(STREAM_CHUNK, half > 64 ? half - 64 : half));
	struct unix_buf *b;
	int err = buf_make(u, m, bytes, &b);
	if (err)
		return err;
	ssize_t n = (ssize_t)b->len;
	buf_send(t, other, b, m);
	return n;
}

/* To whom a datagram goes: a reference. */
static int datagram_target(struct task *t, struct unix_sock *u, struct socket_msg *m, struct unix_sock **out)
{
	if (m->name_len && u->sock.type == SOCK_DGRAM)
		return unix_find(t, u, &m->name, m->name_len, out);
	if (!u->peer)
		return -ENOTCONN;
	*out = unix_get(u->peer);
	return 0;
}

static ssize_t datagram_send(struct task *t, struct unix_sock *u, struct socket_msg *m)
{
	size_t bytes = m->data->resid;
	if (u->sock.type == SOCK_SEQPACKET && u->state != UNIX_CONNECTED)
		return -ENOTCONN;
	if (u->sock.passcred) {
		int err = unix_autobind(u);
		if (err)
			return err;
	}
	AUTO(unix_put) struct unix_sock *other = NULL;
	int err = datagram_target(t, u, m, &other);
	if (err)
		return err;
	if (bytes > u->sock.sndbuf - 32)
		return -EMSGSIZE;
	if (u->sock.error)
		return socket_take_error(&u->sock);
	if (u->shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	if (other->dead) {
		if (u->peer == other)
			unix_put(TAKE(u->peer));
		return u->sock.type == SOCK_SEQPACKET ? -EPIPE : -ECONNREFUSED;
	}
	if (!unix_may_send(u, other))
		return -EPERM;
	if (other->shutdown & RCV_SHUTDOWN)
		return -EPIPE;
	if (u->wmem >= u->sock.sndbuf)
		return -EAGAIN;
	if (other != u && other->peer != u && unix_recvq_full(other)) {
		unix_wait_room(u, other);
		return -EAGAIN;
	}
	struct unix_buf *b;
	err = buf_make(u, m, bytes, &b);
	if (err)
		return err;
	if (!filter_run_bytes(&other->sock, b->data, &b->len)) {
		unix_buf_free(b);                     /* Linux doesn't tell the sender either */
		return (ssize_t)bytes;
	}
	buf_send(t, other, b, m);
	return (ssize_t)bytes;
}

ssize_t unix_send(struct task *t, struct socket *s, struct socket_msg *m)
{
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	return s->type == SOCK_STREAM ? stream_send(t, to_unix(s), m) : datagram_send(t, to_unix(s), m);
}

static void take_scm(struct unix_buf *b, struct socket_msg *m, bool peek)
{
	if (!m->scm.has_creds) {
		m->scm.has_creds = true;
		m->scm.creds = b->scm.has_creds ? b->scm.creds : SCM_NO_CREDS;
	}
	if (!b->scm.files || m->scm.files)
		return;
	if (peek) {
		m->scm.files = scm_files_get(b->scm.files);
	} else {
		unix_land(b->scm.files);
		m->scm.files = TAKE(b->scm.files);
	}
}

static bool same_sender(const struct unix_buf *b, const struct socket_msg *m)
{
	struct scm_creds c = b->scm.has_creds ? b->scm.creds : SCM_NO_CREDS;
	return c.pid == m->scm.creds.pid && c.uid == m->scm.creds.uid && c.gid == m->scm.creds.gid;
}

static ssize_t stream_recv(struct unix_sock *u, struct socket_msg *m)
{
	if (u->state != UNIX_CONNECTED)
		return -EINVAL;
	if (m->data->resid == 0)
		return 0;
	if (TAILQ_EMPTY(&u->recvq)) {
		if (u->sock.error)
			return socket_take_error(&u->sock);
		return u->shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
	}
	bool peek = m->flags & MSG_PEEK;
	ssize_t total = 0;
	struct unix_buf *b = TAILQ_FIRST(&u->recvq), *next;
	for (; b && m->data->resid > 0; b = next) {
		next = TAILQ_NEXT(b, link);
		if (u->sock.passcred && m->scm.has_creds && !same_sender(b, m)) {
			m->stop = true;
			break;
		}
		size_t want = MIN(b->len - b->off, m->data->resid);
		ssize_t n = uio_fill(m->data, b->data + b->off, want);
		if (n < 0) {
			m->stop = true;
			return total ? total : n;
		}
		total += n;
		if (total == n && b->from->addr)
			unix_addr_copy(b->from->addr, &m->name, &m->name_len);
		m->stop = b->scm.files != NULL;
		take_scm(b, m, peek);
		if (!peek) {
			b->off += (size_t)n;
			u->recvq_bytes -= (size_t)n;
			if (b->off == b->len) {
				unix_buf_unlink(u, b);
				unix_buf_free(b);
			}
		}
		if (m->stop || (size_t)n < want)
			break;
	}
	return total;
}

static ssize_t datagram_recv(struct unix_sock *u, struct socket_msg *m)
{
	if (u->sock.type == SOCK_SEQPACKET && u->state != UNIX_CONNECTED)
		return -ENOTCONN;
	if (u->sock.error)
		return socket_take_error(&u->sock);
	struct unix_buf *b = TAILQ_FIRST(&u->recvq);
	if (!b)
		return u->shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
	bool peek = m->flags & MSG_PEEK;
	size_t want = MIN(b->len, m->data->resid);
	ssize_t n = want ? uio_fill(m->data, b->data, want) : 0;
	if (b->len > want)
		m->out_flags |= MSG_TRUNC;
	if (u->sock.type == SOCK_SEQPACKET)
		m->out_flags |= MSG_EOR;
	if (b->from->addr)
		unix_addr_copy(b->from->addr, &m->name, &m->name_len);
	take_scm(b, m, peek);
	if (n != (ssize_t)want)
		n = -EFAULT;
	else if (m->flags & MSG_TRUNC)
		n = (ssize_t)b->len;
	if (!peek) {
		unix_buf_unlink(u, b);
		unix_buf_free(b);
	}
	return n;
}

ssize_t unix_recv(struct task *t, struct socket *s, struct socket_msg *m)
{
	(void)t;
	if (m->flags & MSG_OOB)
		return s->type == SOCK_STREAM ? -EINVAL : -EOPNOTSUPP;
	return s->type == SOCK_STREAM ? stream_recv(to_unix(s), m) : datagram_recv(to_unix(s), m);
}
