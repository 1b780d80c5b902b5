/* console.c - the sandbox's own terminal: a pty whose master is the user's terminal on the host.
 *
 * HOW      Output goes to the host in the moment it is written; only what follows within BATCH_NS is collected, so that a
 *          program that writes line by line costs one host call for many lines. Input is taken as long as the line discipline
 *          has room. What the host doesn't take at once, or hasn't got, is the loop's to watch. Until the guest shows
 *          that it wants input none is taken: it may be for somebody else on the host. Then the loader makes the terminal raw:
 *          editing, echo and signal keys are this pty's.
 *          Without a terminal on the host (-t): the end of input types the end-of-file key. */
#include "sentry/fs/tty/host_terminal.h"
#include "sentry/fs/tty/tty_impl.h"
#include "sentry/sentry.h"

#define CHUNK 4096
#define BATCH_NS 200000
#define BATCH_BYTES 4096

static struct console {
	struct tty *tty;                  /* NULL: there is none */
	struct waiter master;
	struct loop_fd in, out;
	struct ktimer later;
	uint64_t last_out_ns;
	bool wanted;                      /* input */
	bool in_watched, out_watched, in_over, busy;
	void (*drained)(void);
} console;

struct tty *console_tty(void)
{
	return console.tty;
}

/* False: the host can't watch it, it is always ready. */
static bool watch(struct loop_fd *lf, bool *watched, bool on)
{
	if (on && !*watched)
		*watched = loop_fd_add(lf) == 0;
	else if (!on && *watched) {
		loop_fd_del(lf);
		*watched = false;
	}
	return *watched == on;
}

static void put_out(struct console *c)
{
	struct ring *out = &c->tty->out;
	const unsigned char *p;
	size_t n;
	bool moved = false;
	while ((n = ring_peek(out, &p)) > 0) {
		ssize_t done = host_terminal_write(c->out.fd, p, n);
		if (done == -EAGAIN)
			break;
		/* Nobody is there any more: the guest must not hang for that. */
		out->tail += done < 0 ? n : (size_t)done;
		moved = true;
	}
	watch(&c->out, &c->out_watched, n > 0);
	if (!moved)
		return;
	c->last_out_ns = now_mono_ns();
	tty_out_drained(c->tty);
}

static void input_ended(struct console *c)
{
	c->in_over = true;
	watch(&c->in, &c->in_watched, false);
	if (host_terminal_is_one(c->in.fd)) {
		tty_hangup(c->tty);
	} else if (LFLAG(c->tty, ICANON)) {
		/* After a line without an end the first one only ends that. */
		bool open_line = c->tty->ld.head != c->tty->ld.canon_head || ring_used(&c->tty->staged) > 0;
		for (int n = 0; n < 1 + open_line; n++)
			ldisc_feed(c->tty, &CC(c->tty, VEOF), 1);
	}
}

static void take_in(struct console *c)
{
	unsigned char buf[CHUNK];
	size_t room;
	while (c->wanted && !c->in_over && (room = ldisc_input_room(c->tty)) > 1) {
		ssize_t n = host_terminal_read(c->in.fd, buf, MIN(room - 1, sizeof(buf)));
		if (n == -EAGAIN && watch(&c->in, &c->in_watched, true))
			return;
		if (n == -EIO && !host_terminal_is_gone(c->in.fd))
			break;                    /* we are in the background: until the loader says otherwise */
		if (n <= 0) {
			input_ended(c);
			return;
		}
		ldisc_feed(c->tty, buf, (size_t)n);
		if (watch(&c->in, &c->in_watched, true))
			return;                   /* the loop comes back */
	}
	watch(&c->in, &c->in_watched, false);
}

/* Feeding echoes, and draining makes room, which both end here again: one at a time is enough. */
static void pump(struct console *c)
{
	if (c->busy)
		return;
	c->busy = true;
	put_out(c);
	if (!c->in_watched)
		take_in(c);
	put_out(c);
	c->busy = false;
	if (c->drained && ring_used(&c->tty->out) == 0)
		TAKE(c->drained)();
}

static void master_woken(struct waiter *w, uint32_t events)
{
	struct console *c = container_of(w, struct console, master);
	if (!(events & EPOLLOUT) && !c->drained && ring_used(&c->tty->out) < BATCH_BYTES &&
	    now_mono_ns() < c->last_out_ns + BATCH_NS) {
		if (!c->later.armed)
			ktimer_arm(&c->later, c->last_out_ns + BATCH_NS);
		return;
	}
	pump(c);
}

static void later_fired(struct ktimer *kt)
{
	pump(container_of(kt, struct console, later));
}

static void in_ready(struct loop_fd *lf, uint32_t events)
{
	(void)events;
	struct console *c = container_of(lf, struct console, in);
	c->busy = true;
	take_in(c);
	c->busy = false;
	pump(c);
}

static void out_ready(struct loop_fd *lf, uint32_t events)
{
	(void)events;
	pump(container_of(lf, struct console, out));
}

int console_create(struct task *t, struct superblock *devpts, uint32_t uid, int in, int out)
{
	struct console *c = &console;
	struct tty *tty;
	int err = devpts_new_tty(devpts, uid, 0, &tty);
	if (err)
		return err;
	c->in = (struct loop_fd){ .fd = in, .events = EPOLLIN, .ready = in_ready };
	c->out = (struct loop_fd){ .fd = out, .events = EPOLLOUT, .ready = out_ready };
	c->master.wake = master_woken;
	c->later.fire = later_fired;
	if (!host_terminal_size(in, &tty->winsize))
		host_terminal_size(out, &tty->winsize);
	if (sentry_config->tty_utf8)
		tty->tio.c_iflag |= IUTF8;
	if (sentry_config->tty_erase)
		tty->tio.c_cc[VERASE] = sentry_config->tty_erase;
	c->tty = tty;
	waiter_add(&c->master, &tty->master_wq);
	tty_set_controlling(tty, t);
	pump(c);
	return 0;
}

void console_wanted(const struct tty *tty)
{
	if (tty != console.tty || console.wanted)
		return;
	console.wanted = true;
	sandbox_terminal_raw();
	pump(&console);
}

bool console_signal(int sig)
{
	if (!console.tty || !console.tty->pgrp)
		return false;
	tty_signal(console.tty, sig);
	return true;
}

void console_resize(const struct winsize *ws)
{
	if (!console.tty)
		return;
	tty_resize(console.tty, ws);
	pump(&console);
}

void console_when_drained(void (*fn)(void))
{
	if (!console.tty || ring_used(&console.tty->out) == 0) {
		fn();
		return;
	}
	console.drained = fn;
	pump(&console);
}
