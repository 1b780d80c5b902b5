/* unix_oob.c - the urgent byte of AF_UNIX streams (unix(7): MSG_OOB).
 *
 * HOW      It is a message of one byte in the receiver's queue, which u->oob points at. Received by MSG_OOB, it stays there,
 *          empty, and marks the place.
 * LINUX    net/unix/af_unix.c queue_oob(), manage_oob(), unix_stream_recv_urg(). Same: a second one makes the first an
 *          ordinary byte; a read stops before it, and one that begins there leaves it out (SO_OOBINLINE: takes it). */
#include "sentry/net/unix/unix_impl.h"

#include <sys/epoll.h>

#include "sentry/vfs/async.h"

static bool is_taken(const struct unix_buf *b)
{
	return b->off == b->len;
}

static void drop(struct unix_sock *u, struct unix_buf *b)
{
	unix_buf_unlink(u, b);
	unix_buf_free(b);
}

void unix_oob_sent(struct unix_sock *other, struct unix_buf *b)
{
	other->oob = b;
	file_signal_urgent(&other->sock.file);
	waitq_wake(&other->sock.wq, EPOLLPRI);
}

ssize_t unix_oob_recv(struct unix_sock *u, struct socket_msg *m)
{
	struct unix_buf *b = u->oob, *before;
	if (u->state != UNIX_CONNECTED || u->sock.oobinline || !b)
		return -EINVAL;
	ssize_t n = uio_fill(m->data, b->data, 1);
	if (!(m->flags & MSG_PEEK)) {
		u->oob = NULL;
		b->off = b->len;
		u->recvq_bytes--;
		before = TAILQ_PREV(b, unix_bufs, link);
		if (before && is_taken(before))
			drop(u, before);
	}
	if (n != 1)
		return -EFAULT;
	m->out_flags |= MSG_OOB;
	return 1;
}

struct unix_buf *unix_oob_pass(struct unix_sock *u, struct unix_buf *b, bool peek, bool some)
{
	struct unix_buf *next;
	if (b && is_taken(b)) {
		if (some && (!u->oob || b == u->oob))
			return NULL;
		next = TAILQ_NEXT(b, link);
		if (!peek)
			drop(u, b);
		b = next;
	}
	if (!b || b != u->oob)
		return b;
	if (some)
		return NULL;
	if (peek)
		return u->sock.oobinline ? b : TAILQ_NEXT(b, link);
	u->oob = NULL;
	if (u->sock.oobinline)
		return b;
	drop(u, b);
	return TAILQ_FIRST(&u->recvq);
}

bool unix_oob_at_mark(const struct unix_sock *u)
{
	const struct unix_buf *b = TAILQ_FIRST(&u->recvq);
	if (!b)
		return false;
	return b == u->oob || (is_taken(b) && (!u->oob || TAILQ_NEXT(b, link) == u->oob));
}
