/* diag.h - what the files of NETLINK_SOCK_DIAG share. */
#pragma once

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#include "sentry/net/netlink/netlink_impl.h"

/* As nl_proto.handle. */
int diag_inet(struct nl_request *r);
int diag_unix(struct nl_request *r);

/* A socket's cookie, by which one may ask for it again: its file's number for life. NULL: none. */
static inline void diag_cookie(const struct socket *s, uint32_t out[2])
{
	out[0] = s ? (uint32_t)s->file.id : INET_DIAG_NOCOOKIE;
	out[1] = s ? (uint32_t)(s->file.id >> 32) : INET_DIAG_NOCOOKIE;
}
static inline bool diag_cookie_fits(const struct socket *s, const uint32_t asked[2])
{
	uint32_t has[2];
	diag_cookie(s, has);
	return (asked[0] == INET_DIAG_NOCOOKIE && asked[1] == INET_DIAG_NOCOOKIE) || (has[0] == asked[0] && has[1] == asked[1]);
}
void diag_put_memory(struct nl_buf *b, int type, const struct socket *s, uint64_t rx, uint64_t tx);      /* SK_MEMINFO_* */
