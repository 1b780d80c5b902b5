/* netlink_test.c - AF_NETLINK sockets: addresses, messages, acknowledgements, groups (netlink(7)). */
#include <fcntl.h>
#include <poll.h>

#include "tests/guest/netlink.h"

COVERS(socket, bind, connect, getsockname, getpeername, sendto, sendmsg, recvfrom, recvmsg, setsockopt, getsockopt);

static struct sockaddr_nl name_of(int fd)
{
	struct sockaddr_nl a = { 0 };
	socklen_t len = sizeof(a);
	ASSERT_OK(getsockname(fd, (void *)&a, &len));
	EXPECT_EQ(len, sizeof(a));
	EXPECT_EQ(a.nl_family, AF_NETLINK);
	return a;
}

static int bind_to(int fd, unsigned pid, unsigned groups)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups };
	return bind(fd, (void *)&a, sizeof(a));
}

TEST(unknown_types_and_protocols)
{
	EXPECT_ERRNO(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE), ESOCKTNOSUPPORT);
	EXPECT_ERRNO(socket(AF_NETLINK, SOCK_RAW, 1000), EPROTONOSUPPORT);
	EXPECT_ERRNO(socket(AF_NETLINK, SOCK_RAW, -1), EPROTONOSUPPORT);
	EXPECT_ERRNO(socket(AF_NETLINK, SOCK_RAW, 29), EPROTONOSUPPORT);
	int sv[2];
	EXPECT_ERRNO(socketpair(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, sv), EOPNOTSUPP);
	int fd = nl_open(NETLINK_ROUTE);
	EXPECT_ERRNO(listen(fd, 1), EOPNOTSUPP);
	EXPECT_ERRNO(accept(fd, NULL, NULL), EOPNOTSUPP);
	EXPECT_ERRNO(shutdown(fd, SHUT_RD), EOPNOTSUPP);
}

TEST(port_ids_are_the_process_then_something_else)
{
	int a = nl_open(NETLINK_ROUTE), b = nl_open(NETLINK_ROUTE), c = nl_open(NETLINK_ROUTE);
	EXPECT_EQ(name_of(a).nl_pid, 0);
	ASSERT_OK(bind_to(a, 0, 0));
	EXPECT_EQ(name_of(a).nl_pid, getpid());
	ASSERT_OK(bind_to(b, 0, 0));
	EXPECT(name_of(b).nl_pid != (unsigned)getpid());
	EXPECT(name_of(b).nl_pid != 0);
	EXPECT_ERRNO(bind_to(c, (unsigned)getpid(), 0), EADDRINUSE);
	ASSERT_OK(bind_to(c, 0x70001234, 0));
	EXPECT_EQ(name_of(c).nl_pid, 0x70001234);
	EXPECT_ERRNO(bind_to(c, 0x70001235, 0), EINVAL);
	EXPECT_OK(bind_to(c, 0x70001234, 1));
	EXPECT_EQ(name_of(c).nl_groups, 1);
	/* Another protocol has port ids of its own. */
	int d = nl_open(NETLINK_USERSOCK);
	EXPECT_OK(bind_to(d, 0x70001234, 0));
	close(c);
	int e = nl_open(NETLINK_ROUTE);
	EXPECT_OK(bind_to(e, 0x70001234, 0));
}

TEST(bad_addresses)
{
	int fd = nl_open(NETLINK_ROUTE);
	struct sockaddr_nl a = { .nl_family = AF_INET };
	EXPECT_ERRNO(bind(fd, (void *)&a, sizeof(a)), EINVAL);
	a.nl_family = AF_NETLINK;
	EXPECT_ERRNO(bind(fd, (void *)&a, sizeof(a) - 1), EINVAL);
	EXPECT_ERRNO(connect(fd, (void *)&a, 1), EINVAL);
	EXPECT_ERRNO(send(fd, "", 0, 0), ENODATA);
	struct nlreq r = { 0 };
	EXPECT_ERRNO(sendto(fd, &r, 16, MSG_OOB, NULL, 0), EOPNOTSUPP);
	char c;
	EXPECT_ERRNO(recv(fd, &c, 1, MSG_DONTWAIT), EAGAIN);
	EXPECT_ERRNO(recv(fd, &c, 1, MSG_DONTWAIT | MSG_OOB), EOPNOTSUPP);
}

TEST(errors_carry_the_request)
{
	int fd = nl_open(NETLINK_ROUTE);
	struct rtgenmsg g = { .rtgen_family = AF_UNSPEC };
	struct nlreq r = nl_make(RTM_MAX + 1, 0, &g, sizeof(g));
	char buf[4096] __attribute__((aligned(8)));
	struct nlmsghdr *h = (void *)buf;
	struct nlmsgerr *e = NLMSG_DATA(h);
	nl_send(fd, &r);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	EXPECT_EQ(poll(&p, 1, 0), 1);
	EXPECT_EQ(p.revents, POLLIN | POLLOUT);
	EXPECT_EQ(nl_next(fd, buf, sizeof(buf)), NLMSG_ERROR);
	EXPECT_EQ(h->nlmsg_pid, getpid());
	EXPECT_EQ(h->nlmsg_len, NLMSG_LENGTH(sizeof(*e)) + NLMSG_ALIGN(sizeof(g)));
	EXPECT_EQ(h->nlmsg_flags, 0);
	EXPECT_EQ(e->error, -EOPNOTSUPP);
	EXPECT_EQ(e->msg.nlmsg_seq, r.h.nlmsg_seq);
	int on = 1;
	ASSERT_OK(setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)));
	nl_send(fd, &r);
	EXPECT_EQ(nl_next(fd, buf, sizeof(buf)), NLMSG_ERROR);
	EXPECT_EQ(h->nlmsg_len, NLMSG_LENGTH(sizeof(*e)));
	EXPECT_EQ(h->nlmsg_flags, NLM_F_CAPPED);
}

TEST(what_is_no_request_is_only_acknowledged)
{
	int fd = nl_open(NETLINK_ROUTE);
	struct rtgenmsg g = { .rtgen_family = AF_UNSPEC };
	struct nlreq r = nl_make(RTM_GETLINK, NLM_F_DUMP | NLM_F_ACK, &g, sizeof(g));
	r.h.nlmsg_flags &= (unsigned short)~NLM_F_REQUEST;
	char buf[4096] __attribute__((aligned(8)));
	nl_send(fd, &r);
	EXPECT_EQ(nl_next(fd, buf, sizeof(buf)), NLMSG_ERROR);
	EXPECT_EQ(((struct nlmsgerr *)NLMSG_DATA(buf))->error, 0);
	r.h.nlmsg_flags = 0;
	nl_send(fd, &r);
	EXPECT_ERRNO(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	/* Too short to be one, or longer than what came: nothing happens. */
	r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	EXPECT_EQ(send(fd, &r, 8, 0), 8);
	r.h.nlmsg_len = 1000;
	EXPECT_EQ(send(fd, &r, 20, 0), 20);
	EXPECT_ERRNO(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
}

TEST(two_requests_in_one_datagram)
{
	int fd = nl_open(NETLINK_ROUTE);
	struct rtgenmsg g = { .rtgen_family = AF_UNSPEC };
	struct nlreq a = nl_make(RTM_MAX + 1, 0, &g, sizeof(g)), b = nl_make(RTM_MAX + 1, 0, &g, sizeof(g));
	char both[64] = { 0 }, buf[4096] __attribute__((aligned(8)));
	size_t step = NLMSG_ALIGN(a.h.nlmsg_len);
	memcpy(both, &a, step);
	memcpy(both + step, &b, step);
	ASSERT_EQ(send(fd, both, 2 * step, 0), 2 * step);
	EXPECT_EQ(nl_next(fd, buf, sizeof(buf)), NLMSG_ERROR);
	EXPECT_EQ(((struct nlmsghdr *)buf)->nlmsg_seq, a.h.nlmsg_seq);
	EXPECT_EQ(nl_next(fd, buf, sizeof(buf)), NLMSG_ERROR);
	EXPECT_EQ(((struct nlmsghdr *)buf)->nlmsg_seq, b.h.nlmsg_seq);
}

TEST(peek_and_trunc_tell_the_size)
{
	int fd = nl_open(NETLINK_ROUTE);
	struct ifinfomsg g = { .ifi_index = LO };
	struct nlreq r = nl_make(RTM_GETLINK, 0, &g, sizeof(g));
	nl_send(fd, &r);
	struct sockaddr_nl from;
	char buf[8192] __attribute__((aligned(8)));
	struct iovec none = { 0 }, all = { buf, sizeof(buf) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &none, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &m, MSG_PEEK | MSG_TRUNC);
	ASSERT(n > 100);
	EXPECT(m.msg_flags & MSG_TRUNC);
	EXPECT_EQ(m.msg_namelen, sizeof(from));
	EXPECT_EQ(from.nl_family, AF_NETLINK);
	EXPECT_EQ(from.nl_pid, 0);
	EXPECT_EQ(from.nl_groups, 0);
	m.msg_iov = &all;
	EXPECT_EQ(recvmsg(fd, &m, 0), n);
	EXPECT_EQ(m.msg_flags, 0);
	EXPECT_EQ(((struct nlmsghdr *)buf)->nlmsg_len, n);
	/* What does not fit is lost. */
	nl_send(fd, &r);
	EXPECT_EQ(recv(fd, buf, 16, 0), 16);
	EXPECT_ERRNO(recv(fd, buf, 16, MSG_DONTWAIT), EAGAIN);
}

TEST(the_kernel_has_credentials)
{
	int fd = nl_open(NETLINK_ROUTE), on = 1;
	ASSERT_OK(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	struct ifinfomsg g = { .ifi_index = LO };
	struct nlreq r = nl_make(RTM_GETLINK, 0, &g, sizeof(g));
	nl_send(fd, &r);
	char buf[8192], control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ASSERT_OK(recvmsg(fd, &m, 0));
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ASSERT(c != NULL);
	EXPECT_EQ(c->cmsg_type, SCM_CREDENTIALS);
	struct ucred u;
	memcpy(&u, CMSG_DATA(c), sizeof(u));
	EXPECT_EQ(u.pid, 0);
	EXPECT_EQ(u.uid, 0);
}

TEST(options)
{
	static const int flags[] = { NETLINK_PKTINFO, NETLINK_NO_ENOBUFS, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK };
	int fd = nl_open(NETLINK_ROUTE), v;
	socklen_t len;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		len = sizeof(v);
		v = -1;
		ASSERT_OK(getsockopt(fd, SOL_NETLINK, flags[i], &v, &len));
		EXPECT_EQ(v, 0);
		v = 5;
		ASSERT_OK(setsockopt(fd, SOL_NETLINK, flags[i], &v, sizeof(v)));
		ASSERT_OK(getsockopt(fd, SOL_NETLINK, flags[i], &v, &len));
		EXPECT_EQ(v, 1);
		len = 2;
		EXPECT_ERRNO(getsockopt(fd, SOL_NETLINK, flags[i], &v, &len), EINVAL);
	}
	len = sizeof(v);
	EXPECT_ERRNO(getsockopt(fd, SOL_NETLINK, 1000, &v, &len), ENOPROTOOPT);
	EXPECT_ERRNO(setsockopt(fd, SOL_NETLINK, 1000, &v, sizeof(v)), ENOPROTOOPT);
	EXPECT_ERRNO(getsockopt(fd, SOL_SOCKET, 1000, &v, &len), ENOPROTOOPT);
}

TEST(memberships_are_listed)
{
	int fd = nl_open(NETLINK_ROUTE), group = RTNLGRP_IPV4_IFADDR, bad = 0;
	unsigned bits[8] = { 0 };
	socklen_t len = sizeof(bits);
	EXPECT_ERRNO(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &bad, sizeof(bad)), EINVAL);
	bad = 100000;
	EXPECT_ERRNO(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &bad, sizeof(bad)), EINVAL);
	ASSERT_OK(bind_to(fd, 0, RTMGRP_LINK));
	ASSERT_OK(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
	EXPECT_EQ(name_of(fd).nl_groups, RTMGRP_LINK | RTMGRP_IPV4_IFADDR);
	ASSERT_OK(getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, bits, &len));
	EXPECT(len >= 8 && len % 4 == 0);
	EXPECT_EQ(bits[0], RTMGRP_LINK | RTMGRP_IPV4_IFADDR);
	/* It tells how long the list is, and leaves what is behind the room there is alone. */
	memset(bits, 0xff, sizeof(bits));
	len = 4;
	ASSERT_OK(getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, bits, &len));
	EXPECT(len >= 8);
	EXPECT_EQ(bits[0], RTMGRP_LINK | RTMGRP_IPV4_IFADDR);
	EXPECT_EQ(bits[1], 0xffffffff);
	ASSERT_OK(setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)));
	EXPECT_EQ(name_of(fd).nl_groups, RTMGRP_LINK);
	ASSERT_OK(bind_to(fd, name_of(fd).nl_pid, 0));
	EXPECT_EQ(name_of(fd).nl_groups, 0);
}

TEST(users_send_to_each_other)
{
	int a = nl_open(NETLINK_USERSOCK), b = nl_open(NETLINK_USERSOCK), on = 1;
	ASSERT_OK(bind_to(a, 0x70000001, 0));
	ASSERT_OK(bind_to(b, 0x70000002, 0));
	ASSERT_OK(setsockopt(b, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = 0x70000002 }, from;
	socklen_t len = sizeof(from);
	char buf[16];
	EXPECT_EQ(sendto(a, "hello", 5, 0, (void *)&to, sizeof(to)), 5);
	EXPECT_EQ(recvfrom(b, buf, sizeof(buf), 0, (void *)&from, &len), 5);
	EXPECT_EQ(memcmp(buf, "hello", 5), 0);
	EXPECT_EQ(from.nl_pid, 0x70000001);
	to.nl_pid = 0x70000003;
	EXPECT_ERRNO(sendto(a, "hello", 5, 0, (void *)&to, sizeof(to)), ECONNREFUSED);
	EXPECT_ERRNO(send(a, "hello", 5, 0), ECONNREFUSED);
	EXPECT_ERRNO(sendto(a, "hello", 5, 0, (void *)&to, 8), EINVAL);
	/* Connected: send(2) knows where to, and others than the peer are refused. */
	to.nl_pid = 0x70000002;
	ASSERT_OK(connect(a, (void *)&to, sizeof(to)));
	EXPECT_EQ(send(a, "again", 5, 0), 5);
	len = sizeof(from);
	ASSERT_OK(getpeername(a, (void *)&from, &len));
	EXPECT_EQ(from.nl_pid, 0x70000002);
	to.nl_pid = 0x70000001;
	EXPECT_EQ(sendto(b, "back", 4, 0, (void *)&to, sizeof(to)), 4);
	int c = nl_open(NETLINK_USERSOCK);
	EXPECT_ERRNO(sendto(c, "no", 2, 0, (void *)&to, sizeof(to)), ECONNREFUSED);
	to.nl_family = AF_UNSPEC;
	EXPECT_OK(connect(a, (void *)&to, sizeof(to)));
	EXPECT_ERRNO(send(a, "hello", 5, 0), ECONNREFUSED);
}

TEST(groups_get_what_is_sent_to_them)
{
	nl_fresh_network();
	int a = nl_open(NETLINK_USERSOCK), b = nl_open(NETLINK_USERSOCK), c = nl_open(NETLINK_USERSOCK), on = 1;
	ASSERT_OK(bind_to(a, 0, 4));
	ASSERT_OK(bind_to(b, 0, 4));
	ASSERT_OK(bind_to(c, 0, 2));
	ASSERT_OK(setsockopt(b, SOL_NETLINK, NETLINK_PKTINFO, &on, sizeof(on)));
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 4 }, from;
	/* Nobody is at port 0 of this protocol: told, and yet the group has it. */
	EXPECT_ERRNO(sendto(a, "all", 3, 0, (void *)&to, sizeof(to)), ECONNREFUSED);
	char buf[16], control[CMSG_SPACE(sizeof(struct nl_pktinfo))];
	EXPECT_ERRNO(recv(a, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	EXPECT_ERRNO(recv(c, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control, .msg_controllen = sizeof(control) };
	EXPECT_EQ(recvmsg(b, &m, MSG_DONTWAIT), 3);
	EXPECT_EQ(from.nl_groups, 4);
	EXPECT_EQ(from.nl_pid, name_of(a).nl_pid);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	ASSERT(h && h->cmsg_level == SOL_NETLINK && h->cmsg_type == NETLINK_PKTINFO);
	struct nl_pktinfo info;
	memcpy(&info, CMSG_DATA(h), sizeof(info));
	EXPECT_EQ(info.group, 3);
}

TEST(a_full_receiver_makes_the_sender_wait)
{
	int a = nl_open(NETLINK_USERSOCK), b = nl_open(NETLINK_USERSOCK), small = 1;
	ASSERT_OK(bind_to(a, 0x70000001, 0));
	ASSERT_OK(bind_to(b, 0x70000002, 0));
	ASSERT_OK(setsockopt(b, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = 0x70000002 };
	char buf[1024] = { 0 };
	int sent = 0;
	while (sendto(a, buf, sizeof(buf), MSG_DONTWAIT, (void *)&to, sizeof(to)) > 0)
		sent++;
	EXPECT_EQ(errno, EAGAIN);
	EXPECT(sent > 0 && sent < 100);
	pid_t pid = fork();
	if (pid == 0)
		_exit(sendto(a, buf, sizeof(buf), 0, (void *)&to, sizeof(to)) == sizeof(buf) ? 0 : 1);
	for (int i = 0; i < sent + 1; i++)
		EXPECT_EQ(recv(b, buf, sizeof(buf), 0), sizeof(buf));
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(sending_to_others_takes_privilege)
{
	int fd = nl_open(NETLINK_ROUTE);
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	if (getuid() == 0)
		ASSERT_OK(setresuid(65534, 65534, 65534));
	struct rtgenmsg g = { .rtgen_family = AF_UNSPEC };
	struct nlreq r = nl_make(RTM_GETLINK, 0, &g, sizeof(g));
	EXPECT_ERRNO(sendto(fd, &r, r.h.nlmsg_len, 0, (void *)&to, sizeof(to)), EPERM);
	EXPECT_ERRNO(connect(fd, (void *)&to, sizeof(to)), EPERM);
	/* Everybody may listen, and to the kernel everybody may send. */
	EXPECT_OK(bind_to(fd, 0, 1));
	to.nl_groups = 0;
	EXPECT_OK(connect(fd, (void *)&to, sizeof(to)));
}

TEST(uevents_can_be_waited_for)
{
	int fd = nl_open(NETLINK_KOBJECT_UEVENT);
	nl_fresh_network();
	ASSERT_OK(bind_to(fd, 0, 1));
	int other = nl_open(NETLINK_KOBJECT_UEVENT);
	ASSERT_OK(bind_to(other, 0, 1));
	struct pollfd p = { .fd = other, .events = POLLIN };
	EXPECT_EQ(poll(&p, 1, 0), 0);
}
