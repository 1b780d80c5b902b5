/* proc_pid_procmap.c - ioctl(PROCMAP_QUERY) of /proc/PID/maps: one mapping, without text to take apart.
 *
 * LINUX    fs/proc/task_mmu.c do_procmap_query(), since 6.11. Same: the structure may be shorter or longer than ours.
 * MISSING  Build ids: none is ever found. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "sentry/fs/proc/proc_impl.h"

struct procmap_query {
	uint64_t size, query_flags, query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)
#define QUERY_MIN offsetof(struct procmap_query, vma_start)
enum { READABLE = 1, WRITABLE = 2, EXECUTABLE = 4, SHARED = 8, COVERING_OR_NEXT = 16, FILE_BACKED = 32, ALL_FLAGS = 63 };

struct area { uint64_t start, end; unsigned flags; const struct vma *vma; const char *name; };

static unsigned flags_of(int prot)
{
	return (prot & PROT_READ ? READABLE : 0) | (prot & PROT_WRITE ? WRITABLE : 0) | (prot & PROT_EXEC ? EXECUTABLE : 0);
}

static void consider(struct area *best, uint64_t addr, struct area a)
{
	if (a.start && a.end > addr && (!best->end || a.start < best->start))
		*best = a;
}

/* The first that ends behind addr; false: there is none. */
static bool area_from(struct mm *mm, uint64_t addr, struct area *out)
{
	uint64_t vdso_bytes, vvar_bytes, vdso = pl_vdso(&vdso_bytes), vvar = pl_vvar(&vvar_bytes);
	const struct vma *v = mm_find(mm, addr);
	*out = (struct area){ 0 };
	while (v && (v->vm_flags & VM_TRAMPOLINES))
		v = mm_next((struct vma *)v);
	if (v)
		*out = (struct area){ v->start, v->end, flags_of(v->prot) | ((v->flags & MAP_TYPE) == MAP_SHARED ? SHARED : 0), v, NULL };
	consider(out, addr, (struct area){ vvar, vvar + vvar_bytes, READABLE, NULL, "[vvar]" });
	consider(out, addr, (struct area){ vdso, vdso + vdso_bytes, READABLE | EXECUTABLE, NULL, "[vdso]" });
	return out->end != 0;
}

static int find(struct mm *mm, const struct procmap_query *q, struct area *out)
{
	unsigned rights = q->query_flags & (READABLE | WRITABLE | EXECUTABLE | SHARED);
	for (uint64_t addr = q->query_addr; area_from(mm, addr, out); addr = out->end) {
		bool next = q->query_flags & COVERING_OR_NEXT;
		if (!next && out->start > q->query_addr)
			break;
		bool backed = out->vma && out->vma->file;
		if ((out->flags & rights) == rights && (backed || !(q->query_flags & FILE_BACKED)))
			return 0;
		if (!next)
			break;
	}
	return -ENOENT;
}

static int put_name(struct task *t, const struct area *a, struct procmap_query *q)
{
	struct seq s = { 0 };
	int err = 0;
	if (a->vma)
		proc_vma_name(&s, a->vma, t, "");
	else
		seq_puts(&s, a->name);
	uint64_t bytes = s.len ? s.len + 1 : 0;
	if (s.failed)
		err = -ENOMEM;
	else if (bytes > q->vma_name_size)
		err = -ENAMETOOLONG;
	else if (bytes)
		err = copy_to_user(t, UPTR(q->vma_name_addr), s.buf, s.len);
	if (!err && bytes)
		err = put_user(t, UPTR(q->vma_name_addr + s.len), "");
	q->vma_name_size = (uint32_t)bytes;
	seq_fini(&s);
	return err;
}

long proc_pid_maps_ioctl(struct pseudo_inode *i, struct task *t, unsigned cmd, uint64_t arg)
{
	struct procmap_query q;
	struct area a;
	uint64_t size;
	if (cmd != PROCMAP_QUERY)
		return -ENOTTY;
	if (get_user(t, &size, UPTR(arg)))
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	int err = copy_struct_from_user(t, &q, sizeof(q), UPTR(arg), size, QUERY_MIN);
	if (err)
		return err;
	if ((q.query_flags & ~(uint64_t)ALL_FLAGS) || !q.vma_name_size != !q.vma_name_addr || !q.build_id_size != !q.build_id_addr)
		return -EINVAL;
	if (!i->task->mm)
		return -ESRCH;
	err = find(i->task->mm, &q, &a);
	if (err)
		return err;
	dev_t dev = 0;
	q.vma_start = a.start;
	q.vma_end = a.end;
	q.vma_flags = a.flags;
	q.vma_page_size = PAGE_SIZE;
	q.vma_offset = q.inode = 0;
	if (a.vma)
		proc_vma_where(a.vma, &q.vma_offset, &dev, &q.inode);
	q.dev_major = major(dev);
	q.dev_minor = minor(dev);
	q.build_id_size = 0;
	if (q.vma_name_size)
		err = put_name(t, &a, &q);
	return err ? err : copy_to_user(t, UPTR(arg), &q, MIN(size, sizeof(q)));
}
