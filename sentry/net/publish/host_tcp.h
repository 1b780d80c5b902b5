/* host_tcp.h - the host's sockets, as far as --publish needs them. None of it waits; -errno. */
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include "platform/base/base.h"

int host_tcp_accept(int fd, struct sockaddr_storage *from) MUST_CHECK;
ssize_t host_tcp_recv(int fd, void *to, size_t bytes) MUST_CHECK;
ssize_t host_tcp_send(int fd, struct iovec *iov, int n) MUST_CHECK;
void host_tcp_finish(int fd);             /* sends a FIN behind the rest */
void host_tcp_close(int fd, bool reset);  /* reset: with a RST, without the rest */
unsigned host_fd_limit(void);
