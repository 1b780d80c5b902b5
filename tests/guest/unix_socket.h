/* unix_socket.h - what the tests of AF_UNIX sockets share. */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/guest/guest.h"

__attribute__((unused)) static char buf[1 << 20];
__attribute__((unused)) static void *volatile bad = (void *)8;

__attribute__((unused)) static int poll_of(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

__attribute__((unused)) static void pair(int type, int sv[2])
{
	ASSERT_OK(socketpair(AF_UNIX, type, 0, sv));
}

__attribute__((unused)) static socklen_t abstract(struct sockaddr_un *a, const char *name)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "%s.%d", name, getpid());
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

__attribute__((unused)) static int listener(int type, struct sockaddr_un *a, socklen_t *len, int backlog)
{
	int fd = socket(AF_UNIX, type, 0);
	ASSERT_OK(fd);
	*len = abstract(a, "listener");
	ASSERT_OK(bind(fd, (struct sockaddr *)a, *len));
	ASSERT_OK(listen(fd, backlog));
	return fd;
}
