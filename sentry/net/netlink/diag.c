/* diag.c - NETLINK_SOCK_DIAG: which sockets there are (sock_diag(7)).
 *
 * LINUX    net/core/sock_diag.c. Same: a family that nobody tells about is ENOENT.
 * MISSING  SOCK_DESTROY (EOPNOTSUPP, as without its config); families but AF_INET, AF_INET6, AF_UNIX; the multicast groups about
 *          sockets that end. */
#include "sentry/net/netlink/diag.h"

void diag_put_memory(struct nl_buf *b, int type, const struct socket *s, uint64_t rx, uint64_t tx)
{
	uint32_t mem[SK_MEMINFO_VARS] = { [SK_MEMINFO_RMEM_ALLOC] = (uint32_t)rx, [SK_MEMINFO_RCVBUF] = s->rcvbuf,
					  [SK_MEMINFO_WMEM_ALLOC] = (uint32_t)tx, [SK_MEMINFO_SNDBUF] = s->sndbuf,
					  [SK_MEMINFO_DROPS] = s->drops };
	nl_put(b, type, mem, sizeof(mem));
}

int diag_handle(struct nl_request *r)
{
	struct sock_diag_req q;
	switch (r->h.nlmsg_type) {
	case SOCK_DIAG_BY_FAMILY:
		break;
	case TCPDIAG_GETSOCK:
	case SOCK_DESTROY:
		return -EOPNOTSUPP;
	case DCCPDIAG_GETSOCK:
		return -ENOENT;
	default:
		return -EINVAL;
	}
	if (!nl_head(r, &q, sizeof(q)) || q.sdiag_family >= AF_MAX)
		return -EINVAL;
	switch (q.sdiag_family) {
	case AF_INET:
	case AF_INET6:
		return diag_inet(r);
	case AF_UNIX:
		return diag_unix(r);
	default:
		return -ENOENT;
	}
}
