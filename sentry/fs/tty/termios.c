/* termios.c - terminal settings: TCGETS and its family (ioctl_tty(2), termios(3)).
 *
 * LINUX    drivers/tty/tty_ioctl.c, pty_set_termios(). Asked through the master, the slave's settings are meant.
 *          Output is the master's as soon as it is written: there is nothing to drain. */
#include <linux/capability.h>
#include <string.h>

#include "sentry/fs/tty/tty_impl.h"

#define CONTROL(c) ((c) & 037)
/* What user space calls struct termios here: without the speeds. */
#define OLD_BYTES offsetof(struct termios2, c_ispeed)

const struct termios2 termios_default = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B38400 | CS8 | CREAD,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {
		[VINTR] = CONTROL('C'), [VQUIT] = 034, [VERASE] = 0177, [VKILL] = CONTROL('U'), [VEOF] = CONTROL('D'),
		[VMIN] = 1, [VSTART] = CONTROL('Q'), [VSTOP] = CONTROL('S'), [VSUSP] = CONTROL('Z'), [VREPRINT] = CONTROL('R'),
		[VDISCARD] = CONTROL('O'), [VWERASE] = CONTROL('W'), [VLNEXT] = CONTROL('V'),
	},
	.c_ispeed = 38400,
	.c_ospeed = 38400,
};

static unsigned speed_of(unsigned code, unsigned current)
{
	static const unsigned low[] = { 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 };
	static const unsigned high[] = { 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000,
					 2500000, 3000000, 3500000, 4000000 };
	if (code < ARRAY_SIZE(low))
		return low[code];
	unsigned n = code - (CBAUDEX | 1);
	return code > CBAUDEX && n < ARRAY_SIZE(high) ? high[n] : current;
}

/* TIOCSLCKTRMIOS: what is locked stays as it was. */
static void keep_locked(struct termios2 *tio, const struct termios2 *old, const struct termios2 *lock)
{
	tio->c_iflag ^= (tio->c_iflag ^ old->c_iflag) & lock->c_iflag;
	tio->c_oflag ^= (tio->c_oflag ^ old->c_oflag) & lock->c_oflag;
	tio->c_cflag ^= (tio->c_cflag ^ old->c_cflag) & lock->c_cflag;
	tio->c_lflag ^= (tio->c_lflag ^ old->c_lflag) & lock->c_lflag;
	if (lock->c_line)
		tio->c_line = old->c_line;
	for (size_t i = 0; i < ARRAY_SIZE(tio->c_cc); i++) {
		if (lock->c_cc[i])
			tio->c_cc[i] = old->c_cc[i];
	}
}

/* A pty has eight bits and no parity, whatever is asked. */
static void set(struct tty *tty, struct termios2 tio)
{
	tio.c_ospeed = speed_of(tio.c_cflag & CBAUD, tio.c_ospeed);
	unsigned in = (tio.c_cflag >> IBSHIFT) & CBAUD;
	tio.c_ispeed = in == 0 ? tio.c_ospeed : speed_of(in, tio.c_ispeed);
	tio.c_cflag = (tio.c_cflag & ~(unsigned)(CSIZE | PARENB)) | CS8 | CREAD;

	struct termios2 old = tty->tio;
	keep_locked(&tio, &old, &tty->tio_lock);
	tty->tio = tio;
	bool flow = IFLAG(tty, IXON) && CC(tty, VSTOP) == 023 && CC(tty, VSTART) == 021;
	bool old_flow = (old.c_iflag & IXON) && old.c_cc[VSTOP] == 023 && old.c_cc[VSTART] == 021;
	if (flow != old_flow)
		tty_packet(tty, TIOCPKT_DOSTOP | TIOCPKT_NOSTOP, flow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
	ldisc_termios_changed(tty, &old);
}

/* System V's settings: the lower halves of the flags, and the first characters. */
struct old_termio {
	uint16_t c_iflag, c_oflag, c_cflag, c_lflag;
	uint8_t c_line, c_cc[8];
};

static long get_termio(struct task *t, const struct termios2 *tio, uptr_t arg)
{
	struct old_termio old;
	memset(&old, 0, sizeof(old));     /* the padding goes to the guest, too */
	old.c_iflag = (uint16_t)tio->c_iflag;
	old.c_oflag = (uint16_t)tio->c_oflag;
	old.c_cflag = (uint16_t)tio->c_cflag;
	old.c_lflag = (uint16_t)tio->c_lflag;
	old.c_line = tio->c_line;
	memcpy(old.c_cc, tio->c_cc, sizeof(old.c_cc));
	return put_user(t, arg, &old);
}

static int copy_termio(struct task *t, struct termios2 *tio, uptr_t arg)
{
	struct old_termio old;
	if (get_user(t, &old, arg))
		return -EFAULT;
	tio->c_iflag = (tio->c_iflag & ~0xffffU) | old.c_iflag;
	tio->c_oflag = (tio->c_oflag & ~0xffffU) | old.c_oflag;
	tio->c_cflag = (tio->c_cflag & ~0xffffU) | old.c_cflag;
	tio->c_lflag = (tio->c_lflag & ~0xffffU) | old.c_lflag;
	tio->c_line = old.c_line;
	memcpy(tio->c_cc, old.c_cc, sizeof(old.c_cc));
	return 0;
}

#define TERMIO_BYTES sizeof(struct old_termio)
static long set_user(struct task *t, struct tty *tty, uptr_t arg, size_t bytes, bool flush)
{
	int err = tty_check_change(t, tty, SIGTTOU);
	if (err)
		return err;
	struct termios2 tio = tty->tio;
	err = bytes == TERMIO_BYTES ? copy_termio(t, &tio, arg) : copy_from_user(t, &tio, arg, bytes);
	if (err)
		return err;
	if (flush)
		tty_flush_input(tty);
	set(tty, tio);
	console_wanted(tty);
	return 0;
}

static long set_lock(struct task *t, struct tty *tty, uptr_t arg)
{
	struct termios2 lock = { 0 };
	if (!cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(t, &lock, arg, OLD_BYTES))
		return -EFAULT;
	tty->tio_lock = lock;
	return 0;
}

static long flow(struct task *t, struct tty_file *tf, uint64_t action)
{
	struct tty *tty = tf->tty;
	int err = tty_check_change(t, tty, SIGTTOU);
	if (err)
		return err;
	switch (action) {
	case TCOOFF:
		tty_stop(tty);
		tty->tco_stopped = true;
		return 0;
	case TCOON:
		tty->tco_stopped = false;
		tty_start(tty);
		return 0;
	case TCIOFF:
	case TCION: {
		unsigned char c = CC(tty, action == TCIOFF ? VSTOP : VSTART);
		if (c && !tf->master) {
			ring_put(&tty->out, &c, 1);
			tty_wake_master(tty, EPOLLIN | EPOLLRDNORM);
		}
		return 0;
	}
	default:
		return -EINVAL;
	}
}

/* "Input" is what the end asked about reads. */
static long flush(struct task *t, struct tty_file *tf, uint64_t queue)
{
	struct tty *tty = tf->tty;
	int err = tty_check_change(t, tty, SIGTTOU);
	if (err)
		return err;
	if (queue > TCIOFLUSH)
		return -EINVAL;
	if (queue == TCIOFLUSH || (queue == TCIFLUSH) != tf->master)
		tty_flush_input(tty);
	if (queue == TCIOFLUSH || (queue == TCOFLUSH) != tf->master) {
		if (tf->master)
			tty->out.tail = tty->out.head;
		tty_flush_output(tty);
	}
	return 0;
}

long tty_ioctl_termios(struct task *t, struct tty_file *tf, unsigned cmd, uint64_t arg)
{
	struct tty *tty = tf->tty;
	switch (cmd) {
	case TCGETS:
		return copy_to_user(t, UPTR(arg), &tty->tio, OLD_BYTES);
	case TCGETS2:
		return copy_to_user(t, UPTR(arg), &tty->tio, sizeof(tty->tio));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_user(t, tty, UPTR(arg), OLD_BYTES, cmd == TCSETSF);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_user(t, tty, UPTR(arg), sizeof(tty->tio), cmd == TCSETSF2);
	case TCGETA:
		return get_termio(t, &tty->tio, UPTR(arg));
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
		return set_user(t, tty, UPTR(arg), TERMIO_BYTES, cmd == TCSETAF);
	case TIOCGLCKTRMIOS:
		return copy_to_user(t, UPTR(arg), &tty->tio_lock, OLD_BYTES);
	case TIOCSLCKTRMIOS:
		return set_lock(t, tty, UPTR(arg));
	case TCXONC:
		return flow(t, tf, arg);
	case TCFLSH:
		return flush(t, tf, arg);
	case TCSBRK:                      /* no break on a pty; and output needs no draining */
	case TCSBRKP:
	case TIOCSBRK:
		return tty_check_change(t, tty, SIGTTOU);
	case TIOCCBRK:
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}
