/* rpc.c - the sentry's end of the connection to the gofer.
 *
 * HOW      Each request has a tag; its sender sleeps until the loop has read the answer with that tag. Requests leave at once;
 *          when the socket is full they queue up here, in order. An answer nobody waits for, or that is not one, means that the
 *          gofer is broken or taken over: the sandbox ends. So does the gofer's death. */
#include "sentry/fs/gofer/rpc.h"

#include <string.h>
#include <unistd.h>

#include "platform/base/loop.h"
#include "sentry/fs/gofer/gofer.h"
#include "sentry/fs/gofer/host_sock.h"
#include "sentry/sentry.h"

struct outgoing {
	TAILQ_ENTRY(outgoing) link;
	size_t bytes;
	char buf[];
};

static struct loop_fd conn = { .fd = -1 };
static struct gofer_call *calls;
static TAILQ_HEAD(, outgoing) outbox = TAILQ_HEAD_INITIALIZER(outbox);
static uint64_t forgotten[128];
static size_t nforgotten;
static struct ktimer forget_timer;

void gofer_answer_free(struct gofer_answer *a)
{
	if (!a)
		return;
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

/* Being woken by an answer takes longer than most answers. */
static void expect(int change)
{
	if (sentry_config->ncpus > 1)
		loop_expect(change);
}

/* --- sending --- */

static void flush_outbox(void)
{
	struct outgoing *o;
	while ((o = TAILQ_FIRST(&outbox))) {
		int err = gofer_host_send(conn.fd, o->buf, o->bytes);
		if (err == -EAGAIN)
			return;
		if (err)
			sandbox_fatal("the gofer is gone");
		TAILQ_REMOVE(&outbox, o, link);
		free(o);
	}
	loop_fd_mod(&conn, EPOLLIN);
}

static void send_or_queue(const void *buf, size_t bytes)
{
	int err = -EAGAIN;
	if (TAILQ_EMPTY(&outbox))
		err = gofer_host_send(conn.fd, buf, bytes);
	if (!err)
		return;
	if (err != -EAGAIN)
		sandbox_fatal("the gofer is gone");
	struct outgoing *o = xzalloc(sizeof(*o) + bytes);
	o->bytes = bytes;
	memcpy(o->buf, buf, bytes);
	if (TAILQ_EMPTY(&outbox))
		loop_fd_mod(&conn, EPOLLIN | EPOLLOUT);
	TAILQ_INSERT_TAIL(&outbox, o, link);
}

static int send_msg(const struct gofer_msg *q)
{
	static char buf[GOFER_MSG_MAX];           /* nothing sleeps while it is in use */
	ssize_t n = gofer_encode(q, GOFER_REQUEST, buf, sizeof(buf));
	if (n < 0)
		return (int)n;
	send_or_queue(buf, (size_t)n);
	return 0;
}

static void send_forgotten(void)
{
	if (nforgotten == 0)
		return;
	struct gofer_msg q = { .type = GOFER_CLOSE, .data = forgotten,
			       .data_bytes = (uint32_t)(nforgotten * sizeof(forgotten[0])) };
	CHECK(send_msg(&q) == 0);
	nforgotten = 0;
}

static void forget_due(struct ktimer *kt)
{
	(void)kt;
	send_forgotten();
}

void gofer_forget(uint64_t node)
{
	forgotten[nforgotten++] = node;
	if (nforgotten == ARRAY_SIZE(forgotten))
		send_forgotten();
	else if (!forget_timer.armed)             /* soon: what is unlinked occupies the host's disk until then */
		ktimer_arm(&forget_timer, now_mono_ns());
}

/* --- receiving --- */

static void receive(const char *buf, size_t bytes, int fd)
{
	struct gofer_answer *a = malloc(sizeof(*a) + bytes);
	CHECK(a != NULL);
	memcpy(a->buf, buf, bytes);
	a->fd = fd;
	if (gofer_decode(a->buf, bytes, GOFER_ANSWER, &a->msg))
		sandbox_fatal("the gofer sent nonsense");
	struct gofer_call *c;
	HASH_FIND(hh, calls, &a->msg.tag, sizeof(a->msg.tag), c);
	if (!c || c->answer || c->type != a->msg.type || (fd >= 0) != gofer_carries_fd(&a->msg))
		sandbox_fatal("the gofer answered what was not asked");
	c->answer = a;
	expect(-1);
	waitq_wake(&c->q, EPOLLIN);
}

static void receive_all(void)
{
	static char buf[GOFER_MSG_MAX];
	for (;;) {
		int fd;
		ssize_t n = gofer_host_recv(conn.fd, buf, sizeof(buf), &fd);
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			sandbox_fatal(n == 0 || n == -ECONNRESET ? "the gofer is gone" : "the gofer's socket failed");
		receive(buf, (size_t)n, fd);
	}
}

static void ready(struct loop_fd *lf, uint32_t events)
{
	(void)lf;
	if (events & EPOLLOUT)
		flush_outbox();
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive_all();
}

/* --- asking --- */

static uint32_t next_tag;
static uint64_t sent[GOFER_TYPE_END];

uint64_t gofer_requests_of(enum gofer_type type)
{
	return sent[type];
}

uint64_t gofer_requests(void)
{
	return next_tag;
}

int gofer_ask_begin(struct gofer_msg *q, struct gofer_call *c)
{
	*c = (struct gofer_call){ .tag = ++next_tag, .type = q->type };
	q->tag = c->tag;
	sent[q->type]++;
	waitq_init(&c->q);
	int err = send_msg(q);
	if (err)
		return err;
	HASH_ADD(hh, calls, tag, sizeof(c->tag), c);
	expect(1);
	return 0;
}

int gofer_ask_end(struct gofer_call *c, struct gofer_answer **out)
{
	if (co_current()) {
		wait_event_uninterruptible(&c->q, c->answer);
	} else {
		while (!c->answer) {
			flush_outbox();
			gofer_host_wait_readable(conn.fd);
			receive_all();
		}
	}
	HASH_DEL(calls, c);
	int err = c->answer->msg.result;
	if (err || !out)
		gofer_answer_free(c->answer);
	else
		*out = c->answer;
	return err;
}

int gofer_ask(struct gofer_msg *q, struct gofer_answer **out)
{
	struct gofer_call c;
	int err = gofer_ask_begin(q, &c);
	return err ? err : gofer_ask_end(&c, out);
}

int gofer_connect(int fd)
{
	CHECK(conn.fd < 0);
	conn = (struct loop_fd){ .fd = fd, .events = EPOLLIN, .ready = ready };
	forget_timer.fire = forget_due;
	int err = loop_fd_add(&conn);
	if (err)
		return err;
	struct gofer_msg q = { .type = GOFER_HELLO, .flags = GOFER_VERSION };
	return gofer_ask(&q, NULL);
}
