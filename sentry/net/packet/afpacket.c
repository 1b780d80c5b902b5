/* afpacket.c - life of an AF_PACKET socket, its address, what it has received (packet(7)).
 *
 * LINUX    net/packet/af_packet.c. Same: it takes CAP_NET_RAW; without a protocol nothing is received; binding to an
 *          interface that is down is an error of the next call. */
#include <linux/capability.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "platform/base/live.h"
#include "sentry/fs/tmpfs/host_memfd.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/net/packet/afpacket_impl.h"

static int afpacket_bind(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len)
{
	(void)t;
	struct afpacket_sock *a = to_afpacket(s);
	struct sockaddr_ll sa;
	if (len < sizeof(sa))
		return -EINVAL;
	memcpy(&sa, addr, sizeof(sa));
	if (sa.sll_family != AF_PACKET)
		return -EINVAL;
	if (sa.sll_ifindex && sa.sll_ifindex != NET_LO_IFINDEX)
		return -ENODEV;
	if (sa.sll_protocol)
		a->protocol = sa.sll_protocol;
	a->ifindex = sa.sll_ifindex;
	if (a->ifindex && a->protocol && !a->net->lo_up)
		s->error = ENETDOWN;
	return 0;
}

static int afpacket_connect(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len)
{
	(void)t;
	(void)s;
	(void)addr;
	(void)len;
	return -EOPNOTSUPP;
}

static int afpacket_listen(struct task *t, struct socket *s, int backlog)
{
	(void)t;
	(void)s;
	(void)backlog;
	return -EOPNOTSUPP;
}

static int afpacket_shutdown(struct socket *s, int how)
{
	(void)s;
	(void)how;
	return -EOPNOTSUPP;
}

static int afpacket_getname(struct socket *s, enum socket_end end, struct sockaddr_storage *out, socklen_t *out_len)
{
	const struct afpacket_sock *a = to_afpacket(s);
	if (end != SOCKET_SELF)
		return -EOPNOTSUPP;
	struct sockaddr_ll sa = afpacket_address(a->protocol, a->ifindex, 0);
	if (!a->ifindex)
		sa.sll_hatype = sa.sll_halen = 0;
	memset(out, 0, sizeof(*out));
	memcpy(out, &sa, sizeof(sa));
	*out_len = (socklen_t)offsetof(struct sockaddr_ll, sll_addr) + sa.sll_halen;
	return 0;
}

static void drop_first(struct afpacket_sock *a)
{
	struct afpacket_msg *g = TAILQ_FIRST(&a->queue);
	TAILQ_REMOVE(&a->queue, g, link);
	a->queued -= g->charge;
	fs_memory_uncharge(g->charge);
	free(g);
}

static ssize_t afpacket_recv(struct task *t, struct socket *s, struct socket_msg *m)
{
	(void)t;
	struct afpacket_sock *a = to_afpacket(s);
	if (m->flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE))
		return -EINVAL;
	if (s->error)
		return socket_take_error(s);
	struct afpacket_msg *g = TAILQ_FIRST(&a->queue);
	if (!g || (m->flags & MSG_ERRQUEUE))
		return -EAGAIN;
	size_t want = MIN(g->len, m->data->resid);
	ssize_t n = want ? uio_fill(m->data, g->data, want) : 0;
	if (g->len > want)
		m->out_flags |= MSG_TRUNC;
	memcpy(&m->name, &g->from, sizeof(g->from));
	m->name_len = sizeof(g->from);
	m->stamp_ns = g->stamp_ns;
	if (a->auxdata) {
		struct tpacket_auxdata aux = { .tp_status = TP_STATUS_USER, .tp_len = (uint32_t)g->whole, .tp_snaplen = (uint32_t)g->len,
					       .tp_net = g->net_off };
		socket_cmsg_add(m, SOL_PACKET, PACKET_AUXDATA, &aux, sizeof(aux));
	}
	if (n != (ssize_t)want)
		n = -EFAULT;
	else if (m->flags & MSG_TRUNC)
		n = (ssize_t)g->len;
	if (!(m->flags & MSG_PEEK))
		drop_first(a);
	return n;
}

static uint32_t afpacket_poll(struct socket *s)
{
	struct afpacket_sock *a = to_afpacket(s);
	uint32_t events = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (s->error)
		events |= EPOLLERR;
	if (!TAILQ_EMPTY(&a->queue) || afpacket_ring_ready(a))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

static int afpacket_ioctl(struct task *t, struct socket *s, unsigned cmd, uint64_t arg)
{
	struct afpacket_sock *a = to_afpacket(s);
	int n = 0;
	if (cmd != SIOCINQ && cmd != SIOCOUTQ)
		return net_ioctl(t, a->net, AF_INET, cmd, arg);       /* Linux, too, asks AF_INET */
	if (cmd == SIOCINQ && !TAILQ_EMPTY(&a->queue))
		n = (int)TAILQ_FIRST(&a->queue)->len;
	return put_user(t, UPTR(arg), &n);
}

static int afpacket_mmap(struct socket *s, uint64_t off, uint64_t len, struct mmap_source *out)
{
	struct afpacket_sock *a = to_afpacket(s);
	if (off || a->ring.fd < 0 || len != afpacket_ring_bytes(a))
		return -EINVAL;
	out->host_fd = a->ring.fd;
	return 0;
}

static void afpacket_mapped(struct socket *s, int change)
{
	to_afpacket(s)->mapped += (unsigned)change;
}

static void afpacket_release(struct socket *s)
{
	struct afpacket_sock *a = to_afpacket(s);
	TAILQ_REMOVE(&a->net->packets, a, link);
	while (!TAILQ_EMPTY(&a->queue))
		drop_first(a);
	afpacket_ring_free(a);
	net_put(a->net);
	live_died(SOCKET);
	free(a);
}

static const struct socket_ops afpacket_ops = {
	.bind = afpacket_bind,
	.listen = afpacket_listen,
	.connect = afpacket_connect,
	.getname = afpacket_getname,
	.shutdown = afpacket_shutdown,
	.send = afpacket_send,
	.recv = afpacket_recv,
	.poll = afpacket_poll,
	.ioctl = afpacket_ioctl,
	.getsockopt = afpacket_getsockopt,
	.setsockopt = afpacket_setsockopt,
	.mmap = afpacket_mmap,
	.mapped = afpacket_mapped,
	.release = afpacket_release,
};

static int afpacket_create(struct task *t, int type, int protocol, struct socket **out)
{
	if (!t->net)
		return -EAFNOSUPPORT;
	if (!cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_RAW))
		return -EPERM;
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	struct afpacket_sock *a = NEW(struct afpacket_sock);
	int err = socket_init(&a->sock, &afpacket_ops, AF_PACKET, type, protocol);
	if (err) {
		free(a);
		return err;
	}
	a->net = net_get(t->net);
	a->protocol = (uint16_t)protocol;
	a->ring.fd = -1;
	a->ring.timer.fire = afpacket_ring_fire;
	TAILQ_INIT(&a->queue);
	TAILQ_INSERT_TAIL(&a->net->packets, a, link);
	*out = &a->sock;
	return 0;
}

const struct socket_family packet_family = { .family = AF_PACKET, .create = afpacket_create };
