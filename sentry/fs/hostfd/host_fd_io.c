/* host_fd_io.c - see host_fd_io.h.
 *
 * HOW      RWF_NOWAIT says for one call what O_NONBLOCK would say for everybody. What doesn't know it (terminals) is polled first,
 *          and given no more than it takes at once when it is ready. */
#include "sentry/fs/hostfd/host_fd_io.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define TTY_ROOM 256                      /* a terminal that polls writable has about as much */

#define RET(call) ({ __auto_type ret_ = (call); ret_ < 0 ? -errno : ret_; })

int host_fd_flags(int fd)
{
	return RET(fcntl(fd, F_GETFL));
}

int host_fd_stat(int fd, struct stat *out)
{
	return RET(fstat(fd, out));
}

short host_fd_poll(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

static bool unsupported(ssize_t n)
{
	return n == -EOPNOTSUPP || n == -ENOSYS || n == -EINVAL;
}

ssize_t host_fd_read_stream(int fd, void *buf, size_t bytes)
{
	struct iovec iov = { .iov_base = buf, .iov_len = bytes };
	ssize_t n = RET(preadv2(fd, &iov, 1, -1, RWF_NOWAIT));
	if (!unsupported(n))
		return n;
	return host_fd_poll(fd, POLLIN) ? RET(read(fd, buf, bytes)) : -EAGAIN;
}

ssize_t host_fd_write_stream(int fd, const void *buf, size_t bytes)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = bytes };
	ssize_t n = RET(pwritev2(fd, &iov, 1, -1, RWF_NOWAIT));
	if (!unsupported(n))
		return n;
	if (!host_fd_poll(fd, POLLOUT))
		return -EAGAIN;
	struct stat st;
	size_t room = fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) ? PIPE_BUF : TTY_ROOM;
	return RET(write(fd, buf, MIN(bytes, room)));
}

ssize_t host_fd_read(int fd, void *buf, size_t bytes, off_t pos)
{
	return pos < 0 ? RET(read(fd, buf, bytes)) : RET(pread(fd, buf, bytes, pos));
}

ssize_t host_fd_write(int fd, const void *buf, size_t bytes, off_t pos)
{
	return pos < 0 ? RET(write(fd, buf, bytes)) : RET(pwrite(fd, buf, bytes, pos));
}

off_t host_fd_seek(int fd, off_t off, int whence)
{
	return RET(lseek(fd, off, whence));
}

int host_fd_truncate(int fd, off_t size)
{
	return RET(ftruncate(fd, size));
}

int host_fd_sync(int fd, bool data_only)
{
	return RET(data_only ? fdatasync(fd) : fsync(fd));
}

int host_fd_ioctl(int fd, unsigned cmd, void *arg)
{
	return RET(ioctl(fd, cmd, arg));
}
