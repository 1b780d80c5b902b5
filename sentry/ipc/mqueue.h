/* mqueue.h - POSIX message queues (mq_overview(7)). */
#pragma once

#include <linux/mqueue.h>
#include <signal.h>

#include "sentry/vfs/file.h"

#define MQ_HARD_MSG_MAX 65536             /* with CAP_SYS_RESOURCE, and for the sysctls */
#define MQ_HARD_MSGSIZE_MAX (16 << 20)

/* Sysctls fs.mqueue: for who has no CAP_SYS_RESOURCE; and a queue's own where mq_open(2) is given none. */
extern int mqueue_queues_max, mqueue_msg_max, mqueue_msgsize_max, mqueue_msg_default, mqueue_msgsize_default;

struct cred;
struct mqueue;
struct task;

/* mq_open(2): finds or makes the queue `name`. attr NULL: the default limits. -ENOENT -EEXIST -EACCES -EINVAL -EMFILE
 * -ENOSPC -ENAMETOOLONG. *out: a reference. Sleeps. */
int mqueue_open(struct task *t, const char *name, int oflag, mode_t mode, const struct mq_attr *attr, struct file **out) MUST_CHECK;
int mqueue_unlink(struct task *t, const char *name) MUST_CHECK;        /* sleeps */
struct mqueue *mqueue_of(struct file *f);                              /* NULL: f is no message queue. Borrowed */

/* The file system of all queues, for mount(2). *out: a reference. */
struct ipc_ns;
int mqueue_mount(struct ipc_ns *ns, struct superblock **out) MUST_CHECK;

/* Messages. deadline_ns: on CLOCK_MONOTONIC; UINT64_MAX: never. nonblock: -EAGAIN instead of a wait. Sleep; -ERESTARTSYS,
 * -ETIMEDOUT. Sending takes m over if it succeeds; receiving hands one over. */
struct mq_msg;
struct mq_msg *mq_msg_new(size_t bytes, unsigned prio);                /* NULL: no memory left for it */
void mq_msg_free(struct mq_msg *m);
DEFINE_AUTO(mq_msg_free, struct mq_msg *)
void *mq_msg_data(struct mq_msg *m);
size_t mq_msg_bytes(const struct mq_msg *m);
unsigned mq_msg_prio(const struct mq_msg *m);
int mqueue_send(struct task *t, struct mqueue *q, struct mq_msg *m, bool nonblock, uint64_t deadline_ns) MUST_CHECK;
int mqueue_receive(struct task *t, struct mqueue *q, bool nonblock, uint64_t deadline_ns, struct mq_msg **out) MUST_CHECK;

/* mq_flags is a file's, and not filled in. */
void mqueue_attr(const struct mqueue *q, struct mq_attr *out);
/* mq_notify(2): t's process is told once when a message arrives in the empty queue. -EBUSY: somebody else is. */
#define MQ_COOKIE_BYTES 32                /* NOTIFY_COOKIE_LEN */
struct mq_notify {
	int how;                          /* SIGEV_NONE: nothing happens, SIGEV_SIGNAL, SIGEV_THREAD */
	int sig;
	union sigval value;
	struct file *netlink;             /* SIGEV_THREAD: gets the cookie, with its last byte saying what has happened */
	unsigned char cookie[MQ_COOKIE_BYTES];
};
/* Takes n->netlink over if it succeeds. */
int mqueue_notify_set(struct task *t, struct mqueue *q, const struct mq_notify *n) MUST_CHECK;
void mqueue_notify_clear(struct task *t, struct mqueue *q);            /* if it is t's process's */
