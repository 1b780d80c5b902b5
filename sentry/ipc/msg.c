/* msg.c - message queues: made, removed, looked at (msg.h).
 *
 * LINUX    ipc/msg.c, ipc/msgutil.c. */
#include "sentry/ipc/msg.h"

#include <string.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/msg_impl.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"

int msg_max_bytes = 8192, msg_queue_max_bytes = 16384, msg_max_queues = 32000;

struct msg *msg_new(int64_t type, size_t bytes)
{
	if (fs_memory_charge(sizeof(struct msg) + bytes))
		return NULL;
	struct msg *m = malloc(sizeof(*m) + bytes);
	if (!m) {
		fs_memory_uncharge(sizeof(struct msg) + bytes);
		return NULL;
	}
	m->type = type;
	m->bytes = bytes;
	return m;
}

void msg_free(struct msg *m)
{
	if (!m)
		return;
	fs_memory_uncharge(sizeof(struct msg) + m->bytes);
	free(m);
}

static void queue_free(struct ipc_object *o)
{
	fs_memory_uncharge(sizeof(struct msg_queue));
	free(to_msg_queue(o));
}

void msg_ids_init(struct ipc_ids *ids)
{
	*ids = (struct ipc_ids)IPC_IDS_INIT(&msg_max_queues, queue_free);
}

void msg_ids_end(struct ipc_ids *ids)
{
	int index = 0;
	for (struct ipc_object *o; (o = ipc_next(ids, &index)); )
		msg_remove(to_msg_queue(o));
}


static int msg_queue_new(struct task *t, int key, int flags)
{
	if (fs_memory_charge(sizeof(struct msg_queue)))
		return -ENOMEM;
	struct msg_queue *q = NEW(struct msg_queue);
	TAILQ_INIT(&q->msgs);
	TAILQ_INIT(&q->senders);
	TAILQ_INIT(&q->receivers);
	q->max_bytes = (uint64_t)msg_queue_max_bytes;
	q->ctime = inode_now().tv_sec;
	int id = ipc_add(&t->ipc_ns->msg, &q->ipc, key, (mode_t)flags & 0777, t->cred);
	if (id < 0)
		queue_free(&q->ipc);
	return id;
}

int msg_get(struct task *t, int key, int flags)
{
	struct ipc_object *o;
	int err = ipc_get_key(&t->ipc_ns->msg, key, flags, &o);
	if (err)
		return err;
	if (!o)
		return msg_queue_new(t, key, flags);
	err = ipc_permission(o, t->cred, (mode_t)flags);
	return err ? err : o->id;
}

void msg_remove(struct msg_queue *q)
{
	msg_end_waits(q, -EIDRM);
	for (struct msg *m; (m = TAILQ_FIRST(&q->msgs)); ) {
		TAILQ_REMOVE(&q->msgs, m, link);
		msg_free(m);
	}
	ipc_remove(&q->ipc);
}

void msg_stat(const struct task *t, const struct msg_queue *q, struct msqid_ds *out)
{
	memset(out, 0, sizeof(*out));
	ipc_perm_get(&q->ipc, t->cred, &out->msg_perm);
	out->msg_stime = q->stime;
	out->msg_rtime = q->rtime;
	out->msg_ctime = q->ctime;
	out->__msg_cbytes = q->bytes;
	out->msg_qnum = q->count;
	out->msg_qbytes = q->max_bytes;
	out->msg_lspid = pid_shown(t, q->lspid);
	out->msg_lrpid = pid_shown(t, q->lrpid);
}

struct msg_totals msg_totals(const struct task *t)
{
	struct msg_totals sum = { 0 };
	int index = 0;
	for (struct ipc_object *o; (o = ipc_next(&t->ipc_ns->msg, &index)); ) {
		sum.count += to_msg_queue(o)->count;
		sum.bytes += to_msg_queue(o)->bytes;
	}
	return sum;
}
