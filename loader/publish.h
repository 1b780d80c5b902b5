/* publish.h - -p, --publish: ports of the host that lead into the sandbox. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "loader/err.h"
#include "sentry/sentry.h"

struct publish_option {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} host;                           /* port 0: any that is free */
	uint16_t guest_port;
};

/* [IP:]HOST:GUEST[/tcp]; an IPv6 address stands in brackets. Without IP: 127.0.0.1. */
struct err *publish_parse(const char *text, struct publish_option *out) MUST_CHECK;
/* Listens on the host; says which port it became where any was asked for. out->fd is O_CLOEXEC. */
struct err *publish_listen(const struct publish_option *o, struct sentry_publish *out) MUST_CHECK;
