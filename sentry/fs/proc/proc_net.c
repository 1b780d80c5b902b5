/* proc_net.c - /proc/net: the network's tables.
 *
 * MISSING  Their contents: sockets are listed by whoever implements them; there is no network but the loopback. */
#include "sentry/fs/proc/proc_impl.h"

#define TCP_HEAD(addr) "  sl  local_address " addr "rem_address   " addr "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define PAD24 "                        "

const struct pseudo_entry proc_net_entries[] = {
	PSEUDO_STRING("arp", 0444, "IP address       HW type     Flags       HW address            Mask     Device"),
	PSEUDO_STRING("dev", 0444,
		      "Inter-|   Receive                                                |  Transmit\n"
		      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier "
		      "compressed\n"
		      "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0   "
		      "       0"),
	PSEUDO_STRING("netlink", 0444, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode"),
	PSEUDO_STRING("packet", 0444, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode"),
	PSEUDO_STRING("raw", 0444, TCP_HEAD("") " ref pointer drops"),
	PSEUDO_STRING("route", 0444, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"),
	PSEUDO_STRING("tcp", 0444, TCP_HEAD("")),
	PSEUDO_STRING("tcp6", 0444, TCP_HEAD(PAD24)),
	PSEUDO_STRING("udp", 0444, TCP_HEAD("") " ref pointer drops"),
	PSEUDO_STRING("udp6", 0444, TCP_HEAD(PAD24) " ref pointer drops"),
	PSEUDO_STRING("unix", 0444, "Num       RefCount Protocol Flags    Type St Inode Path"),
	{ 0 },
};
