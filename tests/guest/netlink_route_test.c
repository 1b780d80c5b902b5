/* netlink_route_test.c - NETLINK_ROUTE about lo: what it tells, what can be changed (rtnetlink(7)). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "tests/guest/netlink.h"

COVERS(socket, sendto, recvfrom, ioctl, unshare);

static char message[8192] __attribute__((aligned(8)));
#define HEADER ((struct nlmsghdr *)message)

static int dump(int fd, int type, int answer, int family)
{
	struct { struct rtgenmsg g; char pad[27]; } h = { .g.rtgen_family = (unsigned char)family };
	size_t bytes = type == RTM_GETLINK ? sizeof(struct ifinfomsg) : type == RTM_GETADDR ? sizeof(struct ifaddrmsg) :
									sizeof(struct rtmsg);
	struct nlreq r = nl_make(type, NLM_F_DUMP, &h, bytes);
	nl_send(fd, &r);
	return nl_collect(fd, answer, message, sizeof(message));
}

static unsigned link_flags(int fd)
{
	struct ifinfomsg h = { .ifi_index = LO };
	struct nlreq r = nl_make(RTM_GETLINK, 0, &h, sizeof(h));
	nl_send(fd, &r);
	ASSERT_EQ(nl_next(fd, message, sizeof(message)), RTM_NEWLINK);
	return ((struct ifinfomsg *)NLMSG_DATA(HEADER))->ifi_flags;
}

TEST(lo_is_dumped)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE);
	EXPECT_EQ(dump(fd, RTM_GETLINK, RTM_NEWLINK, AF_UNSPEC), 1);
	struct ifinfomsg *h = NLMSG_DATA(HEADER);
	EXPECT_EQ(h->ifi_index, LO);
	EXPECT_EQ(h->ifi_type, 772);
	EXPECT_EQ(h->ifi_flags, IFF_LOOPBACK);
	size_t len;
	EXPECT_STREQ((const char *)nl_find(HEADER, sizeof(*h), IFLA_IFNAME, &len), "lo");
	EXPECT_EQ(len, 3);
	EXPECT_EQ(*(const unsigned *)nl_find(HEADER, sizeof(*h), IFLA_MTU, &len), 65536);
	EXPECT_EQ(*(const unsigned *)nl_find(HEADER, sizeof(*h), IFLA_TXQLEN, &len), 1000);
	EXPECT_EQ(*(const unsigned char *)nl_find(HEADER, sizeof(*h), IFLA_OPERSTATE, &len), 2);
	EXPECT(nl_find(HEADER, sizeof(*h), IFLA_ADDRESS, &len) && len == 6);
	EXPECT(nl_find(HEADER, sizeof(*h), IFLA_BROADCAST, &len) && len == 6);
	EXPECT(nl_find(HEADER, sizeof(*h), IFLA_STATS64, &len) && len >= 23 * 8);
	EXPECT_STREQ((const char *)nl_find(HEADER, sizeof(*h), IFLA_QDISC, &len), "noop");
	EXPECT(!nl_find(HEADER, sizeof(*h), IFLA_LINKINFO, NULL));
}

TEST(links_are_found_by_name_and_index)
{
	int fd = nl_open(NETLINK_ROUTE);
	struct ifinfomsg h = { 0 };
	struct nlreq r = nl_make(RTM_GETLINK, 0, &h, sizeof(h));
	EXPECT_EQ(nl_ask(fd, &r), EINVAL);
	r = nl_make(RTM_GETLINK, 0, &h, sizeof(h));
	nl_add(&r, IFLA_IFNAME, "lo", 3);
	nl_send(fd, &r);
	EXPECT_EQ(nl_next(fd, message, sizeof(message)), RTM_NEWLINK);
	EXPECT_EQ(HEADER->nlmsg_flags, 0);
	r = nl_make(RTM_GETLINK, 0, &h, sizeof(h));
	nl_add(&r, IFLA_IFNAME, "nosuch0", 8);
	EXPECT_EQ(nl_ask(fd, &r), ENODEV);
	h.ifi_index = 0x7ffffff;
	r = nl_make(RTM_GETLINK, 0, &h, sizeof(h));
	EXPECT_EQ(nl_ask(fd, &r), ENODEV);
	EXPECT_EQ(if_nametoindex("lo"), LO);
	char name[IF_NAMESIZE];
	EXPECT_STREQ(if_indextoname(LO, name), "lo");
}

TEST(up_and_down)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_UNSPEC), 0);
	EXPECT_EQ(dump(fd, RTM_GETROUTE, RTM_NEWROUTE, AF_INET), 0);
	EXPECT_EQ(link_flags(fd), IFF_LOOPBACK);
	EXPECT_EQ(nl_set_lo(fd, true), 0);
	EXPECT_EQ(link_flags(fd), IFF_LOOPBACK | IFF_UP | IFF_RUNNING | 1 << 16);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET6), 1);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET), 1);
	struct ifaddrmsg *a = NLMSG_DATA(HEADER);
	EXPECT_EQ(a->ifa_prefixlen, 8);
	EXPECT_EQ(a->ifa_scope, RT_SCOPE_HOST);
	EXPECT_EQ(a->ifa_flags, IFA_F_PERMANENT);
	EXPECT_EQ(a->ifa_index, LO);
	EXPECT_EQ(*(const unsigned *)nl_find(HEADER, sizeof(*a), IFA_LOCAL, NULL), htonl(INADDR_LOOPBACK));
	EXPECT_STREQ((const char *)nl_find(HEADER, sizeof(*a), IFA_LABEL, NULL), "lo");
	EXPECT_EQ(dump(fd, RTM_GETROUTE, RTM_NEWROUTE, AF_INET), 3);
	EXPECT_EQ(nl_set_lo(fd, false), 0);
	EXPECT_EQ(link_flags(fd), IFF_LOOPBACK);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET), 1);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET6), 0);
}

TEST(what_bubblewrap_does)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE);
	EXPECT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "127.0.0.1", 8), 0);
	struct ifinfomsg h = { .ifi_index = LO, .ifi_flags = IFF_UP };
	struct nlreq r = nl_make(RTM_NEWLINK, 0, &h, sizeof(h));
	EXPECT_EQ(nl_ask(fd, &r), 0);
	EXPECT_EQ(link_flags(fd), IFF_LOOPBACK | IFF_UP | IFF_RUNNING | 1 << 16);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET), 1);
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	EXPECT_OK(bind(s, (void *)&to, sizeof(to)));
}

TEST(addresses_come_and_go)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE), s = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in at = { .sin_family = AF_INET };
	inet_pton(AF_INET, "10.1.2.3", &at.sin_addr);
	ASSERT_EQ(nl_set_lo(fd, true), 0);
	EXPECT_ERRNO(bind(s, (void *)&at, sizeof(at)), EADDRNOTAVAIL);
	EXPECT_ERRNO(connect(s, (void *)&at, sizeof(at)), ENETUNREACH);
	EXPECT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "10.1.2.3", 24), 0);
	EXPECT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "10.1.2.3", 24), EEXIST);
	EXPECT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, "10.1.2.3", 24), 0);
	EXPECT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE, "10.1.2.4", 33), EINVAL);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET), 2);
	EXPECT_EQ(dump(fd, RTM_GETROUTE, RTM_NEWROUTE, AF_INET), 6);
	at.sin_port = htons(5555);
	ASSERT_OK(connect(s, (void *)&at, sizeof(at)));
	struct sockaddr_in self;
	socklen_t len = sizeof(self);
	ASSERT_OK(getsockname(s, (void *)&self, &len));
	EXPECT_EQ(self.sin_addr.s_addr, at.sin_addr.s_addr);
	int s2 = socket(AF_INET, SOCK_DGRAM, 0);
	inet_pton(AF_INET, "10.1.2.77", &at.sin_addr);
	EXPECT_OK(bind(s2, (void *)&at, sizeof(at)));
	/* A second one of the same network goes with the first. */
	EXPECT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE, "10.1.2.4", 24), 0);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET), 3);
	EXPECT_EQ(nl_change_v4(fd, RTM_DELADDR, 0, "10.1.2.9", 24), EADDRNOTAVAIL);
	EXPECT_EQ(nl_change_v4(fd, RTM_DELADDR, 0, "10.1.2.3", 24), 0);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET), 1);
	EXPECT_EQ(nl_change_v4(fd, RTM_DELADDR, 0, "127.0.0.1", 8), 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int s3 = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT_ERRNO(connect(s3, (void *)&at, sizeof(at)), ENETUNREACH);
}

static int change_v6(int fd, int type, int flags, const char *ip)
{
	struct ifaddrmsg h = { .ifa_family = AF_INET6, .ifa_prefixlen = 64, .ifa_index = LO };
	struct in6_addr v6;
	inet_pton(AF_INET6, ip, &v6);
	struct nlreq r = nl_make(type, flags, &h, sizeof(h));
	nl_add(&r, IFA_LOCAL, &v6, sizeof(v6));
	return nl_ask(fd, &r);
}

TEST(ipv6_addresses)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE);
	ASSERT_EQ(nl_set_lo(fd, true), 0);
	EXPECT_EQ(change_v6(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "fd00::1"), 0);
	EXPECT_EQ(change_v6(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "fd00::1"), EEXIST);
	EXPECT_EQ(change_v6(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "::"), EADDRNOTAVAIL);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET6), 2);
	EXPECT_EQ(change_v6(fd, RTM_DELADDR, 0, "fd00::2"), EADDRNOTAVAIL);
	EXPECT_EQ(change_v6(fd, RTM_DELADDR, 0x200, "fd00::1"), EOPNOTSUPP);      /* NLM_F_BULK */
	EXPECT_EQ(change_v6(fd, RTM_DELADDR, 0, "fd00::1"), 0);
	EXPECT_EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, AF_INET6), 1);
}

TEST(changes_take_privilege)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE);
	pid_t pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER))
			_exit(GUEST_SKIPPED);
		/* A capability, but in another user namespace than the network's. */
		EXPECT_EQ(nl_set_lo(fd, true), EPERM);
		EXPECT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE, "10.1.2.3", 24), EPERM);
		struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
		EXPECT_ERRNO(ioctl(fd, SIOCSIFFLAGS, &r), EPERM);
		EXPECT_EQ(dump(fd, RTM_GETLINK, RTM_NEWLINK, AF_UNSPEC), 1);
		_exit(guest_failed);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(what_lo_cannot_do)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE);
	struct ifinfomsg h = { .ifi_index = LO };
	struct nlreq r = nl_make(RTM_DELLINK, 0, &h, sizeof(h));
	EXPECT_EQ(nl_ask(fd, &r), EOPNOTSUPP);
	r = nl_make(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &h, sizeof(h));
	EXPECT_EQ(nl_ask(fd, &r), EEXIST);
	h.ifi_index = 0;
	r = nl_make(RTM_NEWLINK, 0, &h, sizeof(h));
	EXPECT_EQ(nl_ask(fd, &r), ENODEV);
	int self = open("/proc/self/ns/net", O_RDONLY);
	h.ifi_index = LO;
	r = nl_make(RTM_NEWLINK, 0, &h, sizeof(h));
	nl_add(&r, IFLA_NET_NS_FD, &self, sizeof(self));
	int err = nl_ask(fd, &r);
	EXPECT(err == EINVAL || err == 0);        /* into the one where it is: some kernels see that it stays */
	r = nl_make(RTM_GETLINK, 0, "", 1);
	EXPECT_EQ(nl_ask(fd, &r), EINVAL);
}

TEST(groups_hear_of_changes)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE), ear = nl_open(NETLINK_ROUTE);
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR };
	ASSERT_OK(bind(ear, (void *)&a, sizeof(a)));
	EXPECT_ERRNO(recv(ear, message, sizeof(message), MSG_DONTWAIT), EAGAIN);
	ASSERT_EQ(nl_set_lo(fd, true), 0);
	bool link = false, addr = false;
	for (int i = 0; i < 2; i++) {
		int type = nl_next(ear, message, sizeof(message));
		EXPECT(!(HEADER->nlmsg_flags & NLM_F_MULTI));
		if (type == RTM_NEWLINK) {
			link = true;
			EXPECT(((struct ifinfomsg *)NLMSG_DATA(HEADER))->ifi_flags & IFF_UP);
		}
		addr |= type == RTM_NEWADDR;
	}
	EXPECT(link && addr);
	EXPECT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE, "10.1.2.3", 24), 0);
	socklen_t len = sizeof(a);
	EXPECT_OK(recvfrom(ear, message, sizeof(message), MSG_DONTWAIT, (void *)&a, &len));
	EXPECT_EQ(HEADER->nlmsg_type, RTM_NEWADDR);
	EXPECT_EQ(a.nl_groups, RTMGRP_IPV4_IFADDR);
	EXPECT_EQ(a.nl_pid, 0);
	EXPECT_EQ(nl_change_v4(fd, RTM_DELADDR, 0, "10.1.2.3", 24), 0);
	EXPECT_EQ(nl_next(ear, message, sizeof(message)), RTM_DELADDR);
}

TEST(who_does_not_read_learns_of_its_loss)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE), ear = nl_open(NETLINK_ROUTE), small = 1;
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR };
	ASSERT_OK(bind(ear, (void *)&a, sizeof(a)));
	ASSERT_OK(setsockopt(ear, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE, "10.1.2.3", 24), 0);
		ASSERT_EQ(nl_change_v4(fd, RTM_DELADDR, 0, "10.1.2.3", 24), 0);
	}
	EXPECT_ERRNO(recv(ear, message, sizeof(message), MSG_DONTWAIT), ENOBUFS);
	EXPECT_EQ(nl_next(ear, message, sizeof(message)), RTM_NEWADDR);
}

TEST(words_for_errors)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE), on = 1;
	ASSERT_OK(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)));
	ASSERT_OK(setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)));
	ASSERT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "10.1.2.3", 24), 0);
	struct ifaddrmsg h = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = LO };
	unsigned v4 = inet_addr("10.1.2.3");
	struct nlreq r = nl_make(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &h, sizeof(h));
	nl_add(&r, IFA_LOCAL, &v4, 4);
	nl_send(fd, &r);
	ASSERT_EQ(nl_next(fd, message, sizeof(message)), NLMSG_ERROR);
	EXPECT_EQ(HEADER->nlmsg_flags, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	const char *why = nl_find(HEADER, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG, NULL);
	ASSERT(why != NULL);
	EXPECT(strstr(why, "Address already assigned"));
}

TEST(the_way_to_an_address)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE);
	ASSERT_EQ(nl_set_lo(fd, true), 0);
	struct rtmsg h = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
	unsigned v4 = inet_addr("127.0.0.9");
	struct nlreq r = nl_make(RTM_GETROUTE, 0, &h, sizeof(h));
	nl_add(&r, RTA_DST, &v4, 4);
	nl_send(fd, &r);
	ASSERT_EQ(nl_next(fd, message, sizeof(message)), RTM_NEWROUTE);
	EXPECT_EQ(((struct rtmsg *)NLMSG_DATA(HEADER))->rtm_type, RTN_LOCAL);
	EXPECT_EQ(*(const int *)nl_find(HEADER, sizeof(h), RTA_OIF, NULL), LO);
	v4 = inet_addr("8.8.8.8");
	r = nl_make(RTM_GETROUTE, 0, &h, sizeof(h));
	nl_add(&r, RTA_DST, &v4, 4);
	EXPECT_EQ(nl_ask(fd, &r), ENETUNREACH);
	EXPECT_EQ(dump(fd, RTM_GETRULE, RTM_NEWRULE, AF_INET), 3);
	EXPECT_EQ(dump(fd, RTM_GETNEIGH, RTM_NEWNEIGH, AF_UNSPEC), 0);
}

TEST(getifaddrs_agrees_with_ioctl)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE), v4 = 0, v6 = 0, link = 0;
	ASSERT_EQ(nl_set_lo(fd, true), 0);
	struct ifaddrs *list;
	ASSERT_OK(getifaddrs(&list));
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		EXPECT_STREQ(i->ifa_name, "lo");
		v4 += i->ifa_addr->sa_family == AF_INET;
		v6 += i->ifa_addr->sa_family == AF_INET6;
		link += i->ifa_addr->sa_family == AF_PACKET;
	}
	freeifaddrs(list);
	EXPECT_EQ(v4, 1);
	EXPECT_EQ(v6, 1);
	EXPECT_EQ(link, 1);
	struct ifreq r = { .ifr_name = "lo" };
	EXPECT_ERRNO(ioctl(fd, SIOCGIFADDR, &r), ENOTTY);
	EXPECT_OK(ioctl(fd, SIOCGIFFLAGS, &r));
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_OK(ioctl(s, SIOCGIFADDR, &r));
	EXPECT_EQ(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	ASSERT_EQ(nl_change_v4(fd, RTM_DELADDR, 0, "127.0.0.1", 8), 0);
	EXPECT_ERRNO(ioctl(s, SIOCGIFADDR, &r), EADDRNOTAVAIL);
	ASSERT_EQ(nl_change_v4(fd, RTM_NEWADDR, NLM_F_CREATE, "10.1.2.3", 24), 0);
	memset(&r, 0, sizeof(r));
	strcpy(r.ifr_name, "lo");
	ASSERT_OK(ioctl(s, SIOCGIFNETMASK, &r));
	EXPECT_EQ(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr, htonl(0xffffff00));
}

static bool file_has(const char *path, const char *text)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);
	ASSERT_OK(fd);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	ASSERT_OK(n);
	buf[n] = 0;
	close(fd);
	return strstr(buf, text) != NULL;
}

TEST(proc_net_agrees)
{
	static const char loopback6[] = "00000000000000000000000000000001 01 80 10 80       lo\n";
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE), ear = nl_open(NETLINK_ROUTE);
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = 0x70001234, .nl_groups = RTMGRP_LINK };
	ASSERT_OK(bind(ear, (void *)&a, sizeof(a)));
	EXPECT(file_has("/proc/net/dev", "    lo:       0       0    0 "));
	EXPECT(!file_has("/proc/net/if_inet6", loopback6));
	ASSERT_EQ(nl_set_lo(fd, true), 0);
	EXPECT(file_has("/proc/net/if_inet6", loopback6));
	EXPECT(file_has("/proc/net/route", "Iface\tDestination\tGateway "));
	EXPECT(!file_has("/proc/net/route", "lo"));
	EXPECT(file_has("/proc/net/netlink", " 0   1879052852 00000001 "));
	close(ear);
	EXPECT(!file_has("/proc/net/netlink", " 0   1879052852 00000001 "));
	/* What goes over lo is counted. */
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9) };
	EXPECT_EQ(sendto(s, "x", 1, 0, (void *)&to, sizeof(to)), 1);
	EXPECT(!file_has("/proc/net/dev", "    lo:       0       0    0 "));
}
