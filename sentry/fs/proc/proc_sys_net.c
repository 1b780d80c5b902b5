/* proc_sys_net.c - /proc/sys/net: a network namespace's settings.
 *
 * LINUX    net/core/sysctl_net_core.c, net/ipv4/sysctl_net_ipv4.c.
 * MISSING  What doesn't stand here; what can't be written is what Linux has by default, and can't be changed. */
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/net.h"

static int may_set(const struct task *writer)
{
	if (!writer->net)
		return -ENOENT;
	return cred_ns_cap(writer->cred, writer->net->id.owner, CAP_NET_ADMIN) ? 0 : -EPERM;
}

/* Settings that are a number of struct net, from 0 to max: an entry's arg. */
static const struct setting {
	size_t offset;
	int max;
} settings[] = {
	{ offsetof(struct net, somaxconn), INT_MAX },
	{ offsetof(struct net, port_unprivileged), 65535 },
};
enum { SOMAXCONN_SETTING, PORT_UNPRIVILEGED };

static int show_setting(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	if (viewer && viewer->net)
		seq_printf(s, "%d\n", *(const int *)((const char *)viewer->net + settings[i->entry->arg].offset));
	return 0;
}

static int store_setting(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	const struct setting *o = &settings[i->entry->arg];
	long n = pseudo_number(text);
	int err = may_set(writer);
	(void)len;
	if (err)
		return err;
	if (n < 0 || n > o->max)
		return -EINVAL;
	*(int *)((char *)writer->net + o->offset) = (int)n;
	return 0;
}
#define SETTING(name, which) PSEUDO_FILE(name, 0644, .show = show_setting, .store = store_setting, .arg = which)

static int show_port_range(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	if (viewer && viewer->net)
		seq_printf(s, "%d\t%d\n", viewer->net->port_first, viewer->net->port_last);
	return 0;
}

static int store_port_range(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	int first, last, err = may_set(writer);
	(void)i;
	(void)len;
	if (err)
		return err;
	if (sscanf(text, "%d %d", &first, &last) != 2 || first < 1 || last > 65535 || last < first)
		return -EINVAL;
	writer->net->port_first = first;
	writer->net->port_last = last;
	return 0;
}

static int show_ping_range(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	if (viewer && viewer->net)
		seq_printf(s, "%u\t%u\n", gid_shown(viewer->cred, viewer->net->ping_first), gid_shown(viewer->cred, viewer->net->ping_last));
	return 0;
}

/* Groups are the writer's. A range that is none is nobody's. */
static int store_ping_range(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	unsigned long first, last;
	int err = may_set(writer);
	(void)i;
	(void)len;
	if (err)
		return err;
	if (sscanf(text, "%lu %lu", &first, &last) != 2 || first >= ID_NONE || last >= ID_NONE)
		return -EINVAL;
	uint32_t a = gid_given(writer->cred, (uint32_t)first), b = gid_given(writer->cred, (uint32_t)last);
	if (a == ID_NONE || b == ID_NONE)
		return -EINVAL;
	bool none = last < first || b < a;
	writer->net->ping_first = none ? 1 : a;
	writer->net->ping_last = none ? 0 : b;
	return 0;
}

static const struct pseudo_entry core_entries[] = {
	SETTING("somaxconn", SOMAXCONN_SETTING),
	PSEUDO_NUMBER("optmem_max", 0444, 131072),
	PSEUDO_NUMBER("rmem_default", 0444, 212992),
	PSEUDO_NUMBER("rmem_max", 0444, 212992),
	PSEUDO_NUMBER("wmem_default", 0444, 212992),
	PSEUDO_NUMBER("wmem_max", 0444, 212992),
	{ 0 },
};
static const struct pseudo_entry unix_entries[] = {
	PSEUDO_NUMBER("max_dgram_qlen", 0444, 10),
	{ 0 },
};
static const struct pseudo_entry ipv4_entries[] = {
	PSEUDO_FILE("ip_local_port_range", 0644, .show = show_port_range, .store = store_port_range),
	PSEUDO_FILE("ping_group_range", 0644, .show = show_ping_range, .store = store_ping_range),
	SETTING("ip_unprivileged_port_start", PORT_UNPRIVILEGED),
	PSEUDO_NUMBER("ip_nonlocal_bind", 0444, 0),
	PSEUDO_NUMBER("ip_forward", 0444, 0),
	PSEUDO_NUMBER("ip_default_ttl", 0444, 64),
	PSEUDO_STRING("tcp_available_congestion_control", 0444, "reno cubic"),
	PSEUDO_STRING("tcp_allowed_congestion_control", 0444, "reno cubic"),
	PSEUDO_STRING("tcp_congestion_control", 0444, "cubic"),
	PSEUDO_STRING("tcp_rmem", 0444, "4096\t131072\t6291456"),
	PSEUDO_STRING("tcp_wmem", 0444, "4096\t16384\t4194304"),
	PSEUDO_NUMBER("tcp_abort_on_overflow", 0444, 0),
	PSEUDO_NUMBER("tcp_fastopen", 0444, 1),
	PSEUDO_NUMBER("tcp_fin_timeout", 0444, 60),
	PSEUDO_NUMBER("tcp_keepalive_intvl", 0444, 75),
	PSEUDO_NUMBER("tcp_keepalive_probes", 0444, 9),
	PSEUDO_NUMBER("tcp_keepalive_time", 0444, 7200),
	PSEUDO_NUMBER("tcp_max_syn_backlog", 0444, 4096),
	PSEUDO_NUMBER("tcp_max_tw_buckets", 0444, 16384),
	PSEUDO_NUMBER("tcp_sack", 0444, 1),
	PSEUDO_NUMBER("tcp_syn_retries", 0444, 6),
	PSEUDO_NUMBER("tcp_syncookies", 0444, 1),
	PSEUDO_NUMBER("tcp_timestamps", 0444, 1),
	PSEUDO_NUMBER("tcp_tw_reuse", 0444, 2),
	PSEUDO_NUMBER("tcp_window_scaling", 0444, 1),
	PSEUDO_NUMBER("igmp_max_memberships", 0444, 20),
	PSEUDO_NUMBER("igmp_max_msf", 0444, 10),
	{ 0 },
};
static const struct pseudo_entry conf6_entries[] = {
	PSEUDO_NUMBER("disable_ipv6", 0444, 0),
	PSEUDO_NUMBER("forwarding", 0444, 0),
	PSEUDO_NUMBER("hop_limit", 0444, 64),
	{ 0 },
};
static const struct pseudo_entry conf6_dirs[] = {
	PSEUDO_DIR("all", conf6_entries),
	PSEUDO_DIR("default", conf6_entries),
	PSEUDO_DIR("lo", conf6_entries),
	{ 0 },
};
static const struct pseudo_entry ipv6_entries[] = {
	PSEUDO_DIR("conf", conf6_dirs),
	PSEUDO_NUMBER("bindv6only", 0444, 0),
	{ 0 },
};

const struct pseudo_entry proc_sys_net_entries[] = {
	PSEUDO_DIR("core", core_entries),
	PSEUDO_DIR("ipv4", ipv4_entries),
	PSEUDO_DIR("ipv6", ipv6_entries),
	PSEUDO_DIR("unix", unix_entries),
	{ 0 },
};
