/* msg.h - System V message queues (msgop(2)). */
#pragma once

#include <sys/msg.h>

#include "sentry/ipc/ipc.h"

struct msg {
	TAILQ_ENTRY(msg) link;
	int64_t type;                     /* at least 1 */
	size_t bytes;
	char data[];
};

struct msg_sender;
struct msg_receiver;
struct msg_queue {
	struct ipc_object ipc;
	TAILQ_HEAD(, msg) msgs;
	uint64_t count, bytes, max_bytes; /* max_bytes: msg_qbytes */
	int lspid, lrpid;                 /* who sent, who received last */
	int64_t stime, rtime, ctime;      /* seconds */
	TAILQ_HEAD(, msg_sender) senders;
	TAILQ_HEAD(, msg_receiver) receivers;
};
static inline struct msg_queue *to_msg_queue(struct ipc_object *o) { return container_of(o, struct msg_queue, ipc); }

extern int msg_max_bytes, msg_queue_max_bytes, msg_max_queues;   /* sysctls kernel.msgmax, .msgmnb, .msgmni */
struct msg_totals { uint64_t count, bytes; };
struct msg_totals msg_totals(const struct task *t);       /* in all queues */

/* Charged to the sandbox. NULL: there is no memory for it. */
struct msg *msg_new(int64_t type, size_t bytes);
void msg_free(struct msg *m);
DEFINE_AUTO(msg_free, struct msg *)

/* msgget(2): the id. -ENOENT -EEXIST -EACCES -ENOSPC -ENOMEM. */
int msg_get(struct task *t, int key, int flags) MUST_CHECK;
/* msgsnd(2): takes m over if it succeeds. -EINVAL -EACCES -EAGAIN -EIDRM, -ERESTARTNOHAND. Sleeps. */
int msg_send(struct task *t, int id, struct msg *m, bool nonblock) MUST_CHECK;
/* msgrcv(2) but for the copying: *out is the caller's (with MSG_COPY it is a copy, at most `bytes` long). -EINVAL -EACCES
 * -ENOMSG -E2BIG -EIDRM -ENOMEM, -ERESTARTNOHAND. Sleeps. */
int msg_receive(struct task *t, int id, size_t bytes, int64_t type, int flags, struct msg **out) MUST_CHECK;

void msg_remove(struct msg_queue *q);     /* IPC_RMID: messages go, those who wait get -EIDRM */
/* IPC_SET: who waits looks again, whether permission, room or limits allow it now. */
void msg_changed(struct msg_queue *q);
void msg_stat(const struct task *t, const struct msg_queue *q, struct msqid_ds *out);
