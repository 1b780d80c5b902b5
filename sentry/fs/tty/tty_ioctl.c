/* tty_ioctl.c - ioctls of both ends of a pty: dispatch, and those that fit nowhere else (ioctl_tty(2)).
 *
 * LINUX    drivers/tty/tty_io.c: tty_ioctl(); n_tty_ioctl(), pty.c. TIOCSTI as with dev.tty.legacy_tiocsti = 0.
 * MISSING  Modem lines, serial settings, other line disciplines. */
#include <linux/capability.h>
#include <linux/tty.h>

#include "sentry/fs/tty/tty_impl.h"

static long put_int(struct task *t, uint64_t arg, int n)
{
	return put_user(t, UPTR(arg), &n);
}

static long simulate_input(struct task *t, struct tty_file *tf, uptr_t arg)
{
	unsigned char c;
	if (!cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EIO;
	int err = get_user(t, &c, arg);
	if (err)
		return err;
	if (tf->master)
		return -EIO;              /* would be input of the master's end, which nobody types on */
	ldisc_feed(tf->tty, &c, 1);
	return 0;
}

static long set_size(struct task *t, struct tty *tty, uptr_t arg)
{
	struct winsize ws;
	int err = get_user(t, &ws, arg);
	if (!err)
		tty_resize(tty, &ws);
	return err;
}

static long other(struct task *t, struct tty_file *tf, unsigned cmd, uint64_t arg)
{
	struct tty *tty = tf->tty;
	int n;
	switch (cmd) {
	case TIOCGWINSZ:
		return put_user(t, UPTR(arg), &tty->winsize);
	case TIOCSWINSZ:
		return set_size(t, tty, UPTR(arg));
	case FIONREAD:
		return put_int(t, arg, tf->master ? (int)ring_used(&tty->out) : ldisc_count(tty));
	case TIOCOUTQ:
		return put_int(t, arg, 0);
	case TIOCEXCL:
	case TIOCNXCL:
		tty->exclusive = cmd == TIOCEXCL;
		return 0;
	case TIOCGEXCL:
		return put_int(t, arg, tty->exclusive);
	case TIOCSTI:
		return simulate_input(t, tf, UPTR(arg));
	case TIOCGETD:
		return put_int(t, arg, N_TTY);
	case TIOCSETD:
		if (get_user(t, &n, UPTR(arg)) < 0)
			return -EFAULT;
		return n == N_TTY ? 0 : -EINVAL;
	case TIOCGDEV:
		n = (tty->index & 0xff) | PTS_MAJOR << 8 | (tty->index & ~0xff) << 12;
		return put_int(t, arg, n);
	case TIOCCONS:
		return cred_has_cap(t->cred, CAP_SYS_ADMIN) ? -EBUSY : -EPERM;
	default:
		return -ENOTTY;
	}
}

long tty_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	struct tty_file *tf = to_tty_file(f);
	if (!tf->master && tf->hangups != tf->tty->hangups)
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	long ret = tty_ioctl_job(t, tf, cmd, arg);
	if (ret == -ENOIOCTLCMD)
		ret = tty_ioctl_termios(t, tf, cmd, arg);
	if (ret == -ENOIOCTLCMD)
		ret = tf->master ? pty_master_ioctl(t, tf, cmd, arg) : -ENOIOCTLCMD;
	return ret == -ENOIOCTLCMD ? other(t, tf, cmd, arg) : ret;
}
