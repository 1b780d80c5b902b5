/* publish.c - ports of the sandbox that the host's clients can reach (--publish).
 *
 * HOW      The listening sockets are the loader's. A client becomes a connection to the guest's listener: on 127.0.0.1, ::1 or
 *          whatever address of lo somebody listens on, from the client's own address, or from loopback when the listener's family
 *          doesn't know that address. When the listener's queue is full the port isn't accepted from: the host's kernel keeps the
 *          others waiting. With nobody listening the client is reset.
 *          Half of the sentry's descriptors are the guests'. */
#include "sentry/net/publish/publish.h"

#include <arpa/inet.h>
#include <sys/epoll.h>

#include "sentry/kernel/host_random.h"
#include "sentry/net/lo.h"
#include "sentry/net/publish/bridge.h"
#include "sentry/net/publish/host_tcp.h"
#include "sentry/sentry.h"

#define BATCH 64                          /* accepted at once: then others run */
#define PORT_TRIES 64
#define NO_DESCRIPTOR_NS (100 * 1000000ULL)
#define DRAIN_NS (10 * NS_PER_SEC)        /* so long nothing moves: the client doesn't read */

static struct net *net;
static struct publish_port *ports;
static unsigned bridges_max;
static void (*drained)(void);

/* --- who is accepted from --- */

static void on_timer(struct ktimer *kt);
static struct ktimer again_timer = { .fire = on_timer };

void publish_again(struct publish_port *p)
{
	bool accept = !p->waiting && bridge_count() < bridges_max && !again_timer.armed && !drained;
	uint32_t events = accept ? EPOLLIN : 0;
	if (p->host.events != events)
		loop_fd_mod(&p->host, events);
}

static void all_again(void)
{
	for (int i = 0; i < sentry_config->npublish; i++)
		publish_again(&ports[i]);
}

static void on_timer(struct ktimer *kt)
{
	(void)kt;
	all_again();
}

/* --- a client --- */

static struct inet_addr addr_of(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	if (sa->ss_family == AF_INET)
		return (struct inet_addr){ ip_from_v4(ntohl(v4->sin_addr.s_addr)), ntohs(v4->sin_port) };
	return (struct inet_addr){ v6->sin6_addr, ntohs(v6->sin6_port) };
}

static bool is_listened_on(const struct inet_addr *to, const struct inet_addr *from)
{
	return inet_route(net, &to->ip) == ROUTE_LOCAL && tcp_listener_find(net, to, from);
}

/* Where somebody listens: an address of the client's family, if possible. */
static bool find_listener(uint16_t port, const struct inet_addr *from, struct inet_addr *out)
{
	const struct lo_addr *a;
	bool v4 = ip_is_v4(&from->ip);
	for (int other = 0; other < 2; other++) {
		TAILQ_FOREACH(a, &net->lo_addrs, link) {
			*out = (struct inet_addr){ a->ip, port };
			if (ip_is_v4(&a->ip) == (v4 != other) && is_listened_on(out, from))
				return true;
		}
	}
	return false;
}

/* The client's end, under its own name if the guest can have that. */
static int connect_client(struct inet_addr from, const struct inet_addr *to, struct tcp_sock **out)
{
	if (ip_is_v4(&from.ip) != ip_is_v4(&to->ip))
		from.ip = ip_is_v4(&to->ip) ? ip_from_v4(INADDR_LOOPBACK) : in6addr_loopback;
	int err = tcp_connect_from(net, &from, to, out);
	/* Two published ports of one listener, or a guest's own connection. */
	for (int i = 0; err == -EADDRINUSE && i < PORT_TRIES; i++) {
		host_random(&from.port, sizeof(from.port));
		from.port |= 0x8000;
		err = tcp_connect_from(net, &from, to, out);
	}
	return err;
}

static void client(struct publish_port *p, int fd, const struct sockaddr_storage *sa)
{
	struct inet_addr from = addr_of(sa), to;
	struct tcp_sock *tcp;
	int err = find_listener(p->port, &from, &to) ? connect_client(from, &to, &tcp) : -ECONNREFUSED;
	if (err)
		host_tcp_close(fd, true);
	else
		err = bridge_new(p, fd, tcp);
	if (err && err != -ECONNREFUSED)
		debugf("sbx: publish: port %d: %s\n", p->port, strerror(-err));
}

static void accept_some(struct loop_fd *lf, uint32_t events)
{
	(void)events;
	struct publish_port *p = container_of(lf, struct publish_port, host);
	for (int i = 0; i < BATCH && lf->events; i++) {
		struct sockaddr_storage from;
		int fd = host_tcp_accept(lf->fd, &from);
		if (fd == -EAGAIN)
			return;
		if (fd >= 0)
			client(p, fd, &from);
		else if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM)
			ktimer_arm(&again_timer, now_mono_ns() + NO_DESCRIPTOR_NS);
		publish_again(p);
	}
}

int publish_start(struct net *n)
{
	if (sentry_config->npublish == 0)
		return 0;
	net = net_get(n);
	bridges_max = host_fd_limit() / 2;
	ports = xzalloc((size_t)sentry_config->npublish * sizeof(*ports));
	for (int i = 0; i < sentry_config->npublish; i++) {
		const struct sentry_publish *s = &sentry_config->publish[i];
		ports[i].host = (struct loop_fd){ .fd = s->fd, .events = EPOLLIN, .ready = accept_some };
		ports[i].port = s->port;
		int err = loop_fd_add(&ports[i].host);
		if (err)
			return err;
	}
	return 0;
}

/* --- the end --- */

static void give_up(struct ktimer *kt)
{
	if (bridge_progress())
		ktimer_arm(kt, now_mono_ns() + DRAIN_NS);
	else
		drained();
}
static struct ktimer drain_timer = { .fire = give_up };

void publish_moved(void)
{
	if (drained && drain_timer.armed && !bridge_any_unsent()) {
		ktimer_cancel(&drain_timer);
		drained();
	}
}

void publish_when_drained(void (*fn)(void))
{
	if (!bridge_any_unsent()) {
		fn();
		return;
	}
	drained = fn;
	all_again();
	ktimer_arm(&drain_timer, now_mono_ns() + DRAIN_NS);
}
