/* netlink_recv.c - what a netlink socket receives, and long answers that are made as it does.
 *
 * LINUX    net/netlink/af_netlink.c netlink_recvmsg(), netlink_dump(). Same: a dump goes on when half of the receive buffer
 *          is free, in pieces as large as the largest buffer the reader came with; its end is a message of its own. */
#include <linux/netlink.h>
#include <string.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/net/netlink/netlink_impl.h"

#define PIECE_MIN 3776                    /* what fits into one page with an sk_buff's own data */
#define PIECE_MAX 32448

void nl_fill_none(struct nl_dump *d)
{
	(void)d;
}

bool nl_dump_begin(struct nl_dump *d, int type, const void *head, size_t bytes)
{
	if (d->stopped || d->at++ < d->told)
		return false;
	nl_begin(d->buf, type, NLM_F_MULTI | d->more_flags, d->h.nlmsg_seq, d->nlk->port.id, head, bytes);
	return true;
}

void nl_dump_end(struct nl_dump *d)
{
	if (nl_end(d->buf))
		d->told++;
	else
		d->stopped = true;
}

/* One more piece, or the end. False: no room for it. */
static bool dump_piece(struct netlink_sock *nlk)
{
	struct nl_dump *d = &nlk->dump;
	if (nlk->rmem >= nlk->sock.rcvbuf)
		return false;
	d->buf = nl_buf_new(MAX((size_t)PIECE_MIN, MIN(nlk->max_recv, (size_t)PIECE_MAX)));
	d->at = 0;
	d->stopped = false;
	d->fill(d);
	if (d->buf->len == 0) {
		int error = d->stopped ? -EMSGSIZE : 0;
		nl_begin(d->buf, NLMSG_DONE, NLM_F_MULTI | d->more_flags, d->h.nlmsg_seq, nlk->port.id, &error, sizeof(error));
		(void)nl_end(d->buf);
		d->running = false;
	}
	if (nl_deliver(nlk, TAKE(d->buf)))
		return true;
	d->running = false;
	return false;
}

int nl_dump_start(struct nl_request *r, void (*fill)(struct nl_dump *d), const void *args, size_t bytes, int more_flags)
{
	struct nl_dump *d = &r->nlk->dump;
	if (d->running)
		return -EBUSY;
	CHECK(bytes <= sizeof(d->args));
	*d = (struct nl_dump){ .running = true, .nlk = r->nlk, .h = r->h, .fill = fill, .more_flags = (uint16_t)more_flags };
	if (bytes)
		memcpy(d->args, args, bytes);
	if (!dump_piece(r->nlk)) {
		d->running = false;
		return -ENOBUFS;
	}
	return -EINTR;
}

static void buf_free(struct netlink_sock *nlk, struct nl_buf *b)
{
	TAILQ_REMOVE(&nlk->queue, b, link);
	nlk->rmem -= b->charge;
	fs_memory_uncharge(b->charge);
	free(b);
}

void nl_purge(struct netlink_sock *nlk)
{
	while (!TAILQ_EMPTY(&nlk->queue))
		buf_free(nlk, TAILQ_FIRST(&nlk->queue));
	nlk->dump.running = false;
}

static void describe(struct netlink_sock *nlk, const struct nl_buf *b, struct socket_msg *m)
{
	struct sockaddr_nl name = { .nl_family = AF_NETLINK, .nl_pid = b->from_port };
	if (b->group >= 1 && b->group <= 32)
		name.nl_groups = 1U << (b->group - 1);
	memset(&m->name, 0, sizeof(m->name));
	memcpy(&m->name, &name, sizeof(name));
	m->name_len = sizeof(name);
	m->scm.creds = b->creds;
	m->scm.has_creds = true;
	if (nlk->options & NL_PKTINFO) {
		struct nl_pktinfo info = { .group = b->group };
		socket_cmsg_add(m, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof(info));
	}
}

ssize_t netlink_recv(struct task *t, struct socket *s, struct socket_msg *m)
{
	(void)t;
	struct netlink_sock *nlk = to_netlink(s);
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	int err = socket_take_error(s);
	if (err)
		return err;
	struct nl_buf *b = TAILQ_FIRST(&nlk->queue);
	if (!b)
		return -EAGAIN;
	size_t room = m->data->resid, n = MIN(b->len, room);
	nlk->max_recv = MAX(nlk->max_recv, room);
	ssize_t done = n ? uio_fill(m->data, b->data, n) : 0;
	if (done != (ssize_t)n)
		return -EFAULT;
	if (n < b->len)
		m->out_flags |= MSG_TRUNC;
	describe(nlk, b, m);
	if (m->flags & MSG_TRUNC)
		done = (ssize_t)b->len;
	if (m->flags & MSG_PEEK)
		return done;
	buf_free(nlk, b);
	if (TAILQ_EMPTY(&nlk->queue))
		nlk->congested = false;
	if (nlk->dump.running && nlk->rmem <= s->rcvbuf / 2)
		(void)dump_piece(nlk);
	if (!nlk->congested)
		waitq_wake(&nlk->room_q, 0);
	return done;
}
