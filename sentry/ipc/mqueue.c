/* mqueue.c - a message queue: messages by priority, who waits for them, and who is told (mq_overview(7)).
 *
 * HOW      A message goes straight to a waiting receiver, and room straight to a waiting sender: the waiter's struct says so
 *          before it is woken, so nobody can come in between and a signal at that moment loses nothing.
 * LINUX    ipc/mqueue.c. Different: waiters are served in the order they came, not by their scheduling priority.
 *          Same: SIGEV_THREAD sends 32 bytes to a netlink socket, from whose other end libc's thread reads them. */
#include <stdio.h>
#include <sys/epoll.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/ipc/mqueue_impl.h"
#include "sentry/net/netlink/netlink.h"


/* --- messages --- */

static int compare(const struct mq_msg *a, const struct mq_msg *b)
{
	if (a->prio != b->prio)
		return a->prio > b->prio ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}
RB_GENERATE_INTERNAL(mq_msgs, mq_msg, link, compare, static __attribute__((unused)))

struct mq_msg *mq_msg_new(size_t bytes, unsigned prio)
{
	if (fs_memory_charge(sizeof(struct mq_msg) + bytes) < 0)
		return NULL;
	struct mq_msg *m = malloc(sizeof(*m) + bytes);
	if (!m) {
		fs_memory_uncharge(sizeof(*m) + bytes);
		return NULL;
	}
	m->bytes = bytes;
	m->prio = prio;
	return m;
}

void mq_msg_free(struct mq_msg *m)
{
	if (!m)
		return;
	fs_memory_uncharge(sizeof(*m) + m->bytes);
	free(m);
}

void *mq_msg_data(struct mq_msg *m) { return m->data; }
size_t mq_msg_bytes(const struct mq_msg *m) { return m->bytes; }
unsigned mq_msg_prio(const struct mq_msg *m) { return m->prio; }

static void insert(struct mqueue *q, struct mq_msg *m)
{
	m->seq = q->next_seq++;
	RB_INSERT(mq_msgs, &q->msgs, m);
	q->curmsgs++;
	q->bytes += m->bytes;
}

static struct mq_msg *take_first(struct mqueue *q)
{
	struct mq_msg *m = RB_MIN(mq_msgs, &q->msgs);
	if (!m)
		return NULL;
	RB_REMOVE(mq_msgs, &q->msgs, m);
	q->curmsgs--;
	q->bytes -= m->bytes;
	return m;
}

/* --- notification --- */

static void forget_notification(struct mqueue *q)
{
	if (!q->notify_tg)
		return;
	tg_put(TAKE(q->notify_tg));
	if (q->notify.netlink)
		file_put(TAKE(q->notify.netlink));
}

static void tell_thread(struct mqueue *q, unsigned char what)
{
	if (q->notify.how != SIGEV_THREAD)
		return;
	q->notify.cookie[MQ_COOKIE_BYTES - 1] = what;
	netlink_post(q->notify.netlink, q->notify.cookie, MQ_COOKIE_BYTES);
}

static void remove_notification(struct task *t, struct mqueue *q)
{
	if (q->notify_tg != t->tg)
		return;
	tell_thread(q, NOTIFY_REMOVED);
	forget_notification(q);
}

static void notify(struct task *t, struct mqueue *q)
{
	if (!q->notify_tg)
		return;
	const struct mq_notify *n = &q->notify;
	siginfo_t info = { .si_signo = n->sig, .si_code = SI_MESGQ };
	info.si_pid = t->tg->tgid;
	info.si_uid = t->cred->uid;
	info.si_value = n->value;
	if (n->how == SIGEV_SIGNAL && n->sig > 0 && !q->notify_tg->zombie)
		signal_send_group(q->notify_tg, n->sig, &info);
	tell_thread(q, NOTIFY_WOKENUP);
	forget_notification(q);
}

int mqueue_notify_set(struct task *t, struct mqueue *q, const struct mq_notify *n)
{
	if (q->notify_tg && !q->notify_tg->zombie)
		return -EBUSY;
	forget_notification(q);
	q->notify_tg = tg_get(t->tg);
	q->notify = *n;
	q->inode.atime = q->inode.ctime = inode_now();
	return 0;
}

void mqueue_notify_clear(struct task *t, struct mqueue *q)
{
	remove_notification(t, q);
	q->inode.atime = q->inode.ctime = inode_now();
}

void mqueue_flush(struct task *t, struct mqueue *q)
{
	remove_notification(t, q);
}

/* --- sending and receiving --- */

static int wait_turn(struct task *t, struct mq_waiters *list, struct mq_waiter *w, uint64_t deadline_ns)
{
	waitq_init(&w->wq);
	TAILQ_INSERT_TAIL(list, w, link);
	int err = wait_event_deadline(t, &w->wq, w->done, deadline_ns);
	if (w->done)
		return 0;
	TAILQ_REMOVE(list, w, link);
	return err;
}

static void end_wait(struct mq_waiters *list, struct mq_waiter *w)
{
	TAILQ_REMOVE(list, w, link);
	w->done = true;
	waitq_wake(&w->wq, EPOLLIN | EPOLLOUT);
}

int mqueue_send(struct task *t, struct mqueue *q, struct mq_msg *m, bool nonblock, uint64_t deadline_ns)
{
	if (q->curmsgs >= q->maxmsg) {
		if (nonblock)
			return -EAGAIN;
		struct mq_waiter w = { .msg = m };
		return wait_turn(t, &q->senders, &w, deadline_ns);
	}
	struct mq_waiter *receiver = TAILQ_FIRST(&q->receivers);
	if (receiver) {
		receiver->msg = m;
		end_wait(&q->receivers, receiver);
	} else {
		insert(q, m);
		if (q->curmsgs == 1)
			notify(t, q);
		waitq_wake(&q->wq, EPOLLIN | EPOLLRDNORM);
	}
	q->inode.atime = q->inode.mtime = q->inode.ctime = inode_now();
	return 0;
}

int mqueue_receive(struct task *t, struct mqueue *q, bool nonblock, uint64_t deadline_ns, struct mq_msg **out)
{
	struct mq_msg *m = take_first(q);
	if (!m) {
		if (nonblock)
			return -EAGAIN;
		struct mq_waiter w = { 0 };
		int err = wait_turn(t, &q->receivers, &w, deadline_ns);
		if (!err)
			*out = w.msg;
		return err;
	}
	struct mq_waiter *sender = TAILQ_FIRST(&q->senders);
	if (sender) {
		insert(q, sender->msg);
		end_wait(&q->senders, sender);
	} else {
		waitq_wake(&q->wq, EPOLLOUT | EPOLLWRNORM);
	}
	q->inode.atime = q->inode.mtime = q->inode.ctime = inode_now();
	*out = m;
	return 0;
}

/* --- the queue --- */

void mqueue_attr(const struct mqueue *q, struct mq_attr *out)
{
	*out = (struct mq_attr){ .mq_maxmsg = q->maxmsg, .mq_msgsize = q->msgsize, .mq_curmsgs = q->curmsgs };
}

int mqueue_show(const struct mqueue *q, char *buf, size_t bytes)
{
	const struct thread_group *tg = q->notify_tg;
	return snprintf(buf, bytes, "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", (unsigned long)q->bytes,
			tg ? q->notify.how : 0, tg && q->notify.how == SIGEV_SIGNAL ? q->notify.sig : 0, tg ? tg->tgid : 0);
}

void mqueue_init(struct mqueue *q, long maxmsg, long msgsize)
{
	q->maxmsg = maxmsg;
	q->msgsize = msgsize;
	RB_INIT(&q->msgs);
	TAILQ_INIT(&q->senders);
	TAILQ_INIT(&q->receivers);
	waitq_init(&q->wq);
}

void mqueue_fini(struct mqueue *q)
{
	struct mq_msg *m;
	while ((m = take_first(q)))
		mq_msg_free(m);
	forget_notification(q);
}
