/* proc_net_socks.c - /proc/PID/net/{tcp,udp,raw}, their IPv6 twins, and unix: the sockets there are.
 *
 * LINUX    net/ipv4/tcp_ipv4.c get_tcp4_sock(), udp.c udp4_format_sock(), net/ipv6/tcp_ipv6.c, net/unix/af_unix.c
 *          unix_seq_show(). Same: addresses are words as they lie in memory; pointers are shown as 0 (kptr_restrict). */
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/inet/inet_diag.h"
#include "sentry/net/socket.h"
#include "sentry/net/unix/unix_diag.h"

#define LINE_MAX_BYTES 320
#define TICKS_PER_SEC 100                 /* USER_HZ */
#define TIMER_TIME_WAIT 3

struct table {
	struct seq *s;
	const struct task *viewer;
	int what;                         /* PROC_NET_* */
	int row;
};

static bool in_table(const struct table *t, const struct inet_diag *d)
{
	if (d->family != (t->what & PROC_NET_IPV6 ? AF_INET6 : AF_INET))
		return false;
	switch (t->what & ~PROC_NET_IPV6) {
	case PROC_NET_TCP:
		return d->type == SOCK_STREAM;
	case PROC_NET_UDP:
		return d->type == SOCK_DGRAM && d->protocol == IPPROTO_UDP;
	default:
		return d->type == SOCK_RAW;
	}
}

static void put_end(char *out, size_t bytes, const struct inet_diag *d, const struct in6_addr *ip, uint16_t port)
{
	const uint32_t *w = ip->s6_addr32;
	if (d->family == AF_INET)
		snprintf(out, bytes, "%08X:%04X", w[3], port);
	else
		snprintf(out, bytes, "%08X%08X%08X%08X:%04X", w[0], w[1], w[2], w[3], port);
}

static bool put_sock(void *arg, const struct inet_diag *d)
{
	struct table *t = arg;
	bool tcp = (t->what & ~PROC_NET_IPV6) == PROC_NET_TCP, gone = !d->sock;
	if (!in_table(t, d))
		return true;
	char local[48], remote[48], line[LINE_MAX_BYTES];
	put_end(local, sizeof(local), d, &d->local, d->local_port);
	put_end(remote, sizeof(remote), d, &d->remote, d->remote_port);
	uint64_t ino = !gone && d->sock->file.inode ? d->sock->file.inode->ino : 0;
	uint64_t ticks = d->time_left_ns / (NS_PER_SEC / TICKS_PER_SEC);
	uint64_t tx = d->state == TCP_LISTEN ? 0 : d->tx_bytes;
	uint32_t uid = t->viewer ? uid_shown(t->viewer->cred, d->uid) : d->uid;
	int n = snprintf(line, sizeof(line), tcp || (t->what & PROC_NET_RAW) || (t->what & PROC_NET_IPV6) ? "%4d" : "%5d", t->row++);
	n += snprintf(line + n, sizeof(line) - (size_t)n, ": %s %s %02X %08X:%08X %02X:%08" PRIX64 " %08X %5u %8d %" PRIu64 " %d %016d", local,
		      remote, d->state, (uint32_t)tx, (uint32_t)d->rx_bytes, gone ? TIMER_TIME_WAIT : 0, ticks, 0, gone ? 0 : uid, 0, ino,
		      gone ? 3 : tcp ? 1 : 2, 0);
	if (tcp && !gone)
		snprintf(line + n, sizeof(line) - (size_t)n, " 100 0 0 10 %d", d->state == TCP_LISTEN ? 0 : -1);
	else if (!tcp)
		snprintf(line + n, sizeof(line) - (size_t)n, " %u", d->drops);
	int width = t->what & PROC_NET_IPV6 ? 0 : tcp ? 149 : t->what & PROC_NET_UDP ? 127 : 0;
	seq_printf(t->s, "%-*s\n", width, line);
	return !t->s->failed;
}

int proc_net_inet(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct table t = { .s = s, .viewer = viewer, .what = (int)i->entry->arg };
	bool v6 = t.what & PROC_NET_IPV6, tcp = t.what & PROC_NET_TCP, udp = t.what & PROC_NET_UDP;
	char head[LINE_MAX_BYTES];
	snprintf(head, sizeof(head), "%s  sl  local_address %s%s st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%s",
		 udp && !v6 ? " " : "", v6 ? "                        " : "",
		 v6 ? "remote_address                       " : "rem_address  ", tcp ? "" : " ref pointer drops");
	seq_printf(s, "%-*s\n", v6 ? 0 : tcp ? 149 : udp ? 127 : 0, head);
	if (i->task->net)
		inet_diag_each(i->task->net, put_sock, &t);
	return 0;
}

/* Abstract names have an @ for each NUL. */
static void put_name(struct seq *s, const struct unix_diag *d)
{
	size_t n = d->name_len - offsetof(struct sockaddr_un, sun_path);
	n = MIN(n, sizeof(d->name->sun_path));
	if (n && d->name->sun_path[0] && !d->name->sun_path[n - 1])
		n--;
	seq_puts(s, " ");
	for (size_t at = 0; at < n; at++)
		seq_printf(s, "%c", d->name->sun_path[at] ? d->name->sun_path[at] : '@');
}

static bool put_unix(void *arg, const struct unix_diag *d)
{
	enum { UNCONNECTED = 1, CONNECTING, CONNECTED, DISCONNECTING };        /* SS_* */
	struct seq *s = arg;
	bool up = d->state == TCP_ESTABLISHED;
	int state = d->ino ? up ? CONNECTED : UNCONNECTED : up ? CONNECTING : DISCONNECTING;
	seq_printf(s, "%016d: %08X %08X %08X %04X %02X %5" PRIu64, 0, d->refs, 0, d->state == TCP_LISTEN ? 0x10000 : 0, d->sock->type,
		   state, d->ino);
	if (d->name && d->name_len > offsetof(struct sockaddr_un, sun_path))
		put_name(s, d);
	seq_puts(s, "\n");
	return !s->failed;
}

int proc_net_unix(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_puts(s, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	if (i->task->net)
		unix_diag_each(i->task->net, put_unix, s);
	return 0;
}
