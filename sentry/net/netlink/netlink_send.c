/* netlink_send.c - messages to the kernel and their acknowledgement; to other sockets; to groups.
 *
 * LINUX    net/netlink/af_netlink.c netlink_sendmsg(), netlink_rcv_skb(), netlink_ack(), netlink_broadcast(). Same: an error
 *          carries the request unless NETLINK_CAP_ACK; who has no room for what the kernel says loses it and learns ENOBUFS;
 *          who has none for what another process says makes that one wait.
 * MISSING  Sending from inside the sentry (sendfile): EINVAL. */
#include <linux/capability.h>
#include <string.h>
#include <sys/epoll.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/net/filter.h"
#include "sentry/net/netlink/netlink_impl.h"

#define OVERHEAD 512                      /* of an sk_buff */

bool nl_capable(const struct nl_request *r, int cap)
{
	return (r->addressed || cred_ns_cap(r->nlk->cred, r->net->id.owner, cap)) && cred_ns_cap(r->t->cred, r->net->id.owner, cap);
}

static void overrun(struct netlink_sock *to)
{
	if (!(to->options & NL_NO_ENOBUFS) && !to->congested) {
		to->congested = true;
		to->sock.error = ENOBUFS;
		waitq_wake(&to->sock.wq, EPOLLERR | EPOLLIN | EPOLLRDNORM);
	}
	to->sock.drops++;
}

bool nl_deliver(struct netlink_sock *to, struct nl_buf *b)
{
	if (!filter_run_bytes(&to->sock, b->data, &b->len)) {
		free(b);
		return true;
	}
	b->charge = b->len + OVERHEAD;
	if (to->rmem > to->sock.rcvbuf || fs_memory_charge(b->charge)) {
		overrun(to);
		free(b);
		return false;
	}
	to->rmem += b->charge;
	TAILQ_INSERT_TAIL(&to->queue, b, link);
	waitq_wake(&to->sock.wq, EPOLLIN | EPOLLRDNORM);
	return true;
}

int netlink_check(struct file *f)
{
	const struct socket *s = socket_of(f);
	return !s ? -ENOTSOCK : s->family == AF_NETLINK ? 0 : -EINVAL;
}

void netlink_post(struct file *f, const void *data, size_t bytes)
{
	struct nl_buf *b = nl_buf_new(bytes);
	memcpy(b->data, data, bytes);
	b->len = bytes;
	(void)nl_deliver(to_netlink(socket_of(f)), b);
}

void nl_reply(struct nl_request *r, struct nl_buf *b)
{
	(void)nl_deliver(r->nlk, b);
}

static struct nl_buf *buf_copy(const struct nl_buf *b)
{
	struct nl_buf *c = nl_buf_new(b->len);
	c->creds = b->creds;
	c->from_port = b->from_port;
	c->group = b->group;
	c->len = b->len;
	memcpy(c->data, b->data, b->len);
	return c;
}

void nl_broadcast(struct net *net, int protocol, unsigned group, struct nl_buf *b, uint32_t except)
{
	struct netlink_sock *each;
	b->group = group;
	TAILQ_FOREACH(each, &net->netlinks, net_link)
		if (each->proto->protocol == protocol && (each->groups >> (group - 1) & 1) && each->port.id != except)
			(void)nl_deliver(each, buf_copy(b));
	free(b);
}

void nl_notify(struct net *net, int protocol, unsigned group, struct nl_buf *b, const struct nl_request *why)
{
	bool echo = why && (why->h.nlmsg_flags & NLM_F_ECHO);
	if (echo)
		(void)nl_deliver(why->nlk, buf_copy(b));
	nl_broadcast(net, protocol, group, b, echo ? why->nlk->port.id : 0);
}

static void acknowledge(struct nl_request *r, int error)
{
	struct netlink_sock *nlk = r->nlk;
	struct nlmsgerr e = { .error = error, .msg = r->h };
	size_t whole = error && !(nlk->options & NL_CAP_ACK) ? r->len : 0;
	bool words = error && r->why && (nlk->options & NL_EXT_ACK);
	int flags = (error && !(nlk->options & NL_CAP_ACK) ? 0 : NLM_F_CAPPED) | (words ? NLM_F_ACK_TLVS : 0);
	size_t cap = NLMSG_HDRLEN + sizeof(e) + NLMSG_ALIGN(whole) + 256;
	struct nl_buf *b = nl_buf_new(cap);
	nl_begin(b, NLMSG_ERROR, flags, r->h.nlmsg_seq, nlk->port.id, &e, sizeof(e));
	if (whole) {
		memcpy(b->data + b->len, r->body, whole);
		b->len += NLMSG_ALIGN(whole);
	}
	if (words)
		nl_put_string(b, NLMSGERR_ATTR_MSG, r->why);
	(void)nl_end(b);
	nl_reply(r, b);
}

/* All the messages of a datagram to the kernel. */
static void to_kernel(struct task *t, struct netlink_sock *nlk, const char *data, size_t len, bool addressed)
{
	struct nl_request r = { .t = t, .nlk = nlk, .net = nlk->net, .addressed = addressed };
	while (len >= sizeof(r.h)) {
		memcpy(&r.h, data, sizeof(r.h));
		if (r.h.nlmsg_len < sizeof(r.h) || r.h.nlmsg_len > len)
			return;
		r.body = data + sizeof(r.h);
		r.len = r.h.nlmsg_len - sizeof(r.h);
		r.why = NULL;
		int err = 0;
		if ((r.h.nlmsg_flags & NLM_F_REQUEST) && r.h.nlmsg_type >= NLMSG_MIN_TYPE)
			err = nlk->proto->handle(&r);
		if (err != -EINTR && (err || (r.h.nlmsg_flags & NLM_F_ACK)))
			acknowledge(&r, err);
		size_t step = MIN((size_t)NLMSG_ALIGN((uint64_t)r.h.nlmsg_len), len);
		data += step;
		len -= step;
	}
}

static void room_wake(struct waiter *w, uint32_t events)
{
	(void)events;
	struct netlink_sock *nlk = container_of(w, struct netlink_sock, full_w);
	waiter_del(w);
	waitq_wake(&nlk->sock.wq, EPOLLOUT | EPOLLWRNORM);
}

/* -EAGAIN: the receiver's queue is full. */
static int receiver_find(struct netlink_sock *from, uint32_t port, struct netlink_sock **out)
{
	struct netlink_sock *to = nl_port_find(from->net, from->proto->protocol, port);
	if (!to || (to->dst_port && to->dst_port != from->port.id))
		return -ECONNREFUSED;
	if (to->rmem > to->sock.rcvbuf || to->congested) {
		waiter_del(&from->full_w);
		from->full_w.wake = room_wake;
		waiter_add(&from->full_w, &to->room_q);
		return -EAGAIN;
	}
	*out = to;
	return 0;
}

static int destination(struct task *t, struct netlink_sock *nlk, const struct socket_msg *m, uint32_t *port, unsigned *group)
{
	*port = nlk->dst_port;
	*group = nlk->dst_group;
	if (!m->name_len)
		return 0;
	struct sockaddr_nl to;
	if (m->name_len < sizeof(to))
		return -EINVAL;
	memcpy(&to, &m->name, sizeof(to));
	if (to.nl_family != AF_NETLINK)
		return -EINVAL;
	*port = to.nl_pid;
	*group = to.nl_groups ? (unsigned)__builtin_ctz(to.nl_groups) + 1 : 0;
	if ((*port || *group) && !nlk->proto->anyone_sends && !cred_ns_cap(t->cred, nlk->net->id.owner, CAP_NET_ADMIN))
		return -EPERM;
	return 0;
}

static struct nl_buf *buf_from(struct task *t, struct netlink_sock *nlk, const struct socket_msg *m, size_t len)
{
	struct nl_buf *b = nl_buf_new(len);
	b->creds = m->scm.has_creds ? m->scm.creds : scm_creds_of(t);
	b->from_port = nlk->port.id;
	b->len = len;
	return b;
}

ssize_t netlink_send(struct task *t, struct socket *s, struct socket_msg *m)
{
	struct netlink_sock *nlk = to_netlink(s), *to = NULL;
	size_t len = m->data->resid;
	uint32_t port;
	unsigned group;
	if (!t)
		return -EINVAL;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!len)
		return -ENODATA;
	int err = destination(t, nlk, m, &port, &group);
	if (!err && !nlk->port.id)
		err = nl_autobind(nlk, t);
	if (!err && len > s->sndbuf - 32)
		err = -EMSGSIZE;
	if (!err && port)
		err = receiver_find(nlk, port, &to);
	if (err)
		return err;
	struct nl_buf *b = buf_from(t, nlk, m, len);
	ssize_t n = uio_drain(m->data, b->data, len);
	if (n != (ssize_t)len) {
		free(b);
		return -EFAULT;
	}
	if (group)
		nl_broadcast(nlk->net, nlk->proto->protocol, group, buf_copy(b), nlk->port.id);
	if (to) {
		(void)nl_deliver(to, b);
		return (ssize_t)len;
	}
	if (nlk->proto->handle)
		to_kernel(t, nlk, b->data, len, m->name_len);
	free(b);
	return nlk->proto->handle ? (ssize_t)len : -ECONNREFUSED;
}
