/* diag_inet.c - NETLINK_SOCK_DIAG: TCP, UDP and raw sockets.
 *
 * LINUX    net/ipv4/inet_diag.c, tcp_diag.c, udp_diag.c, raw_diag.c. Same: a dump filters by states and by the ports that are not 0.
 * MISSING  Filters as bytecode (INET_DIAG_REQ_BYTECODE): they let everything pass, and ss(8) filters again by itself. The old
 *          TCPDIAG_GETSOCK. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/inet/inet_diag.h"
#include "sentry/net/netlink/diag.h"

#define TIMER_TIME_WAIT 3

struct inet_walk {
	const struct inet_diag_req_v2 *q;
	struct nl_dump *d;                /* a dump; or */
	struct nl_request *r;             /* one that is asked for */
	bool listeners;                   /* those who listen there, and not those whose ends are as asked */
	bool found;
};

static bool is_asked(const struct inet_diag_req_v2 *q, const struct inet_diag *d)
{
	bool protocol = q->sdiag_protocol == IPPROTO_RAW ? d->type == SOCK_RAW : d->type != SOCK_RAW && d->protocol == q->sdiag_protocol;
	return protocol && d->family == q->sdiag_family;
}

static bool wanted(const struct inet_diag_req_v2 *q, const struct inet_diag *d)
{
	return is_asked(q, d) && (q->idiag_states >> d->state & 1) && (!q->id.idiag_sport || ntohs(q->id.idiag_sport) == d->local_port) &&
	       (!q->id.idiag_dport || ntohs(q->id.idiag_dport) == d->remote_port);
}

static void put_address(uint32_t out[4], const struct inet_diag *d, const struct in6_addr *ip)
{
	if (d->family == AF_INET)
		out[0] = ip->s6_addr32[3];
	else
		memcpy(out, ip, sizeof(*ip));
}

static struct inet_diag_msg head(const struct netlink_sock *nlk, const struct inet_diag *d)
{
	struct inet_diag_msg m = { .idiag_family = (uint8_t)d->family, .idiag_state = (uint8_t)d->state };
	m.id.idiag_sport = htons(d->local_port);
	m.id.idiag_dport = htons(d->remote_port);
	put_address(m.id.idiag_src, d, &d->local);
	put_address(m.id.idiag_dst, d, &d->remote);
	diag_cookie(d->sock, m.id.idiag_cookie);
	m.idiag_rqueue = (uint32_t)d->rx_bytes;
	m.idiag_wqueue = (uint32_t)d->tx_bytes;
	m.idiag_uid = uid_shown(nlk->cred, d->uid);
	if (d->sock) {
		m.id.idiag_if = (uint32_t)d->sock->bound_if;
		m.idiag_inode = d->sock->file.inode ? (uint32_t)d->sock->file.inode->ino : 0;
	} else {
		m.idiag_timer = TIMER_TIME_WAIT;
		m.idiag_expires = (uint32_t)(d->time_left_ns / 1000000);
	}
	return m;
}

static void put_option(struct nl_buf *b, int type, const struct socket *s, int level, int name, bool as_byte)
{
	char value[SOCKOPT_MAX] = { 0 };
	socklen_t len = sizeof(value);
	/* These getters look at the socket alone: nobody is asking. */
	if (s->ops->getsockopt(NULL, (struct socket *)s, level, name, value, &len) == 0)
		nl_put(b, type, value, as_byte ? 1 : len);
}

static void put_rest(struct nl_buf *b, const struct inet_diag_req_v2 *q, const struct inet_diag *d)
{
	unsigned ext = q->idiag_ext;
#define ASKED(what) (ext & 1U << ((what) - 1))
	if (!d->sock)
		return;
	if (d->family == AF_INET6 && (d->state == TCP_LISTEN || d->state == TCP_CLOSE))
		put_option(b, INET_DIAG_SKV6ONLY, d->sock, IPPROTO_IPV6, IPV6_V6ONLY, true);
	if (ASKED(INET_DIAG_TOS) && d->family == AF_INET)
		put_option(b, INET_DIAG_TOS, d->sock, IPPROTO_IP, IP_TOS, true);
	if (ASKED(INET_DIAG_MEMINFO)) {
		struct inet_diag_meminfo mem = { .idiag_rmem = (uint32_t)d->rx_bytes, .idiag_wmem = (uint32_t)d->tx_bytes };
		nl_put(b, INET_DIAG_MEMINFO, &mem, sizeof(mem));
	}
	if (ASKED(INET_DIAG_SKMEMINFO))
		diag_put_memory(b, INET_DIAG_SKMEMINFO, d->sock, d->rx_bytes, d->tx_bytes);
	if (d->type != SOCK_STREAM)
		return;
	if (ASKED(INET_DIAG_INFO))
		put_option(b, INET_DIAG_INFO, d->sock, IPPROTO_TCP, TCP_INFO, false);
	if (ASKED(INET_DIAG_CONG))
		put_option(b, INET_DIAG_CONG, d->sock, IPPROTO_TCP, TCP_CONGESTION, false);
#undef ASKED
}

static bool tell(void *arg, const struct inet_diag *d)
{
	struct inet_walk *w = arg;
	if (!wanted(w->q, d))
		return true;
	struct inet_diag_msg m = head(w->d->nlk, d);
	if (nl_dump_begin(w->d, SOCK_DIAG_BY_FAMILY, &m, sizeof(m))) {
		put_rest(w->d->buf, w->q, d);
		nl_dump_end(w->d);
	}
	return !w->d->stopped;
}

static void fill_inet(struct nl_dump *d)
{
	struct inet_walk w = { .q = (const void *)d->args, .d = d };
	inet_diag_each(d->nlk->net, tell, &w);
}

static bool is_that(const struct inet_diag_req_v2 *q, const struct inet_diag_msg *m, bool listeners)
{
	size_t bytes = m->idiag_family == AF_INET ? 4 : 16;
	bool listens = m->idiag_state == TCP_LISTEN || m->idiag_state == TCP_CLOSE;
	if (q->id.idiag_sport != m->id.idiag_sport || listens != listeners)
		return false;
	if (listens)
		return true;
	return q->id.idiag_dport == m->id.idiag_dport && memcmp(q->id.idiag_src, m->id.idiag_src, bytes) == 0 &&
	       memcmp(q->id.idiag_dst, m->id.idiag_dst, bytes) == 0;
}

static bool tell_that(void *arg, const struct inet_diag *d)
{
	struct inet_walk *w = arg;
	struct inet_diag_msg m = head(w->r->nlk, d);
	if (!is_asked(w->q, d) || !is_that(w->q, &m, w->listeners) || !diag_cookie_fits(d->sock, w->q->id.idiag_cookie))
		return true;
	struct nl_buf *b = nl_buf_new(4096);
	nl_begin(b, SOCK_DIAG_BY_FAMILY, 0, w->r->h.nlmsg_seq, w->r->nlk->port.id, &m, sizeof(m));
	put_rest(b, w->q, d);
	(void)nl_end(b);
	nl_reply(w->r, b);
	w->found = true;
	return false;
}

int diag_inet(struct nl_request *r)
{
	struct inet_diag_req_v2 q;
	struct nl_attr tb[INET_DIAG_REQ_MAX + 1];
	uint32_t protocol;
	if (!nl_head(r, &q, sizeof(q)))
		return -EINVAL;
	nl_attrs(r, sizeof(q), tb, INET_DIAG_REQ_MAX);
	/* For those whose number needs more than a byte. */
	if (nl_attr_u32(&tb[INET_DIAG_REQ_PROTOCOL], &protocol) && protocol != q.sdiag_protocol)
		return -ENOENT;
	if (q.sdiag_protocol != IPPROTO_TCP && q.sdiag_protocol != IPPROTO_UDP && q.sdiag_protocol != IPPROTO_UDPLITE &&
	    q.sdiag_protocol != IPPROTO_RAW)
		return -ENOENT;
	if (r->h.nlmsg_flags & NLM_F_DUMP)
		return nl_dump_start(r, fill_inet, &q, sizeof(q), 0);
	struct inet_walk w = { .q = &q, .r = r };
	inet_diag_each(r->net, tell_that, &w);
	w.listeners = true;
	if (!w.found)
		inet_diag_each(r->net, tell_that, &w);
	return w.found ? 0 : -ENOENT;
}
