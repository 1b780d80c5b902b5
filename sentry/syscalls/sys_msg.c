/* sys_msg.c - msgget(2), msgsnd(2), msgrcv(2), msgctl(2). */
#include <linux/capability.h>

#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/msg.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/permission.h"

#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif
#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

long sys_msgget(struct task *t, int key, int msgflg)
{
	return msg_get(t, key, msgflg);
}

/* The guest's struct msgbuf: a long, and the text behind it. */
long sys_msgsnd(struct task *t, int msqid, uptr_t msgp, uint64_t msgsz, int msgflg)
{
	int64_t type;
	if (get_user(t, &type, msgp))
		return -EFAULT;
	if (msgsz > (uint64_t)msg_max_bytes || msqid < 0 || type < 1)
		return -EINVAL;
	AUTO(msg_free) struct msg *m = msg_new(type, msgsz);
	if (!m)
		return -ENOMEM;
	if (copy_from_user(t, m->data, uptr_add(msgp, sizeof(type)), msgsz))
		return -EFAULT;
	int err = msg_send(t, msqid, m, msgflg & IPC_NOWAIT);
	if (!err)
		m = NULL;
	return err;
}

long sys_msgrcv(struct task *t, int msqid, uptr_t msgp, uint64_t msgsz, int64_t msgtyp, int msgflg)
{
	if (msqid < 0 || msgsz > INT64_MAX)
		return -EINVAL;
	if ((msgflg & MSG_COPY) && ((msgflg & MSG_EXCEPT) || !(msgflg & IPC_NOWAIT)))
		return -EINVAL;
	AUTO(msg_free) struct msg *m = NULL;
	int err = msg_receive(t, msqid, msgsz, msgtyp, msgflg, &m);
	if (err)
		return err;
	/* A message that can't be copied out is lost, as in Linux. */
	size_t bytes = MIN(m->bytes, msgsz);
	if (put_user(t, msgp, &m->type) || copy_to_user(t, uptr_add(msgp, sizeof(m->type)), m->data, bytes))
		return -EFAULT;
	return (long)bytes;
}

static long ctl_info(struct task *t, int cmd, uptr_t buf)
{
	struct msginfo info = {
		.msgmni = msg_max_queues, .msgmax = msg_max_bytes, .msgmnb = msg_queue_max_bytes, .msgssz = 16, .msgseg = 0xffff,
		.msgmap = msg_queue_max_bytes, .msgpool = msg_max_queues * (msg_queue_max_bytes / 1024), .msgtql = msg_queue_max_bytes,
	};
	if (cmd == MSG_INFO) {
		struct msg_totals sum = msg_totals(t);
		info.msgpool = t->ipc_ns->msg.count;
		info.msgmap = (int)sum.count;
		info.msgtql = (int)sum.bytes;
	}
	return put_user(t, buf, &info) ? -EFAULT : ipc_max_index(&t->ipc_ns->msg);
}

static long ctl_stat(struct task *t, int msqid, int cmd, uptr_t buf)
{
	struct ipc_object *o = cmd == IPC_STAT ? ipc_find(&t->ipc_ns->msg, msqid) : ipc_find_index(&t->ipc_ns->msg, msqid & (IPC_INDEX_MAX - 1));
	if (!o)
		return -EINVAL;
	int err = cmd == MSG_STAT_ANY ? 0 : ipc_permission(o, t->cred, 0444);
	if (err)
		return err;
	struct msqid_ds ds;
	msg_stat(t, to_msg_queue(o), &ds);
	return put_user(t, buf, &ds) ? -EFAULT : cmd == IPC_STAT ? 0 : o->id;
}

static long ctl_set(struct task *t, int msqid, uptr_t buf)
{
	struct msqid_ds ds;
	if (get_user(t, &ds, buf))
		return -EFAULT;
	struct ipc_object *o = ipc_find(&t->ipc_ns->msg, msqid);
	if (!o)
		return -EINVAL;
	if (!ipc_is_owner(o, t->cred))
		return -EPERM;
	if (ds.msg_qbytes > (uint64_t)msg_queue_max_bytes && !cred_has_cap(t->cred, CAP_SYS_RESOURCE))
		return -EPERM;
	int err = ipc_perm_set(o, t->cred, &ds.msg_perm);
	if (err)
		return err;
	struct msg_queue *q = to_msg_queue(o);
	q->max_bytes = ds.msg_qbytes;
	q->ctime = inode_now().tv_sec;
	msg_changed(q);
	return 0;
}

static long ctl_rmid(struct task *t, int msqid)
{
	struct ipc_object *o = ipc_find(&t->ipc_ns->msg, msqid);
	if (!o)
		return -EINVAL;
	if (!ipc_is_owner(o, t->cred))
		return -EPERM;
	msg_remove(to_msg_queue(o));
	return 0;
}

long sys_msgctl(struct task *t, int msqid, int cmd, uptr_t buf)
{
	if (msqid < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		return ctl_info(t, cmd, buf);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		return ctl_stat(t, msqid, cmd, buf);
	case IPC_SET:
		return ctl_set(t, msqid, buf);
	case IPC_RMID:
		return ctl_rmid(t, msqid);
	default:
		return -EINVAL;
	}
}
