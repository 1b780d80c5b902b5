/* net.c - life of a network namespace (net.h). */
#include "sentry/net/net.h"

#include "sentry/net/inet/inet.h"
#include "sentry/net/lo.h"

#define PORT_FIRST 32768
#define PORT_LAST 60999
#define SOMAXCONN_DEFAULT 4096

struct net *net_new(bool lo_up)
{
	struct net *n = NEW(struct net);
	n->refs = 1;
	ns_id_init_first(&n->id, NS_NET);
	n->lo_up = lo_up;
	n->port_first = PORT_FIRST;
	n->port_last = PORT_LAST;
	n->somaxconn = SOMAXCONN_DEFAULT;
	n->ping_first = lo_up ? 0 : 1;    /* the sandbox's own: everybody, as container engines set it; another: nobody */
	n->ping_last = lo_up ? INT_MAX : 0;
	n->port_unprivileged = 1024;
	TAILQ_INIT(&n->socks);
	TAILQ_INIT(&n->netlinks);
	TAILQ_INIT(&n->unixes);
	TAILQ_INIT(&n->packets);
	lo_init(n);
	return n;
}

struct net *net_get(struct net *n)
{
	if (n)
		n->refs++;
	return n;
}

void net_put(struct net *n)
{
	if (!n || --n->refs > 0)
		return;
	inet_net_exit(n);
	/* Every socket, every connection and every port in use holds a reference. */
	CHECK(TAILQ_EMPTY(&n->socks) && !n->conns && !n->buckets && TAILQ_EMPTY(&n->netlinks) && TAILQ_EMPTY(&n->unixes));
	lo_fini(n);
	ns_id_fini(&n->id);
	free(n);
}
