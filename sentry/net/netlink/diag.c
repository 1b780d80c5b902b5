/* diag.c placeholder */
#include "sentry/net/netlink/netlink_impl.h"
int diag_handle(struct nl_request *r)
{
	(void)r;
	return -ENOENT;
}
