/* ldisc_out.c - output of the line discipline: what OPOST makes of it, and echo.
 *
 * HOW      Echo is put in form at once and goes with the output; only while output is stopped, or the master does not read,
 *          it waits in a buffer of its own, and what doesn't fit there is lost.
 * LINUX    drivers/tty/n_tty.c: do_output_char(), __process_echoes(). */
#include <ctype.h>
#include <string.h>

#include "sentry/fs/tty/tty_impl.h"

#define TAB_WIDTH 8                       /* and the most that one character can become */
#define CHUNK 1024
#define TURN_BYTES 65536                  /* then others have their turn */

/* One character as OPOST has it: at most TAB_WIDTH bytes into buf. Moves the column. */
static size_t output_char(struct tty *tty, unsigned char c, unsigned char buf[TAB_WIDTH])
{
	struct ldisc *ld = &tty->ld;
	switch (c) {
	case '\n':
		if (OFLAG(tty, ONLRET))
			ld->column = 0;
		if (OFLAG(tty, ONLCR)) {
			ld->canon_column = ld->column = 0;
			buf[0] = '\r';
			buf[1] = '\n';
			return 2;
		}
		ld->canon_column = ld->column;
		break;
	case '\r':
		if (OFLAG(tty, ONOCR) && ld->column == 0)
			return 0;
		if (OFLAG(tty, OCRNL)) {
			c = '\n';
			if (!OFLAG(tty, ONLRET))
				break;
		}
		ld->canon_column = ld->column = 0;
		break;
	case '\t': {
		unsigned spaces = TAB_WIDTH - (ld->column & (TAB_WIDTH - 1));
		ld->column += spaces;
		if (OFLAG(tty, TABDLY) == XTABS) {
			memset(buf, ' ', spaces);
			return spaces;
		}
		break;
	}
	case '\b':
		if (ld->column > 0)
			ld->column--;
		break;
	default:
		if (is_control(c))
			break;
		if (OFLAG(tty, OLCUC))
			c = (unsigned char)toupper(c);
		if (!is_continuation(tty, c))
			ld->column++;
	}
	buf[0] = c;
	return 1;
}

/* --- the slave's writes --- */

size_t ldisc_output_room(const struct tty *tty)
{
	size_t used = ring_used(&tty->out);
	return tty->stopped || used + TAB_WIDTH > OUT_WRITE_BYTES ? 0 : OUT_WRITE_BYTES - used;
}

/* How many of the bytes went out. */
static size_t write_block(struct tty *tty, const unsigned char *src, size_t bytes)
{
	size_t room = ldisc_output_room(tty);
	if (!OFLAG(tty, OPOST))
		return ring_put(&tty->out, src, MIN(bytes, room));
	size_t done = 0;
	while (done < bytes && room >= TAB_WIDTH) {
		unsigned char buf[TAB_WIDTH];
		size_t n = output_char(tty, src[done++], buf);
		ring_put(&tty->out, buf, n);
		room -= n;
	}
	return done;
}

ssize_t ldisc_write(struct tty *tty, struct uio *src)
{
	unsigned char buf[CHUNK];
	size_t total = 0;
	if (src->resid == 0)
		return 0;
	while (src->resid > 0 && total < TURN_BYTES && ldisc_output_room(tty) > 0) {
		ssize_t n = uio_drain(src, buf, MIN(src->resid, sizeof(buf)));
		if (n <= 0)
			return total ? (ssize_t)total : n;
		size_t done = write_block(tty, buf, (size_t)n);
		uio_rewind(src, (size_t)n - done);
		total += done;
		tty_wake_master(tty, EPOLLIN | EPOLLRDNORM);
	}
	if (total >= TURN_BYTES && co_current())
		co_yield();
	return total ? (ssize_t)total : -EAGAIN;
}

/* --- echo --- */

static void echo_bytes(struct tty *tty, const unsigned char *p, size_t n)
{
	if (!tty->stopped && ring_used(&tty->echo) == 0 && ring_room(&tty->out) >= n)
		ring_put(&tty->out, p, n);
	else if (ring_room(&tty->echo) >= n)
		ring_put(&tty->echo, p, n);
}

void echo_raw(struct tty *tty, unsigned char c)
{
	unsigned char buf[TAB_WIDTH] = { c };
	echo_bytes(tty, buf, OFLAG(tty, OPOST) ? output_char(tty, c, buf) : 1);
}

void echo_char(struct tty *tty, unsigned char c)
{
	if (!LFLAG(tty, ECHOCTL) || !is_control(c) || c == '\t') {
		echo_raw(tty, c);
		return;
	}
	const unsigned char buf[2] = { '^', c ^ 0100 };
	echo_bytes(tty, buf, 2);
	tty->ld.column += 2;
}

void echo_erase_tab(struct tty *tty, unsigned chars, bool after_tab)
{
	if (!after_tab)
		chars += tty->ld.canon_column;
	for (unsigned n = TAB_WIDTH - (chars & (TAB_WIDTH - 1)); n > 0; n--) {
		echo_bytes(tty, (const unsigned char *)"\b", 1);
		if (tty->ld.column > 0)
			tty->ld.column--;
	}
}

void echo_flush(struct tty *tty)
{
	const unsigned char *p;
	size_t n;
	bool any = false;
	while (!tty->stopped && (n = ring_peek(&tty->echo, &p)) > 0) {
		n = ring_put(&tty->out, p, n);
		if (n == 0)
			break;
		tty->echo.tail += n;
		any = true;
	}
	if (any)
		tty_wake_master(tty, EPOLLIN | EPOLLRDNORM);
}
