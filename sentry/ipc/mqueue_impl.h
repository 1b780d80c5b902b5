/* mqueue_impl.h - what mqueue.c (a queue) and mqueue_fs.c (its name) share. */
#pragma once

#include <bsd/sys/tree.h>
#include <sys/queue.h>

#include "sentry/ipc/mqueue.h"
#include "sentry/kernel/task.h"

struct mq_msg {
	RB_ENTRY(mq_msg) link;
	uint64_t seq;                     /* among those of one priority: first come, first served */
	unsigned prio;
	size_t bytes;
	char data[];
};
RB_HEAD(mq_msgs, mq_msg);

/* Who waits to send or to receive. The other side does the work, so that nobody gets in between. */
struct mq_waiter {
	TAILQ_ENTRY(mq_waiter) link;
	struct waitq wq;
	struct mq_msg *msg;               /* to send; or what has been received */
	bool done;
};
TAILQ_HEAD(mq_waiters, mq_waiter);

struct mqueue {
	struct inode inode;
	long maxmsg, msgsize, curmsgs;
	struct mq_msgs msgs;
	uint64_t next_seq;
	size_t bytes;                     /* of messages */
	struct mq_waiters senders, receivers;
	struct waitq wq;                  /* poll */
	struct thread_group *notify_tg;   /* who asked to be told: a reference; NULL: nobody */
	struct mq_notify notify;
	uint32_t uid;                     /* who pays for it, and how much (RLIMIT_MSGQUEUE) */
	uint64_t charged_bytes;
};
static inline struct mqueue *to_mqueue(struct inode *i) { return container_of(i, struct mqueue, inode); }

void mqueue_init(struct mqueue *q, long maxmsg, long msgsize);
void mqueue_fini(struct mqueue *q);       /* messages and notification go */
void mqueue_flush(struct task *t, struct mqueue *q);          /* a descriptor of t's process was closed */
int mqueue_show(const struct mqueue *q, char *buf, size_t bytes);   /* what read(2) gives */
