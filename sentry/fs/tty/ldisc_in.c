/* ldisc_in.c - input of the line discipline: echo, editing of lines, signals, flow control.
 *
 * HOW      Input that finds no room waits in tty->staged; the master is told of room again when that has some. A line too
 *          long for the buffer loses its end, but never its newline.
 * LINUX    drivers/tty/n_tty.c: n_tty_receive_buf_common() and what it calls; the order of the tests is the same.
 * MISSING  EXTPROC; parity and break, which a pty has not. */
#include <ctype.h>
#include <string.h>

#include "sentry/fs/tty/tty_impl.h"

#define AT(ld, i) ((ld)->buf[(i) & (LDISC_BYTES - 1)])

static void put(struct ldisc *ld, unsigned char c)
{
	AT(ld, ld->head) = c;
	ld->head++;
}

static void end_line(struct ldisc *ld, unsigned char c)
{
	size_t at = ld->head & (LDISC_BYTES - 1);
	ld->marks[at / 64] |= 1ULL << (at % 64);
	put(ld, c);
	ld->canon_head = ld->head;
}

static bool is_cc(const struct tty *tty, unsigned char c, int which)
{
	return c == CC(tty, which) && c != '\0';          /* 0: disabled */
}

/* --- erasing --- */

static void finish_erasing(struct tty *tty)
{
	if (!tty->ld.erasing)
		return;
	echo_raw(tty, '/');
	tty->ld.erasing = false;
}

static void rub_out(struct tty *tty)
{
	echo_raw(tty, '\b');
	echo_raw(tty, ' ');
	echo_raw(tty, '\b');
}

static void echo_erased_tab(struct tty *tty)
{
	struct ldisc *ld = &tty->ld;
	unsigned chars = 0;
	for (size_t i = ld->head; i != ld->canon_head;) {
		unsigned char c = AT(ld, --i);
		if (c == '\t') {
			echo_erase_tab(tty, chars, true);
			return;
		}
		if (is_control(c))
			chars += LFLAG(tty, ECHOCTL) ? 2 : 0;
		else if (!is_continuation(tty, c))
			chars++;
	}
	echo_erase_tab(tty, chars, false);
}

/* c, of cnt bytes, has just been taken off the line's end. */
static void echo_erased(struct tty *tty, unsigned char c, size_t cnt, bool one)
{
	struct ldisc *ld = &tty->ld;
	if (!LFLAG(tty, ECHO))
		return;
	if (LFLAG(tty, ECHOPRT)) {
		if (!ld->erasing)
			echo_raw(tty, '\\');
		ld->erasing = true;
		echo_char(tty, c);
		for (size_t i = 1; i < cnt; i++)
			echo_raw(tty, AT(ld, ld->head + i));
	} else if (one && !LFLAG(tty, ECHOE)) {
		echo_char(tty, CC(tty, VERASE));
	} else if (c == '\t') {
		echo_erased_tab(tty);
	} else {
		if (is_control(c) && LFLAG(tty, ECHOCTL))
			rub_out(tty);
		if (!is_control(c) || LFLAG(tty, ECHOCTL))
			rub_out(tty);
	}
}

/* KILL where the screen can't be tidied: only says that it happened. */
static void kill_line(struct tty *tty)
{
	tty->ld.head = tty->ld.canon_head;
	if (!LFLAG(tty, ECHO))
		return;
	finish_erasing(tty);
	echo_char(tty, CC(tty, VKILL));
	if (LFLAG(tty, ECHOK))
		echo_raw(tty, '\n');
}

static void erase(struct tty *tty, unsigned char key)
{
	struct ldisc *ld = &tty->ld;
	if (ld->head == ld->canon_head)
		return;
	bool one = is_cc(tty, key, VERASE), word = !one && is_cc(tty, key, VWERASE);
	if (!one && !word && (!LFLAG(tty, ECHO) || LFLAG(tty, ECHOK | ECHOKE | ECHOE) != (ECHOK | ECHOKE | ECHOE))) {
		kill_line(tty);
		return;
	}
	bool seen_word = false;
	while (ld->head != ld->canon_head) {
		size_t at = ld->head;
		unsigned char c;
		do {
			c = AT(ld, --at);
		} while (is_continuation(tty, c) && at != ld->canon_head);
		if (is_continuation(tty, c))
			break;                    /* not a part of a character */
		if (word) {
			if (isalnum(c) || c == '_')
				seen_word = true;
			else if (seen_word)
				break;
		}
		size_t cnt = ld->head - at;
		ld->head = at;
		echo_erased(tty, c, cnt, one);
		if (one)
			break;
	}
	if (ld->head == ld->canon_head && LFLAG(tty, ECHO))
		finish_erasing(tty);
}

/* --- characters --- */

static void store(struct tty *tty, unsigned char c)
{
	if (LFLAG(tty, ECHO)) {
		finish_erasing(tty);
		if (c == '\n') {
			echo_raw(tty, '\n');
		} else {
			if (tty->ld.canon_head == tty->ld.head)
				tty->ld.canon_column = tty->ld.column;
			echo_char(tty, c);
		}
	}
	if (c == 0377 && IFLAG(tty, PARMRK) && !IFLAG(tty, ISTRIP))
		put(&tty->ld, c);
	put(&tty->ld, c);
}

static void signal_key(struct tty *tty, int sig, unsigned char c)
{
	tty_signal(tty, sig);
	if (!LFLAG(tty, NOFLSH)) {
		tty_flush_output(tty);
		ldisc_reset(tty);
		tty_packet(tty, 0, TIOCPKT_FLUSHREAD);
	}
	if (IFLAG(tty, IXON))
		tty_start(tty);
	if (LFLAG(tty, ECHO))
		echo_char(tty, c);
}

static void reprint(struct tty *tty, unsigned char c)
{
	struct ldisc *ld = &tty->ld;
	finish_erasing(tty);
	echo_char(tty, c);
	echo_raw(tty, '\n');
	for (size_t i = ld->canon_head; i != ld->head; i++)
		echo_char(tty, AT(ld, i));
}

/* Keys that edit or end lines. False: it is none. */
static bool line_key(struct tty *tty, unsigned char c)
{
	bool extended = LFLAG(tty, IEXTEN);
	if (is_cc(tty, c, VERASE) || is_cc(tty, c, VKILL) || (extended && is_cc(tty, c, VWERASE))) {
		erase(tty, c);
	} else if (extended && is_cc(tty, c, VLNEXT)) {
		tty->ld.lnext = true;
		if (LFLAG(tty, ECHO)) {
			finish_erasing(tty);
			if (LFLAG(tty, ECHOCTL)) {
				echo_raw(tty, '^');
				echo_raw(tty, '\b');
			}
		}
	} else if (extended && LFLAG(tty, ECHO) && is_cc(tty, c, VREPRINT)) {
		reprint(tty, c);
	} else if (c == '\n') {
		if (LFLAG(tty, ECHO | ECHONL))
			echo_raw(tty, '\n');
		end_line(&tty->ld, c);
	} else if (is_cc(tty, c, VEOF)) {
		end_line(&tty->ld, '\0');
	} else if (is_cc(tty, c, VEOL) || (extended && is_cc(tty, c, VEOL2))) {
		if (LFLAG(tty, ECHO)) {
			if (tty->ld.canon_head == tty->ld.head)
				tty->ld.canon_column = tty->ld.column;
			echo_char(tty, c);
		}
		end_line(&tty->ld, c);
	} else {
		return false;
	}
	return true;
}

static void receive_char(struct tty *tty, unsigned char c)
{
	bool literal = tty->ld.lnext;
	tty->ld.lnext = false;
	if (IFLAG(tty, ISTRIP))
		c &= 0x7f;
	if (IFLAG(tty, IUCLC) && LFLAG(tty, IEXTEN))
		c = (unsigned char)tolower(c);
	if (!literal && IFLAG(tty, IXON)) {
		if (is_cc(tty, c, VSTART)) {
			tty_start(tty);
			return;
		}
		if (is_cc(tty, c, VSTOP)) {
			tty_stop(tty);
			return;
		}
	}
	if (!literal && LFLAG(tty, ISIG)) {
		int sig = is_cc(tty, c, VINTR) ? SIGINT : is_cc(tty, c, VQUIT) ? SIGQUIT : is_cc(tty, c, VSUSP) ? SIGTSTP : 0;
		if (sig) {
			signal_key(tty, sig, c);
			return;
		}
	}
	if (tty->stopped && IFLAG(tty, IXON) && IFLAG(tty, IXANY))
		tty_start(tty);
	if (!literal && c == '\r') {
		if (IFLAG(tty, IGNCR))
			return;
		if (IFLAG(tty, ICRNL))
			c = '\n';
	} else if (!literal && c == '\n' && IFLAG(tty, INLCR)) {
		c = '\r';
	}
	if (literal || !LFLAG(tty, ICANON) || !line_key(tty, c))
		store(tty, c);
}

/* --- room --- */

/* Is there place for one more? A full buffer without a line in it takes more all the same, at the cost of its last one. */
static bool make_room(struct tty *tty)
{
	struct ldisc *ld = &tty->ld;
	size_t used = ld->head - ld->tail, spare = IFLAG(tty, PARMRK) ? 2 : 1;
	if (used + spare < LDISC_BYTES)
		return true;
	if (!LFLAG(tty, ICANON) || ld->canon_head != ld->tail)
		return false;
	while (ld->head - ld->tail + spare > LDISC_BYTES)
		ld->head--;
	return true;
}

static bool is_plain(const struct tty *tty)
{
	return !IFLAG(tty, ISTRIP | IUCLC | IXON | IGNCR | ICRNL | INLCR | PARMRK) && !LFLAG(tty, ICANON | ISIG | ECHO) &&
	       !tty->ld.lnext;
}

static size_t receive(struct tty *tty, const unsigned char *src, size_t bytes)
{
	struct ldisc *ld = &tty->ld;
	size_t done = 0;
	if (is_plain(tty)) {
		size_t room = LDISC_BYTES - 1 - MIN(ld->head - ld->tail, LDISC_BYTES - 1UL);
		for (; done < bytes && done < room; done++)
			put(ld, src[done]);
	} else {
		while (done < bytes && make_room(tty))
			receive_char(tty, src[done++]);
	}
	if (done > 0)
		ld->last_input_ns = now_mono_ns();
	return done;
}

/* Tells both sides what the bytes have changed. */
static void announce(struct tty *tty)
{
	if (ldisc_readable(tty, false))
		waitq_wake(&tty->wq, EPOLLIN | EPOLLRDNORM);
	if (ring_used(&tty->out) > 0)
		tty_wake_master(tty, EPOLLIN | EPOLLRDNORM);
}

size_t ldisc_input_room(const struct tty *tty)
{
	return ring_room(&tty->staged);
}

size_t ldisc_feed(struct tty *tty, const unsigned char *src, size_t bytes)
{
	size_t done = 0;
	if (ring_used(&tty->staged) == 0)
		done = receive(tty, src, bytes);
	done += ring_put(&tty->staged, src + done, bytes - done);
	announce(tty);
	return done;
}

void ldisc_pump(struct tty *tty)
{
	const unsigned char *p;
	size_t n, done = 0;
	while ((n = ring_peek(&tty->staged, &p)) > 0 && (n = receive(tty, p, n)) > 0) {
		/* A signal key may have emptied it meanwhile. */
		tty->staged.tail += MIN(n, ring_used(&tty->staged));
		done += n;
	}
	if (done == 0)
		return;
	announce(tty);
	tty_wake_master(tty, EPOLLOUT | EPOLLWRNORM);
}
