/* publish.c - see publish.h.
 *
 * HOW      The loader listens, with the caller's rights and in the caller's network; the sentry gets the socket, and accepts on it
 *          (sentry/net/publish). What is set here the accepted sockets inherit. */
#include "loader/publish.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 4096                      /* net.core.somaxconn decides */
#define NAME_MAX_CHARS 64

static bool parse_port(const char *s, size_t len, bool zero, uint16_t *out)
{
	unsigned n = 0;
	if (len == 0 || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		n = n * 10 + (unsigned)(s[i] - '0');
	}
	*out = (uint16_t)n;
	return n <= 65535 && (n > 0 || zero);
}

static bool parse_ip(const char *s, size_t len, struct publish_option *o)
{
	char ip[INET6_ADDRSTRLEN];
	bool v6 = len >= 2 && s[0] == '[' && s[len - 1] == ']';
	s += v6;
	len -= v6 ? 2 : 0;
	if (len >= sizeof(ip))
		return false;
	memcpy(ip, s, len);
	ip[len] = '\0';
	o->host.sa.sa_family = v6 ? AF_INET6 : AF_INET;
	return inet_pton(o->host.sa.sa_family, ip, v6 ? (void *)&o->host.v6.sin6_addr : (void *)&o->host.v4.sin_addr) == 1;
}

struct err *publish_parse(const char *text, struct publish_option *out)
{
	*out = (struct publish_option){ .host.v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	size_t len = strcspn(text, "/");
	if (text[len] && strcmp(text + len, "/tcp") != 0)
		return err_new("%s: only tcp is possible", text);
	/* From behind: an IPv6 address has colons itself. */
	const char *guest = memrchr(text, ':', len);
	const char *host = guest ? memrchr(text, ':', (size_t)(guest - text)) : NULL;
	const char *port = host ? host + 1 : text;
	uint16_t n;
	if (!guest)
		return err_new("%s: must be HOST:GUEST or IP:HOST:GUEST, such as 8080:80", text);
	if (host && !parse_ip(text, (size_t)(host - text), out))
		return err_new("%s: IP must be an address of this machine, such as 127.0.0.1, 0.0.0.0 (all) or [::1]", text);
	if (!parse_port(port, (size_t)(guest - port), true, &n))
		return err_new("%s: HOST must be a port from 1 to 65535, or 0 for any that is free", text);
	if (!parse_port(guest + 1, len - (size_t)(guest + 1 - text), false, &out->guest_port))
		return err_new("%s: GUEST must be a port from 1 to 65535", text);
	/* At the same place in both. */
	out->host.v4.sin_port = htons(n);
	return NULL;
}

static const char *name_of(const struct publish_option *o, char buf[NAME_MAX_CHARS])
{
	char ip[INET6_ADDRSTRLEN] = "";
	bool v6 = o->host.sa.sa_family == AF_INET6;
	inet_ntop(o->host.sa.sa_family, v6 ? (const void *)&o->host.v6.sin6_addr : (const void *)&o->host.v4.sin_addr, ip, sizeof(ip));
	snprintf(buf, NAME_MAX_CHARS, v6 ? "[%s]:%u" : "%s:%u", ip, ntohs(o->host.v4.sin_port));
	return buf;
}

static const char *advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "; choose another port, or 0 for any that is free";
	case EACCES:
		return ": low ports are root's; choose one from 1024 on";
	case EADDRNOTAVAIL:
		return ": it must be an address of this machine, or 0.0.0.0 for all of them";
	case EAFNOSUPPORT:
		return ": this machine has no IPv6; give an IPv4 address";
	default:
		return "";
	}
}

static struct err *failed(const struct publish_option *o, int error)
{
	char name[NAME_MAX_CHARS], why[64];
	snprintf(why, sizeof(why), "%s", strerror(error));
	why[0] = (char)tolower((unsigned char)why[0]);
	return err_new("--publish: %s: %s%s", name_of(o, name), why, advice(error));
}

static int set_options(int fd, int family)
{
	/* A bridge sends what it has at once; the guest has held back what it wanted to. */
	const struct { int level, name; } on[] = {
		{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_OOBINLINE },
		{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_IPV6, IPV6_V6ONLY },
	};
	int one = 1;
	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		if ((on[i].level != IPPROTO_IPV6 || family == AF_INET6) &&
		    setsockopt(fd, on[i].level, on[i].name, &one, sizeof(one)) < 0)
			return -1;
	return 0;
}

struct err *publish_listen(const struct publish_option *o, struct sentry_publish *out)
{
	socklen_t len = o->host.sa.sa_family == AF_INET6 ? sizeof(o->host.v6) : sizeof(o->host.v4);
	int fd = socket(o->host.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return failed(o, errno);
	if (set_options(fd, o->host.sa.sa_family) < 0 || bind(fd, &o->host.sa, len) < 0 || listen(fd, BACKLOG) < 0) {
		int error = errno;
		close(fd);
		return failed(o, error);
	}
	struct publish_option got = *o;
	if (o->host.v4.sin_port == 0 && getsockname(fd, &got.host.sa, &len) == 0) {
		char name[NAME_MAX_CHARS];
		fprintf(stderr, "sbx: --publish: %s is port %u of the sandbox\n", name_of(&got, name), o->guest_port);
	}
	*out = (struct sentry_publish){ .fd = fd, .port = o->guest_port };
	return NULL;
}
