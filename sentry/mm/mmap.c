/* mmap.c - mm_mmap(): new mappings.
 *
 * HOW      The place is decided on the books; the stub maps exactly there (MAP_FIXED, so what was there goes in one step);
 *          then the books take it down. A file's mapping is the host's mapping of the descriptor behind the file, so page
 *          faults, the page cache, zeroes up to the end of the last page and SIGBUS beyond it are the host's.
 *          Shared anonymous memory is the host's, too; shm_id names it for futexes.
 * LINUX    mm/mmap.c (do_mmap, mmap_region). Same order of errors. MAP_POPULATE's failures are nobody's business.
 *          Different: MAP_LOCKED memory is made present and counted, but the host may swap it.
 * MISSING  Huge pages (MAP_HUGETLB: ENOMEM, as on a machine with none reserved), MAP_SYNC. */
#include "sentry/mm/internal.h"
#include "sentry/mm/rewrite.h"

#include "sentry/vfs/file.h"
#include "sentry/vfs/path.h"

#define REPLACED_MAX (16 << 20)

struct request {
	uint64_t addr, len;
	int prot, max_prot, flags;        /* as given, MAP_FIXED and the like included */
	struct file *file;
	uint64_t off;
	struct mmap_source source;
	unsigned vm_flags;
	struct text *text;                /* and version, or NULL: rewritten code that its executable part will have; takes TEXT_ROOM more */
	struct text_version *version;
};

static int check_file(struct request *r)
{
	struct file *f = r->file;
	bool shared = (r->flags & MAP_TYPE) != MAP_PRIVATE;
	if ((r->flags & MAP_TYPE) == MAP_SHARED_VALIDATE) {
		const int known = MAP_TYPE | MAP_FIXED | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE |
				  MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_FIXED_NOREPLACE | MAP_32BIT | MAP_GROWSDOWN;
		if (r->flags & ~known)
			return -EOPNOTSUPP;
	}
	if (shared && (r->prot & PROT_WRITE) && !(f->mode & FMODE_WRITE))
		return -EACCES;
	if (!(f->mode & FMODE_READ))
		return -EACCES;
	r->max_prot = PROT_RWX;
	if (shared && !(f->mode & FMODE_WRITE))
		r->max_prot &= ~PROT_WRITE;
	if (f->path.mnt && (f->path.mnt->flags & MNT_NOEXEC)) {
		if (r->prot & PROT_EXEC)
			return -EPERM;
		r->max_prot &= ~PROT_EXEC;
	}
	if (!f->ops->mmap)
		return -ENODEV;
	if (r->flags & MAP_GROWSDOWN)
		return -EINVAL;
	int err = f->ops->mmap(f, r->off, r->len, r->prot, r->flags, &r->source);
	if (err)
		return err;
	r->max_prot &= ~r->source.deny_prot;
	if (r->source.host_fd < 0) {      /* as if no file had been named */
		r->file = NULL;
		r->off = 0;
	}
	return 0;
}

static int check_type(const struct request *r)
{
	switch (r->flags & MAP_TYPE) {
	case MAP_PRIVATE:
		return 0;
	case MAP_SHARED:
		return !r->file && (r->flags & MAP_GROWSDOWN) ? -EINVAL : 0;
	case MAP_SHARED_VALIDATE:
		return r->file ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static struct vma *vma_of_request(const struct request *r, uint64_t at)
{
	static uint64_t next_shm_id = 1;
	bool shared = (r->flags & MAP_TYPE) != MAP_PRIVATE;
	int flags = shared ? MAP_SHARED : MAP_PRIVATE;
	flags |= r->flags & (MAP_GROWSDOWN | MAP_NORESERVE);
	if (!r->file)
		flags |= MAP_ANONYMOUS;
	struct vma *v = vma_new(at, at + r->len, r->prot, flags, r->file, r->off);
	v->max_prot = r->max_prot;
	v->vm_flags = r->vm_flags;
	if (shared && !r->file)
		v->shm_id = next_shm_id++;
	return v;
}

/* Where the file's mapping begins whose executable part comes to `at`, as ld.so does it: over the mapping of all; 0: not so. */
static uint64_t base_of(struct mm *mm, const struct request *r, uint64_t at)
{
	const struct vma *v = r->off ? vma_at(mm, at) : NULL;
	if (!r->off)
		return at;
	return v && v->file && v->file->inode == r->file->inode && v->pgoff == 0 ? v->start : 0;
}

/* What it replaces can't be put back. A host refuses what would be executable (a mount, but no memfd of ours), what is large,
 * or what its own limits forbid: then the guest ends. */
static bool is_never_refused(const struct request *r, int texts)
{
	bool private = (r->flags & MAP_TYPE) == MAP_PRIVATE;
	return private && r->len <= REPLACED_MAX && (!r->file || !(r->prot & PROT_EXEC) || texts == 2);
}

/* In the stub: the mapping, and its pages if they are wanted at once. */
static int64_t map_in_stub(struct task *t, const struct request *r, uint64_t at)
{
	bool shared = (r->flags & MAP_TYPE) != MAP_PRIVATE;
	int flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (r->flags & MAP_NORESERVE);
	struct pl_call calls[3];
	int n = 0, texts = 0;
	if (r->file) {
		calls[n] = PL_CALL(SYS_mmap, at, r->len, (uint64_t)r->prot, (uint64_t)flags, 0, r->source.host_off + r->off);
		calls[n++].fd = r->source.host_fd;
		if (!shared && (r->prot & (PROT_EXEC | PROT_WRITE)) == PROT_EXEC) {
			texts = text_map(t->mm, &r->source, base_of(t->mm, r, at), calls);
			n = texts;
		}
	} else {
		flags |= MAP_ANONYMOUS;
		calls[n++] = PL_CALL(SYS_mmap, at, r->len, (uint64_t)r->prot, (uint64_t)flags, -1ULL, 0);
	}
	bool populate = (r->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE || (r->vm_flags & VM_LOCKED);
	if (populate && r->prot != PROT_NONE) {
		bool write = (r->prot & PROT_WRITE) && (!shared || !(r->prot & PROT_READ));
		calls[n++] = PL_CALL(SYS_madvise, at, r->len, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	}
	struct mm_undo undo = { UNDO_MAP, at, at + r->len, 0 };
	if (vma_any(t->mm, at, at + r->len))
		undo.kind = UNDO_NONE;
	if (mm_may_defer(t) && n <= PL_DEFERRED_MAX && !populate && (undo.kind == UNDO_MAP ? texts < 2 : is_never_refused(r, texts))) {
		calls[0].ret = (int64_t)at;
		if (n == 2)
			calls[1].ret = (int64_t)calls[1].args[0];
		mm_defer(t, calls, n, undo);
		return (int64_t)at;
	}
	int err = mm_host_calls(t, calls, n);
	/* Code that jumps to nowhere. */
	if (!err && texts == 2 && calls[0].ret == (int64_t)at && calls[1].ret != (int64_t)calls[1].args[0])
		pl_as_kill(t->mm->as);
	return err ? err : mm_host_result(t, &calls[0], at);
}

static int64_t mmap_locked(struct task *t, struct request *r, struct vma **dead)
{
	struct mm *mm = t->mm;
	if (mm->nvmas >= MM_MAX_MAP_COUNT)
		return -ENOMEM;
	uint64_t room = r->text ? TEXT_ROOM : 0;
	int64_t place = mm_place(mm, r->addr, r->len + room, r->flags);
	if (place < 0)
		return place;
	uint64_t at = (uint64_t)place + room;
	rewrite_yield(t, at, at + r->len);
	if (vma_any_flag(mm, at, at + r->len, VM_SEALED))
		return -EPERM;
	if (r->flags & MAP_LOCKED)
		r->vm_flags |= VM_LOCKED;
	r->vm_flags |= (unsigned)mm->def_flags;
	if (r->vm_flags & VM_LOCKED) {
		int err = mm_may_lock(t, r->len);
		if (err)
			return err;
	}
	/* What is replaced makes room. */
	uint64_t replaced = 0;
	for (struct vma *v = mm_find(mm, at); v && v->start < at + r->len; v = mm_next(v))
		replaced += MIN(v->end, at + r->len) - MAX(v->start, at);
	struct vma *v = vma_of_request(r, at);
	if (!mm_may_expand(t, r->len - replaced, vma_is_data(v, r->prot))) {
		vma_free(v);
		return -ENOMEM;
	}
	if (r->text)
		text_reserve(mm, TAKE(r->text), TAKE(r->version), at);
	int64_t ret = map_in_stub(t, r, at);
	if (ret < 0) {
		vma_free(v);
		return ret;
	}
	vma_cut(mm, at, at + r->len, dead);
	vma_insert(mm, v);
	vma_merge(mm, at, at + r->len);
	return ret;
}

/* Whether flags ask for huge pages of a size that x86-64 has. */
static bool is_huge_page_size(int flags)
{
	int log2_bytes = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;
	return log2_bytes == 0 || log2_bytes == 21 || log2_bytes == 30;
}

int64_t mm_mmap(struct task *t, uint64_t addr, uint64_t len, int prot, int flags, struct file *file, uint64_t off)
{
	if (off & (PAGE_SIZE - 1))
		return -EINVAL;
	if (len == 0)
		return -EINVAL;
	/* Unknown protection bits are ignored, as ever. */
	struct request r = { .addr = addr, .len = PAGE_ALIGN_UP(len), .prot = prot & PROT_RWX, .max_prot = PROT_RWX,
			     .flags = flags, .file = file, .off = file ? off : 0 };
	if (r.len == 0)
		return -ENOMEM;
	if (flags & MAP_HUGETLB)
		return file || !is_huge_page_size(flags) ? -EINVAL : -ENOMEM;
	if (r.len > PL_GUEST_END)
		return -ENOMEM;
	if (file && (off + r.len < off || off + r.len > INT64_MAX))
		return -EOVERFLOW;
	if ((t->personality & PERSONALITY_READ_IMPLIES_EXEC) && (prot & PROT_READ) &&
	    !(file && file->path.mnt && (file->path.mnt->flags & MNT_NOEXEC)))
		r.prot |= PROT_EXEC;
	int err = check_type(&r);
	if (!err && file)
		err = check_file(&r);
	if (err)
		return err;
	if (r.file)
		r.text = text_wanted(t, &r.source, r.file, addr, flags, off, &r.version);
	struct vma *dead = NULL;
	mm_lock(t->mm);
	int64_t ret = mmap_locked(t, &r, &dead);
	mm_unlock(t->mm);
	vma_free_list(dead);
	text_version_put(r.version);
	text_put(r.text);
	return ret;
}
