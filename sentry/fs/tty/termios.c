/* termios.c - terminal settings: TCGETS and its family (ioctl_tty(2), termios(3)).
 *
 * LINUX    drivers/tty/tty_ioctl.c, pty_set_termios(). Asked through the master, the slave's settings are meant.
 *          Output is the master's as soon as it is written: there is nothing to drain.
 * MISSING  TIOCGLCKTRMIOS; the old struct termio (TCGETA). */
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

/* A pty has eight bits and no parity, whatever is asked. */
static void set(struct tty *tty, struct termios2 tio)
{
	tio.c_ospeed = speed_of(tio.c_cflag & CBAUD, tio.c_ospeed);
	unsigned in = (tio.c_cflag >> IBSHIFT) & CBAUD;
	tio.c_ispeed = in == 0 ? tio.c_ospeed : speed_of(in, tio.c_ispeed);
	tio.c_cflag = (tio.c_cflag & ~(unsigned)(CSIZE | PARENB)) | CS8 | CREAD;

	struct termios2 old = tty->tio;
	tty->tio = tio;
	bool flow = IFLAG(tty, IXON) && CC(tty, VSTOP) == 023 && CC(tty, VSTART) == 021;
	bool old_flow = (old.c_iflag & IXON) && old.c_cc[VSTOP] == 023 && old.c_cc[VSTART] == 021;
	if (flow != old_flow)
		tty_packet(tty, TIOCPKT_DOSTOP | TIOCPKT_NOSTOP, flow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
	ldisc_termios_changed(tty, &old);
}

static long set_user(struct task *t, struct tty *tty, uptr_t arg, size_t bytes, bool flush)
{
	int err = tty_check_change(t, tty, SIGTTOU);
	if (err)
		return err;
	struct termios2 tio = tty->tio;
	err = copy_from_user(t, &tio, arg, bytes);
	if (err)
		return err;
	if (flush)
		tty_flush_input(tty);
	set(tty, tio);
	console_wanted(tty);
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
