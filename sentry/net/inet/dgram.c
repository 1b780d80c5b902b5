/* dgram.c - what UDP, raw and ICMP echo sockets share: the queue, addresses, readiness.
 *
 * HOW      A message is copied once from the sender into the receiver's queue, and once out. A full queue (SO_RCVBUF) drops
 *          it, as a network would; senders never wait.
 * LINUX    net/ipv4/udp.c, datagram.c, raw.c, ping.c; net/core/datagram.c. Same: a message costs its bytes and the overhead
 *          of an sk_buff; an error (ECONNREFUSED) is told before messages that came earlier. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "platform/base/live.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/net/inet/packet.h"

#define OVERHEAD 768                      /* sk_buff and its shared info */
#define TTL_DEFAULT 64

int dgram_score(const struct inet_sock *in, const struct inet_addr *to, const struct inet_addr *from)
{
	bool v4 = ip_is_v4(&to->ip);
	int score = inet_is_v6(in) ? 1 : 2;
	if (in->sock.bound_if && in->sock.bound_if != NET_LO_IFINDEX)
		return 0;
	if (!ip_is_any(&in->local.ip)) {
		if (!ip_equal(&in->local.ip, &to->ip))
			return 0;
		score += 16;
	} else if (v4 ? !ip_is_v4(&in->local.ip) && in->v6only : ip_is_v4(&in->local.ip)) {
		return 0;
	}
	if (dgram_of(in)->connected) {
		if (!ip_equal(&in->remote.ip, &from->ip) || in->remote.port != from->port)
			return 0;
		score += 8;
	}
	return score + (in->sock.bound_if ? 4 : 0);
}

int dgram_check_send(struct dgram_sock *d, const struct socket_msg *m)
{
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (d->in.sock.error)
		return socket_take_error(&d->in.sock);
	return d->shutdown & DGRAM_SEND_SHUTDOWN ? -EPIPE : 0;
}

static int way_cmsg(struct dgram_sock *d, struct dgram_way *way, int level, int type, const void *data, size_t bytes)
{
	int v = 0;
	if (bytes >= sizeof(v))
		memcpy(&v, data, sizeof(v));
	if (level == SOL_IP && type == IP_PKTINFO) {
		struct in_pktinfo pi;
		if (bytes != sizeof(pi))
			return -EINVAL;
		memcpy(&pi, data, sizeof(pi));
		if (pi.ipi_spec_dst.s_addr) {
			way->from.ip = ip_from_v4(ntohl(pi.ipi_spec_dst.s_addr));
			if (inet_route(d->in.net, &way->from.ip) != ROUTE_LOCAL)
				return -EINVAL;
		}
		return pi.ipi_ifindex && pi.ipi_ifindex != NET_LO_IFINDEX ? -ENODEV : 0;
	}
	if (level == SOL_IPV6 && type == IPV6_PKTINFO) {
		struct in6_pktinfo pi;
		if (bytes < sizeof(pi))
			return -EINVAL;
		memcpy(&pi, data, sizeof(pi));
		if (pi.ipi6_ifindex && pi.ipi6_ifindex != NET_LO_IFINDEX)
			return -ENODEV;
		if (!IN6_IS_ADDR_UNSPECIFIED(&pi.ipi6_addr)) {
			way->from.ip = pi.ipi6_addr;
			if (inet_route(d->in.net, &way->from.ip) != ROUTE_LOCAL)
				return -EINVAL;
		}
		return 0;
	}
	if ((level == SOL_IP && type == IP_TTL) || (level == SOL_IPV6 && type == IPV6_HOPLIMIT)) {
		if (bytes != sizeof(v) || v < (level == SOL_IP ? 1 : -1) || v > 255)
			return -EINVAL;
		way->ttl = v < 0 ? TTL_DEFAULT : v;
		return 0;
	}
	if ((level == SOL_IP && type == IP_TOS) || (level == SOL_IPV6 && type == IPV6_TCLASS)) {
		if (bytes == 1)
			v = *(const unsigned char *)data;
		else if (bytes != sizeof(v))
			return -EINVAL;
		if (v < (level == SOL_IP ? 0 : -1) || v > 255)
			return -EINVAL;
		way->tos = v < 0 ? 0 : v;
		return 0;
	}
	if (level == SOL_UDP && type == UDP_SEGMENT) {
		uint16_t size;
		if (bytes != sizeof(size))
			return -EINVAL;
		memcpy(&size, data, sizeof(size));
		way->gso_size = size;
		return 0;
	}
	return level == SOL_IP || level == SOL_UDP ? -EINVAL : 0;
}

int dgram_way(struct dgram_sock *d, struct socket_msg *m, bool port, struct dgram_way *out)
{
	struct inet_sock *in = &d->in;
	uint32_t scope = 0;
	memset(out, 0, sizeof(*out));
	out->from = in->local;
	bool named = m->name_len > 0;
	if (named && m->name_len >= sizeof(sa_family_t) && m->name.ss_family == AF_UNSPEC) {
		if (inet_is_v6(in))
			named = false;
		else
			m->name.ss_family = AF_INET;     /* old programs leave it out */
	}
	if (named) {
		int err = inet_addr_get(in, &m->name, m->name_len, &out->to, &scope);
		if (err)
			return err;
		if (port && !out->to.port)
			return -EINVAL;
	} else if (d->connected) {
		out->to = in->remote;
	} else {
		return -EDESTADDRREQ;
	}
	int err = inet_reach(in, &out->to, scope, false, &out->route);
	if (err)
		return err;
	bool multicast = out->route == ROUTE_MULTICAST;
	if (ip_is_v4(&out->to.ip)) {
		out->ttl = multicast ? in->mc_ttl : in->ttl < 0 ? TTL_DEFAULT : in->ttl;
		out->tos = in->tos;
	} else {
		int hops = multicast ? in->mc_hops < 0 ? 1 : in->mc_hops : in->hops;
		out->ttl = hops < 0 ? TTL_DEFAULT : hops;
		out->tos = in->tclass;
	}
	out->gso_size = d->gso_size;
	if (ip_is_any(&out->from.ip))
		out->from.ip = inet_source_for(d->in.net, &out->to.ip);
	size_t at = 0, bytes;
	int level, type;
	const void *data;
	while (socket_cmsg_next(m, &at, &level, &type, &data, &bytes)) {
		if (level == SOL_SOCKET)
			continue;
		err = way_cmsg(d, out, level, type, data, bytes);
		if (err)
			return err;
	}
	return 0;
}

int dgram_drain(struct socket_msg *m, char **out, size_t *len)
{
	size_t bytes = m->data->resid;
	char *buf = malloc(bytes + 1);
	if (!buf)
		return -ENOBUFS;
	if (bytes && uio_drain(m->data, buf, bytes) != (ssize_t)bytes) {
		free(buf);
		return -EFAULT;
	}
	*out = buf;
	*len = bytes;
	return 0;
}

void dgram_deliver(struct dgram_sock *to, const struct dgram_way *way, const void *head, size_t head_bytes, const void *data,
		   size_t bytes)
{
	struct socket *s = &to->in.sock;
	struct filter_part rest = { data, bytes };
	if (s->filter && !packet_filter(s, way, (struct filter_part){ head, head_bytes }, &rest)) {
		s->drops++;
		return;
	}
	bytes = rest.bytes;
	size_t len = head_bytes + bytes, charge = len + OVERHEAD;
	if (to->queued_charge > s->rcvbuf || fs_memory_charge(charge)) {
		s->drops++;
		return;
	}
	struct dgram *g = malloc(sizeof(*g) + len);
	if (!g) {
		fs_memory_uncharge(charge);
		s->drops++;
		return;
	}
	*g = (struct dgram){ .from = way->from, .to = way->to, .len = len, .charge = charge };
	g->ttl = (uint8_t)way->ttl;
	g->tos = (uint8_t)way->tos;
	if (s->stamp || s->stamping)
		g->stamp_ns = now_real_ns();
	if (head_bytes)
		memcpy(g->data, head, head_bytes);
	if (bytes)
		memcpy(g->data + head_bytes, data, bytes);
	TAILQ_INSERT_TAIL(&to->queue, g, link);
	to->queued_bytes += len;
	to->queued_charge += charge;
	waitq_wake(&s->wq, EPOLLIN | EPOLLRDNORM | EPOLLRDBAND);
}

static void dgram_free(struct dgram_sock *d, struct dgram *g)
{
	TAILQ_REMOVE(&d->queue, g, link);
	d->queued_bytes -= g->len;
	d->queued_charge -= g->charge;
	fs_memory_uncharge(g->charge);
	free(g);
}

static void recv_cmsgs(struct dgram_sock *d, struct socket_msg *m, const struct dgram *g)
{
	struct inet_sock *in = &d->in;
	bool v4 = ip_is_v4(&g->to.ip);
	int ttl = g->ttl, tos = g->tos;
	if (in->sock.rxq_ovfl && in->sock.drops)
		socket_cmsg_add(m, SOL_SOCKET, SO_RXQ_OVFL, &in->sock.drops, sizeof(in->sock.drops));
	if (in->pktinfo && v4) {
		struct in_pktinfo pi = { .ipi_ifindex = NET_LO_IFINDEX, .ipi_addr.s_addr = g->to.ip.s6_addr32[3] };
		pi.ipi_spec_dst = pi.ipi_addr;
		if (inet_route(in->net, &g->to.ip) != ROUTE_LOCAL)
			pi.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK);
		socket_cmsg_add(m, SOL_IP, IP_PKTINFO, &pi, sizeof(pi));
	}
	if (in->recvttl && v4)
		socket_cmsg_add(m, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
	if (in->recvtos && v4)
		socket_cmsg_add(m, SOL_IP, IP_TOS, &g->tos, sizeof(g->tos));
	if (in->recvorigdst && v4) {
		struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(g->to.port),
					  .sin_addr.s_addr = g->to.ip.s6_addr32[3] };
		socket_cmsg_add(m, SOL_IP, IP_ORIGDSTADDR, &sa, sizeof(sa));
	}
	if (in->pktinfo6 && inet_is_v6(in)) {
		struct in6_pktinfo pi = { .ipi6_ifindex = NET_LO_IFINDEX, .ipi6_addr = g->to.ip };
		socket_cmsg_add(m, SOL_IPV6, IPV6_PKTINFO, &pi, sizeof(pi));
	}
	if (in->recvhops && !v4)
		socket_cmsg_add(m, SOL_IPV6, IPV6_HOPLIMIT, &ttl, sizeof(ttl));
	if (in->recvtclass && !v4)
		socket_cmsg_add(m, SOL_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
}

static bool is_udp(const struct socket *s)
{
	return s->type == SOCK_DGRAM && (s->protocol == IPPROTO_UDP || s->protocol == IPPROTO_UDPLITE);
}

/* The message that a read is about, and how much of it is left out in front (SO_PEEK_OFF). */
static struct dgram *dgram_at(struct dgram_sock *d, const struct socket_msg *m, size_t *skip)
{
	const struct socket *s = &d->in.sock;
	struct dgram *g = TAILQ_FIRST(&d->queue);
	bool skipping = (m->flags & MSG_PEEK) && s->peek_off >= 0;
	for (*skip = socket_peek_from(s, m); g && skipping && *skip >= g->len; g = TAILQ_NEXT(g, link)) {
		if (g->len == 0 && *skip == 0 && !g->peeked)
			break;
		*skip -= g->len;
	}
	return g;
}

static ssize_t dgram_recv(struct task *t, struct socket *s, struct socket_msg *m)
{
	(void)t;
	struct dgram_sock *d = to_dgram(s);
	if ((m->flags & MSG_OOB) && !is_udp(s))
		return -EOPNOTSUPP;
	if (m->flags & MSG_ERRQUEUE)
		return inet_error_recv(&d->in, m);
	if (s->error)
		return socket_take_error(s);
	size_t skip;
	struct dgram *g = dgram_at(d, m, &skip);
	if (!g) {
		bool wait = !(m->flags & MSG_DONTWAIT) && !(s->file.flags & O_NONBLOCK);
		return wait && (d->shutdown & DGRAM_RCV_SHUTDOWN) ? 0 : -EAGAIN;
	}
	size_t want = MIN(g->len - skip, m->data->resid);
	if (m->data->resid < g->len && m->data->resid <= g->len - skip)      /* with SO_PEEK_OFF also when it just fits, as Linux */
		m->out_flags |= MSG_TRUNC;
	ssize_t n = want ? uio_fill(m->data, g->data + skip, want) : 0;
	inet_addr_put(&d->in, &g->from, &m->name, &m->name_len);
	m->stamp_ns = g->stamp_ns;
	if (m->cmsgs)
		recv_cmsgs(d, m, g);
	if (n != (ssize_t)want)
		n = -EFAULT;
	else if (m->flags & MSG_TRUNC)
		n = (ssize_t)g->len;
	if (n >= 0)
		socket_peeked(s, m, (size_t)n);
	g->peeked = true;
	if (!(m->flags & MSG_PEEK))
		dgram_free(d, g);
	return n;
}

static void disconnect(struct dgram_sock *d)
{
	struct inet_sock *in = &d->in;
	memset(&in->remote, 0, sizeof(in->remote));
	d->connected = false;
	if (!in->addr_lock)
		in->local.ip = inet_is_v6(in) ? in6addr_any : ip_from_v4(INADDR_ANY);
	if (!in->port_lock && in->bucket) {
		inet_unbind(in);
		in->local.port = 0;
	}
}

static int dgram_connect(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len)
{
	(void)t;
	struct dgram_sock *d = to_dgram(s);
	struct inet_addr to;
	uint32_t scope;
	enum inet_route route;
	if (len < sizeof(sa_family_t))
		return -EINVAL;
	if (addr->ss_family == AF_UNSPEC) {
		disconnect(d);
		return 0;
	}
	int err = inet_autobind(&d->in);
	if (!err)
		err = inet_addr_get(&d->in, addr, len, &to, &scope);
	if (err)
		return err;
	bool link_local = !ip_is_v4(&to.ip) && (IN6_IS_ADDR_LINKLOCAL(&to.ip) || IN6_IS_ADDR_MC_LINKLOCAL(&to.ip) ||
						IN6_IS_ADDR_MC_NODELOCAL(&to.ip));
	if (link_local && !scope && !s->bound_if)
		return -EINVAL;
	err = inet_reach(&d->in, &to, scope, false, &route);
	if (err)
		return err;
	if (ip_is_any(&d->in.local.ip))
		d->in.local.ip = inet_source_for(d->in.net, &to.ip);
	d->in.remote = to;
	d->connected = true;
	return 0;
}

static int dgram_listen(struct task *t, struct socket *s, int backlog)
{
	(void)t;
	(void)s;
	(void)backlog;
	return -EOPNOTSUPP;
}

static int dgram_shutdown(struct socket *s, int how)
{
	struct dgram_sock *d = to_dgram(s);
	int err = d->connected ? 0 : -ENOTCONN;
	if (!err)
		d->shutdown |= (unsigned)how + 1;        /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 */
	waitq_wake(&s->wq, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
	return err;
}

static uint32_t dgram_poll(struct socket *s)
{
	struct dgram_sock *d = to_dgram(s);
	uint32_t events = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (s->error || !TAILQ_EMPTY(&d->in.errors))
		events |= EPOLLERR;
	if (d->shutdown & DGRAM_RCV_SHUTDOWN)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (d->shutdown == (DGRAM_RCV_SHUTDOWN | DGRAM_SEND_SHUTDOWN))
		events |= EPOLLHUP;
	if (!TAILQ_EMPTY(&d->queue))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

static int dgram_ioctl(struct task *t, struct socket *s, unsigned cmd, uint64_t arg)
{
	struct dgram_sock *d = to_dgram(s);
	int n;
	switch (cmd) {
	case SIOCINQ:
		n = TAILQ_EMPTY(&d->queue) ? 0 : (int)TAILQ_FIRST(&d->queue)->len;
		break;
	case SIOCOUTQ:
		n = 0;                           /* what was sent has arrived */
		break;
	default:
		return net_ioctl(t, d->in.net, s->family, cmd, arg);
	}
	return put_user(t, UPTR(arg), &n);
}

static int dgram_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	struct dgram_sock *d = to_dgram(s);
	int err = -ENOPROTOOPT;
	if (level == SOL_UDP)
		return is_udp(s) ? udp_getsockopt(d, name, value, len) : -ENOPROTOOPT;
	if (s->type == SOCK_RAW || !is_udp(s))
		err = raw_getsockopt(d, level, name, value, len);
	return err == -ENOPROTOOPT ? inet_getsockopt(t, s, level, name, value, len) : err;
}

static int dgram_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len)
{
	struct dgram_sock *d = to_dgram(s);
	int err = -ENOPROTOOPT;
	if (level == SOL_UDP)
		return is_udp(s) ? udp_setsockopt(d, name, value, len) : -ENOPROTOOPT;
	if (s->type == SOCK_RAW || !is_udp(s))
		err = raw_setsockopt(d, level, name, value, len);
	return err == -ENOPROTOOPT ? inet_setsockopt(t, s, level, name, value, len) : err;
}

static void dgram_release(struct socket *s)
{
	struct dgram_sock *d = to_dgram(s);
	struct dgram *g;
	while ((g = TAILQ_FIRST(&d->queue)))
		dgram_free(d, g);
	udp_drop_corked(d);
	inet_fini(&d->in);
	live_died(SOCKET);
	free(d);
}

static bool dgram_may_share(const struct inet_sock *a, const struct inet_sock *b)
{
	if (a->sock.reuseaddr && b->sock.reuseaddr)
		return true;
	return a->sock.reuseport && b->sock.reuseport && a->euid == b->euid;
}

#define DGRAM_OPS(send_)                                                                                      \
	{                                                                                                     \
		.bind = inet_bind, .listen = dgram_listen, .connect = dgram_connect, .getname = inet_getname, \
		.shutdown = dgram_shutdown, .send = send_, .recv = dgram_recv, .poll = dgram_poll,            \
		.ioctl = dgram_ioctl, .getsockopt = dgram_getsockopt, .setsockopt = dgram_setsockopt,         \
		.release = dgram_release,                                                                     \
	}
static const struct socket_ops udp_ops = DGRAM_OPS(udp_send), ping_ops = DGRAM_OPS(ping_send), raw_ops = DGRAM_OPS(raw_send);
static const struct inet_proto udp_proto = { IPPROTO_UDP, dgram_may_share };
static const struct inet_proto udplite_proto = { IPPROTO_UDPLITE, dgram_may_share };
static const struct inet_proto ping_proto = { IPPROTO_ICMP, dgram_may_share };
static const struct inet_proto raw_proto = { -1, dgram_may_share };

int dgram_create(struct task *t, int family, int type, int protocol, struct socket **out)
{
	const struct socket_ops *ops = &ping_ops;
	const struct inet_proto *proto = &ping_proto;
	if (type == SOCK_RAW) {
		ops = &raw_ops;
		proto = &raw_proto;
	} else if (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE) {
		ops = &udp_ops;
		proto = protocol == IPPROTO_UDP ? &udp_proto : &udplite_proto;
	}
	struct dgram_sock *d = NEW(struct dgram_sock);
	int err = socket_init(&d->in.sock, ops, family, type, protocol);
	if (err) {
		free(d);
		return err;
	}
	d->in.sock.can_peek_off = proto == &udp_proto || proto == &udplite_proto;
	inet_init(&d->in, t->net, proto, t->cred->euid);
	TAILQ_INIT(&d->queue);
	d->checksum_at = -1;
	d->in.hdrincl = type == SOCK_RAW && protocol == IPPROTO_RAW;
	*out = &d->in.sock;
	return 0;
}
