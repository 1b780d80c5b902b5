/* route.h - what the files of NETLINK_ROUTE share. Handlers: as nl_proto.handle. */
#pragma once

#include <linux/rtnetlink.h>

#include "sentry/net/lo.h"
#include "sentry/net/netlink/netlink_impl.h"

#define ROUTE_REPLY_MAX 4096

/* route_link.c: interfaces. */
int route_link_get(struct nl_request *r);
int route_link_dump(struct nl_request *r);
int route_link_new(struct nl_request *r);         /* RTM_NEWLINK, RTM_SETLINK */
int route_link_del(struct nl_request *r);

/* route_addr.c: their addresses. */
int route_addr_dump(struct nl_request *r);
int route_addr_new(struct nl_request *r);
int route_addr_del(struct nl_request *r);

/* route_table.c: where packets go. */
int route_get(struct nl_request *r);
int route_dump(struct nl_request *r);
int route_rule_dump(struct nl_request *r);
int route_qdisc_dump(struct nl_request *r);

static inline bool nl_strict(const struct nl_request *r) { return r->nlk->options & NL_STRICT; }
