/* inet_impl.h - what all sockets of the IP families have, and what the files of this folder share. */
#pragma once

#include <netinet/in.h>
#include <uthash.h>

#include "sentry/net/inet/inet.h"

/* An end of a conversation. IPv4 lives in ::ffff:0:0/96, so that one comparison serves both. */
struct inet_addr {
	struct in6_addr ip;
	uint16_t port;                    /* of the machine's byte order; 0: none */
};

enum inet_route { ROUTE_NONE, ROUTE_LOCAL, ROUTE_BROADCAST, ROUTE_MULTICAST };

/* Who is bound to a port of a protocol. Sockets a listener accepted are here, too: they keep its port from being bound. */
struct inet_bucket {
	struct inet_bucket_key { int proto, port; } key;
	TAILQ_HEAD(, inet_sock) socks, listeners;
	TAILQ_HEAD(, time_wait) time_waits;
	bool shared;                      /* only by sockets that connect(2) gave their port */
	UT_hash_handle hh;
};

/* A group that a socket has joined on lo (ip(7): IP_ADD_MEMBERSHIP). */
struct inet_member {
	TAILQ_ENTRY(inet_member) link;
	struct in6_addr group;
	bool exclude;                     /* filter mode; with nsources 0 everything comes through */
	unsigned nsources;
	struct in6_addr *sources;
};

/* Something for MSG_ERRQUEUE (IP_RECVERR, SO_ZEROCOPY). */
struct inet_error;

struct inet_sock {
	struct socket sock;
	struct net *net;                  /* a reference */
	TAILQ_ENTRY(inet_sock) net_link;
	const struct inet_proto *proto;
	struct inet_addr local, remote;   /* remote.port 0: not connected */
	struct inet_bucket *bucket;       /* NULL: not bound */
	TAILQ_ENTRY(inet_sock) bucket_link, listener_link;
	bool port_lock, addr_lock;        /* the guest's bind(2) chose port, address */
	bool v6only;
	uint32_t euid;                    /* who made it: SO_REUSEPORT is for one user's sockets */
	struct socket_filter *chooser;    /* SO_ATTACH_REUSEPORT_CBPF, or NULL: of its group's, the one attached last counts */
	uint64_t chooser_id;

	/* Of IP. -1: the default. */
	int ttl, mc_ttl, hops, mc_hops, tos, tclass, pmtudisc, pmtudisc6, minttl, minhops;
	bool mc_loop, mc_loop6, mc_all, mc_all6, freebind, transparent, nodefrag, hdrincl, no_port, router_alert;
	bool recverr, recverr6, recverr_rfc4884, recverr6_rfc4884, flowinfo_send, autoflow, dontfrag;
	bool pktinfo, recvttl, recvtos, recvopts, retopts, recvorigdst, passsec, checksum, recvfragsize;
	bool pktinfo6, recvhops, recvtclass, recvpathmtu, recvflow, recvorigdst6, recvfragsize6;
	int mc_if, mc_if6;                /* interface index, 0: none */
	struct in_addr mc_addr;
	int unicast_if, unicast_if6, mtu6, addr_prefs;
	uint32_t port_range;              /* IP_LOCAL_PORT_RANGE */
	TAILQ_HEAD(, inet_member) members;
	unsigned nmembers;
	TAILQ_HEAD(inet_errors, inet_error) errors;
	unsigned nerrors;
};
#define to_inet(s) container_of(s, struct inet_sock, sock)

/* What a transport protocol does differently where all of them bind. */
struct inet_proto {
	int bucket_proto;                 /* whose port numbers it shares; -1: it has none (raw) */
	/* Both overlap in address: may a and b, already bound, share a port? */
	bool (*may_share)(const struct inet_sock *a, const struct inet_sock *b);
};

static inline bool ip_is_v4(const struct in6_addr *ip) { return IN6_IS_ADDR_V4MAPPED(ip); }
static inline uint32_t ip_v4(const struct in6_addr *ip) { return ntohl(ip->s6_addr32[3]); }
static inline bool ip_is_any(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_UNSPECIFIED(ip) || (ip_is_v4(ip) && ip_v4(ip) == 0);
}
static inline bool ip_equal(const struct in6_addr *a, const struct in6_addr *b) { return IN6_ARE_ADDR_EQUAL(a, b); }
struct in6_addr ip_from_v4(uint32_t v4);
static inline bool inet_is_v6(const struct inet_sock *in) { return in->sock.family == AF_INET6; }

/* inet_addr.c */
enum inet_route inet_route(const struct net *net, const struct in6_addr *ip);
/* The address one has towards a destination that is local. */
struct in6_addr inet_source_for(const struct net *net, const struct in6_addr *to);
/* Addresses of arguments. -EINVAL, -EAFNOSUPPORT. scope: sin6_scope_id, may be NULL. */
int inet_addr_get(const struct inet_sock *in, const struct sockaddr_storage *sa, socklen_t len, struct inet_addr *out,
		  uint32_t *scope) MUST_CHECK;
void inet_addr_put(const struct inet_sock *in, const struct inet_addr *a, struct sockaddr_storage *out, socklen_t *len);
/* Can a datagram or a connection go there? 0, -ENETUNREACH … as Linux finds it; an unspecified address becomes loopback. */
int inet_reach(const struct inet_sock *in, struct inet_addr *to, uint32_t scope, bool stream, enum inet_route *out) MUST_CHECK;

/* inet_reuseport.c: sockets that share an address with SO_REUSEPORT. First each of them is added, then one is chosen, by their
 * program or by the addresses: which of them, in the order of adding. data: what comes, without its headers. */
struct inet_group {
	uint32_t members;
	const struct inet_sock *programmed;
};
void inet_group_add(struct inet_group *g, const struct inet_sock *in);
uint32_t inet_group_choose(const struct inet_group *g, const struct inet_addr *to, const struct inet_addr *from, const void *data,
			   size_t bytes);
/* SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_REUSEPORT_BPF. -EINVAL, -ENOENT, as filter_attach() */
int inet_group_attach(struct task *t, struct inet_sock *in, const void *value, socklen_t len) MUST_CHECK;
int inet_group_detach(struct inet_sock *in) MUST_CHECK;

/* inet_bind.c */
int inet_bind(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len);
/* Gives the socket a port that connect(2) to `remote` can use; usable(in, port) decides. -EADDRNOTAVAIL */
int inet_connect_port(struct inet_sock *in, bool (*usable)(struct inet_sock *in, uint16_t port)) MUST_CHECK;
int inet_autobind(struct inet_sock *in) MUST_CHECK;       /* -EADDRINUSE; nothing if it has a port */
bool inet_bind_conflict(const struct inet_sock *in, const struct inet_bucket *b);
struct inet_bucket *inet_bucket_find(struct net *net, int proto, uint16_t port);
void inet_bucket_join(struct inet_sock *in, struct inet_bucket *b);
void inet_unbind(struct inet_sock *in);
void inet_bucket_put(struct net *net, struct inet_bucket *b);          /* frees it when nobody is in it */

/* inet_sock.c */
void inet_init(struct inet_sock *in, struct net *net, const struct inet_proto *proto, uint32_t euid);
void inet_fini(struct inet_sock *in);
bool inet_may(const struct task *t, const struct inet_sock *in, int cap);        /* in the socket's namespace */
int inet_getname(struct socket *s, enum socket_end end, struct sockaddr_storage *out, socklen_t *out_len);
void inet_copy_options(struct inet_sock *to, const struct inet_sock *from);      /* what an accepted socket inherits */

/* inet_opt.c, inet_opt6.c: SOL_IP, SOL_IPV6, and what is left of SOL_SOCKET. */
int inet_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len);
int inet_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len);
/* Those that are a flag or a number of struct inet_sock and nothing more, in a list for each family. */
struct inet_option {
	int name;
	enum { INET_OPTION_FLAG, INET_OPTION_BOOL, INET_OPTION_NUMBER } kind;     /* any number for true, or from min to max */
	size_t offset;
	int min, max;
};
#define INET_FLAG(name, field) { name, INET_OPTION_FLAG, offsetof(struct inet_sock, field), 0, 0 }
#define INET_BOOL(name, field) { name, INET_OPTION_BOOL, offsetof(struct inet_sock, field), 0, 1 }
#define INET_NUMBER(name, field, min, max) { name, INET_OPTION_NUMBER, offsetof(struct inet_sock, field), min, max }
const struct inet_option *inet_option_find(const struct inet_option *list, size_t n, int name);        /* NULL */
int inet_option_get(const struct inet_sock *in, const struct inet_option *o);
int inet_option_set(struct inet_sock *in, const struct inet_option *o, int v) MUST_CHECK;               /* -EINVAL */
int inet_group_option(struct inet_sock *in, int name, const void *value, socklen_t len);       /* MCAST_JOIN_GROUP … */
int inet6_getsockopt(struct task *t, struct inet_sock *in, int name, void *value, socklen_t *len);
int inet6_setsockopt(struct task *t, struct inet_sock *in, int name, const void *value, socklen_t len);

/* inet_mcast.c. -ENODEV: not lo; -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL, -ENOBUFS. */
enum inet_source_op { SOURCE_JOIN, SOURCE_LEAVE, SOURCE_BLOCK, SOURCE_UNBLOCK };
int inet_mcast_join(struct inet_sock *in, const struct in6_addr *group, int ifindex) MUST_CHECK;
int inet_mcast_leave(struct inet_sock *in, const struct in6_addr *group, int ifindex) MUST_CHECK;
int inet_mcast_source(struct inet_sock *in, enum inet_source_op op, const struct in6_addr *group, const struct in6_addr *source,
		      int ifindex) MUST_CHECK;
void inet_mcast_leave_all(struct inet_sock *in);
bool inet_mcast_wants(const struct inet_sock *in, const struct in6_addr *group, const struct in6_addr *source);
bool inet_mcast_joined(const struct net *net, const struct in6_addr *group);     /* by anybody */

/* inet_error.c */
struct sock_extended_err;
void inet_error_add(struct inet_sock *in, const struct sock_extended_err *ee, const struct inet_addr *offender,
		    const struct inet_addr *dest, const void *data, size_t bytes);
ssize_t inet_error_recv(struct inet_sock *in, struct socket_msg *m);             /* MSG_ERRQUEUE. -EAGAIN */
void inet_error_purge(struct inet_sock *in);
void inet_zerocopy_done(struct inet_sock *in, uint32_t id);

/* The protocols. */
int tcp_create(struct task *t, int family, struct socket **out) MUST_CHECK;
int dgram_create(struct task *t, int family, int type, int protocol, struct socket **out) MUST_CHECK;
