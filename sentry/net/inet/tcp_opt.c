/* tcp_opt.c - options of level IPPROTO_TCP (tcp(7)).
 *
 * LINUX    net/ipv4/tcp.c do_tcp_setsockopt(), do_tcp_getsockopt(), tcp_get_info(). Options that steer what a loopback
 *          without packets doesn't have (probes, retransmission) are checked, kept and told, and have no effect.
 * MISSING  TCP_REPAIR (EPERM, as without CAP_NET_ADMIN), TCP_MD5SIG and TCP_AO (ENOPROTOOPT, as without their config), TCP_ULP
 *          (ENOENT: no module), TCP_ZEROCOPY_RECEIVE. */
#include <linux/capability.h>
#include <string.h>

#include "sentry/net/inet/tcp.h"

/* linux/tcp.h names the states differently from netinet/tcp.h, and only it has all of struct tcp_info. */
#include <linux/tcp.h>

#define MAX_KEEPIDLE 32767
#define MAX_KEEPCNT 127
#define RTT_US 30                         /* what the loopback of an idle machine measures */
#define CWND 10

static const struct tcp_number {
	int name;
	size_t offset;
	int min, max;                     /* else EINVAL */
} numbers[] = {
#define NUMBER(name, field, min, max) { name, offsetof(struct tcp_sock, field), min, max }
	NUMBER(TCP_MAXSEG, maxseg, 88, 32767),
	NUMBER(TCP_KEEPIDLE, keepidle, 1, MAX_KEEPIDLE),
	NUMBER(TCP_KEEPINTVL, keepintvl, 1, MAX_KEEPIDLE),
	NUMBER(TCP_KEEPCNT, keepcnt, 1, MAX_KEEPCNT),
	NUMBER(TCP_SYNCNT, syncnt, 1, MAX_KEEPCNT),
	NUMBER(TCP_USER_TIMEOUT, user_timeout, 0, INT_MAX),
	NUMBER(TCP_NOTSENT_LOWAT, notsent_lowat, INT_MIN, INT_MAX),
	NUMBER(TCP_WINDOW_CLAMP, window_clamp, 0, INT_MAX),
};

static const struct tcp_number *number_find(int name)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].name == name)
			return &numbers[i];
	return NULL;
}

static bool *flag_find(struct tcp_sock *s, int name)
{
	switch (name) {
	case TCP_NODELAY:
		return &s->nodelay;
	case TCP_CORK:
		return &s->cork;
	case TCP_QUICKACK:
		return &s->quickack;
	case TCP_INQ:
		return &s->inq;
	case TCP_FASTOPEN_CONNECT:
		return &s->fastopen_connect;
	case TCP_THIN_LINEAR_TIMEOUTS:
		return &s->thin_linear;
	case TCP_THIN_DUPACK:
		return &s->thin_dupack;
	default:
		return NULL;
	}
}

static unsigned ms_since(uint64_t then_ns)
{
	return then_ns ? (unsigned)((now_mono_ns() - then_ns) / 1000000) : 0;
}

static int get_info(struct tcp_sock *s, void *value, socklen_t *len)
{
	struct tcp_info i = { .tcpi_state = (uint8_t)s->state };
	i.tcpi_rto = 201000;
	i.tcpi_ato = 40000;
	i.tcpi_snd_mss = s->maxseg ? (uint32_t)s->maxseg : s->peer ? TCP_MSS : 536;
	i.tcpi_rcv_mss = 536;
	i.tcpi_snd_ssthresh = 0x7fffffff;
	i.tcpi_snd_cwnd = CWND;
	i.tcpi_reordering = 3;
	i.tcpi_pmtu = s->peer ? (uint32_t)MIN(s->in.net->lo_mtu, 0xffff) : 0;
	i.tcpi_advmss = s->peer ? TCP_MSS : 536;
	i.tcpi_rcv_space = 65495;
	i.tcpi_rcv_ssthresh = 65495;
	i.tcpi_rtt = s->peer ? RTT_US : 0;
	i.tcpi_rttvar = s->peer ? RTT_US / 2 : 0;
	i.tcpi_min_rtt = s->peer ? RTT_US : ~0U;
	i.tcpi_last_data_sent = ms_since(s->last_send_ns);
	i.tcpi_last_data_recv = ms_since(s->last_recv_ns);
	i.tcpi_last_ack_sent = 0;
	i.tcpi_last_ack_recv = i.tcpi_last_data_sent;
	i.tcpi_bytes_sent = i.tcpi_bytes_acked = s->bytes_out;
	i.tcpi_bytes_received = s->bytes_in;
	i.tcpi_segs_out = (uint32_t)s->segs_out;
	i.tcpi_segs_in = (uint32_t)s->segs_in;
	i.tcpi_data_segs_out = (uint32_t)s->segs_out;
	i.tcpi_data_segs_in = (uint32_t)s->segs_in;
	i.tcpi_notsent_bytes = (uint32_t)s->sndq.bytes;
	i.tcpi_snd_wnd = 65536;
	i.tcpi_pacing_rate = i.tcpi_max_pacing_rate = s->in.sock.max_pacing;
	if (s->peer) {
		i.tcpi_options = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE;
		i.tcpi_snd_wscale = i.tcpi_rcv_wscale = 7;
	}
	if (s->state == TCP_LISTEN) {
		i.tcpi_unacked = s->acceptq_count;       /* as there: the queue and its limit */
		i.tcpi_sacked = s->backlog;
	}
	return sockopt_put(value, len, &i, sizeof(i));
}

int tcp_getsockopt(struct task *t, struct socket *sock, int level, int name, void *value, socklen_t *len)
{
	struct tcp_sock *s = to_tcp(sock);
	if (level != IPPROTO_TCP)
		return inet_getsockopt(t, sock, level, name, value, len);
	bool *flag = flag_find(s, name);
	if (flag)
		return sockopt_put_int(value, len, *flag);
	const struct tcp_number *number = number_find(name);
	if (name == TCP_MAXSEG)
		return sockopt_put_int(value, len, s->maxseg ? s->maxseg : s->peer ? TCP_MSS : 536);
	if (number)
		return sockopt_put_int(value, len, *(int *)((char *)s + number->offset));
	switch (name) {
	case TCP_INFO:
		return get_info(s, value, len);
	case TCP_CONGESTION:
		return sockopt_put(value, len, s->congestion, sizeof(s->congestion));
	case TCP_LINGER2:
		return sockopt_put_int(value, len, s->linger2 < 0 ? -1 : s->linger2);
	case TCP_DEFER_ACCEPT:
		return sockopt_put_int(value, len, s->defer_accept);
	case TCP_FASTOPEN:
		return sockopt_put_int(value, len, s->fastopen);
	case TCP_TIMESTAMP:
		return sockopt_put_int(value, len, (int)(now_mono_ns() / 1000000));
	case TCP_SAVE_SYN:
		return sockopt_put_int(value, len, s->save_syn);
	case TCP_SAVED_SYN:
		*len = 0;
		return 0;
	case TCP_FASTOPEN_NO_COOKIE:
	case TCP_REPAIR:
	case TCP_FASTOPEN_KEY:
	case TCP_ULP:
		if (name == TCP_ULP || name == TCP_FASTOPEN_KEY)
			*len = 0;
		return *len ? sockopt_put_int(value, len, 0) : 0;
	case TCP_TX_DELAY:
		return sockopt_put_int(value, len, (int)s->tx_delay);
	default:
		return -ENOPROTOOPT;
	}
}

static int set_flag(struct tcp_sock *s, int name, bool *flag, int v)
{
	*flag = v != 0;
	if ((name == TCP_CORK && !v) || (name == TCP_NODELAY && v && !s->cork))
		tcp_push(s, true);
	if (name == TCP_QUICKACK)
		*flag = v & 1;
	return 0;
}

static int set_congestion(struct tcp_sock *s, const char *value, socklen_t len)
{
	char name[16] = { 0 };
	if (len < 1)
		return -EINVAL;
	memcpy(name, value, MIN((size_t)len, sizeof(name) - 1));
	if (strcmp(name, "reno") != 0 && strcmp(name, "cubic") != 0)
		return -ENOENT;
	memcpy(s->congestion, name, sizeof(name));
	return 0;
}

/* The option is told in time-outs of the SYN, which double from a second on: Linux rounds to those. */
static int rounded_up_to_retries(int seconds)
{
	int period = 1, timeout = 1;
	if (seconds <= 0)
		return 0;
	while (seconds > period && timeout < 120) {
		timeout *= 2;
		period += MIN(timeout, 120);
	}
	return period;
}

int tcp_setsockopt(struct task *t, struct socket *sock, int level, int name, const void *value, socklen_t len)
{
	struct tcp_sock *s = to_tcp(sock);
	int v;
	if (level != IPPROTO_TCP)
		return inet_setsockopt(t, sock, level, name, value, len);
	if (name == TCP_CONGESTION)
		return set_congestion(s, value, len);
	if (name == TCP_ULP)
		return len < 1 ? -EINVAL : -ENOENT;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	bool *flag = flag_find(s, name);
	if (flag)
		return set_flag(s, name, flag, v);
	const struct tcp_number *number = number_find(name);
	if (name == TCP_MAXSEG && v == 0) {
		s->maxseg = 0;
		return 0;
	}
	if (number) {
		if (v < number->min || v > number->max)
			return -EINVAL;
		*(int *)((char *)s + number->offset) = v;
		if (name == TCP_NOTSENT_LOWAT)
			tcp_wake(s, 0);
		return 0;
	}
	switch (name) {
	case TCP_LINGER2:
		s->linger2 = v < 0 ? -1 : v > 120 ? 120 : v;
		return 0;
	case TCP_DEFER_ACCEPT:
		s->defer_accept = rounded_up_to_retries(v);
		return 0;
	case TCP_FASTOPEN:
		if (v < 0 || (s->state != TCP_CLOSE && s->state != TCP_LISTEN))
			return -EINVAL;
		s->fastopen = v;
		return 0;
	case TCP_SAVE_SYN:
		if (v < 0 || v > 2)
			return -EINVAL;
		s->save_syn = v != 0;
		return 0;
	case TCP_TX_DELAY:
		return v < 0 ? -EINVAL : 0;
	case TCP_REPAIR:
	case TCP_REPAIR_QUEUE:
	case TCP_REPAIR_OPTIONS:
	case TCP_QUEUE_SEQ:
		return -EPERM;
	default:
		return -ENOPROTOOPT;
	}
}
