/* tty.c - a pty's life, its buffers, and flow control.
 *
 * LINUX    drivers/tty/tty_io.c, tty_buffer.c, pty.c. */
#include "sentry/fs/tty/tty_impl.h"

#include <string.h>
#include <sys/sysmacros.h>

/* --- bytes --- */

static void ring_init(struct ring *r, size_t cap)
{
	r->buf = xzalloc(cap);
	r->cap = cap;
}

size_t ring_put(struct ring *r, const void *src, size_t bytes)
{
	bytes = MIN(bytes, ring_room(r));
	size_t at = r->head & (r->cap - 1), first = MIN(bytes, r->cap - at);
	memcpy(r->buf + at, src, first);
	memcpy(r->buf, (const char *)src + first, bytes - first);
	r->head += bytes;
	return bytes;
}

size_t ring_peek(const struct ring *r, const unsigned char **out)
{
	size_t at = r->tail & (r->cap - 1);
	*out = r->buf + at;
	return MIN(ring_used(r), r->cap - at);
}

ssize_t ring_fill(struct ring *r, struct uio *dst)
{
	ssize_t total = 0;
	const unsigned char *p;
	size_t n;
	while (dst->resid > 0 && (n = MIN(ring_peek(r, &p), dst->resid)) > 0) {
		ssize_t moved = uio_fill(dst, p, n);
		if (moved < 0)
			return total ? total : moved;
		r->tail += (size_t)moved;
		total += moved;
		if ((size_t)moved < n)
			break;
	}
	return total;
}

/* --- life --- */

static void vtime_fired(struct ktimer *kt)
{
	waitq_wake(&container_of(kt, struct tty, vtime)->wq, EPOLLIN);
}

struct tty *tty_new(void)
{
	struct tty *tty = NEW(struct tty);
	tty->refs = 1;
	tty->tio = termios_default;
	ring_init(&tty->staged, STAGED_BYTES);
	ring_init(&tty->out, OUT_BYTES);
	ring_init(&tty->echo, ECHO_BYTES);
	waitq_init(&tty->wq);
	waitq_init(&tty->master_wq);
	tty->vtime.fire = vtime_fired;
	return tty;
}

struct tty *tty_get(struct tty *tty)
{
	tty->refs++;
	return tty;
}

void tty_put(struct tty *tty)
{
	if (!tty || --tty->refs > 0)
		return;
	CHECK(!tty->session && !tty->inode);
	devpts_free_index(tty);
	ktimer_cancel(&tty->vtime);
	free(tty->staged.buf);
	free(tty->out.buf);
	free(tty->echo.buf);
	free(tty);
}

dev_t tty_dev(const struct tty *tty)
{
	return makedev(PTS_MAJOR, (unsigned)tty->index);
}

/* --- flow --- */

void tty_wake_master(struct tty *tty, uint32_t events)
{
	waitq_wake(&tty->master_wq, events);
}

void tty_packet(struct tty *tty, unsigned clear, unsigned set)
{
	if (!tty->packet)
		return;
	tty->packet_status = (unsigned char)((tty->packet_status & ~clear) | set);
	tty_wake_master(tty, EPOLLIN | EPOLLPRI | EPOLLRDNORM);
}

void tty_stop(struct tty *tty)
{
	if (tty->stopped)
		return;
	tty->stopped = true;
	tty_packet(tty, TIOCPKT_START, TIOCPKT_STOP);
}

void tty_start(struct tty *tty)
{
	if (!tty->stopped || tty->tco_stopped)
		return;
	tty->stopped = false;
	tty_packet(tty, TIOCPKT_STOP, TIOCPKT_START);
	echo_flush(tty);
	waitq_wake(&tty->wq, EPOLLOUT | EPOLLWRNORM);
}

void tty_out_drained(struct tty *tty)
{
	echo_flush(tty);
	if (ldisc_output_room(tty) > 0)
		waitq_wake(&tty->wq, EPOLLOUT | EPOLLWRNORM);
}

void tty_flush_input(struct tty *tty)
{
	ldisc_reset(tty);
	tty->staged.tail = tty->staged.head;
	tty_packet(tty, 0, TIOCPKT_FLUSHREAD);
	tty_wake_master(tty, EPOLLOUT | EPOLLWRNORM);
}

void tty_flush_output(struct tty *tty)
{
	if (ring_used(&tty->out) > OUT_KEPT_BYTES)
		tty->out.head = tty->out.tail + OUT_KEPT_BYTES;
	tty->echo.tail = tty->echo.head;
	tty_packet(tty, 0, TIOCPKT_FLUSHWRITE);
	if (ldisc_output_room(tty) > 0)
		waitq_wake(&tty->wq, EPOLLOUT | EPOLLWRNORM);
}

void tty_resize(struct tty *tty, const struct winsize *ws)
{
	if (memcmp(&tty->winsize, ws, sizeof(*ws)) == 0)
		return;
	tty->winsize = *ws;
	tty_signal(tty, SIGWINCH);
}
