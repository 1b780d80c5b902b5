/* netlink_opt.c - socket options of SOL_NETLINK (netlink(7)).
 *
 * LINUX    net/netlink/af_netlink.c netlink_setsockopt(). NETLINK_LISTEN_ALL_NSID is remembered: notifications come from
 *          one's own namespace only. */
#include <linux/capability.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/net/netlink/netlink_impl.h"

static const struct { int name; unsigned option; } flags[] = {
	{ NETLINK_PKTINFO, NL_PKTINFO },
	{ NETLINK_BROADCAST_ERROR, NL_BROADCAST_ERROR },
	{ NETLINK_NO_ENOBUFS, NL_NO_ENOBUFS },
	{ NETLINK_LISTEN_ALL_NSID, NL_ALL_NSID },
	{ NETLINK_CAP_ACK, NL_CAP_ACK },
	{ NETLINK_EXT_ACK, NL_EXT_ACK },
	{ NETLINK_GET_STRICT_CHK, NL_STRICT },
};

static unsigned option_of(int name)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].name == name)
			return flags[i].option;
	return 0;
}

int netlink_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len)
{
	struct netlink_sock *nlk = to_netlink(s);
	unsigned v = 0, option = option_of(name);
	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len >= sizeof(v))
		memcpy(&v, value, sizeof(v));
	if (name == NETLINK_ADD_MEMBERSHIP || name == NETLINK_DROP_MEMBERSHIP) {
		if (!v || v > MAX(nlk->proto->groups, 32U))
			return -EINVAL;
		uint64_t bit = 1ULL << (v - 1);
		nlk->groups = name == NETLINK_ADD_MEMBERSHIP ? nlk->groups | bit : nlk->groups & ~bit;
		return 0;
	}
	if (!option)
		return -ENOPROTOOPT;
	if (option == NL_ALL_NSID && !cred_ns_cap(t->cred, nlk->net->id.owner, CAP_NET_BROADCAST))
		return -EPERM;
	nlk->options = v ? nlk->options | option : nlk->options & ~option;
	if (v && option == NL_NO_ENOBUFS)
		nlk->congested = false;
	return 0;
}

int netlink_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	(void)t;
	const struct netlink_sock *nlk = to_netlink(s);
	unsigned option = option_of(name);
	if (level == SOL_SOCKET && name == SO_PEERCRED) {
		struct ucred none = { 0, (uid_t)-1, (gid_t)-1 };
		return sockopt_put(value, len, &none, sizeof(none));
	}
	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (name == NETLINK_LIST_MEMBERSHIPS) {
		socklen_t bytes = ALIGN_UP((nlk->proto->groups + 7) / 8, 4U);
		memcpy(value, &nlk->groups, MIN(*len, bytes) & ~3U);
		*len = bytes;
		return 0;
	}
	if (!option)
		return -ENOPROTOOPT;
	if (*len < sizeof(int))
		return -EINVAL;
	return sockopt_put_int(value, len, (nlk->options & option) != 0);
}
