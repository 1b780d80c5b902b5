/* ldisc_read.c - the line discipline as its reader sees it: lines, or VMIN and VTIME.
 *
 * LINUX    drivers/tty/n_tty.c: n_tty_read(), n_tty_set_termios().
 *          Differs: bytes that are too few for VMIN stay in the buffer, where Linux moves them to the reader at once; it
 *          shows only when the read is interrupted. */
#include <string.h>

#include "sentry/fs/tty/tty_impl.h"

#define TENTH_NS (NS_PER_SEC / 10)
#define MASK(i) ((i) & (LDISC_BYTES - 1))

static bool is_marked(const struct ldisc *ld, size_t i)
{
	return ld->marks[MASK(i) / 64] >> (MASK(i) % 64) & 1;
}

static void consume(struct ldisc *ld, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++, ld->tail++)
		ld->marks[MASK(ld->tail) / 64] &= ~(1ULL << (MASK(ld->tail) % 64));
}

void ldisc_reset(struct tty *tty)
{
	struct ldisc *ld = &tty->ld;
	ld->head = ld->tail = ld->canon_head = 0;
	memset(ld->marks, 0, sizeof(ld->marks));
	ld->lnext = ld->erasing = false;
}

bool ldisc_readable(const struct tty *tty, bool poll)
{
	const struct ldisc *ld = &tty->ld;
	if (LFLAG(tty, ICANON))
		return ld->canon_head != ld->tail;
	size_t want = poll && CC(tty, VTIME) == 0 && CC(tty, VMIN) ? CC(tty, VMIN) : 1;
	return ld->head - ld->tail >= want;
}

int ldisc_count(const struct tty *tty)
{
	const struct ldisc *ld = &tty->ld;
	if (!LFLAG(tty, ICANON))
		return (int)(ld->head - ld->tail);
	int n = 0;
	for (size_t i = ld->tail; i != ld->canon_head; i++)       /* marks of end of file are no bytes */
		n += !is_marked(ld, i) || ld->buf[MASK(i)] != '\0';
	return n;
}

/* Bytes from the tail on, which stay. */
static ssize_t copy(struct ldisc *ld, struct uio *dst, size_t bytes)
{
	size_t first = MIN(bytes, LDISC_BYTES - MASK(ld->tail));
	ssize_t n = uio_fill(dst, ld->buf + MASK(ld->tail), first);
	if (n < (ssize_t)first || first == bytes)
		return n;
	ssize_t more = uio_fill(dst, ld->buf, bytes - first);
	return more < 0 ? n : n + more;
}

static ssize_t read_line(struct tty *tty, struct uio *dst)
{
	struct ldisc *ld = &tty->ld;
	size_t avail = ld->canon_head - ld->tail, room = dst->resid, end = 0;
	while (end < avail && end <= room && !is_marked(ld, ld->tail + end))
		end++;
	bool found = end < avail && end <= room;
	bool eof = found && ld->buf[MASK(ld->tail + end)] == '\0';
	size_t bytes = MIN(found && !eof ? end + 1 : end, room);
	ssize_t n = bytes ? copy(ld, dst, bytes) : 0;
	if (n < 0)
		return n;
	/* The mark goes with the line, also when the line filled the reader's buffer: else the next read would find end of file. */
	consume(ld, (size_t)n + (eof && (size_t)n == bytes));
	return n;
}

/* Too little for VMIN: is the time over? Else asks to be woken when it is. */
static bool timed_out(struct tty *tty, const struct uio *dst, size_t avail)
{
	if (CC(tty, VMIN) && avail == 0)
		return false;                     /* the time between bytes counts, from the first on */
	uint64_t start = CC(tty, VMIN) ? MAX(tty->ld.last_input_ns, dst->began_ns) : dst->began_ns;
	uint64_t deadline = start + CC(tty, VTIME) * TENTH_NS;
	if (now_mono_ns() >= deadline)
		return true;
	if (!tty->vtime.armed || deadline < tty->vtime.deadline_ns)
		ktimer_arm(&tty->vtime, deadline);
	return false;
}

static ssize_t read_bytes(struct tty *tty, struct uio *dst, bool nonblock)
{
	size_t avail = tty->ld.head - tty->ld.tail;
	if (avail == 0 && !CC(tty, VMIN) && !CC(tty, VTIME))
		return 0;
	if (avail == 0 || (avail < CC(tty, VMIN) && avail < dst->resid)) {
		bool over = !nonblock && CC(tty, VTIME) && timed_out(tty, dst, avail);
		if (avail == 0)
			return over ? 0 : -EAGAIN;
		if (!nonblock && !over)
			return -EAGAIN;
	}
	ssize_t n = copy(&tty->ld, dst, MIN(avail, dst->resid));
	if (n > 0)
		consume(&tty->ld, (size_t)n);
	tty->ld.canon_head = tty->ld.tail;
	return n;
}

ssize_t ldisc_read(struct tty *tty, struct uio *dst, bool nonblock)
{
	if (dst->resid == 0)
		return 0;
	if (tty->master_closed && !ldisc_readable(tty, false))
		return -EIO;
	if (LFLAG(tty, ICANON) && !ldisc_readable(tty, false))
		return -EAGAIN;
	ssize_t n = LFLAG(tty, ICANON) ? read_line(tty, dst) : read_bytes(tty, dst, nonblock);
	if (n >= 0)
		ldisc_pump(tty);
	return n;
}

void ldisc_termios_changed(struct tty *tty, const struct termios2 *old)
{
	struct ldisc *ld = &tty->ld;
	if ((old->c_lflag ^ tty->tio.c_lflag) & ICANON) {
		memset(ld->marks, 0, sizeof(ld->marks));
		if (!LFLAG(tty, ICANON) || ld->head == ld->tail) {
			ld->canon_head = ld->tail;
		} else {                          /* what is there becomes a line */
			ld->marks[MASK(ld->head - 1) / 64] |= 1ULL << (MASK(ld->head - 1) % 64);
			ld->canon_head = ld->head;
		}
		ld->erasing = ld->lnext = false;
	}
	if (!IFLAG(tty, IXON) && (old->c_iflag & IXON))
		tty_start(tty);
	ldisc_pump(tty);
	waitq_wake(&tty->wq, EPOLLIN | EPOLLOUT);
}
