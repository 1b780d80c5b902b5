/* tcp_connect.c - how TCP sockets become connected (connect(2), listen(2), accept(2)).
 *
 * HOW      connect(2) finds the listener and makes the server's end at once; accept(2) only hands it out. When the listener's
 *          queue is full the client stays in SYN_SENT, and the next accept(2) goes on with it.
 * LINUX    net/ipv4/af_inet.c inet_stream_connect(), tcp_ipv4.c, inet_connection_sock.c. Same: one more connection than the
 *          backlog may wait; a non-blocking connect is always EINPROGRESS, over loopback too; connecting to oneself works
 *          (simultaneous open). A SYN that finds the queue full is sent again there after a second, and later; here the
 *          client gets in as soon as there is room. */
#include <string.h>
#include <sys/epoll.h>

#include "sentry/net/inet/tcp.h"

#define SYN_TIMEOUT_NS (127 * NS_PER_SEC) /* six repetitions, tcp_syn_retries */

int tcp_listen(struct task *t, struct socket *sock, int backlog)
{
	(void)t;
	struct tcp_sock *s = to_tcp(sock);
	if (s->ss != SS_UNCONNECTED || (s->state != TCP_CLOSE && s->state != TCP_LISTEN))
		return -EINVAL;
	s->backlog = MIN((unsigned)backlog, (unsigned)s->in.net->somaxconn);
	if (s->state == TCP_LISTEN)
		return 0;
	if (inet_autobind(&s->in))
		return -EADDRINUSE;
	/* Sockets that share a port with SO_REUSEADDR can't both listen. */
	s->state = TCP_LISTEN;
	if (inet_bind_conflict(&s->in, s->in.bucket)) {
		s->state = TCP_CLOSE;
		return -EADDRINUSE;
	}
	sock->listening = true;
	s->shutdown = 0;
	TAILQ_INSERT_HEAD(&s->in.bucket->listeners, &s->in, listener_link);
	return 0;
}

static bool is_full(const struct tcp_sock *l)
{
	return l->acceptq_count > l->backlog;
}

static void enqueue(struct tcp_sock *l, struct tcp_sock *child)
{
	TAILQ_INSERT_TAIL(&l->acceptq, child, queue_link);
	tcp_wake(l, EPOLLIN | EPOLLRDNORM);
}

void tcp_undefer(struct tcp_sock *child)
{
	struct tcp_sock *l = TAKE(child->listener);
	TAILQ_REMOVE(&l->deferred, child, queue_link);
	ktimer_cancel(&child->timer);
	enqueue(l, child);
}

void tcp_leave_synq(struct tcp_sock *s)
{
	struct tcp_sock *l = TAKE(s->listener);
	if (l)
		TAILQ_REMOVE(&l->synq, s, queue_link);
	ktimer_cancel(&s->timer);
}

static void connected(struct tcp_sock *s, struct tcp_sock *peer)
{
	s->state = TCP_ESTABLISHED;
	s->peer = tcp_get(peer);
	s->since_ns = s->last_send_ns = s->last_recv_ns = now_mono_ns();
	s->segs_in = s->segs_out = 1;
	if (!(s->in.sock.buf_lock & SOCK_SNDBUF_LOCK))
		s->in.sock.sndbuf = MAX(s->in.sock.sndbuf, (unsigned)TCP_SNDBUF_CONNECTED);
}

/* The server's end of the connection that `client`, in SYN_SENT, wants. */
static int make_child(struct tcp_sock *l, struct tcp_sock *client, struct tcp_sock **out)
{
	struct tcp_key key = tcp_key_of(&client->in.remote, &client->in.local);
	struct tcp_conn *old = tcp_conn_find(client->in.net, &key);
	if (old && old->time_wait)
		tcp_time_wait_forget(old);
	else if (old)
		tcp_reset(container_of(old, struct tcp_sock, conn), ECONNRESET);
	struct tcp_sock *child;
	int err = tcp_make(l->in.net, l->in.sock.family, l->in.euid, &child);
	if (err)
		return err;
	inet_copy_options(&child->in, &l->in);
	tcp_copy_options(child, l);
	child->in.local = client->in.remote;
	child->in.remote = client->in.local;
	child->in.addr_lock = true;
	child->ss = SS_CONNECTED;
	inet_bucket_join(&child->in, l->in.bucket);
	tcp_hash(child);
	*out = child;
	return 0;
}

/* The listener has room for client. */
static int establish(struct tcp_sock *l, struct tcp_sock *client)
{
	struct tcp_sock *child;
	int err = make_child(l, client, &child);
	if (err)
		return err;
	connected(child, client);
	connected(client, child);
	l->acceptq_count++;
	if (l->defer_accept) {
		child->listener = l;
		TAILQ_INSERT_TAIL(&l->deferred, child, queue_link);
		ktimer_arm(&child->timer, now_mono_ns() + (uint64_t)l->defer_accept * NS_PER_SEC);
	} else {
		enqueue(l, child);
	}
	tcp_wake(client, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

int tcp_accept(struct socket *sock, struct socket **out)
{
	struct tcp_sock *l = to_tcp(sock);
	if (l->state != TCP_LISTEN)
		return -EINVAL;
	struct tcp_sock *child = TAILQ_FIRST(&l->acceptq);
	if (!child)
		return -EAGAIN;
	TAILQ_REMOVE(&l->acceptq, child, queue_link);
	l->acceptq_count--;
	struct tcp_sock *next = TAILQ_FIRST(&l->synq);
	if (next && !is_full(l)) {
		tcp_leave_synq(next);
		if (establish(l, next))
			tcp_reset(next, ECONNREFUSED);
	}
	*out = &child->in.sock;
	return 0;
}

void tcp_unlisten(struct tcp_sock *s)
{
	struct tcp_sock *each;
	TAILQ_REMOVE(&s->in.bucket->listeners, &s->in, listener_link);
	s->in.sock.listening = false;
	s->state = TCP_CLOSE;
	while ((each = TAILQ_FIRST(&s->synq))) {
		tcp_leave_synq(each);
		tcp_reset(each, ECONNREFUSED);
	}
	while ((each = TAILQ_FIRST(&s->deferred)))
		tcp_undefer(each);
	while ((each = TAILQ_FIRST(&s->acceptq))) {
		TAILQ_REMOVE(&s->acceptq, each, queue_link);
		tcp_abort(each);
		file_put(&each->in.sock.file);
	}
	s->acceptq_count = 0;
}

/* Both ends have the same address: the SYN meets the socket it came from. */
static void connect_to_self(struct tcp_sock *s)
{
	connected(s, s);
	tcp_wake(s, EPOLLOUT | EPOLLWRNORM);
}

static int send_syn(struct tcp_sock *s)
{
	struct tcp_sock *l = tcp_listener_find(s->in.net, &s->in.remote, &s->in.local);
	s->state = TCP_SYN_SENT;
	if (!l) {
		if (s->in.local.port == s->in.remote.port && ip_equal(&s->in.local.ip, &s->in.remote.ip))
			connect_to_self(s);
		else
			tcp_reset(s, ECONNREFUSED);
		return 0;
	}
	if (!is_full(l))
		return establish(l, s);
	s->listener = l;
	TAILQ_INSERT_TAIL(&l->synq, s, queue_link);
	uint64_t timeout_ns = s->user_timeout ? (uint64_t)s->user_timeout * 1000000 : SYN_TIMEOUT_NS;
	ktimer_arm(&s->timer, now_mono_ns() + timeout_ns);
	return 0;
}

/* May s, whose local port it would be, connect to where it wants? */
static bool usable(struct inet_sock *in, uint16_t port)
{
	struct inet_addr local = { in->local.ip, port };
	struct tcp_key key = tcp_key_of(&local, &in->remote);
	struct tcp_conn *c = tcp_conn_find(in->net, &key);
	return !c || tcp_time_wait_reuse(c);
}

static int connect_start(struct tcp_sock *s, const struct sockaddr_storage *addr, socklen_t len)
{
	struct inet_sock *in = &s->in;
	struct inet_addr to;
	uint32_t scope;
	enum inet_route route;
	int err = inet_addr_get(in, addr, len, &to, &scope);
	if (!err && inet_is_v6(in) && addr->ss_family != AF_INET6)
		err = -EAFNOSUPPORT;
	if (!err)
		err = inet_reach(in, &to, scope, true, &route);
	if (err)
		return err;
	struct inet_addr old_local = in->local;
	bool has_port = in->bucket != NULL;
	if (ip_is_any(&in->local.ip))
		in->local.ip = inet_source_for(in->net, &to.ip);
	in->remote = to;
	if (has_port)
		err = usable(in, in->local.port) ? 0 : -EADDRNOTAVAIL;
	else
		err = inet_connect_port(in, usable);
	if (!err) {
		tcp_hash(s);
		err = send_syn(s);
		if (err) {
			tcp_unhash(s);
			s->state = TCP_CLOSE;
			if (!has_port)
				inet_unbind(in);
		}
	}
	if (err) {
		in->local = old_local;
		memset(&in->remote, 0, sizeof(in->remote));
	}
	return err;
}

int tcp_connect_from(struct net *net, const struct inet_addr *from, const struct inet_addr *to, struct tcp_sock **out)
{
	struct tcp_key key = tcp_key_of(from, to);
	struct tcp_conn *c = tcp_conn_find(net, &key);
	if (c && !tcp_time_wait_reuse(c))
		return -EADDRINUSE;
	struct tcp_sock *s;
	int err = tcp_make(net, ip_is_v4(&to->ip) ? AF_INET : AF_INET6, 0, &s);
	if (err)
		return err;
	s->outside = true;
	s->in.local = *from;
	s->in.remote = *to;
	s->in.sock.buf_lock = SOCK_SNDBUF_LOCK;
	s->ss = SS_CONNECTED;
	tcp_hash(s);
	if (send_syn(s))
		tcp_reset(s, ECONNREFUSED);
	*out = s;
	return 0;
}

int tcp_connect(struct task *t, struct socket *sock, const struct sockaddr_storage *addr, socklen_t len)
{
	(void)t;
	struct tcp_sock *s = to_tcp(sock);
	int err;
	if (len < sizeof(sa_family_t))
		return -EINVAL;
	if (addr->ss_family == AF_UNSPEC) {
		tcp_disconnect(s);
		return 0;
	}
	switch (s->ss) {
	case SS_UNCONNECTED:
		if (s->state != TCP_CLOSE)
			return -EISCONN;
		err = connect_start(s, addr, len);
		if (err)
			return err;
		s->ss = SS_CONNECTING;
		return -EINPROGRESS;
	case SS_CONNECTING:
		if (s->state == TCP_SYN_SENT)
			return -EALREADY;
		break;
	case SS_CONNECTED:
		return -EISCONN;
	default:
		return -EINVAL;
	}
	if (s->state == TCP_CLOSE && !s->done) {
		err = socket_take_error(sock);
		tcp_disconnect(s);
		return err ? err : -ECONNABORTED;
	}
	s->ss = SS_CONNECTED;
	return 0;
}
