/* sem.c - sets of semaphores: made, removed, looked at (sem.h).
 *
 * LINUX    ipc/sem.c. */
#include "sentry/ipc/sem.h"

#include <string.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/sem_impl.h"

int sem_limits[4] = { 32000, 1024000000, 500, 32000 };

static int total;

static size_t set_bytes(int nsems)
{
	return sizeof(struct sem_set) + (size_t)nsems * sizeof(struct sem);
}

static void sem_free(struct ipc_object *o)
{
	struct sem_set *s = to_sem_set(o);
	fs_memory_uncharge(set_bytes(s->nsems));
	free(s);
}

void sem_ids_init(struct ipc_ids *ids)
{
	*ids = (struct ipc_ids)IPC_IDS_INIT(&sem_limits[SEM_LIMIT_MNI], sem_free);
}

void sem_ids_end(struct ipc_ids *ids)
{
	int index = 0;
	for (struct ipc_object *o; (o = ipc_next(ids, &index)); )
		sem_remove(to_sem_set(o));
}


int sem_total(void)
{
	return total;
}

static int sem_new(struct task *t, int key, int nsems, int flags)
{
	if (nsems == 0)
		return -EINVAL;
	if (nsems > sem_limits[SEM_LIMIT_MNS] - total || t->ipc_ns->sem.count >= sem_limits[SEM_LIMIT_MNI])
		return -ENOSPC;
	if (fs_memory_charge(set_bytes(nsems)))
		return -ENOMEM;
	struct sem_set *s = calloc(1, set_bytes(nsems));
	int id = s ? ipc_add(&t->ipc_ns->sem, &s->ipc, key, (mode_t)flags & 0777, t->cred) : -ENOMEM;
	if (id < 0) {
		fs_memory_uncharge(set_bytes(nsems));
		free(s);
		return id;
	}
	s->nsems = nsems;
	s->ctime = inode_now().tv_sec;
	TAILQ_INIT(&s->waits);
	LIST_INIT(&s->undos);
	total += nsems;
	return id;
}

int sem_get(struct task *t, int key, int nsems, int flags)
{
	if (nsems < 0 || nsems > sem_limits[SEM_LIMIT_MSL])
		return -EINVAL;
	struct ipc_object *o;
	int err = ipc_get_key(&t->ipc_ns->sem, key, flags, &o);
	if (err)
		return err;
	if (!o)
		return sem_new(t, key, nsems, flags);
	if (nsems > to_sem_set(o)->nsems)
		return -EINVAL;
	err = ipc_permission(o, t->cred, (mode_t)flags);
	return err ? err : o->id;
}

void sem_remove(struct sem_set *s)
{
	for (struct sem_undo *u; (u = LIST_FIRST(&s->undos)); )
		sem_undo_free(u);
	sem_end_waits(s, -EIDRM);
	total -= s->nsems;
	ipc_remove(&s->ipc);
}

void sem_set_values(struct sem_set *s, int first, int n, const unsigned short *values, int pid)
{
	struct sem_undo *u;
	for (int i = 0; i < n; i++) {
		s->sems[first + i].value = values[i];
		s->sems[first + i].pid = pid;
	}
	LIST_FOREACH(u, &s->undos, set_link)
		memset(&u->adjust[first], 0, (size_t)n * sizeof(u->adjust[0]));
	s->ctime = inode_now().tv_sec;
	sem_changed(s);
}

int sem_count(const struct sem_set *s, int num, enum sem_count which)
{
	const struct sem_wait *w;
	int n = 0;
	TAILQ_FOREACH(w, &s->waits, link) {
		const struct sembuf *op = &w->ops[w->blocking];
		if (op->sem_num == num && (op->sem_op == 0) == (which == SEM_COUNT_ZERO))
			n++;
	}
	return n;
}

void sem_stat(const struct task *t, const struct sem_set *s, struct semid_ds *out)
{
	memset(out, 0, sizeof(*out));
	ipc_perm_get(&s->ipc, t->cred, &out->sem_perm);
	out->sem_otime = s->otime;
	out->sem_ctime = s->ctime;
	out->sem_nsems = (unsigned long)s->nsems;
}
