/* hostfd_tty.c - ioctls on host descriptors: those that ask and set a terminal's line discipline, and how much can be read.
 *
 * LINUX    ioctl_tty(2).
 * MISSING  Job control (TIOCGPGRP, TIOCSCTTY …): the host terminal's sessions are the host's; a guest terminal of its own is
 *          the tty layer's. TIOCSTI never: it would type for the user. */
#include <asm/termbits.h>
#include <sys/ioctl.h>

#include "sentry/fs/hostfd/host_fd_io.h"
#include "sentry/fs/hostfd/hostfd_impl.h"
#include "sentry/mm/uaccess.h"

static long get(struct task *t, int fd, unsigned cmd, uptr_t arg, void *buf, size_t bytes)
{
	int err = host_fd_ioctl(fd, cmd, buf);
	return err ? err : copy_to_user(t, arg, buf, bytes);
}

long hostfd_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	int fd = to_hostfd_inode(f->inode)->fd;
	struct termios tio = { 0 };
	struct winsize ws = { 0 };
	int n = 0;
	int err;
	switch (cmd) {
	case TCGETS:
		return get(t, fd, cmd, UPTR(arg), &tio, sizeof(tio));
	case TIOCGWINSZ:
		return get(t, fd, cmd, UPTR(arg), &ws, sizeof(ws));
	case FIONREAD:
		return get(t, fd, cmd, UPTR(arg), &n, sizeof(n));
	case TIOCOUTQ:
		return get(t, fd, cmd, UPTR(arg), &n, sizeof(n));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		err = host_fd_ioctl(fd, TCGETS, &tio);   /* not a terminal: said before the argument is read */
		if (!err)
			err = copy_from_user(t, &tio, UPTR(arg), sizeof(tio));
		return err ? err : host_fd_ioctl(fd, cmd, &tio);
	case TCFLSH:
		return host_fd_ioctl(fd, cmd, (void *)(uintptr_t)(arg & 3));
	default:
		return -ENOTTY;
	}
}
