/* msg_op.c - msgsnd(2) and msgrcv(2).
 *
 * HOW      A message goes straight to the first of those who wait for its type; room that a receiver makes goes to the first
 *          who waits to send. So nobody who comes later gets in between.
 * LINUX    ipc/msg.c: do_msgsnd(), do_msgrcv(), pipelined_send(), ss_wakeup(). Same: who waits with too small a buffer and
 *          without MSG_NOERROR gets E2BIG when a message comes, and the message stays; a signal with a handler always ends the
 *          wait. */
#include <string.h>

#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/msg_impl.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/inode.h"

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

struct msg_sender {
	TAILQ_ENTRY(msg_sender) link;
	struct task *t;
	struct waitq wq;
	struct msg *msg;
	bool done;
	int result;
};

struct msg_receiver {
	TAILQ_ENTRY(msg_receiver) link;
	struct task *t;
	struct waitq wq;
	size_t bytes;
	int64_t type;
	int flags;
	bool done;
	int result;                       /* 0: msg is the receiver's */
	struct msg *msg;
};

static void sender_end(struct msg_queue *q, struct msg_sender *s, int result)
{
	TAILQ_REMOVE(&q->senders, s, link);
	s->done = true;
	s->result = result;
	waitq_wake(&s->wq, 0);
}

static void receiver_end(struct msg_queue *q, struct msg_receiver *r, int result)
{
	TAILQ_REMOVE(&q->receivers, r, link);
	r->done = true;
	r->result = result;
	waitq_wake(&r->wq, 0);
}

static void note_received(struct msg_queue *q, const struct task *t)
{
	q->lrpid = t->tg->tgid;
	q->rtime = inode_now().tv_sec;
}

static bool takes(int64_t type, int flags, const struct msg *m)
{
	if (type == 0)
		return true;
	if (type < 0)
		return m->type <= (type == INT64_MIN ? INT64_MAX : -type);
	return flags & MSG_EXCEPT ? m->type != type : m->type == type;
}

static bool fits(const struct msg_receiver *r, const struct msg *m)
{
	return m->bytes <= r->bytes || (r->flags & MSG_NOERROR);
}

/* To somebody who waits for it. */
static bool hand_over(struct msg_queue *q, struct msg *m)
{
	struct msg_receiver *r, *next;
	for (r = TAILQ_FIRST(&q->receivers); r; r = next) {
		next = TAILQ_NEXT(r, link);
		if (!takes(r->type, r->flags, m))
			continue;
		if (!fits(r, m)) {
			receiver_end(q, r, -E2BIG);
			continue;
		}
		r->msg = m;
		note_received(q, r->t);
		receiver_end(q, r, 0);
		return true;
	}
	return false;
}

static bool has_room(const struct msg_queue *q, size_t bytes)
{
	return bytes + q->bytes <= q->max_bytes && q->count + 1 <= q->max_bytes;
}

static void put(struct msg_queue *q, struct msg *m, const struct task *t)
{
	q->lspid = t->tg->tgid;
	q->stime = inode_now().tv_sec;
	if (hand_over(q, m))
		return;
	TAILQ_INSERT_TAIL(&q->msgs, m, link);
	q->bytes += m->bytes;
	q->count++;
}

/* Room was made: for the first, and for who comes later with less. */
static void let_senders(struct msg_queue *q)
{
	struct msg_sender *s, *next;
	for (s = TAILQ_FIRST(&q->senders); s; s = next) {
		next = TAILQ_NEXT(s, link);
		struct msg *m = s->msg;
		if (!has_room(q, m->bytes))
			continue;
		sender_end(q, s, 0);
		put(q, m, s->t);
	}
}

void msg_end_waits(struct msg_queue *q, int result)
{
	for (struct msg_sender *s; (s = TAILQ_FIRST(&q->senders)); )
		sender_end(q, s, result);
	for (struct msg_receiver *r; (r = TAILQ_FIRST(&q->receivers)); )
		receiver_end(q, r, result);
}

void msg_changed(struct msg_queue *q)
{
	struct msg_sender *s, *next_s;
	struct msg_receiver *r, *next_r;
	for (s = TAILQ_FIRST(&q->senders); s; s = next_s) {
		next_s = TAILQ_NEXT(s, link);
		if (ipc_permission(&q->ipc, s->t->cred, 0222))
			sender_end(q, s, -EACCES);
	}
	for (r = TAILQ_FIRST(&q->receivers); r; r = next_r) {
		next_r = TAILQ_NEXT(r, link);
		if (ipc_permission(&q->ipc, r->t->cred, 0444))
			receiver_end(q, r, -EACCES);
	}
	let_senders(q);
}

int msg_send(struct task *t, int id, struct msg *m, bool nonblock)
{
	struct ipc_object *o = ipc_find(&t->ipc_ns->msg, id);
	if (!o)
		return -EINVAL;
	struct msg_queue *q = to_msg_queue(o);
	int err = ipc_permission(o, t->cred, 0222);
	if (err)
		return err;
	if (has_room(q, m->bytes)) {
		put(q, m, t);
		return 0;
	}
	if (nonblock)
		return -EAGAIN;
	struct msg_sender s = { .t = t, .msg = m };
	waitq_init(&s.wq);
	TAILQ_INSERT_TAIL(&q->senders, &s, link);
	ipc_ref(o);
	err = wait_event(t, &s.wq, s.done);
	if (s.done)
		err = s.result;
	else
		TAILQ_REMOVE(&q->senders, &s, link);
	ipc_put(o);
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

/* The first that fits; of several types up to -type, the first of the lowest. */
static struct msg *find(const struct msg_queue *q, int64_t type, int flags)
{
	struct msg *m, *best = NULL;
	TAILQ_FOREACH(m, &q->msgs, link) {
		if (!takes(type, flags, m))
			continue;
		if (type >= 0)
			return m;
		if (!best || m->type < best->type)
			best = m;
		if (best->type == 1)
			break;
	}
	return best;
}

/* MSG_COPY: the message at place `type` stays in the queue. */
static int copy(const struct msg_queue *q, size_t bytes, int64_t type, int flags, struct msg **out)
{
	const struct msg *m = type < 0 ? NULL : TAILQ_FIRST(&q->msgs);
	while (m && type-- > 0)
		m = TAILQ_NEXT(m, link);
	if (!m)
		return -ENOMSG;
	if (m->bytes > bytes)
		return flags & MSG_NOERROR ? -EINVAL : -E2BIG;
	struct msg *c = msg_new(m->type, m->bytes);
	if (!c)
		return -ENOMEM;
	memcpy(c->data, m->data, m->bytes);
	*out = c;
	return 0;
}

static int wait_message(struct task *t, struct msg_queue *q, size_t bytes, int64_t type, int flags, struct msg **out)
{
	struct msg_receiver r = { .t = t, .bytes = bytes, .type = type, .flags = flags };
	waitq_init(&r.wq);
	TAILQ_INSERT_TAIL(&q->receivers, &r, link);
	ipc_ref(&q->ipc);
	int err = wait_event(t, &r.wq, r.done);
	if (r.done) {
		err = r.result;
		*out = r.msg;
	} else {
		TAILQ_REMOVE(&q->receivers, &r, link);
	}
	ipc_put(&q->ipc);
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

int msg_receive(struct task *t, int id, size_t bytes, int64_t type, int flags, struct msg **out)
{
	struct ipc_object *o = ipc_find(&t->ipc_ns->msg, id);
	if (!o)
		return -EINVAL;
	struct msg_queue *q = to_msg_queue(o);
	int err = ipc_permission(o, t->cred, 0444);
	if (err)
		return err;
	if (flags & MSG_COPY)
		return copy(q, bytes, type, flags, out);
	struct msg *m = find(q, type, flags);
	if (!m)
		return flags & IPC_NOWAIT ? -ENOMSG : wait_message(t, q, bytes, type, flags, out);
	if (m->bytes > bytes && !(flags & MSG_NOERROR))
		return -E2BIG;
	TAILQ_REMOVE(&q->msgs, m, link);
	q->bytes -= m->bytes;
	q->count--;
	note_received(q, t);
	let_senders(q);
	*out = m;
	return 0;
}
