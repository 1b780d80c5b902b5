/* sockopt.c - SOL_SOCKET options that are the same for every family (socket(7)).
 *
 * LINUX    net/core/sock.c sk_setsockopt(), sk_getsockopt(). Same: buffer sizes are doubled when set, with a floor and a
 *          ceiling (net.core.wmem_max); unknown options are ENOPROTOOPT.
 * HOW      Options that are a flag or a number of struct socket are in one table.
 * MISSING  SO_ATTACH_BPF: ENOPROTOOPT, there is no bpf(2). Options that only steer hardware are remembered. */
#include <linux/capability.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/time.h>

#include "sentry/net/filter.h"
#include "sentry/net/net.h"
#include "sentry/net/socket.h"

#define BUF_MAX 212992                    /* net.core.wmem_max, rmem_max */
#define BUF_FORCED_MAX (16 << 20)        /* a guest's capability says nothing about the sentry's memory */
#define STAMPING_ALL ((SOF_TIMESTAMPING_LAST - 1) | SOF_TIMESTAMPING_LAST)
#define SNDBUF_MIN 4608
#define RCVBUF_MIN 2304

int sockopt_put(void *value, socklen_t *len, const void *v, size_t bytes)
{
	*len = MIN(*len, (socklen_t)bytes);
	memcpy(value, v, *len);
	return 0;
}

int sockopt_put_int(void *value, socklen_t *len, int v)
{
	return sockopt_put(value, len, &v, sizeof(v));
}

static int put_timeout(void *value, socklen_t *len, uint64_t ns)
{
	struct timeval tv = { .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_usec = (long)(ns % NS_PER_SEC / 1000) };
	return sockopt_put(value, len, &tv, sizeof(tv));
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

/* Options that are a bool or an int of struct socket. cap: what changing to anything but 0 takes, or -1. */
static const struct number_option {
	int name;
	bool is_int;
	size_t offset;
	int cap;
} numbers[] = {
#define FLAG(name, field) { name, false, offsetof(struct socket, field), -1 }
#define NUMBER(name, field) { name, true, offsetof(struct socket, field), -1 }
	FLAG(SO_REUSEADDR, reuseaddr),
	FLAG(SO_REUSEPORT, reuseport),
	FLAG(SO_KEEPALIVE, keepalive),
	FLAG(SO_BROADCAST, broadcast),
	FLAG(SO_OOBINLINE, oobinline),
	FLAG(SO_DONTROUTE, dontroute),
	FLAG(SO_NO_CHECK, no_check),
	FLAG(SO_RXQ_OVFL, rxq_ovfl),
	FLAG(SO_WIFI_STATUS, wifi_status),
	FLAG(SO_NOFCS, nofcs),
	FLAG(SO_SELECT_ERR_QUEUE, select_err_queue),
	FLAG(SO_PREFER_BUSY_POLL, prefer_busy_poll),
	FLAG(SO_RCVMARK, rcvmark),
	NUMBER(SO_INCOMING_CPU, incoming_cpu),
	{ SO_DEBUG, false, offsetof(struct socket, debug), CAP_NET_ADMIN },
	{ SO_BUSY_POLL, true, offsetof(struct socket, busy_poll), CAP_NET_ADMIN },
};

static const struct number_option *number_find(int name)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].name == name)
			return &numbers[i];
	return NULL;
}

static int number_get(const struct socket *s, const struct number_option *o)
{
	const char *at = (const char *)s + o->offset;
	return o->is_int ? *(const int *)at : *(const bool *)at;
}

static int number_set(struct task *t, struct socket *s, const struct number_option *o, int v)
{
	char *at = (char *)s + o->offset;
	if (v && o->cap >= 0 && !cred_has_cap(t->cred, o->cap))
		return o->name == SO_DEBUG ? -EACCES : -EPERM;
	if (o->is_int)
		*(int *)at = v;
	else
		*(bool *)at = v != 0;
	return 0;
}

static bool passes_creds(const struct socket *s)
{
	return s->family == AF_UNIX || s->family == AF_NETLINK;
}

static int family_get(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	return s->ops->getsockopt ? s->ops->getsockopt(t, s, level, name, value, len) : -ENOPROTOOPT;
}

static int get_meminfo(struct socket *s, void *value, socklen_t *len)
{
	uint32_t mem[SK_MEMINFO_VARS] = { [SK_MEMINFO_RCVBUF] = s->rcvbuf, [SK_MEMINFO_SNDBUF] = s->sndbuf,
					  [SK_MEMINFO_DROPS] = s->drops };
	return sockopt_put(value, len, mem, sizeof(mem));
}

int socket_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	if (level != SOL_SOCKET)
		return family_get(t, s, level, name, value, len);
	const struct number_option *number = number_find(name);
	if (number)
		return sockopt_put_int(value, len, number_get(s, number));
	switch (name) {
	case SO_TYPE:
		return sockopt_put_int(value, len, s->type);
	case SO_DOMAIN:
		return sockopt_put_int(value, len, s->family);
	case SO_PROTOCOL:
		return sockopt_put_int(value, len, s->protocol);
	case SO_ERROR:
		return sockopt_put_int(value, len, -socket_take_error(s));
	case SO_ACCEPTCONN:
		return sockopt_put_int(value, len, s->listening);
	case SO_SNDBUF:
		return sockopt_put_int(value, len, (int)s->sndbuf);
	case SO_RCVBUF:
		return sockopt_put_int(value, len, (int)s->rcvbuf);
	case SO_BUF_LOCK:
		return sockopt_put_int(value, len, (int)s->buf_lock);
	case SO_PASSCRED:
	case SO_PASSSEC:
		if (!passes_creds(s))
			return -EOPNOTSUPP;
		return sockopt_put_int(value, len, name == SO_PASSCRED ? s->passcred : s->passsec);
	case SO_PASSPIDFD:
	case SO_PASSRIGHTS:
		return s->family == AF_UNIX ? family_get(t, s, level, name, value, len) : -EOPNOTSUPP;
	case SO_PEERPIDFD:
	case SO_PEERGROUPS:
		return s->family == AF_UNIX ? family_get(t, s, level, name, value, len) : -ENODATA;
	case SO_PEEK_OFF:
		return s->can_peek_off ? sockopt_put_int(value, len, s->peek_off) : -EOPNOTSUPP;
	case SO_RCVLOWAT:
		return sockopt_put_int(value, len, s->rcvlowat);
	case SO_SNDLOWAT:
		return sockopt_put_int(value, len, 1);
	case SO_LOCK_FILTER:
		return sockopt_put_int(value, len, s->lock_filter);
	case SO_LINGER:
		return sockopt_put(value, len, &s->linger, sizeof(s->linger));
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW:
		return put_timeout(value, len, s->file.rcv_timeout_ns);
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW:
		return put_timeout(value, len, s->file.snd_timeout_ns);
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
		return sockopt_put_int(value, len, s->stamp == STAMP_US && s->stamp_new == (name == SO_TIMESTAMP_NEW));
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		return sockopt_put_int(value, len, s->stamp == STAMP_NS && s->stamp_new == (name == SO_TIMESTAMPNS_NEW));
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW: {
		int v[2] = { (int)s->stamping, 0 };      /* struct so_timestamping */
		return sockopt_put(value, len, v, sizeof(v));
	}
	case SO_PRIORITY:
		return sockopt_put_int(value, len, s->priority);
	case SO_MARK:
		return sockopt_put_int(value, len, (int)s->mark);
	case SO_TXREHASH:
		return sockopt_put_int(value, len, s->txrehash);
	case SO_BSDCOMPAT:
		return sockopt_put_int(value, len, 0);
	case SO_INCOMING_NAPI_ID:
		return sockopt_put_int(value, len, 0);
	case SO_BPF_EXTENSIONS:
		return sockopt_put_int(value, len, 64);  /* SKF_AD_MAX */
	case SO_COOKIE:
		return *len < sizeof(uint64_t) ? -EINVAL : sockopt_put(value, len, &s->file.id, sizeof(s->file.id));
	case SO_MEMINFO:
		return get_meminfo(s, value, len);
	case SO_MAX_PACING_RATE: {
		uint32_t low = s->max_pacing > UINT32_MAX ? UINT32_MAX : (uint32_t)s->max_pacing;
		return *len >= sizeof(uint64_t) ? sockopt_put(value, len, &s->max_pacing, sizeof(s->max_pacing)) :
						  sockopt_put(value, len, &low, sizeof(low));
	}
	default:
		return family_get(t, s, level, name, value, len);
	}
}

static unsigned buffer_bytes(int asked, unsigned floor, bool forced)
{
	unsigned v = asked < 0 ? 0 : (unsigned)asked;
	v = MIN(v, (unsigned)(forced ? BUF_FORCED_MAX : BUF_MAX)) * 2;
	return MAX(v, floor);
}

static void set_buffer(struct socket *s, int name, int v)
{
	bool forced = name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE;
	if (name == SO_SNDBUF || name == SO_SNDBUFFORCE) {
		s->sndbuf = buffer_bytes(v, SNDBUF_MIN, forced);
		s->buf_lock |= SOCK_SNDBUF_LOCK;
	} else {
		s->rcvbuf = buffer_bytes(v, RCVBUF_MIN, forced);
		s->buf_lock |= SOCK_RCVBUF_LOCK;
	}
}

static int set_stamp(struct socket *s, int name, int v)
{
	s->stamp_new = name == SO_TIMESTAMP_NEW || name == SO_TIMESTAMPNS_NEW;
	if (!v)
		s->stamp = STAMP_NONE;
	else
		s->stamp = name == SO_TIMESTAMP_OLD || name == SO_TIMESTAMP_NEW ? STAMP_US : STAMP_NS;
	return 0;
}

static int set_priority(struct task *t, struct socket *s, int v)
{
	if ((v < 0 || v > 6) && !cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_ADMIN) && !cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_RAW))
		return -EPERM;
	s->priority = v;
	return 0;
}

static int set_number(struct task *t, struct socket *s, int name, int v, const void *value, socklen_t len)
{
	switch (name) {
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		if (!cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_ADMIN))
			return -EPERM;
		set_buffer(s, name, v);
		return 0;
	case SO_SNDBUF:
	case SO_RCVBUF:
		set_buffer(s, name, v);
		return 0;
	case SO_BUF_LOCK:
		if (v & ~(SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK))
			return -EINVAL;
		s->buf_lock = (unsigned)v;
		return 0;
	case SO_PASSCRED:
	case SO_PASSSEC:
		if (!passes_creds(s))
			return -EOPNOTSUPP;
		*(name == SO_PASSCRED ? &s->passcred : &s->passsec) = v != 0;
		return 0;
	case SO_PASSPIDFD:
	case SO_PASSRIGHTS:
		return s->family == AF_UNIX ? s->ops->setsockopt(t, s, SOL_SOCKET, name, value, len) : -EOPNOTSUPP;
	case SO_PEEK_OFF:
		if (!s->can_peek_off)
			return -EOPNOTSUPP;
		s->peek_off = v;
		return 0;
	case SO_RCVLOWAT:
		s->rcvlowat = v < 0 ? INT_MAX : MAX(v, 1);
		waitq_wake(&s->wq, 0);
		return 0;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		return set_stamp(s, name, v);
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		if (v & ~STAMPING_ALL)
			return -EINVAL;
		s->stamping = (unsigned)v;
		return 0;
	case SO_PRIORITY:
		return set_priority(t, s, v);
	case SO_MARK:
		if (!cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_ADMIN) && !cred_ns_cap(t->cred, t->net->id.owner, CAP_NET_RAW))
			return -EPERM;
		s->mark = (uint32_t)v;
		return 0;
	case SO_TXREHASH:
		if (v < -1 || v > 1)
			return -EINVAL;
		s->txrehash = v == -1 ? 1 : v;
		return 0;
	case SO_BSDCOMPAT:
		return 0;
	case SO_MAX_PACING_RATE:
		s->max_pacing = (uint32_t)v;
		if (len >= sizeof(uint64_t))
			memcpy(&s->max_pacing, value, sizeof(uint64_t));
		return 0;
	case SO_ATTACH_FILTER:
		return filter_attach(t, s, value, len);
	case SO_DETACH_FILTER:
		return filter_detach(s);
	case SO_LOCK_FILTER:
		if (s->lock_filter && !v)
			return -EPERM;
		s->lock_filter = v != 0;
		return 0;
	case SO_TYPE:
	case SO_PROTOCOL:
	case SO_DOMAIN:
	case SO_ERROR:
	case SO_ACCEPTCONN:
	case SO_SNDLOWAT:
		return -ENOPROTOOPT;
	default:
		return s->ops->setsockopt ? s->ops->setsockopt(t, s, SOL_SOCKET, name, value, len) : -ENOPROTOOPT;
	}
}

int socket_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len)
{
	int v = 0;
	if (level != SOL_SOCKET || name == SO_BINDTODEVICE)
		return s->ops->setsockopt ? s->ops->setsockopt(t, s, level, name, value, len) : -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	const struct number_option *number = number_find(name);
	if (number)
		return number_set(t, s, number, v);
	switch (name) {
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW:
		return get_timeout(value, len, &s->file.rcv_timeout_ns);
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW:
		return get_timeout(value, len, &s->file.snd_timeout_ns);
	case SO_LINGER:
		if (len < sizeof(s->linger))
			return -EINVAL;
		memcpy(&s->linger, value, sizeof(s->linger));
		s->linger.l_onoff = s->linger.l_onoff != 0;
		return 0;
	default:
		return set_number(t, s, name, v, value, len);
	}
}
