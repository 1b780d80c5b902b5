/* bridge.c - moves bytes, FINs and RSTs between a host's connection and a guest's.
 *
 * HOW      News from either side only marks the bridge; one coroutine moves what can be moved. Host descriptors are watched
 *          edge-triggered: can_read and can_write remember what the host said until a call says -EAGAIN, so that a side that must
 *          wait for the other costs nothing. Bytes come from the host when the guest's window is open, straight into its
 *          receive queue; they go to the host from our end's.
 * LINUX    To both, the bridge is the other's kernel: data for a socket that its program has closed is answered with a reset, a
 *          FIN is passed on behind the data, a reset at once.
 * MISSING  Urgent data: it arrives as ordinary data. What the guest sets on its socket about keep-alive, time-outs or the type of
 *          service stays in the sandbox. */
#include "sentry/net/publish/bridge.h"

#include <sys/epoll.h>

#include "sentry/net/publish/host_tcp.h"

#define SHARE 4                           /* buffers a direction: then it is another bridge's turn */
#define STARVED_NS (20 * 1000000ULL)

static TAILQ_HEAD(bridges, bridge) bridges = TAILQ_HEAD_INITIALIZER(bridges), pending = TAILQ_HEAD_INITIALIZER(pending);
static struct waitq pending_wq = WAITQ_INIT(pending_wq);
static unsigned count;
static bool progress;
static bool running;

unsigned bridge_count(void)
{
	return count;
}

bool bridge_progress(void)
{
	bool was = progress;
	progress = false;
	return was;
}

bool bridge_any_unsent(void)
{
	struct bridge *b;
	TAILQ_FOREACH(b, &bridges, link)
		if (b->tcp->rcvq.bytes > 0 || (b->tcp->peer && b->tcp->peer->sndq.bytes > 0))
			return true;
	return false;
}

static void mark(struct bridge *b)
{
	if (b->pending)
		return;
	b->pending = true;
	TAILQ_INSERT_TAIL(&pending, b, pending_link);
	waitq_wake(&pending_wq, EPOLLIN);
}

static void guest_news(struct waiter *w, uint32_t events)
{
	(void)events;
	mark(container_of(w, struct bridge, waiter));
}

static void host_news(struct loop_fd *lf, uint32_t events)
{
	struct bridge *b = container_of(lf, struct bridge, host);
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		b->can_read = true;
	if (events & EPOLLOUT)
		b->can_write = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		b->host_ending = true;
	if (events & EPOLLERR)
		b->host_failed = true;
	mark(b);
}

static void retry_starved(struct ktimer *kt)
{
	(void)kt;
	struct bridge *b;
	TAILQ_FOREACH(b, &bridges, link)
		if (b->starved)
			mark(b);
}
static struct ktimer starved_timer = { .fire = retry_starved };

/* True: there was more than a share. */
static bool move_out(struct bridge *b)
{
	struct tcp_sock *s = b->tcp;
	for (int i = 0; b->can_write && s->rcvq.bytes > 0; i++) {
		struct iovec iov[8];
		if (i == SHARE)
			return true;
		ssize_t n = host_tcp_send(b->host.fd, iov, bufq_iov(&s->rcvq, iov, ARRAY_SIZE(iov)));
		if (n == -EAGAIN) {
			b->can_write = false;
		} else if (n < 0) {
			b->host_failed = true;
			return false;
		} else {
			progress = true;
			tcp_took(s, (size_t)n);
		}
	}
	if (s->rcvq.bytes == 0 && s->done && !b->out_ended) {
		host_tcp_finish(b->host.fd);
		b->out_ended = true;
	}
	return false;
}

static ssize_t get_from_host(void *arg, void *to, size_t bytes)
{
	struct bridge *b = arg;
	ssize_t n = host_tcp_recv(b->host.fd, to, bytes);
	/* Less than there was room for: all there is, unless an end is behind it. */
	if (n == -EAGAIN || (n > 0 && (size_t)n < bytes && !b->host_ending))
		b->can_read = false;
	else if (n < 0)
		b->host_failed = true;
	return n;
}

static bool move_in(struct bridge *b)
{
	struct tcp_sock *s = b->tcp;
	b->starved = false;
	for (int i = 0; b->can_read && !b->in_ended; i++) {
		if (i == SHARE)
			return true;
		ssize_t n = tcp_send_from(s, get_from_host, b);
		if (n == -ENOBUFS) {
			b->starved = true;
			if (!starved_timer.armed)
				ktimer_arm(&starved_timer, now_mono_ns() + STARVED_NS);
		}
		if (n < 0)
			break;
		if (n == 0) {
			b->in_ended = true;
			if (tcp_shutdown(&s->in.sock, SHUT_WR))
				debugf("sbx: publish: shutdown of a connection that is over\n");
		}
	}
	return false;
}

static void end(struct bridge *b, bool reset)
{
	struct publish_port *port = b->port;
	loop_fd_del(&b->host);
	host_tcp_close(b->host.fd, reset);
	waiter_del(&b->waiter);
	file_put(&b->tcp->in.sock.file);
	TAILQ_REMOVE(&bridges, b, link);
	if (b->pending)
		TAILQ_REMOVE(&pending, b, pending_link);
	if (port->waiting == b)
		port->waiting = NULL;
	free(b);
	count--;
	publish_again(port);
}

/* The guest has closed its socket: whatever comes now is for the host's kernel to answer. */
static bool guest_is_gone(const struct bridge *b)
{
	const struct tcp_sock *s = b->tcp;
	return s->state == TCP_CLOSE_WAIT && (!s->peer || s->peer->dead);
}

static void move(struct bridge *b)
{
	struct tcp_sock *s = b->tcp;
	if (s->state == TCP_SYN_SENT) {
		if (b->host_failed)
			end(b, true);
		return;
	}
	if (b->port->waiting == b) {
		b->port->waiting = NULL;
		publish_again(b->port);
	}
	bool more = move_out(b);
	more |= move_in(b);
	if (b->host_failed) {
		if (s->state != TCP_CLOSE)
			tcp_abort(s);
		end(b, true);
	} else if (s->state == TCP_CLOSE && !(s->done && b->in_ended)) {
		end(b, true);
	} else if (b->out_ended && (s->state == TCP_CLOSE || (guest_is_gone(b) && !b->can_read))) {
		end(b, false);
	} else if (more) {
		mark(b);
	}
}

static void mover(void *unused)
{
	(void)unused;
	for (;;) {
		wait_event_uninterruptible(&pending_wq, !TAILQ_EMPTY(&pending));
		/* Those who are marked meanwhile come in the next turn, after the guests. */
		struct bridge *last = TAILQ_LAST(&pending, bridges), *b;
		bool was_last;
		do {
			b = TAILQ_FIRST(&pending);
			was_last = b == last;
			TAILQ_REMOVE(&pending, b, pending_link);
			b->pending = false;
			move(b);
		} while (!was_last);
		publish_moved();
		co_yield();
	}
}

int bridge_new(struct publish_port *port, int fd, struct tcp_sock *tcp)
{
	struct bridge *b = NEW(struct bridge);
	b->host = (struct loop_fd){ .fd = fd, .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .ready = host_news };
	b->tcp = tcp;
	b->port = port;
	b->waiter.wake = guest_news;
	int err = loop_fd_add(&b->host);
	if (err) {
		tcp_abort(tcp);
		file_put(&tcp->in.sock.file);
		host_tcp_close(fd, true);
		free(b);
		return err;
	}
	waiter_add(&b->waiter, &tcp->in.sock.wq);
	TAILQ_INSERT_TAIL(&bridges, b, link);
	count++;
	if (tcp->state == TCP_SYN_SENT)
		port->waiting = b;
	mark(b);
	if (!running)
		co_spawn(mover, NULL);
	running = true;
	return 0;
}
