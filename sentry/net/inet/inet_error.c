/* inet_error.c - the queue of errors and notifications (MSG_ERRQUEUE; ip(7): IP_RECVERR).
 *
 * LINUX    net/ipv4/ip_sockglue.c ip_icmp_error(), ip_recv_error(). Same: the message carries what was sent, and as its
 *          address where it was to go. */
#include <time.h>

#include <linux/errqueue.h>
#include <string.h>
#include <sys/epoll.h>

#include "sentry/net/inet/inet_impl.h"

#define ERRORS_MAX 64

struct inet_error {
	TAILQ_ENTRY(inet_error) link;
	struct sock_extended_err ee;
	struct inet_addr offender, dest;
	bool has_offender;
	uint64_t stamp_ns;
	size_t len;
	char data[];
};

void inet_error_add(struct inet_sock *in, const struct sock_extended_err *ee, const struct inet_addr *offender,
		    const struct inet_addr *dest, const void *data, size_t bytes)
{
	if (in->nerrors >= ERRORS_MAX)
		return;
	struct inet_error *e = xzalloc(sizeof(*e) + bytes);
	e->ee = *ee;
	if (offender)
		e->offender = *offender;
	e->has_offender = offender != NULL;
	if (dest)
		e->dest = *dest;
	e->stamp_ns = now_real_ns();
	e->len = bytes;
	if (bytes)
		memcpy(e->data, data, bytes);
	TAILQ_INSERT_TAIL(&in->errors, e, link);
	in->nerrors++;
	waitq_wake(&in->sock.wq, EPOLLERR);
}

static void error_free(struct inet_sock *in, struct inet_error *e)
{
	TAILQ_REMOVE(&in->errors, e, link);
	in->nerrors--;
	free(e);
}

void inet_error_purge(struct inet_sock *in)
{
	struct inet_error *e;
	while ((e = TAILQ_FIRST(&in->errors)))
		error_free(in, e);
}

ssize_t inet_error_recv(struct inet_sock *in, struct socket_msg *m)
{
	struct inet_error *e = TAILQ_FIRST(&in->errors);
	if (!e)
		return -EAGAIN;
	size_t want = MIN(e->len, m->data->resid);
	ssize_t n = want ? uio_fill(m->data, e->data, want) : 0;
	if (want < e->len)
		m->out_flags |= MSG_TRUNC;
	m->out_flags |= MSG_ERRQUEUE;
	if (e->dest.port)
		inet_addr_put(in, &e->dest, &m->name, &m->name_len);
	struct {
		struct sock_extended_err ee;
		struct sockaddr_storage offender;
	} cmsg = { .ee = e->ee };
	socklen_t len = 0;
	if (e->has_offender)
		inet_addr_put(in, &e->offender, &cmsg.offender, &len);
	else
		len = inet_is_v6(in) ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	m->stamp_ns = e->stamp_ns;
	socket_cmsg_add(m, inet_is_v6(in) ? SOL_IPV6 : SOL_IP, inet_is_v6(in) ? IPV6_RECVERR : IP_RECVERR, &cmsg,
			sizeof(cmsg.ee) + len);
	error_free(in, e);
	return n < 0 ? -EFAULT : n;
}

void inet_zerocopy_done(struct inet_sock *in, uint32_t id)
{
	struct inet_error *last = TAILQ_LAST(&in->errors, inet_errors);
	if (last && last->ee.ee_origin == SO_EE_ORIGIN_ZEROCOPY && last->ee.ee_data + 1 == id) {
		last->ee.ee_data = id;           /* notifications are ranges */
		waitq_wake(&in->sock.wq, EPOLLERR);
		return;
	}
	struct sock_extended_err ee = { .ee_origin = SO_EE_ORIGIN_ZEROCOPY, .ee_code = SO_EE_CODE_ZEROCOPY_COPIED,
					.ee_info = id, .ee_data = id };
	inet_error_add(in, &ee, NULL, NULL, NULL, 0);
}
