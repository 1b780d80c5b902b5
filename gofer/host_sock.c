/* host_sock.c - datagrams to and from the sentry (host.h). */
#include "gofer/host.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "platform/base/look.h"

static ssize_t look_for(int sock, struct msghdr *m)
{
	struct look look = look_begin();
	do {
		ssize_t n = recvmsg(sock, m, MSG_DONTWAIT);
		if (n >= 0 || errno != EAGAIN)
			return n;
	} while (look_again(&look));
	return recvmsg(sock, m, 0);
}

ssize_t host_recv(int sock, bool look, void *buf, size_t bytes)
{
	struct iovec iov = { .iov_base = buf, .iov_len = bytes };
	/* No room for control data: descriptors that somebody sends are closed by the kernel. */
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;
	do
		n = look ? look_for(sock, &m) : recvmsg(sock, &m, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : n;
}

int host_send(int sock, const void *buf, size_t bytes, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = bytes };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fd >= 0) {
		m.msg_control = control.space;
		m.msg_controllen = sizeof(control.space);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
				       .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	ssize_t n;
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
