/* sockopt.c - SOL_SOCKET options that are the same for every family (socket(7)).
 *
 * LINUX    net/core/sock.c sk_setsockopt(), sk_getsockopt(). Same: buffer sizes are doubled when set, with a floor and a
 *          ceiling (net.core.wmem_max); unknown options are ENOPROTOOPT.
 * MISSING  Options that only steer hardware or the IP stack are remembered or unknown. */
#include <linux/capability.h>
#include <string.h>
#include <sys/time.h>

#include "sentry/net/socket.h"

#define BUF_MAX 212992                    /* net.core.wmem_max, rmem_max */
#define SNDBUF_MIN 4608
#define RCVBUF_MIN 2304

static int put_int(void *value, socklen_t *len, int v)
{
	*len = MIN(*len, (socklen_t)sizeof(v));
	memcpy(value, &v, *len);
	return 0;
}

static int put_bytes(void *value, socklen_t *len, const void *v, size_t bytes)
{
	*len = MIN(*len, (socklen_t)bytes);
	memcpy(value, v, *len);
	return 0;
}

static int put_timeout(void *value, socklen_t *len, uint64_t ns)
{
	struct timeval tv = { .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_usec = (long)(ns % NS_PER_SEC / 1000) };
	return put_bytes(value, len, &tv, sizeof(tv));
}

static int get_timeout(const void *value, socklen_t len, uint64_t *out_ns)
{
	struct timeval tv;
	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, value, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	if (tv.tv_sec < 0)
		tv = (struct timeval){ 0, 1 };       /* Linux: an immediate time-out */
	uint64_t ns;
	if (__builtin_mul_overflow((uint64_t)tv.tv_sec, NS_PER_SEC, &ns) || ns > INT64_MAX)
		ns = 0;
	*out_ns = ns + (uint64_t)tv.tv_usec * 1000;
	return 0;
}

static int family_get(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	return s->ops->getsockopt ? s->ops->getsockopt(t, s, level, name, value, len) : -ENOPROTOOPT;
}

int socket_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	if (level != SOL_SOCKET)
		return family_get(t, s, level, name, value, len);
	switch (name) {
	case SO_TYPE:
		return put_int(value, len, s->type);
	case SO_DOMAIN:
		return put_int(value, len, s->family);
	case SO_PROTOCOL:
		return put_int(value, len, s->protocol);
	case SO_ERROR:
		return put_int(value, len, -socket_take_error(s));
	case SO_ACCEPTCONN:
		return put_int(value, len, s->listening);
	case SO_SNDBUF:
		return put_int(value, len, (int)s->sndbuf);
	case SO_RCVBUF:
		return put_int(value, len, (int)s->rcvbuf);
	case SO_PASSCRED:
		return put_int(value, len, s->passcred);
	case SO_REUSEADDR:
		return put_int(value, len, s->reuseaddr);
	case SO_KEEPALIVE:
		return put_int(value, len, s->keepalive);
	case SO_BROADCAST:
		return put_int(value, len, s->broadcast);
	case SO_RCVLOWAT:
		return put_int(value, len, 1);
	case SO_SNDLOWAT:
		return put_int(value, len, 1);
	case SO_LINGER:
		return put_bytes(value, len, &s->linger, sizeof(s->linger));
	case SO_RCVTIMEO:
		return put_timeout(value, len, s->file.rcv_timeout_ns);
	case SO_SNDTIMEO:
		return put_timeout(value, len, s->file.snd_timeout_ns);
	case SO_DEBUG:
	case SO_DONTROUTE:
	case SO_OOBINLINE:
	case SO_PRIORITY:
	case SO_MARK:
	case SO_TIMESTAMP:
		return put_int(value, len, 0);
	default:
		return family_get(t, s, level, name, value, len);
	}
}

static unsigned buffer_bytes(int asked, unsigned floor)
{
	unsigned v = asked < 0 ? 0 : (unsigned)asked;
	v = MIN(v, (unsigned)BUF_MAX) * 2;
	return MAX(v, floor);
}

int socket_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len)
{
	int v = 0;
	if (level != SOL_SOCKET)
		return s->ops->setsockopt ? s->ops->setsockopt(t, s, level, name, value, len) : -ENOPROTOOPT;
	if (name == SO_RCVTIMEO)
		return get_timeout(value, len, &s->file.rcv_timeout_ns);
	if (name == SO_SNDTIMEO)
		return get_timeout(value, len, &s->file.snd_timeout_ns);
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	switch (name) {
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		/* As for anybody: a guest's capability says nothing about the sentry's memory. */
		if (!cred_has_cap(t->cred, CAP_NET_ADMIN))
			return -EPERM;
		if (name == SO_RCVBUFFORCE)
			s->rcvbuf = buffer_bytes(v, RCVBUF_MIN);
		else
			s->sndbuf = buffer_bytes(v, SNDBUF_MIN);
		return 0;
	case SO_SNDBUF:
		s->sndbuf = buffer_bytes(v, SNDBUF_MIN);
		return 0;
	case SO_RCVBUF:
		s->rcvbuf = buffer_bytes(v, RCVBUF_MIN);
		return 0;
	case SO_PASSCRED:
		s->passcred = v != 0;
		return 0;
	case SO_REUSEADDR:
		s->reuseaddr = v != 0;
		return 0;
	case SO_KEEPALIVE:
		s->keepalive = v != 0;
		return 0;
	case SO_BROADCAST:
		s->broadcast = v != 0;
		return 0;
	case SO_LINGER:
		if (len < sizeof(s->linger))
			return -EINVAL;
		memcpy(&s->linger, value, sizeof(s->linger));
		return 0;
	case SO_TYPE:
	case SO_PROTOCOL:
	case SO_DOMAIN:
	case SO_ERROR:
	case SO_ACCEPTCONN:
		return -ENOPROTOOPT;
	default:
		return s->ops->setsockopt ? s->ops->setsockopt(t, s, level, name, value, len) : -ENOPROTOOPT;
	}
}
