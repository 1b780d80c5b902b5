/* shm_map.c - attaching segments (shm.h).
 *
 * HOW      Each shmat() opens the segment's file once more and maps that. Mappings hold the open file and tell it of their
 *          coming and going (file_ops.mapped), so that fork, split mappings, munmap, exec and exit all count, and the last to
 *          go takes a removed segment with it.
 * LINUX    ipc/shm.c: do_shmat(), ksys_shmdt(), shm_open(), shm_close(). Same: a mapping that was split counts for as many
 *          as it is in. Different: parts that can be one mapping again become one.
 *          The process of a fork or an exit becomes lpid only once it is done (shm_note_pid()). */
#include <fcntl.h>
#include <sys/mman.h>

#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/shm_impl.h"
#include "sentry/kernel/task.h"

struct shm_file {                         /* what one shmat() has opened */
	struct file file;
	struct shm *shm;                  /* a reference */
};

static uint64_t attached;                 /* mappings, of all segments */

static int shm_file_mmap(struct file *f, uint64_t off, uint64_t len, int prot, int flags, struct mmap_source *out)
{
	struct shm *s = container_of(f, struct shm_file, file)->shm;
	/* remap_file_pages(2) of the last mapping of a removed segment. Linux unmaps first, which destroys it. */
	if (s->ipc.removed || ((s->ipc.mode & SHM_DEST_BIT) && s->nattch < 2))
		return -EIDRM;
	return s->file->ops->mmap(s->file, off, len, prot, flags, out);
}

/* May sleep. */
static void drop(struct shm *s)
{
	if (--s->nattch == 0 && (s->ipc.mode & SHM_DEST_BIT))
		shm_destroy(s);
}

static void shm_file_mapped(struct file *f, int change)
{
	struct shm *s = container_of(f, struct shm_file, file)->shm;
	attached += (uint64_t)(int64_t)change;
	if (change > 0) {
		s->nattch++;
		s->atime = inode_now().tv_sec;
	} else {
		s->dtime = inode_now().tv_sec;
		drop(s);
	}
}

static void shm_file_release(struct file *f)
{
	struct shm_file *sf = container_of(f, struct shm_file, file);
	file_fini(f);
	ipc_put(&sf->shm->ipc);
	free(sf);
}

static const struct file_ops shm_file_ops = {
	.mmap = shm_file_mmap, .mapped = shm_file_mapped, .release = shm_file_release,
};

static struct file *shm_open_file(struct shm *s, int flags)
{
	struct shm_file *sf = NEW(struct shm_file);
	file_init(&sf->file, &shm_file_ops, s->file->inode, &s->file->path, flags);
	sf->shm = s;
	ipc_ref(&s->ipc);
	return &sf->file;
}

/* Where, and with which of mmap's flags. */
static int place(uint64_t *addr, int flags, int *out_map)
{
	*out_map = MAP_SHARED;
	if (*addr)
		*out_map |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	if (*addr & (PAGE_SIZE - 1)) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		*addr = PAGE_ALIGN_DOWN(*addr);
		if (!*addr && (flags & SHM_REMAP))
			return -EINVAL;
	} else if (!*addr && (flags & SHM_REMAP)) {
		return -EINVAL;
	}
	return 0;
}

int64_t shm_attach(struct task *t, int id, uint64_t addr, int flags)
{
	int map, err = id < 0 ? -EINVAL : place(&addr, flags, &map);
	if (err)
		return err;
	int prot = PROT_READ;
	mode_t wanted = 0444;
	if (!(flags & SHM_RDONLY)) {
		prot |= PROT_WRITE;
		wanted |= 0222;
	}
	if (flags & SHM_EXEC) {
		prot |= PROT_EXEC;
		wanted |= 0111;
	}
	struct ipc_object *o = ipc_find(&t->ipc_ns->shm, id);
	if (!o)
		return -EINVAL;
	err = ipc_permission(o, t->cred, wanted);
	if (err)
		return err;
	struct shm *s = to_shm(o);
	uint64_t size = s->size;
	if (addr && (addr + size < addr || addr + size > PL_GUEST_END))
		return -EINVAL;
	AUTO(file_put) struct file *f = shm_open_file(s, flags & SHM_RDONLY ? O_RDONLY : O_RDWR);
	/* Counts while the mapping is under way, so that a removal meanwhile waits for it. */
	s->nattch++;
	int64_t at = mm_mmap(t, addr, size, prot, map, f, 0);
	if (at >= 0)
		s->lpid = t->tg->tgid;
	drop(s);
	if (at == -EEXIST)
		return -EINVAL;
	return at == -EMFILE || at == -ENOSPC ? -ENOMEM : at;
}

/* Is v a part of the attachment f (NULL: any) that begins at addr? */
static bool is_part(const struct vma *v, uint64_t addr, const struct file *f)
{
	return v->file && v->file->ops == &shm_file_ops && (!f || v->file == f) && v->start - addr == v->pgoff;
}

static struct vma *find_part(struct task *t, uint64_t addr, uint64_t from, uint64_t end, const struct file *f)
{
	for (struct vma *v = mm_find(t->mm, from); v && v->start < end; v = mm_next(v)) {
		if (v->start >= addr && is_part(v, addr, f))
			return v;
	}
	return NULL;
}

int shm_detach(struct task *t, uint64_t addr)
{
	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	struct vma *v = find_part(t, addr, addr, UINT64_MAX, NULL);
	if (!v)
		return -EINVAL;
	AUTO(file_put) struct file *f = file_get(v->file);
	struct shm *s = container_of(f, struct shm_file, file)->shm;
	uint64_t end = addr + PAGE_ALIGN_UP(s->size);
	while (v) {
		uint64_t start = v->start, v_end = v->end;
		int err = mm_munmap(t, start, v_end - start);
		if (err)
			return err;
		v = find_part(t, addr, v_end, end, f);
	}
	s->lpid = t->tg->tgid;
	return 0;
}

void shm_note_pid(struct task *t)
{
	if (!attached || !t->mm)
		return;
	for (struct vma *v = mm_first(t->mm); v; v = mm_next(v)) {
		if (v->file && v->file->ops == &shm_file_ops)
			container_of(v->file, struct shm_file, file)->shm->lpid = t->tg->tgid;
	}
}
