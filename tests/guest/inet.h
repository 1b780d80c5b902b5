/* inet.h - what the tests of IP sockets share. */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/guest/guest.h"

static inline struct sockaddr_in in4(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

static inline struct sockaddr_in6 in6(const char *ip, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	inet_pton(AF_INET6, ip, &a.sin6_addr);
	return a;
}

static inline int bind4(int fd, const char *ip, int port)
{
	struct sockaddr_in a = in4(ip, port);
	return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static inline int connect4(int fd, const char *ip, int port)
{
	struct sockaddr_in a = in4(ip, port);
	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static inline int port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return -1;
	return ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port : ((struct sockaddr_in6 *)&ss)->sin6_port);
}

static inline int tcp4(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_OK(fd);
	return fd;
}

static inline int udp4(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_OK(fd);
	return fd;
}

/* A listener on 127.0.0.1 and a port of its own. */
static inline int listener4(int backlog, int *port)
{
	int fd = tcp4();
	ASSERT_OK(bind4(fd, "127.0.0.1", 0));
	ASSERT_OK(listen(fd, backlog));
	*port = port_of(fd);
	return fd;
}

/* sv[0]: the client, sv[1]: the server's end. */
static inline void tcp_pair(int sv[2])
{
	int port, l = listener4(1, &port);
	sv[0] = tcp4();
	ASSERT_OK(connect4(sv[0], "127.0.0.1", port));
	sv[1] = accept(l, NULL, NULL);
	ASSERT_OK(sv[1]);
	close(l);
}

static inline int set_int(int fd, int level, int name, int v)
{
	return setsockopt(fd, level, name, &v, sizeof(v));
}

static inline int get_int(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);
	return getsockopt(fd, level, name, &v, &len) ? -errno : v;
}

static inline int so_error(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_ERROR);
}

#define POLL_ALL (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)
static inline int poll_of(int fd)
{
	struct pollfd p = { fd, POLL_ALL, 0 };
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

/* Waits for any of `want`, at most ten seconds. */
static inline int poll_for(int fd, int want)
{
	struct pollfd p = { fd, (short)want, 0 };
	return poll(&p, 1, 10000) == 1 ? p.revents : 0;
}

static inline void nonblock(int fd)
{
	ASSERT_OK(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK));
}
