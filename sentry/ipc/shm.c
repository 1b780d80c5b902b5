/* shm.c - System V shared memory segments: made, removed, counted (shm.h).
 *
 * HOW      A segment's memory is an unnamed tmpfs file, so once it is attached a host memfd that the host maps; accounting is
 *          the tmpfs's. How often it is attached is how many mappings of it there are: shm_map.c.
 * LINUX    ipc/shm.c. A removed segment that is attached still has its id, but no key.
 * MISSING  SHM_HUGETLB (EINVAL, as without hugetlbfs); SHM_LOCK only sets the flag;
 *          kernel.shm_rmid_forced. */
#include "sentry/ipc/shm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/shm_impl.h"
#include "sentry/kernel/machine.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"

uint64_t shm_max_bytes = ULONG_MAX - (1UL << 24), shm_all_pages = ULONG_MAX - (1UL << 24);
int shm_max_count = 4096;

static uint64_t total_pages;              /* of all segments, touched or not */

static void shm_free(struct ipc_object *o)
{
	free(to_shm(o));
}

void shm_ids_init(struct ipc_ids *ids)
{
	*ids = (struct ipc_ids)IPC_IDS_INIT(&shm_max_count, shm_free);
}

void shm_ids_end(struct ipc_ids *ids)
{
	int index = 0;
	for (struct ipc_object *o; (o = ipc_next(ids, &index)); )
		shm_remove(to_shm(o));
}


static uint64_t pages_of(uint64_t bytes)
{
	return bytes / PAGE_SIZE + (bytes % PAGE_SIZE != 0);
}

/* Unlimited but for the sandbox's own budget, as the kernel's internal mount is. */
static int shm_superblock(struct superblock **out)
{
	static struct superblock *sb;     /* for the sandbox's life */
	int err = sb ? 0 : tmpfs_mount_as("tmpfs", "size=0,nr_inodes=0", &sb);
	*out = sb;
	return err;
}

static int new_memory(int key, uint64_t size, mode_t mode, const struct cred *cred, struct file **out)
{
	struct superblock *sb;
	int err = shm_superblock(&sb);
	if (err)
		return err;
	AUTO(inode_put) struct inode *i = NULL;
	err = tmpfs_new_file(sb, mode & 0777, cred, &i);
	if (err)
		return err;
	sleep_lock_acquire(&i->lock);
	err = i->ops->setattr(i, &(struct iattr){ .valid = ATTR_SIZE, .size = (off_t)size });
	sleep_lock_release(&i->lock);
	if (err)
		return err;
	char shown[40];
	snprintf(shown, sizeof(shown), "/SYSV%08x (deleted)", (unsigned)key);
	struct path place = { .mnt = mount_anon(), .dentry = dcache_anon(i, shown) };
	err = tmpfs_open_file(i, &place, O_RDWR, out);
	path_put(&place);
	return err;
}

static int shm_new(struct task *t, int key, uint64_t size, int flags)
{
	if (size < 1 || size > shm_max_bytes)
		return -EINVAL;
	uint64_t pages = pages_of(size), sum;
	if (pages > UINT64_MAX / PAGE_SIZE || __builtin_add_overflow(total_pages, pages, &sum) || sum > shm_all_pages)
		return -ENOSPC;
	if (t->ipc_ns->shm.count >= shm_max_count)
		return -ENOSPC;
	if (flags & SHM_HUGETLB)
		return -EINVAL;           /* as without hugetlbfs */
	/* More than there is at all can never be used; what is less is promised to everybody who asks. */
	if (size > INT64_MAX - PAGE_SIZE || (!(flags & SHM_NORESERVE) && size > machine_ram_bytes()))
		return -ENOMEM;
	struct file *f;
	int err = new_memory(key, size, (mode_t)flags, t->cred, &f);
	if (err)
		return err == -ENOSPC || err == -EFBIG ? -ENOMEM : err;
	struct shm *s = NEW(struct shm);
	s->file = f;
	s->size = size;
	s->ctime = inode_now().tv_sec;
	s->cpid = t->tg->tgid;
	int id = ipc_add(&t->ipc_ns->shm, &s->ipc, key, (mode_t)flags & 0777, t->cred);
	if (id < 0) {
		file_put(f);
		free(s);
		return id;
	}
	f->inode->ino = (uint64_t)id;     /* /proc/PID/maps shows it */
	total_pages += pages;
	return id;
}

int shm_get(struct task *t, int key, uint64_t size, int flags)
{
	struct ipc_object *o;
	int err = ipc_get_key(&t->ipc_ns->shm, key, flags, &o);
	if (err)
		return err;
	if (!o)
		return shm_new(t, key, size, flags);
	if (size > to_shm(o)->size)
		return -EINVAL;
	err = ipc_permission(o, t->cred, (mode_t)flags);
	return err ? err : o->id;
}

void shm_destroy(struct shm *s)
{
	struct file *f = TAKE(s->file);
	total_pages -= pages_of(s->size);
	ipc_remove(&s->ipc);
	file_put(f);
}

void shm_remove(struct shm *s)
{
	if (s->nattch == 0) {
		shm_destroy(s);
		return;
	}
	s->ipc.mode |= SHM_DEST_BIT;
	ipc_forget_key(&s->ipc);
}

void shm_set_locked(struct shm *s, bool on)
{
	s->ipc.mode = on ? s->ipc.mode | SHM_LOCKED_BIT : s->ipc.mode & ~(mode_t)SHM_LOCKED_BIT;
}

void shm_stat(const struct task *t, const struct shm *s, struct shmid_ds *out)
{
	memset(out, 0, sizeof(*out));
	ipc_perm_get(&s->ipc, t->cred, &out->shm_perm);
	out->shm_segsz = s->size;
	out->shm_atime = s->atime;
	out->shm_dtime = s->dtime;
	out->shm_ctime = s->ctime;
	out->shm_cpid = pid_shown(t, s->cpid);
	out->shm_lpid = pid_shown(t, s->lpid);
	out->shm_nattch = s->nattch;
}

uint64_t shm_resident_pages(const struct shm *s)
{
	struct inode *i = s->file->inode;
	if (i->ops->getattr && i->ops->getattr(i))
		return 0;
	return i->blocks / (PAGE_SIZE / 512);
}

struct shm_usage shm_usage(const struct task *t)
{
	struct shm_usage u = { .pages = total_pages };
	int index = 0;
	for (struct ipc_object *o; (o = ipc_next(&t->ipc_ns->shm, &index)); )
		u.resident += shm_resident_pages(to_shm(o));
	return u;
}
