/* trace_net.c - printers of sockets' arguments. */
#include "sentry/syscalls/trace.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static const struct flag_name families[] = {
	FLAG(AF_UNSPEC), FLAG(AF_UNIX), FLAG(AF_INET), FLAG(AF_INET6), FLAG(AF_NETLINK), FLAG(AF_PACKET), FLAG(AF_VSOCK),
	FLAG(AF_ALG), FLAG(AF_BLUETOOTH), FLAG(AF_KEY),
};

void trace_domain(struct trace *tr, uint64_t v) { trace_one_of(tr, (uint32_t)v, families, ARRAY_SIZE(families)); }

void trace_sock_type(struct trace *tr, uint64_t v)
{
	static const struct flag_name types[] = {
		FLAG(SOCK_STREAM), FLAG(SOCK_DGRAM), FLAG(SOCK_RAW), FLAG(SOCK_RDM), FLAG(SOCK_SEQPACKET), FLAG(SOCK_DCCP),
		FLAG(SOCK_PACKET),
	};
	unsigned flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	trace_one_of(tr, (uint32_t)v & ~flags, types, ARRAY_SIZE(types));
	if (v & SOCK_CLOEXEC)
		trace_printf(tr, "|SOCK_CLOEXEC");
	if (v & SOCK_NONBLOCK)
		trace_printf(tr, "|SOCK_NONBLOCK");
}

void trace_msg_flags(struct trace *tr, uint64_t v)
{
	static const struct flag_name names[] = {
		FLAG(MSG_OOB), FLAG(MSG_PEEK), FLAG(MSG_DONTROUTE), FLAG(MSG_CTRUNC), FLAG(MSG_TRUNC), FLAG(MSG_DONTWAIT),
		FLAG(MSG_EOR), FLAG(MSG_WAITALL), FLAG(MSG_CONFIRM), FLAG(MSG_ERRQUEUE), FLAG(MSG_NOSIGNAL), FLAG(MSG_MORE),
		FLAG(MSG_WAITFORONE), FLAG(MSG_FASTOPEN), FLAG(MSG_CMSG_CLOEXEC),
	};
	trace_bits(tr, (uint32_t)v, names, ARRAY_SIZE(names));
}

static void trace_addr(struct trace *tr, uint64_t v, size_t len)
{
	union {
		struct sockaddr_storage storage;
		sa_family_t family;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_nl nl;
	} a = { 0 };
	char text[INET6_ADDRSTRLEN];
	len = MIN(len, sizeof(a));
	if (len < sizeof(a.family)) {
		trace_ptr(tr, v);
		return;
	}
	if (!trace_fetch(tr, v, &a, len))
		return;
	trace_printf(tr, "{sa_family=");
	trace_domain(tr, a.family);
	if (a.family == AF_UNIX && len > sizeof(a.family)) {
		size_t max = MIN(len, sizeof(a.un)) - sizeof(a.family);
		bool abstract = !a.un.sun_path[0];
		trace_printf(tr, abstract ? ", sun_path=@" : ", sun_path=");
		trace_quoted(tr, a.un.sun_path + abstract, abstract ? max - 1 : strnlen(a.un.sun_path, max), false);
	} else if (a.family == AF_INET) {
		trace_printf(tr, ", sin_port=htons(%u), sin_addr=inet_addr(\"%s\")", ntohs(a.in.sin_port),
			     inet_ntop(AF_INET, &a.in.sin_addr, text, sizeof(text)));
	} else if (a.family == AF_INET6) {
		trace_printf(tr, ", sin6_port=htons(%u), sin6_addr=inet_pton(AF_INET6, \"%s\")", ntohs(a.in6.sin6_port),
			     inet_ntop(AF_INET6, &a.in6.sin6_addr, text, sizeof(text)));
	} else if (a.family == AF_NETLINK) {
		trace_printf(tr, ", nl_pid=%u, nl_groups=%08x", a.nl.nl_pid, a.nl.nl_groups);
	}
	trace_printf(tr, "}");
}

void trace_sockaddr(struct trace *tr, uint64_t v)
{
	int len = (int)tr->args[tr->arg + 1];
	if (len < 0)
		trace_ptr(tr, v);
	else
		trace_addr(tr, v, len);
}

void trace_out_sockaddr(struct trace *tr, uint64_t v)
{
	uint32_t len;
	uint64_t len_addr = tr->args[tr->arg + 1];
	if (tr->ret < 0 || !len_addr || copy_from_user(tr->t, &len, UPTR(len_addr), sizeof(len)))
		trace_ptr(tr, v);
	else
		trace_addr(tr, v, len);
}
