/* host_sock.c - see host_sock.h. */
#include "sentry/fs/gofer/host_sock.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int gofer_host_send(int sock, const void *buf, size_t bytes)
{
	ssize_t n;
	do
		n = send(sock, buf, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Takes the one descriptor out of a message; closes what there is too much of. */
static int take_fd(struct msghdr *m, int *out)
{
	bool extra = m->msg_flags & MSG_CTRUNC;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*out < 0) {
				*out = fd;
			} else {
				close(fd);
				extra = true;
			}
		}
	}
	if (!extra)
		return 0;
	if (*out >= 0)
		close(*out);
	*out = -1;
	return -EMSGSIZE;
}

ssize_t gofer_host_recv(int sock, void *buf, size_t bytes, int *fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = bytes };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
			    .msg_controllen = sizeof(control.space) };
	*fd = -1;
	ssize_t n;
	do
		n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	int err = take_fd(&m, fd);
	if (err || (m.msg_flags & MSG_TRUNC)) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
		return -EMSGSIZE;
	}
	return n;
}

void gofer_host_wait_readable(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	poll(&p, 1, -1);
}
