/* netlink.h - AF_NETLINK for the rest of the sentry (netlink(7)). */
#pragma once

#include "sentry/net/net.h"
#include "sentry/net/socket.h"

struct lo_addr;
struct nl_request;

extern const struct socket_family netlink_family;

/* Tells the groups of NETLINK_ROUTE that lo, or an address of it, is now so (RTM_NEWADDR, RTM_DELADDR). change: flags that
 * did. why: the request that asked for it, or NULL. */
void netlink_tell_link(struct net *net, unsigned change, const struct nl_request *why);
void netlink_tell_addr(struct net *net, int type, const struct lo_addr *a, const struct nl_request *why);

/* Can f be told something by the kernel? -ENOTSOCK, -EINVAL: not of this family. */
int netlink_check(struct file *f) MUST_CHECK;
/* A message to f, which is of this family, from the kernel. Who has no room for it learns ENOBUFS. */
void netlink_post(struct file *f, const void *data, size_t bytes);

/* For /proc/net/netlink. */
struct netlink_info { const struct socket *sock; uint32_t port; uint64_t groups; size_t rmem; bool dumping; };
void netlink_each(struct net *net, void (*fn)(void *arg, const struct netlink_info *i), void *arg);
