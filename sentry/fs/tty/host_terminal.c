/* host_terminal.c - moving bytes to and from the user's terminal without waiting.
 *
 * The loader opens the terminal anew, with O_NONBLOCK, wherever it can; then plain reads and writes do. Else the descriptor is
 * somebody else's too, and is asked each time how much it takes. */
#include "sentry/fs/tty/host_terminal.h"

#include <asm/termbits.h>
#include <fcntl.h>

#include "sentry/fs/hostfd/host_fd_io.h"

static bool is_nonblocking(int fd)
{
	int flags = host_fd_flags(fd);
	return flags >= 0 && (flags & O_NONBLOCK);
}

ssize_t host_terminal_read(int fd, void *buf, size_t bytes)
{
	return is_nonblocking(fd) ? host_fd_read(fd, buf, bytes, -1) : host_fd_read_stream(fd, buf, bytes);
}

ssize_t host_terminal_write(int fd, const void *buf, size_t bytes)
{
	return is_nonblocking(fd) ? host_fd_write(fd, buf, bytes, -1) : host_fd_write_stream(fd, buf, bytes);
}

bool host_terminal_size(int fd, struct winsize *out)
{
	return host_fd_ioctl(fd, TIOCGWINSZ, out) == 0;
}

bool host_terminal_is_one(int fd)
{
	struct termios tio;
	return host_fd_ioctl(fd, TCGETS, &tio) != -ENOTTY;
}

bool host_terminal_is_gone(int fd)
{
	return host_fd_poll(fd, 0) & (POLLHUP | POLLERR | POLLNVAL);
}
