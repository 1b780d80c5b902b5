/* netlink_sock.c - life of an AF_NETLINK socket: its address, readiness, end; and the protocols there are (netlink(7)).
 *
 * HOW      A socket without an address gets its process's number as port id, or, when that is taken, one that no process has.
 * LINUX    net/netlink/af_netlink.c. Same: listening to a group takes no privilege, sending to one does.
 * MISSING  NETLINK_AUDIT, _NETFILTER, _XFRM, _CONNECTOR, _CRYPTO and the others of subsystems that aren't there:
 *          EPROTONOSUPPORT, as in a kernel built without them. NETLINK_KOBJECT_UEVENT: there are no events, and none can be sent. */
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/epoll.h>

#include "platform/base/live.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/net/netlink/netlink_impl.h"

#define PROTOCOLS 32                      /* MAX_LINKS */

static int uevent_handle(struct nl_request *r)
{
	return nl_capable(r, CAP_SYS_ADMIN) ? -EOPNOTSUPP : -EPERM;
}

static const struct nl_proto protos[] = {
	{ NETLINK_ROUTE, RTNLGRP_MAX, false, route_handle },
	{ NETLINK_USERSOCK, 32, true, NULL },
	{ NETLINK_SOCK_DIAG, 32, false, diag_handle },
	{ NETLINK_KOBJECT_UEVENT, 32, false, uevent_handle },
	{ NETLINK_GENERIC, 32, true, genl_handle },
};

struct netlink_sock *nl_port_find(const struct net *net, int protocol, uint32_t port)
{
	struct nl_port key;
	struct netlink_sock *nlk;
	memset(&key, 0, sizeof(key));
	key.protocol = protocol;
	key.id = port;
	HASH_FIND(hh, net->netlink_ports, &key, sizeof(key), nlk);
	return nlk;
}

static int port_take(struct netlink_sock *nlk, uint32_t port)
{
	if (nl_port_find(nlk->net, nlk->proto->protocol, port))
		return -EADDRINUSE;
	nlk->port.id = port;
	HASH_ADD(hh, nlk->net->netlink_ports, port, sizeof(nlk->port), nlk);
	return 0;
}

int nl_autobind(struct netlink_sock *nlk, const struct task *t)
{
	static uint32_t next = (uint32_t)-4096;
	uint32_t port = (uint32_t)pid_shown(t, t->tg->tgid);
	for (unsigned tries = 0; port_take(nlk, port); tries++) {
		if (tries > (1U << 20))
			return -EADDRINUSE;
		if (next < (1U << 31))
			next = (uint32_t)-4096;
		port = next--;
	}
	return 0;
}

static int netlink_bind(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len)
{
	struct netlink_sock *nlk = to_netlink(s);
	struct sockaddr_nl a;
	if (len < sizeof(a))
		return -EINVAL;
	memcpy(&a, addr, sizeof(a));
	if (a.nl_family != AF_NETLINK)
		return -EINVAL;
	if (nlk->port.id && a.nl_pid != nlk->port.id)
		return -EINVAL;
	int err = 0;
	if (!nlk->port.id)
		err = a.nl_pid ? port_take(nlk, a.nl_pid) : nl_autobind(nlk, t);
	if (!err)
		nlk->groups = (nlk->groups & ~(uint64_t)UINT32_MAX) | a.nl_groups;
	return err;
}

static int netlink_connect(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len)
{
	struct netlink_sock *nlk = to_netlink(s);
	struct sockaddr_nl a;
	if (len < sizeof(sa_family_t))
		return -EINVAL;
	if (addr->ss_family == AF_UNSPEC) {
		nlk->dst_port = nlk->dst_group = 0;
		return 0;
	}
	if (addr->ss_family != AF_NETLINK || len < sizeof(a))
		return -EINVAL;
	memcpy(&a, addr, sizeof(a));
	if ((a.nl_pid || a.nl_groups) && !nlk->proto->anyone_sends && !cred_ns_cap(t->cred, nlk->net->id.owner, CAP_NET_ADMIN))
		return -EPERM;
	int err = nlk->port.id ? 0 : nl_autobind(nlk, t);
	if (err)
		return err;
	nlk->dst_port = a.nl_pid;
	nlk->dst_group = a.nl_groups ? (unsigned)__builtin_ctz(a.nl_groups) + 1 : 0;
	return 0;
}

static int netlink_getname(struct socket *s, enum socket_end end, struct sockaddr_storage *out, socklen_t *out_len)
{
	const struct netlink_sock *nlk = to_netlink(s);
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = nlk->port.id, .nl_groups = (uint32_t)nlk->groups };
	if (end != SOCKET_SELF) {
		a.nl_pid = nlk->dst_port;
		a.nl_groups = nlk->dst_group ? 1U << (nlk->dst_group - 1) : 0;
	}
	memset(out, 0, sizeof(*out));
	memcpy(out, &a, sizeof(a));
	*out_len = sizeof(a);
	return 0;
}

static int netlink_listen(struct task *t, struct socket *s, int backlog)
{
	(void)t;
	(void)s;
	(void)backlog;
	return -EOPNOTSUPP;
}

static int netlink_shutdown(struct socket *s, int how)
{
	(void)s;
	(void)how;
	return -EOPNOTSUPP;
}

static uint32_t netlink_poll(struct socket *s)
{
	struct netlink_sock *nlk = to_netlink(s);
	uint32_t events = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (s->error)
		events |= EPOLLERR;
	if (!TAILQ_EMPTY(&nlk->queue))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

static void netlink_release(struct socket *s)
{
	struct netlink_sock *nlk = to_netlink(s);
	nl_purge(nlk);
	waiter_del(&nlk->full_w);
	if (nlk->port.id)
		HASH_DEL(nlk->net->netlink_ports, nlk);
	TAILQ_REMOVE(&nlk->net->netlinks, nlk, net_link);
	waitq_wake(&nlk->room_q, 0);
	cred_put(nlk->cred);
	net_put(nlk->net);
	live_died(SOCKET);
	free(nlk);
}

static const struct socket_ops netlink_ops = {
	.bind = netlink_bind,
	.listen = netlink_listen,
	.connect = netlink_connect,
	.getname = netlink_getname,
	.shutdown = netlink_shutdown,
	.send = netlink_send,
	.recv = netlink_recv,
	.poll = netlink_poll,
	.getsockopt = netlink_getsockopt,
	.setsockopt = netlink_setsockopt,
	.release = netlink_release,
};

static const struct nl_proto *proto_find(int protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].protocol == protocol)
			return &protos[i];
	return NULL;
}

static int netlink_create(struct task *t, int type, int protocol, struct socket **out)
{
	if (!t->net)
		return -EAFNOSUPPORT;
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	const struct nl_proto *proto = protocol >= 0 && protocol < PROTOCOLS ? proto_find(protocol) : NULL;
	if (!proto)
		return -EPROTONOSUPPORT;
	struct netlink_sock *nlk = NEW(struct netlink_sock);
	int err = socket_init(&nlk->sock, &netlink_ops, AF_NETLINK, type, protocol);
	if (err) {
		free(nlk);
		return err;
	}
	nlk->net = net_get(t->net);
	nlk->cred = cred_get(t->cred);
	nlk->proto = proto;
	nlk->port.protocol = protocol;
	TAILQ_INIT(&nlk->queue);
	waitq_init(&nlk->room_q);
	TAILQ_INSERT_TAIL(&nlk->net->netlinks, nlk, net_link);
	*out = &nlk->sock;
	return 0;
}

const struct socket_family netlink_family = { .family = AF_NETLINK, .create = netlink_create };

void netlink_each(struct net *net, void (*fn)(void *arg, const struct netlink_info *i), void *arg)
{
	const struct netlink_sock *nlk;
	TAILQ_FOREACH(nlk, &net->netlinks, net_link) {
		struct netlink_info i = { &nlk->sock, nlk->port.id, nlk->groups, nlk->rmem, nlk->dump.running };
		fn(arg, &i);
	}
}
