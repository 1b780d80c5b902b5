/* inet_sock.c - what all sockets of the IP families share, and the families themselves.
 *
 * LINUX    net/ipv4/af_inet.c inet_create(), net/ipv6/af_inet6.c. Same: an unknown type is ESOCKTNOSUPPORT, a protocol that
 *          the type doesn't have EPROTONOSUPPORT.
 * MISSING  MPTCP, SCTP and DCCP: EPROTONOSUPPORT, as in a kernel built without them. */
#include <linux/capability.h>
#include <string.h>

#include "sentry/net/filter.h"
#include "sentry/net/inet/inet_impl.h"

#define PROTO_MAX 263                     /* IPPROTO_MAX */

void inet_init(struct inet_sock *in, struct net *net, const struct inet_proto *proto, uint32_t euid)
{
	in->net = net_get(net);
	TAILQ_INSERT_TAIL(&net->socks, in, net_link);
	in->proto = proto;
	in->euid = euid;
	in->local.ip = in->remote.ip = inet_is_v6(in) ? in6addr_any : ip_from_v4(INADDR_ANY);
	in->ttl = in->hops = in->mc_hops = -1;
	in->pmtudisc = IP_PMTUDISC_WANT;
	in->pmtudisc6 = IPV6_PMTUDISC_WANT;
	in->mc_ttl = 1;
	in->mc_loop = in->mc_loop6 = in->mc_all = in->mc_all6 = true;
	TAILQ_INIT(&in->members);
	TAILQ_INIT(&in->errors);
}

void inet_fini(struct inet_sock *in)
{
	inet_unbind(in);
	inet_mcast_leave_all(in);
	inet_error_purge(in);
	filter_put(TAKE(in->chooser));
	TAILQ_REMOVE(&in->net->socks, in, net_link);
	net_put(in->net);
}

void inet_copy_options(struct inet_sock *to, const struct inet_sock *from)
{
	struct socket *a = &to->sock;
	const struct socket *b = &from->sock;
	filter_inherit(a, b);
	a->sndbuf = b->sndbuf;
	a->rcvbuf = b->rcvbuf;
	a->buf_lock = b->buf_lock;
	a->rcvlowat = b->rcvlowat;
	a->reuseaddr = b->reuseaddr;
	a->reuseport = b->reuseport;
	a->keepalive = b->keepalive;
	a->broadcast = b->broadcast;
	a->oobinline = b->oobinline;
	a->zerocopy = b->zerocopy;
	a->stamp = b->stamp;
	a->stamp_new = b->stamp_new;
	a->stamping = b->stamping;
	a->debug = b->debug;
	a->dontroute = b->dontroute;
	a->priority = b->priority;
	a->mark = b->mark;
	a->bound_if = b->bound_if;
	a->linger = b->linger;
	a->max_pacing = b->max_pacing;
	a->file.rcv_timeout_ns = b->file.rcv_timeout_ns;
	a->file.snd_timeout_ns = b->file.snd_timeout_ns;
	to->v6only = from->v6only;
	to->ttl = from->ttl;
	to->hops = from->hops;
	to->tos = from->tos;
	to->tclass = from->tclass;
	to->pmtudisc = from->pmtudisc;
	to->pmtudisc6 = from->pmtudisc6;
	to->minttl = from->minttl;
	to->freebind = from->freebind;
	to->transparent = from->transparent;
	to->recverr = from->recverr;
	to->recverr6 = from->recverr6;
}

bool inet_may(const struct task *t, const struct inet_sock *in, int cap)
{
	return cred_ns_cap(t->cred, in->net->id.owner, cap);
}

int inet_getname(struct socket *s, enum socket_end end, struct sockaddr_storage *out, socklen_t *out_len)
{
	struct inet_sock *in = to_inet(s);
	if (end != SOCKET_SELF && !in->remote.port)
		return -ENOTCONN;
	inet_addr_put(in, end == SOCKET_SELF ? &in->local : &in->remote, out, out_len);
	return 0;
}

/* net.ipv4.ping_group_range: whose effective or other group is in it. */
static bool may_ping(const struct task *t)
{
	const struct cred *c = t->cred;
	uint32_t first = t->net->ping_first, last = t->net->ping_last;
	bool in = c->egid >= first && c->egid <= last;
	for (int i = 0; i < c->ngroups && !in; i++)
		in = c->groups[i] >= first && c->groups[i] <= last;
	return in;
}

static int create(struct task *t, int family, int type, int protocol, struct socket **out)
{
	int icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	if (!t->net)
		return -EAFNOSUPPORT;
	if (protocol < 0 || protocol >= PROTO_MAX)
		return -EINVAL;
	switch (type) {
	case SOCK_STREAM:
		return protocol && protocol != IPPROTO_TCP ? -EPROTONOSUPPORT : tcp_create(t, family, out);
	case SOCK_DGRAM:
		if (!protocol)
			protocol = IPPROTO_UDP;
		if (protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE && protocol != icmp)
			return -EPROTONOSUPPORT;
		if (protocol == icmp && !may_ping(t))
			return -EACCES;
		break;
	case SOCK_RAW:
		if (!protocol)
			return -EPROTONOSUPPORT;
		if (!cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_RAW))
			return -EPERM;
		break;
	default:
		return -ESOCKTNOSUPPORT;
	}
	return dgram_create(t, family, type, protocol, out);
}

static int inet_create(struct task *t, int type, int protocol, struct socket **out)
{
	return create(t, AF_INET, type, protocol, out);
}

static int inet6_create(struct task *t, int type, int protocol, struct socket **out)
{
	return create(t, AF_INET6, type, protocol, out);
}

const struct socket_family inet_family = { .family = AF_INET, .create = inet_create };
const struct socket_family inet6_family = { .family = AF_INET6, .create = inet6_create };
