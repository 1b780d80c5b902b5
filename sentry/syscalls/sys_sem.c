/* sys_sem.c - semget(2), semop(2), semtimedop(2), semctl(2). */
#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/sem.h"
#include "sentry/kernel/clock.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/inode.h"

#define MAX_OPS 65536                     /* whatever the sysctl says */
#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif

long sys_semget(struct task *t, int key, int nsems, int semflg)
{
	return sem_get(t, key, nsems, semflg);
}

static long operate(struct task *t, int semid, uptr_t sops, uint64_t nsops, const struct timespec *timeout)
{
	if (nsops < 1 || semid < 0)
		return -EINVAL;
	if (nsops > (uint64_t)MIN(sem_limits[SEM_LIMIT_OPM], MAX_OPS))
		return -E2BIG;
	AUTO(free) struct sembuf *ops = malloc(nsops * sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	if (copy_from_user(t, ops, sops, nsops * sizeof(*ops)))
		return -EFAULT;
	uint64_t deadline = UINT64_MAX;
	if (timeout) {
		if (!timespec_valid(timeout))
			return -EINVAL;
		if (__builtin_add_overflow(now_mono_ns(), timespec_to_ns(timeout), &deadline))
			deadline = UINT64_MAX;
	}
	int err = sem_operate(t, semid, ops, (unsigned)nsops, deadline);
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

long sys_semop(struct task *t, int semid, uptr_t sops, uint64_t nsops)
{
	return operate(t, semid, sops, (unsigned)nsops, NULL);
}

long sys_semtimedop(struct task *t, int semid, uptr_t sops, uint64_t nsops, uptr_t timeout)
{
	struct timespec ts;
	if (uptr_null(timeout))
		return operate(t, semid, sops, (unsigned)nsops, NULL);
	if (get_user(t, &ts, timeout))
		return -EFAULT;
	return operate(t, semid, sops, (unsigned)nsops, &ts);
}

static long ctl_info(struct task *t, int cmd, uptr_t buf)
{
	struct seminfo info = {
		.semmni = sem_limits[SEM_LIMIT_MNI], .semmns = sem_limits[SEM_LIMIT_MNS], .semmsl = sem_limits[SEM_LIMIT_MSL],
		.semopm = sem_limits[SEM_LIMIT_OPM], .semvmx = SEM_MAX_VALUE, .semmnu = 1024000000, .semmap = 1024000000,
		.semume = 500, .semusz = 20, .semaem = SEM_MAX_VALUE,
	};
	if (cmd == SEM_INFO) {
		info.semusz = t->ipc_ns->sem.count;
		info.semaem = sem_total();
	}
	return put_user(t, buf, &info) ? -EFAULT : ipc_max_index(&t->ipc_ns->sem);
}

static long ctl_stat(struct task *t, int semid, int cmd, uptr_t buf)
{
	struct ipc_object *o = cmd == IPC_STAT ? ipc_find(&t->ipc_ns->sem, semid) : ipc_find_index(&t->ipc_ns->sem, semid & (IPC_INDEX_MAX - 1));
	if (!o)
		return -EINVAL;
	int err = cmd == SEM_STAT_ANY ? 0 : ipc_permission(o, t->cred, 0444);
	if (err)
		return err;
	struct semid_ds ds;
	sem_stat(t, to_sem_set(o), &ds);
	return put_user(t, buf, &ds) ? -EFAULT : cmd == IPC_STAT ? 0 : o->id;
}

/* What semctl() does to a set: borrowed. */
static int find(struct task *t, int semid, mode_t wanted, struct sem_set **out)
{
	struct ipc_object *o = ipc_find(&t->ipc_ns->sem, semid);
	if (!o)
		return -EINVAL;
	*out = to_sem_set(o);
	return ipc_permission(o, t->cred, wanted);
}

static long ctl_getall(struct task *t, int semid, uptr_t array)
{
	struct sem_set *s;
	int err = find(t, semid, 0444, &s);
	if (err)
		return err;
	AUTO(free) unsigned short *values = malloc((size_t)s->nsems * sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (int i = 0; i < s->nsems; i++)
		values[i] = (unsigned short)s->sems[i].value;
	return copy_to_user(t, array, values, (size_t)s->nsems * sizeof(*values));
}

static long ctl_setall(struct task *t, int semid, uptr_t array)
{
	struct sem_set *s;
	int err = find(t, semid, 0222, &s);
	if (err)
		return err;
	AUTO(free) unsigned short *values = malloc((size_t)s->nsems * sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (copy_from_user(t, values, array, (size_t)s->nsems * sizeof(*values)))
		return -EFAULT;
	for (int i = 0; i < s->nsems; i++) {
		if (values[i] > SEM_MAX_VALUE)
			return -ERANGE;
	}
	sem_set_values(s, 0, s->nsems, values, t->tg->tgid);
	return 0;
}

static long ctl_setval(struct task *t, int semid, int semnum, int value)
{
	struct sem_set *s;
	if (value < 0 || value > SEM_MAX_VALUE)
		return -ERANGE;
	struct ipc_object *o = ipc_find(&t->ipc_ns->sem, semid);
	if (!o || semnum < 0 || semnum >= to_sem_set(o)->nsems)
		return -EINVAL;
	int err = find(t, semid, 0222, &s);
	if (err)
		return err;
	sem_set_values(s, semnum, 1, &(unsigned short){ (unsigned short)value }, t->tg->tgid);
	return 0;
}

static long ctl_one(struct task *t, int semid, int semnum, int cmd)
{
	struct sem_set *s;
	int err = find(t, semid, 0444, &s);
	if (err)
		return err;
	if (semnum < 0 || semnum >= s->nsems)
		return -EINVAL;
	switch (cmd) {
	case GETVAL:
		return s->sems[semnum].value;
	case GETPID:
		return pid_shown(t, s->sems[semnum].pid);
	case GETNCNT:
		return sem_count(s, semnum, SEM_COUNT_NEGATIVE);
	default:
		return sem_count(s, semnum, SEM_COUNT_ZERO);
	}
}

static long ctl_set(struct task *t, int semid, uptr_t buf)
{
	struct semid_ds ds;
	if (get_user(t, &ds, buf))
		return -EFAULT;
	struct ipc_object *o = ipc_find(&t->ipc_ns->sem, semid);
	if (!o)
		return -EINVAL;
	if (!ipc_is_owner(o, t->cred))
		return -EPERM;
	int err = ipc_perm_set(o, t->cred, &ds.sem_perm);
	if (!err)
		to_sem_set(o)->ctime = inode_now().tv_sec;
	return err;
}

static long ctl_rmid(struct task *t, int semid)
{
	struct ipc_object *o = ipc_find(&t->ipc_ns->sem, semid);
	if (!o)
		return -EINVAL;
	if (!ipc_is_owner(o, t->cred))
		return -EPERM;
	sem_remove(to_sem_set(o));
	return 0;
}

long sys_semctl(struct task *t, int semid, int semnum, int cmd, uint64_t arg)
{
	if (semid < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return ctl_info(t, cmd, UPTR(arg));
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		return ctl_stat(t, semid, cmd, UPTR(arg));
	case GETALL:
		return ctl_getall(t, semid, UPTR(arg));
	case SETALL:
		return ctl_setall(t, semid, UPTR(arg));
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return ctl_one(t, semid, semnum, cmd);
	case SETVAL:
		return ctl_setval(t, semid, semnum, (int)arg);
	case IPC_SET:
		return ctl_set(t, semid, UPTR(arg));
	case IPC_RMID:
		return ctl_rmid(t, semid);
	default:
		return -EINVAL;
	}
}
