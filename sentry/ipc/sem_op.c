/* sem_op.c - semop(2): several operations on a set at once, or none.
 *
 * HOW      Who can't go on queues its operations. Whoever changes the set tries those in the queue, in order, until no more
 *          can be done, and wakes whose were: the change and its effects are one step, as the waiters' own turns would
 *          let others in between.
 * LINUX    ipc/sem.c: perform_atomic_semop(), do_smart_update(). Same: an operation that waits for zero or for more counts in
 *          GETZCNT or GETNCNT of the one semaphore that stopped it; never restarted after a signal. */
#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/sem_impl.h"
#include "sentry/vfs/inode.h"

#define WOULD_BLOCK 1

/* One operation; undone by its negative. 0, WOULD_BLOCK, -ERANGE. */
static int do_one(struct sem_set *s, const struct sembuf *op, struct sem_undo *u)
{
	struct sem *sem = &s->sems[op->sem_num];
	int value = sem->value + op->sem_op;
	if ((op->sem_op == 0 && sem->value != 0) || value < 0)
		return WOULD_BLOCK;
	if (value > SEM_MAX_VALUE)
		return -ERANGE;
	if (op->sem_flg & SEM_UNDO) {
		int adjust = u->adjust[op->sem_num] - op->sem_op;
		if (adjust < -SEM_MAX_VALUE - 1 || adjust > SEM_MAX_VALUE)
			return -ERANGE;
		u->adjust[op->sem_num] = (short)adjust;
	}
	sem->value = value;
	return 0;
}

/* 0, WOULD_BLOCK (w->blocking is set), -EAGAIN (that one has IPC_NOWAIT), -ERANGE. */
static int try(struct sem_set *s, struct sem_wait *w)
{
	int ret = 0;
	unsigned i;
	for (i = 0; i < w->n && !ret; i++)
		ret = do_one(s, &w->ops[i], w->undo);
	if (!ret) {
		for (i = 0; i < w->n; i++)
			s->sems[w->ops[i].sem_num].pid = w->pid;
		s->otime = inode_now().tv_sec;
		return 0;
	}
	w->blocking = --i;
	while (i-- > 0) {
		const struct sembuf *op = &w->ops[i];
		s->sems[op->sem_num].value -= op->sem_op;
		if (op->sem_flg & SEM_UNDO)
			w->undo->adjust[op->sem_num] = (short)(w->undo->adjust[op->sem_num] + op->sem_op);
	}
	return ret == WOULD_BLOCK && (w->ops[w->blocking].sem_flg & IPC_NOWAIT) ? -EAGAIN : ret;
}

static void end_wait(struct sem_set *s, struct sem_wait *w, int result)
{
	TAILQ_REMOVE(&s->waits, w, link);
	w->done = true;
	w->result = result;
	waitq_wake(&w->wq, 0);
}

static bool alters(const struct sem_wait *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (w->ops[i].sem_op != 0)
			return true;
	}
	return false;
}

void sem_changed(struct sem_set *s)
{
	struct sem_wait *w = TAILQ_FIRST(&s->waits);
	while (w) {
		struct sem_wait *next = TAILQ_NEXT(w, link);
		int ret = try(s, w);
		if (ret != WOULD_BLOCK) {
			end_wait(s, w, ret);
			/* Those passed over may be able to go on now. */
			if (ret == 0 && alters(w))
				next = TAILQ_FIRST(&s->waits);
		}
		w = next;
	}
}

void sem_end_waits(struct sem_set *s, int result)
{
	for (struct sem_wait *w; (w = TAILQ_FIRST(&s->waits)); )
		end_wait(s, w, result);
}

/* Waits for its turn; s stays meanwhile, even if removed. */
static int wait_turn(struct task *t, struct sem_set *s, struct sem_wait *w, uint64_t deadline_ns)
{
	waitq_init(&w->wq);
	TAILQ_INSERT_TAIL(&s->waits, w, link);
	ipc_ref(&s->ipc);
	int err = wait_event_deadline(t, &w->wq, w->done, deadline_ns);
	if (w->done)
		err = w->result;
	else
		TAILQ_REMOVE(&s->waits, w, link);
	ipc_put(&s->ipc);
	return err == -ERESTARTSYS ? -EINTR : err;
}

int sem_operate(struct task *t, int id, const struct sembuf *ops, unsigned n, uint64_t deadline_ns)
{
	struct sem_wait w = { .ops = ops, .n = n, .pid = t->tg->tgid };
	bool undo = false;
	unsigned max = 0;
	for (unsigned i = 0; i < n; i++) {
		max = MAX(max, (unsigned)ops[i].sem_num);
		undo |= ops[i].sem_flg & SEM_UNDO;
	}
	struct ipc_object *o = ipc_find(&t->ipc_ns->sem, id);
	if (!o)
		return -EINVAL;
	struct sem_set *s = to_sem_set(o);
	if (max >= (unsigned)s->nsems)
		return -EFBIG;
	int err = ipc_permission(o, t->cred, alters(&w) ? 0222 : 0444);
	if (!err && undo)
		err = sem_undo_get(t, s, &w.undo);
	if (err)
		return err;
	err = try(s, &w);
	if (err == WOULD_BLOCK)
		return wait_turn(t, s, &w, deadline_ns);
	if (!err && alters(&w))
		sem_changed(s);
	return err;
}
