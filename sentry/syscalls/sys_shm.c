/* sys_shm.c - shmget(2), shmat(2), shmdt(2), shmctl(2). */
#include <linux/capability.h>

#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/shm.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/permission.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

long sys_shmget(struct task *t, int key, uint64_t size, int shmflg)
{
	return shm_get(t, key, size, shmflg);
}

long sys_shmat(struct task *t, int shmid, uptr_t shmaddr, int shmflg)
{
	return shm_attach(t, shmid, shmaddr.addr, shmflg);
}

long sys_shmdt(struct task *t, uptr_t shmaddr)
{
	return shm_detach(t, shmaddr.addr);
}

static long ctl_ipc_info(struct task *t, uptr_t buf)
{
	struct shminfo info = {
		.shmmax = shm_max_bytes, .shmmin = 1, .shmmni = (unsigned)shm_max_count, .shmseg = (unsigned)shm_max_count,
		.shmall = shm_all_pages,
	};
	return put_user(t, buf, &info) ? -EFAULT : ipc_max_index(&t->ipc_ns->shm);
}

static long ctl_shm_info(struct task *t, uptr_t buf)
{
	struct shm_usage u = shm_usage(t);
	struct shm_info info = { .used_ids = t->ipc_ns->shm.count, .shm_tot = u.pages, .shm_rss = u.resident };
	return put_user(t, buf, &info) ? -EFAULT : ipc_max_index(&t->ipc_ns->shm);
}

static long ctl_stat(struct task *t, int shmid, int cmd, uptr_t buf)
{
	struct ipc_object *o = cmd == IPC_STAT ? ipc_find(&t->ipc_ns->shm, shmid) : ipc_find_index(&t->ipc_ns->shm, shmid & (IPC_INDEX_MAX - 1));
	if (!o)
		return -EINVAL;
	int err = cmd == SHM_STAT_ANY ? 0 : ipc_permission(o, t->cred, 0444);
	if (err)
		return err;
	struct shmid_ds ds;
	shm_stat(t, to_shm(o), &ds);
	return put_user(t, buf, &ds) ? -EFAULT : cmd == IPC_STAT ? 0 : o->id;
}

static long ctl_set(struct task *t, int shmid, uptr_t buf)
{
	struct shmid_ds ds;
	if (get_user(t, &ds, buf))
		return -EFAULT;
	struct ipc_object *o = ipc_find(&t->ipc_ns->shm, shmid);
	if (!o)
		return -EINVAL;
	if (!ipc_is_owner(o, t->cred))
		return -EPERM;
	int err = ipc_perm_set(o, t->cred, &ds.shm_perm);
	if (!err)
		to_shm(o)->ctime = inode_now().tv_sec;
	return err;
}

static long ctl_rmid(struct task *t, int shmid)
{
	struct ipc_object *o = ipc_find(&t->ipc_ns->shm, shmid);
	if (!o)
		return -EINVAL;
	if (!ipc_is_owner(o, t->cred))
		return -EPERM;
	shm_remove(to_shm(o));
	return 0;
}

static long ctl_lock(struct task *t, int shmid, bool lock)
{
	struct ipc_object *o = ipc_find(&t->ipc_ns->shm, shmid);
	if (!o)
		return -EINVAL;
	if (!cred_has_cap(t->cred, CAP_IPC_LOCK)) {
		if (t->cred->euid != o->uid && t->cred->euid != o->cuid)
			return -EPERM;
		if (lock && t->tg->rlimits[RLIMIT_MEMLOCK].rlim_cur == 0)
			return -EPERM;
	}
	shm_set_locked(to_shm(o), lock);
	return 0;
}

long sys_shmctl(struct task *t, int shmid, int cmd, uptr_t buf)
{
	if (shmid < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return ctl_ipc_info(t, buf);
	case SHM_INFO:
		return ctl_shm_info(t, buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return ctl_stat(t, shmid, cmd, buf);
	case IPC_SET:
		return ctl_set(t, shmid, buf);
	case IPC_RMID:
		return ctl_rmid(t, shmid);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return ctl_lock(t, shmid, cmd == SHM_LOCK);
	default:
		return -EINVAL;
	}
}
