/* host_tcp.c - see host_tcp.h. The sentry's filter has these calls only when something is published
 * (platform/seccomp/policy_sentry.c). */
#include "sentry/net/publish/host_tcp.h"

#include <sys/resource.h>
#include <unistd.h>

#define RET(call) ({ __auto_type ret_ = (call); ret_ < 0 ? -errno : ret_; })

int host_tcp_accept(int fd, struct sockaddr_storage *from)
{
	socklen_t len = sizeof(*from);
	return RET(accept4(fd, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

ssize_t host_tcp_recv(int fd, void *to, size_t bytes)
{
	return RET(recv(fd, to, bytes, MSG_DONTWAIT));
}

ssize_t host_tcp_send(int fd, struct iovec *iov, int n)
{
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	return RET(sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL));
}

void host_tcp_finish(int fd)
{
	/* It fails when the client has reset the connection, which reading tells. */
	shutdown(fd, SHUT_WR);
}

void host_tcp_close(int fd, bool reset)
{
	struct linger none = { .l_onoff = 1 };
	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}

unsigned host_fd_limit(void)
{
	struct rlimit r;
	return getrlimit(RLIMIT_NOFILE, &r) == 0 ? (unsigned)MIN(r.rlim_cur, (rlim_t)1 << 20) : 1024;
}
