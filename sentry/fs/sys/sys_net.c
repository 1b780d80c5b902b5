/* sys_net.c - /sys/class/net: lo, as the reader's network has it.
 *
 * LINUX    net/core/net-sysfs.c. Same: what a device without a wire can't tell (speed, duplex) is EINVAL.
 * MISSING  Changing anything here (files are read-only), queues/, power/. */
#include <inttypes.h>
#include <string.h>

#include "sentry/fs/sys/sys_impl.h"
#include "sentry/net/lo.h"

static int show_flags(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	if (!viewer || !viewer->net)
		return 0;
	seq_printf(s, "0x%x\n", lo_flags(viewer->net) & ~(unsigned)IFF_RUNNING);
	return 0;
}

static int show_mtu(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	seq_printf(s, "%d\n", viewer && viewer->net ? viewer->net->lo_mtu : NET_LO_MTU);
	return 0;
}

static int show_operstate(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	seq_puts(s, viewer && viewer->net && viewer->net->lo_up ? "unknown\n" : "down\n");
	return 0;
}

/* Of lo down: EINVAL. */
static int show_carrier(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	if (!viewer || !viewer->net || !viewer->net->lo_up)
		return -EINVAL;
	seq_puts(s, "1\n");
	return 0;
}

static int show_invalid(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)s;
	(void)i;
	(void)viewer;
	return -EINVAL;
}

/* arg: bytes, not packets. */
static int show_count(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct net *net = viewer ? viewer->net : NULL;
	seq_printf(s, "%" PRIu64 "\n", !net ? 0 : i->entry->arg ? net->lo_bytes : net->lo_packets);
	return 0;
}

#define COUNT(name, bytes) PSEUDO_FILE(name, 0444, .show = show_count, .arg = bytes)
#define ZERO(name) PSEUDO_NUMBER(name, 0444, 0)
static const struct pseudo_entry statistics_entries[] = {
	COUNT("rx_bytes", 1), COUNT("rx_packets", 0), COUNT("tx_bytes", 1), COUNT("tx_packets", 0),
	ZERO("collisions"), ZERO("multicast"), ZERO("rx_compressed"), ZERO("rx_crc_errors"), ZERO("rx_dropped"),
	ZERO("rx_errors"), ZERO("rx_fifo_errors"), ZERO("rx_frame_errors"), ZERO("rx_length_errors"), ZERO("rx_missed_errors"),
	ZERO("rx_nohandler"), ZERO("rx_over_errors"), ZERO("tx_aborted_errors"), ZERO("tx_carrier_errors"), ZERO("tx_compressed"),
	ZERO("tx_dropped"), ZERO("tx_errors"), ZERO("tx_fifo_errors"), ZERO("tx_heartbeat_errors"), ZERO("tx_window_errors"),
	{ 0 },
};
static const struct pseudo_entry lo_entries[] = {
	PSEUDO_STRING("address", 0444, "00:00:00:00:00:00"),
	PSEUDO_STRING("broadcast", 0444, "00:00:00:00:00:00"),
	PSEUDO_STRING("dev_id", 0444, "0x0"),
	PSEUDO_STRING("ifalias", 0444, ""),
	PSEUDO_STRING("uevent", 0444, "INTERFACE=lo\nIFINDEX=1"),
	PSEUDO_NUMBER("addr_assign_type", 0444, 0), PSEUDO_NUMBER("addr_len", 0444, 6),
	PSEUDO_NUMBER("carrier_changes", 0444, 0), PSEUDO_NUMBER("dev_port", 0444, 0), PSEUDO_NUMBER("dormant", 0444, 0),
	PSEUDO_NUMBER("ifindex", 0444, NET_LO_IFINDEX), PSEUDO_NUMBER("iflink", 0444, NET_LO_IFINDEX),
	PSEUDO_NUMBER("link_mode", 0444, 0), PSEUDO_NUMBER("name_assign_type", 0444, 2),
	PSEUDO_NUMBER("netdev_group", 0444, 0), PSEUDO_NUMBER("proto_down", 0444, 0),
	PSEUDO_NUMBER("tx_queue_len", 0444, LO_TXQLEN), PSEUDO_NUMBER("type", 0444, 772),      /* ARPHRD_LOOPBACK */
	PSEUDO_FILE("carrier", 0444, .show = show_carrier),
	PSEUDO_FILE("duplex", 0444, .show = show_invalid),
	PSEUDO_FILE("flags", 0444, .show = show_flags),
	PSEUDO_FILE("mtu", 0444, .show = show_mtu),
	PSEUDO_FILE("operstate", 0444, .show = show_operstate),
	PSEUDO_FILE("speed", 0444, .show = show_invalid),
	{ .name = "statistics", .mode = S_IFDIR | 0755, .children = statistics_entries },
	{ 0 },
};
const struct pseudo_entry sys_net_devices[] = { { .name = "lo", .mode = S_IFDIR | 0755, .children = lo_entries }, { 0 } };

static ssize_t lo_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes)
{
	static const char target[] = "../../devices/virtual/net/lo";
	size_t n = MIN(bytes, sizeof(target) - 1);
	(void)i;
	(void)viewer;
	memcpy(buf, target, n);
	return (ssize_t)n;
}
const struct pseudo_entry sys_class_net[] = { PSEUDO_LINK("lo", .readlink = lo_readlink), { 0 } };
