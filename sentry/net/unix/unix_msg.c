/* unix_msg.c - bytes, files and credentials through AF_UNIX sockets.
 *
 * HOW      What is sent lies in the receiver's queue, charged to the sender until it is read; that is the back-pressure.
 * LINUX    net/unix/af_unix.c. Same: a stream read stops behind bytes that files came with, and, with SO_PASSCRED, where
 *          the sender changes; datagram queues hold max_dgram_qlen + 1 messages of others than the peer. */
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/kernel/task.h"
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
	tg_put(b->scm.tg);
	free(b);
}

void unix_buf_unlink(struct unix_sock *u, struct unix_buf *b)
{
	TAILQ_REMOVE(&u->recvq, b, link);
	if (u->oob == b)
		u->oob = NULL;
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
	b->peeked = false;
	b->charge = charge;
	b->from = unix_get(from);
	b->scm = (struct scm){ 0 };
	from->wmem += b->charge;
	*out = b;
	return 0;
}

static bool wants_creds(const struct unix_sock *u)
{
	return u->sock.passcred || u->sock.passpidfd;
}

/* What goes along, and the queue. The message's files go with its first bytes. */
static void buf_send(struct task *t, struct unix_sock *other, struct unix_buf *b, struct socket_msg *m)
{
	b->scm.files = TAKE(m->scm.files);
	unix_fly(b->scm.files);
	b->scm.has_creds = m->scm.has_creds;
	b->scm.creds = m->scm.creds;
	if (t && (wants_creds(b->from) || wants_creds(other) || other->embryo)) {
		struct thread_group *tg = b->scm.has_creds ? tg_find(b->scm.creds.pid) : t->tg;
		if (!b->scm.has_creds)
			b->scm.creds = scm_creds_of(t);
		b->scm.has_creds = true;
		b->scm.tg = tg ? tg_get(tg) : NULL;
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
	if (m->scm.files && other->no_rights)
		return -EPERM;
	if (u->wmem >= u->sock.sndbuf)
		return -EAGAIN;
	bool urgent = m->flags & MSG_OOB;        /* the last byte, alone */
	size_t half = u->sock.sndbuf / 2;
	size_t bytes = MIN(m->data->resid - (urgent && m->data->resid > 1), MIN(STREAM_CHUNK, half > 64 ? half - 64 : half));
	struct unix_buf *b;
	int err = buf_make(u, m, bytes, &b);
	if (err)
		return err;
	ssize_t n = (ssize_t)b->len;
	urgent = urgent && m->data->resid == 0;
	buf_send(t, other, b, m);
	if (urgent)
		unix_oob_sent(other, b);
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
	if (wants_creds(u)) {
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
	if (m->scm.files && other->no_rights)
		return -EPERM;
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
	if ((m->flags & MSG_OOB) && (s->type != SOCK_STREAM || m->data->resid == 0))
		return -EOPNOTSUPP;
	return s->type == SOCK_STREAM ? stream_send(t, to_unix(s), m) : datagram_send(t, to_unix(s), m);
}

static void take_scm(struct unix_buf *b, struct socket_msg *m, bool peek)
{
	if (m->cmsgs && !m->scm.tg && b->scm.tg)
		m->scm.tg = tg_get(b->scm.tg);
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

/* Takes what a read has got of b. False: the read ends behind it. */
static bool stream_took(struct unix_sock *u, struct unix_buf *b, struct socket_msg *m, size_t n)
{
	bool peek = m->flags & MSG_PEEK, go_on = !b->scm.files;
	take_scm(b, m, peek);
	socket_peeked(&u->sock, m, n);
	if (peek)
		return go_on;
	b->off += n;
	u->recvq_bytes -= n;
	if (b->off == b->len) {
		unix_buf_unlink(u, b);
		unix_buf_free(b);
	}
	return go_on;
}

static ssize_t stream_nothing(struct unix_sock *u)
{
	if (u->sock.error)
		return socket_take_error(&u->sock);
	return u->shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
}

static ssize_t stream_recv(struct unix_sock *u, struct socket_msg *m)
{
	if (u->state != UNIX_CONNECTED)
		return -EINVAL;
	if (m->data->resid == 0)
		return 0;
	size_t skip = socket_peek_from(&u->sock, m);
	ssize_t total = 0;
	struct unix_buf *b = TAILQ_FIRST(&u->recvq), *next;
	for (; m->data->resid > 0; b = next) {
		bool some = total > 0 || m->got > 0;
		b = unix_oob_pass(u, b, m->flags & MSG_PEEK, some);
		m->stop = !b && some && !TAILQ_EMPTY(&u->recvq);      /* before the mark */
		for (; b && skip >= b->len - b->off; b = TAILQ_NEXT(b, link))
			skip -= b->len - b->off;
		if (!b)
			break;
		next = TAILQ_NEXT(b, link);
		if (wants_creds(u) && m->scm.has_creds && !same_sender(b, m)) {
			m->stop = true;
			break;
		}
		size_t want = MIN(b->len - b->off - skip, m->data->resid);
		ssize_t n = uio_fill(m->data, b->data + b->off + skip, want);
		if (n < 0) {
			m->stop = true;
			return total ? total : n;
		}
		skip = 0;
		total += n;
		if (total == n && b->from->addr)
			unix_addr_copy(b->from->addr, &m->name, &m->name_len);
		m->stop = !stream_took(u, b, m, (size_t)n);
		if (m->stop || (size_t)n < want)
			break;
	}
	return total || m->stop ? total : stream_nothing(u);
}

/* The message that a read is about, and how much of it is left out in front. */
static struct unix_buf *datagram_at(struct unix_sock *u, const struct socket_msg *m, size_t *skip)
{
	struct unix_buf *b = TAILQ_FIRST(&u->recvq);
	bool skipping = (m->flags & MSG_PEEK) && u->sock.peek_off >= 0;
	for (*skip = socket_peek_from(&u->sock, m); b && skipping && *skip >= b->len; b = TAILQ_NEXT(b, link)) {
		if (b->len == 0 && *skip == 0 && !b->peeked)
			break;
		*skip -= b->len;
	}
	return b;
}

static ssize_t datagram_recv(struct unix_sock *u, struct socket_msg *m)
{
	size_t skip;
	if (u->sock.type == SOCK_SEQPACKET && u->state != UNIX_CONNECTED)
		return -ENOTCONN;
	if (u->sock.error)
		return socket_take_error(&u->sock);
	struct unix_buf *b = datagram_at(u, m, &skip);
	if (!b)
		return u->shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
	bool peek = m->flags & MSG_PEEK;
	size_t want = MIN(b->len - skip, m->data->resid);
	ssize_t n = want ? uio_fill(m->data, b->data + skip, want) : 0;
	if (b->len - skip > want)
		m->out_flags |= MSG_TRUNC;
	if (b->from->addr)
		unix_addr_copy(b->from->addr, &m->name, &m->name_len);
	take_scm(b, m, peek);
	b->peeked |= peek;
	socket_peeked(&u->sock, m, peek ? want : b->len);
	if (n != (ssize_t)want)
		n = -EFAULT;
	else if (m->flags & MSG_TRUNC)
		n = (ssize_t)(b->len - skip);
	if (!peek) {
		unix_buf_unlink(u, b);
		unix_buf_free(b);
	}
	return n;
}

ssize_t unix_recv(struct task *t, struct socket *s, struct socket_msg *m)
{
	(void)t;
	struct unix_sock *u = to_unix(s);
	if (s->type != SOCK_STREAM)
		return m->flags & MSG_OOB ? -EOPNOTSUPP : datagram_recv(u, m);
	if (m->flags & MSG_OOB)
		return unix_oob_recv(u, m);
	ssize_t n = stream_recv(u, m);
	if (n >= 0 && u->inq && m->cmsgs) {
		int left = (int)MIN(u->recvq_bytes, (size_t)INT_MAX);
		m->cmsgs->used = 0;
		socket_cmsg_add(m, SOL_SOCKET, SO_INQ, &left, sizeof(left));
	}
	return n;
}
