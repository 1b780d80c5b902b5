/* netlink.h - talking netlink in guest tests. */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include "tests/guest/guest.h"

#define LO 1

/* A request being made. */
struct nlreq {
	struct nlmsghdr h;
	char rest[1024];
};

__attribute__((unused)) static int nl_open(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	ASSERT_OK(fd);
	return fd;
}

__attribute__((unused)) static struct nlreq nl_make(int type, int flags, const void *head, size_t bytes)
{
	static unsigned seq;
	struct nlreq r = { .h = { .nlmsg_len = (unsigned)NLMSG_LENGTH(bytes), .nlmsg_type = (unsigned short)type,
				  .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags), .nlmsg_seq = ++seq } };
	memcpy(NLMSG_DATA(&r.h), head, bytes);
	return r;
}

__attribute__((unused)) static void nl_add(struct nlreq *r, int type, const void *data, size_t bytes)
{
	struct rtattr a = { .rta_len = (unsigned short)RTA_LENGTH(bytes), .rta_type = (unsigned short)type };
	size_t at = NLMSG_ALIGN(r->h.nlmsg_len);
	ASSERT(at + RTA_SPACE(bytes) <= sizeof(*r));
	memcpy((char *)r + at, &a, sizeof(a));
	memcpy((char *)r + at + sizeof(a), data, bytes);
	r->h.nlmsg_len = (unsigned)(at + RTA_SPACE(bytes));
}

__attribute__((unused)) static void nl_send(int fd, const struct nlreq *r)
{
	ASSERT_EQ(send(fd, r, r->h.nlmsg_len, 0), r->h.nlmsg_len);
}

/* One message that must be there; its type. */
__attribute__((unused)) static int nl_next(int fd, void *buf, size_t bytes)
{
	struct nlmsghdr *h = buf;
	ssize_t n = recv(fd, buf, bytes, MSG_DONTWAIT);
	ASSERT_OK(n);
	ASSERT(n >= (ssize_t)sizeof(*h));
	return h->nlmsg_type;
}

/* Sends a request that is acknowledged: 0 or the error, positive. */
__attribute__((unused)) static int nl_ask(int fd, struct nlreq *r)
{
	char buf[4096] __attribute__((aligned(8)));
	struct nlmsghdr *h = (void *)buf;
	r->h.nlmsg_flags |= NLM_F_ACK;
	nl_send(fd, r);
	ASSERT_EQ(nl_next(fd, buf, sizeof(buf)), NLMSG_ERROR);
	EXPECT_EQ(h->nlmsg_seq, r->h.nlmsg_seq);
	return -((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

/* Receives a dump to its end: how many messages of the type; the first one's copy. */
__attribute__((unused)) static int nl_collect(int fd, int type, void *first, size_t bytes)
{
	static char buf[65536] __attribute__((aligned(8)));
	int count = 0;
	for (;;) {
		int n = (int)recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		ASSERT_OK(n);
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return count;
			ASSERT(h->nlmsg_type != NLMSG_ERROR);
			EXPECT(h->nlmsg_flags & NLM_F_MULTI);
			if (h->nlmsg_type == type && count++ == 0 && first)
				memcpy(first, h, h->nlmsg_len < bytes ? h->nlmsg_len : bytes);
		}
	}
}

__attribute__((unused)) static const void *nl_find(const struct nlmsghdr *h, size_t head, int type, size_t *len)
{
	struct rtattr *a = (void *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(head));
	int left = (int)(h->nlmsg_len - NLMSG_LENGTH(head));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != type)
			continue;
		if (len)
			*len = RTA_PAYLOAD(a);
		return RTA_DATA(a);
	}
	return NULL;
}

/* A network namespace of one's own, where one may do anything; lo is down. */
__attribute__((unused)) static void nl_fresh_network(void)
{
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		SKIP("no network namespaces here");
}

__attribute__((unused)) static int nl_set_lo(int fd, bool up)
{
	struct ifinfomsg h = { .ifi_index = LO, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP };
	struct nlreq r = nl_make(RTM_NEWLINK, 0, &h, sizeof(h));
	return nl_ask(fd, &r);
}

__attribute__((unused)) static int nl_change_v4(int fd, int type, int flags, const char *ip, int prefix)
{
	struct ifaddrmsg h = { .ifa_family = AF_INET, .ifa_prefixlen = (unsigned char)prefix, .ifa_index = LO };
	unsigned char v4[4];
	ASSERT_EQ(sscanf(ip, "%hhu.%hhu.%hhu.%hhu", &v4[0], &v4[1], &v4[2], &v4[3]), 4);
	struct nlreq r = nl_make(type, flags, &h, sizeof(h));
	nl_add(&r, IFA_LOCAL, v4, 4);
	nl_add(&r, IFA_ADDRESS, v4, 4);
	return nl_ask(fd, &r);
}
