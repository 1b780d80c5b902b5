/* proc_pid_maps.c - /proc/PID/maps, smaps, cmdline, environ, auxv, mem: a process's memory.
 *
 * LINUX    fs/proc/task_mmu.c, fs/proc/base.c. The columns are Linux's to the space: programs cut them apart.
 * MISSING  smaps: what is resident, which only the host knows. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/access.h"

static void map_line(struct seq *s, uint64_t start, uint64_t end, int prot, bool shared, uint64_t off, dev_t dev, uint64_t ino)
{
	seq_printf(s, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " %02x:%02x %" PRIu64 " ", start, end,
		   prot & PROT_READ ? 'r' : '-', prot & PROT_WRITE ? 'w' : '-', prot & PROT_EXEC ? 'x' : '-', shared ? 's' : 'p',
		   off, major(dev), minor(dev), ino);
}

/* Names start in column 74. */
static void pad(struct seq *s, size_t line_start)
{
	while (s->len - line_start < 73 && !s->failed)
		seq_puts(s, " ");
}

void proc_vma_where(const struct vma *v, uint64_t *off, dev_t *dev, uint64_t *ino)
{
	const struct inode *i = v->file ? v->file->inode : NULL;
	*off = i || v->shm_id ? v->pgoff : 0;
	*dev = i ? i->sb->dev : v->shm_id ? makedev(0, 1) : 0;
	*ino = i ? i->ino : v->shm_id;
}

void proc_vma_name(struct seq *s, const struct vma *v, struct task *viewer, const char *escape)
{
	if (v->file) {
		struct path p = { 0 };
		file_get_path(v->file, &p);
		seq_path(s, viewer, &p, escape);
		path_put(&p);
	} else if (v->name) {
		bool shared = (v->flags & MAP_TYPE) == MAP_SHARED;
		seq_printf(s, v->name[0] == '[' ? "%s" : shared ? "[anon_shmem:%s]" : "[anon:%s]", v->name);
	} else if (v->shm_id) {
		seq_puts(s, "/dev/zero (deleted)");
	}
}

static void show_vma(struct seq *s, const struct vma *v, struct task *viewer)
{
	size_t begin = s->len;
	bool shared = (v->flags & MAP_TYPE) == MAP_SHARED;
	uint64_t off, ino;
	dev_t dev;
	proc_vma_where(v, &off, &dev, &ino);
	map_line(s, v->start, v->end, v->prot, shared, off, dev, ino);
	if (v->file || v->name || v->shm_id)
		pad(s, begin);
	proc_vma_name(s, v, viewer, "\n");
	seq_puts(s, "\n");
}

/* The host's vDSO is in every stub, above all mappings of the guest's own. */
static void show_special(struct seq *s, uint64_t start, uint64_t bytes, int prot, const char *name)
{
	size_t begin = s->len;
	if (!start)
		return;
	map_line(s, start, start + bytes, prot, false, 0, 0, 0);
	pad(s, begin);
	seq_printf(s, "%s\n", name);
}

int proc_pid_maps(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct mm *mm = i->task->mm;
	uint64_t vdso_bytes, vvar_bytes;
	if (!mm)
		return 0;
	for (struct vma *v = mm_first(mm); v; v = mm_next(v))
		if (!(v->vm_flags & VM_TRAMPOLINES))
			show_vma(s, v, viewer);
	uint64_t vdso = pl_vdso(&vdso_bytes), vvar = pl_vvar(&vvar_bytes);
	if (vdso && !(mm_find(mm, vdso) && mm_find(mm, vdso)->start <= vdso)) {
		show_special(s, vvar, vvar_bytes, PROT_READ, "[vvar]");
		show_special(s, vdso, vdso_bytes, PROT_READ | PROT_EXEC, "[vdso]");
	}
	return 0;
}

int proc_pid_smaps(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct mm *mm = i->task->mm;
	for (struct vma *v = mm ? mm_first(mm) : NULL; v; v = mm_next(v)) {
		if (v->vm_flags & VM_TRAMPOLINES)
			continue;
		show_vma(s, v, viewer);
		seq_printf(s, "Size:           %8" PRIu64 " kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n",
			   (v->end - v->start) / 1024);
		seq_printf(s, "VmFlags:%s%s%s%s%s%s%s%s%s%s%s%s \n", v->prot & PROT_READ ? " rd" : "", v->prot & PROT_WRITE ? " wr" : "",
			   v->prot & PROT_EXEC ? " ex" : "", (v->flags & MAP_TYPE) == MAP_SHARED ? " sh" : "",
			   v->max_prot & PROT_READ ? " mr" : "", v->max_prot & PROT_WRITE ? " mw" : "",
			   v->max_prot & PROT_EXEC ? " me" : "", v->flags & MAP_GROWSDOWN ? " gd" : "",
			   v->vm_flags & VM_LOCKED ? " lo" : "", v->vm_flags & VM_DONTFORK ? " dc" : "",
			   v->vm_flags & VM_DONTDUMP ? " dd" : "", v->vm_flags & VM_WIPEONFORK ? " wf" : "");
	}
	return 0;
}

/* Copies guest memory into the text until its end, or until it can't be read. */
static void show_range(struct seq *s, struct mm *mm, uint64_t start, uint64_t end)
{
	char chunk[1024];
	while (start < end && !s->failed) {
		ssize_t n = mm_read(mm, start, chunk, MIN(end - start, (uint64_t)sizeof(chunk)));
		if (n <= 0)
			return;
		seq_write(s, chunk, n);
		start += n;
	}
}

/* A program that overwrites its arguments with a longer title may run over into the environment: then the text
 * ends at the first NUL (get_mm_cmdline()). */
int proc_pid_cmdline(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct mm *mm = i->task->mm;
	char last = 0;
	(void)viewer;
	if (!mm || mm->arg_end <= mm->arg_start)
		return 0;
	if (mm_read(mm, mm->arg_end - 1, &last, 1) != 1 || !last || mm->env_end <= mm->arg_end) {
		show_range(s, mm, mm->arg_start, mm->arg_end);
		return 0;
	}
	show_range(s, mm, mm->arg_start, mm->env_end);
	const char *nul = s->len ? memchr(s->buf, 0, s->len) : NULL;
	if (nul)
		s->len = nul - s->buf + 1;
	return 0;
}

int proc_pid_environ(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct mm *mm = i->task->mm;
	(void)viewer;
	if (mm)
		show_range(s, mm, mm->env_start, mm->env_end);
	return 0;
}

int proc_pid_auxv(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct mm *mm = i->task->mm;
	(void)viewer;
	for (size_t n = 0; mm && n + 1 < ARRAY_SIZE(mm->auxv); n += 2) {
		seq_write(s, &mm->auxv[n], 2 * sizeof(uint64_t));
		if (!mm->auxv[n])
			break;
	}
	return 0;
}

/* --- mem: the position is the address --- */

struct mem_file {
	struct file file;
	struct task *task;                /* a reference */
	const struct mm *mm;              /* only to see that it is still the same: no reference, for that would keep a dead
					   * process's memory */
};

static struct mm *mem_mm(struct file *f)
{
	struct mem_file *mf = container_of(f, struct mem_file, file);
	return mf->task->mm == mf->mm ? mf->task->mm : NULL;
}

static ssize_t mem_read(struct file *f, struct uio *dst, off_t *pos)
{
	char chunk[2048];
	size_t done = 0;
	struct mm *mm = mem_mm(f);
	while (mm && dst->resid) {
		ssize_t n = ptrace_read_mem(dst->t, mm, *pos, chunk, MIN(dst->resid, sizeof(chunk)));
		if (n <= 0)
			return done ? (ssize_t)done : -EIO;
		ssize_t m = uio_fill(dst, chunk, n);
		if (m <= 0)
			return done ? (ssize_t)done : m;
		*pos += m;
		done += m;
		if (m < n)
			break;
	}
	return done;
}

static ssize_t mem_write(struct file *f, struct uio *src, off_t *pos)
{
	char chunk[2048];
	size_t done = 0;
	struct mm *mm = mem_mm(f);
	while (mm && src->resid) {
		ssize_t n = uio_drain(src, chunk, MIN(src->resid, sizeof(chunk)));
		if (n <= 0)
			return done ? (ssize_t)done : n;
		ssize_t m = ptrace_write_mem(src->t, mm, *pos, chunk, n);
		if (m < n)
			uio_rewind(src, n - MAX(m, 0));
		if (m <= 0)
			return done ? (ssize_t)done : -EIO;
		*pos += m;
		done += m;
		if (m < n)
			break;
	}
	return done;
}

static off_t mem_llseek(struct file *f, off_t off, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	f->pos = whence == SEEK_SET ? off : (off_t)((uint64_t)f->pos + (uint64_t)off);
	return f->pos;
}

static void mem_release(struct file *f)
{
	struct mem_file *mf = container_of(f, struct mem_file, file);
	struct task *task = mf->task;
	file_fini(f);
	free(mf);
	task_put(task);
}

static const struct file_ops mem_ops = {
	.read = mem_read, .write = mem_write, .llseek = mem_llseek, .release = mem_release,
};

int proc_mem_open(struct pseudo_inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	if (task_may_access(t, i->task, ACCESS_ATTACH, true))
		return -EACCES;
	struct mem_file *mf = NEW(struct mem_file);
	file_init(&mf->file, &mem_ops, &i->inode, path, flags);
	mf->file.mode |= FMODE_NOWAIT_POLL;
	mf->task = task_get(i->task);
	mf->mm = i->task->mm;
	*out = &mf->file;
	return 0;
}
