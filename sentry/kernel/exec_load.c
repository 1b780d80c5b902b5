/* exec_load.c - a new address space with an ELF program, its interpreter and its stack.
 *
 * HOW      Everything is built in an address space that nobody runs in yet, books first; the stub maps it in as few batches
 *          as fit. So every failure leaves the old program as it was, but where the new one takes its place (exec_keep.c).
 * LINUX    fs/binfmt_elf.c, arch/x86/mm/mmap.c. Same: position-independent programs with an interpreter at two thirds of
 *          the address space, all addresses random in as many bits; the pages of a segment beyond its file part are zero
 *          and writable; brk begins behind the program, randomly up to 32 MB further.
 *          Different: static PIEs lie there, too. The stack is mapped at its full size. */
#include "sentry/kernel/exec.h"

#include <asm/hwcap2.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#include "platform/base/timeline.h"
#include "sentry/kernel/host_random.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/mm/rewrite.h"
#include "sentry/mm/text.h"
#include "sentry/mm/vma.h"
#include "sentry/vfs/file.h"

#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#define AT_RSEQ_ALIGN 28
#endif
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

#define PIE_BASE 0x555555554000ULL
#define STACK_UNLIMITED_BYTES (64ULL << 20)
#define STACK_MIN_BYTES (256ULL << 10)
#define STACK_MAX_BYTES (4ULL << 30)
#define STACK_RANDOM_BYTES (16ULL << 30)
#define MMAP_GAP_MIN (128ULL << 20)
#define BRK_RANDOM_BYTES (32ULL << 20)
#define MAP_RANDOM_PAGES (1ULL << 28)
#define BATCH 24
#define HEAD_BYTES 1024

struct loader {
	struct exec *ex;
	struct mm *mm;
	struct pl_call calls[BATCH];
	int n;
	uint64_t base;                    /* of the image that is being mapped */
	struct vma *dead;
	/* For when the pages are there: the stack, and the last file pages that go on as zeroes. */
	struct pl_bytes bytes[BATCH];
	int nbytes;
};

static uint64_t random_below(const struct loader *l, uint64_t n)
{
	uint64_t r;
	if ((l->ex->t->personality & ADDR_NO_RANDOMIZE) && !l->ex->secure)
		return 0;
	host_random(&r, sizeof(r));
	return r % n;
}

/* --- the stub --- */

static int flush(struct loader *l)
{
	int err = pl_calls_store(l->ex->pl, l->calls, l->n, l->bytes, l->nbytes);
	for (int i = 0; i < l->n && (!err || err == -EFAULT); i++) {
		long ret = l->calls[i].ret;
		if (l->calls[i].nr == SYS_rseq)   /* it may not have had one, whatever it said */
			continue;
		if (ret != (l->calls[i].nr == SYS_munmap ? 0 : (long)l->calls[i].args[0]))
			return ret < 0 && ret >= -4095 ? (int)ret : -EFAULT;
	}
	l->n = l->nbytes = 0;
	return err;
}

/* Books, and a call in the batch. file NULL: anonymous. */
static int map(struct loader *l, struct vma *v, struct file *file)
{
	uint64_t bytes = v->end - v->start;
	int flags = MAP_FIXED | MAP_PRIVATE | (v->flags & MAP_NORESERVE);
	struct pl_call c;
	struct mmap_source src;
	if (file) {
		int err = file->ops->mmap(file, v->pgoff, bytes, v->prot, MAP_PRIVATE, &src);
		if (err) {
			vma_free(v);
			return err;
		}
		c = PL_CALL(SYS_mmap, v->start, bytes, (uint64_t)v->prot, (uint64_t)flags, 0, src.host_off + v->pgoff);
		c.fd = src.host_fd;
	} else {
		flags |= MAP_ANONYMOUS;
		c = PL_CALL(SYS_mmap, v->start, bytes, (uint64_t)v->prot, (uint64_t)flags, -1ULL, 0);
	}
	l->calls[l->n] = c;
	bool code = file && (v->prot & (PROT_EXEC | PROT_WRITE)) == PROT_EXEC;
	l->n += code ? text_map(l->mm, &src, l->base, &l->calls[l->n]) : 1;
	vma_cut(l->mm, v->start, v->end, &l->dead);
	vma_insert(l->mm, v);
	return l->n > BATCH - 2 ? flush(l) : 0;
}

static int map_segment(struct loader *l, struct file *file, const struct elf_segment *s, uint64_t bias)
{
	uint64_t start = PAGE_ALIGN_DOWN(bias + s->vaddr), file_end = bias + s->vaddr + s->file_bytes;
	uint64_t pages_end = s->file_bytes ? PAGE_ALIGN_UP(file_end) : start;
	uint64_t end = PAGE_ALIGN_UP(bias + s->vaddr + s->mem_bytes);
	if (s->file_bytes) {
		uint64_t off = PAGE_ALIGN_DOWN(s->off);
		int err = map(l, vma_new(start, pages_end, s->prot, MAP_PRIVATE, file, off), file);
		if (err)
			return err;
		if (s->mem_bytes > s->file_bytes && pages_end > file_end && (s->prot & PROT_WRITE)) {
			l->bytes[l->nbytes++] = (struct pl_bytes){ file_end, NULL, pages_end - file_end };
			if (l->nbytes == BATCH) {
				err = flush(l);
				if (err)
					return err;
			}
		}
	}
	if (end <= pages_end)
		return 0;
	int prot = PROT_READ | PROT_WRITE | (s->prot & PROT_EXEC);
	return map(l, vma_new(pages_end, end, prot, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), NULL);
}

static int map_image(struct loader *l, struct file *file, const struct elf_image *img, uint64_t bias)
{
	int err = 0;
	l->base = bias + img->start;
	text_program(l->ex->t, l->mm, file, l->base);
	for (unsigned i = 0; !err && i < img->nsegments; i++)
		err = map_segment(l, file, &img->segments[i], bias);
	return err;
}

/* --- where things go --- */

static uint64_t align_to(uint64_t addr, uint64_t align)
{
	return ALIGN_UP(addr, align);
}

static int place_program(struct loader *l, const struct elf_image *img, uint64_t *out_bias)
{
	*out_bias = 0;
	if (!img->relocatable)
		return 0;
	uint64_t at = align_to(PIE_BASE + random_below(l, MAP_RANDOM_PAGES) * PAGE_SIZE, img->align);
	uint64_t bytes = img->end - img->start;
	if (at + bytes > l->mm->mmap_base)      /* a giant, or one that wants giant alignment: anywhere it fits */
		at = align_to(PIE_BASE / 2, img->align);
	if (at + bytes > l->mm->mmap_base)
		return -ENOMEM;
	*out_bias = at - img->start;
	return 0;
}

static int place_interp(struct loader *l, const struct elf_image *img, uint64_t *out_bias)
{
	*out_bias = 0;
	uint64_t bytes = img->end - img->start;
	if (!img->relocatable)
		return vma_any(l->mm, img->start, img->end) ? -EINVAL : 0;
	uint64_t at = vma_gap_down(l->mm, TEXT_ROOM + bytes + img->align - PAGE_SIZE, PL_GUEST_MIN, l->mm->mmap_base);
	if (!at)
		return -ENOMEM;
	*out_bias = align_to(at + TEXT_ROOM, img->align) - img->start;
	return 0;
}

/* The stack's top, and the place for mappings below it. */
static void place_stack(struct loader *l, uint64_t *out_top, uint64_t *out_bytes)
{
	struct mm *mm = l->mm;
	uint64_t limit = l->ex->t->tg->rlimits[RLIMIT_STACK].rlim_cur;
	uint64_t bytes = limit == RLIM_INFINITY ? STACK_UNLIMITED_BYTES : MIN(limit, STACK_MAX_BYTES);
	/* Arguments take a quarter at most, but 128 KB in any case. */
	bytes = PAGE_ALIGN_UP(MAX(bytes, STACK_MIN_BYTES));
	uint64_t top = PL_GUEST_END - PAGE_SIZE - random_below(l, STACK_RANDOM_BYTES / PAGE_SIZE) * PAGE_SIZE;
	uint64_t gap = MAX(bytes, MMAP_GAP_MIN) + MM_STACK_GUARD_GAP + STACK_RANDOM_BYTES + PAGE_SIZE;
	mm->mmap_base = PL_GUEST_END - gap - random_below(l, MAP_RANDOM_PAGES) * PAGE_SIZE;
	*out_top = top;
	*out_bytes = bytes;
}

static void place_brk(struct loader *l, const struct elf_image *img, uint64_t bias)
{
	uint64_t start = PAGE_ALIGN_UP(bias + img->brk);
	l->mm->start_brk = l->mm->brk = start + random_below(l, BRK_RANDOM_BYTES / PAGE_SIZE) * PAGE_SIZE;
}

/* --- stack and registers --- */

static unsigned make_auxv(const struct exec *ex, const struct elf_image *img, uint64_t bias, uint64_t base, uint64_t *v)
{
	const struct cred *c = ex->cred;
	unsigned n = 0;
	uint64_t vdso = pl_vdso(NULL);
#define ADD(type, value) (v[n++] = (type), v[n++] = (uint64_t)(value))
	if (vdso)
		ADD(AT_SYSINFO_EHDR, vdso);
	if (getauxval(AT_MINSIGSTKSZ))
		ADD(AT_MINSIGSTKSZ, getauxval(AT_MINSIGSTKSZ));
	ADD(AT_HWCAP, getauxval(AT_HWCAP));
	ADD(AT_PAGESZ, PAGE_SIZE);
	ADD(AT_CLKTCK, 100);
	ADD(AT_PHDR, img->phdr ? bias + img->phdr : 0);
	ADD(AT_PHENT, sizeof(Elf64_Phdr));
	ADD(AT_PHNUM, img->phnum);
	ADD(AT_BASE, base);
	ADD(AT_FLAGS, 0);
	ADD(AT_ENTRY, bias + img->entry);
	ADD(AT_UID, uid_shown(c, c->uid));
	ADD(AT_EUID, uid_shown(c, c->euid));
	ADD(AT_GID, gid_shown(c, c->gid));
	ADD(AT_EGID, gid_shown(c, c->egid));
	ADD(AT_SECURE, ex->secure);
	ADD(AT_RANDOM, 0);
	/* Without FSGSBASE: where GS is the platform's (pl_fast_entry()), arch_prctl(2) is how a guest sets its own. */
	ADD(AT_HWCAP2, getauxval(AT_HWCAP2) & ~(pl_fast_entry() ? HWCAP2_FSGSBASE : 0UL));
	ADD(AT_EXECFN, 0);
	ADD(AT_PLATFORM, 0);
	if (exec_has_rseq() && getauxval(AT_RSEQ_FEATURE_SIZE)) {
		ADD(AT_RSEQ_FEATURE_SIZE, getauxval(AT_RSEQ_FEATURE_SIZE));
		ADD(AT_RSEQ_ALIGN, getauxval(AT_RSEQ_ALIGN));
	}
	ADD(AT_NULL, 0);
#undef ADD
	return n;
}

static int make_stack(struct loader *l, uint64_t top, uint64_t bytes, int prot, uint64_t *auxv, unsigned words,
		      uint64_t *out_sp)
{
	struct mm *mm = l->mm;
	struct vma *v = vma_new(top - bytes, top, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE, NULL, 0);
	vma_set_name(v, "[stack]");
	int err = map(l, v, NULL);
	if (err)
		return err;
	unsigned char random[16];
	host_random(random, sizeof(random));
	struct exec_stack st;
	uint64_t strings_top = (top - random_below(l, 8192)) & ~15ULL;
	err = exec_stack_build(&l->ex->args, l->ex->filename, random, strings_top, auxv, words, &st);
	if (err)
		return err;
	if (bytes < st.len + STACK_MIN_BYTES / 4) {
		err = -E2BIG;
	} else {
		l->bytes[l->nbytes++] = (struct pl_bytes){ st.sp, st.bytes, st.len };
		err = flush(l);
	}
	free(st.bytes);
	mm->start_stack = *out_sp = st.sp;
	mm->arg_start = st.arg_start;
	mm->arg_end = st.arg_end;
	mm->env_start = st.env_start;
	mm->env_end = st.env_end;
	memcpy(mm->auxv, auxv, words * sizeof(*auxv));
	return err;
}

static void set_registers(struct pl_thread *pl, uint64_t rip, uint64_t rsp)
{
	memset(&pl->regs, 0, sizeof(pl->regs));
	pl->regs.rip = rip;
	pl->regs.rsp = rsp;
	pl->regs.eflags = 0x202;
	pl->regs.cs = 0x33;
	pl->regs.ss = 0x2b;
	pl->regs.orig_rax = -1ULL;
	pl_fpstate_reset(pl);
}

/* --- all of it --- */

/* What elf_parse() reads: nearly always all in the first bytes. */
struct source {
	struct file *file;
	ssize_t have;
	char head[HEAD_BYTES];
};

static ssize_t read_source(void *src, void *buf, size_t bytes, uint64_t off)
{
	struct source *s = src;
	if (off >= sizeof(s->head) || bytes > sizeof(s->head) - off)
		return file_read_kernel(s->file, buf, bytes, (off_t)off);
	if (s->have == 0)
		s->have = file_read_kernel(s->file, s->head, sizeof(s->head), 0);
	if (s->have <= (ssize_t)off)
		return MIN(s->have, (ssize_t)0);
	size_t n = MIN(bytes, (size_t)s->have - off);
	memcpy(buf, s->head + off, n);
	return (ssize_t)n;
}

static int parse(struct file *f, bool as_interp, struct elf_image *img)
{
	struct source s = { .file = f };
	return elf_parse(read_source, &s, as_interp, img);
}

static int open_interp(struct exec *ex, const char *name, struct elf_image *img, struct file **out)
{
	AUTO_PATH path = { 0 };
	int err = path_lookup(ex->t, AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_OPEN, &path);
	if (err)
		return err;
	AUTO(file_put) struct file *f = NULL;
	err = vfs_open_exec(ex->t, &path, &f);
	if (err)
		return err;
	err = parse(f, true, img);
	if (!err && !f->ops->mmap)
		err = -ELIBBAD;
	if (err)
		return err;
	/* Only the program itself stays busy (ETXTBSY) for as long as it runs. */
	f->mode &= ~(unsigned)FMODE_DENY_WRITE;
	f->inode->writers++;
	*out = TAKE(f);
	return 0;
}

static int build(struct loader *l, const struct elf_image *img, const struct elf_image *interp, struct file *interp_file)
{
	struct exec *ex = l->ex;
	struct mm *mm = l->mm;
	uint64_t bias, interp_bias = 0, top, stack_bytes, sp;
	place_stack(l, &top, &stack_bytes);
	int err = place_program(l, img, &bias);
	if (!err)
		rewrite_reserve(mm, bias + img->start);
	if (!err)
		err = map_image(l, ex->file, img, bias);
	if (!err && interp_file)
		err = place_interp(l, interp, &interp_bias);
	if (!err && interp_file)
		err = map_image(l, interp_file, interp, interp_bias);
	if (err)
		return err;
	if (interp_file) {
		mm->interp_start = interp_bias + interp->start;
		mm->interp_end = interp_bias + interp->end;
	}
	place_brk(l, img, bias);
	mm->start_code = bias + img->start_code;
	mm->end_code = bias + img->end_code;
	mm->start_data = bias + img->start_data;
	mm->end_data = bias + img->end_data;
	uint64_t auxv[ARRAY_SIZE(mm->auxv)];
	unsigned words = make_auxv(ex, img, bias, interp_file ? interp_bias : 0, auxv);
	int prot = PROT_READ | PROT_WRITE | (img->exec_stack ? PROT_EXEC : 0);
	err = make_stack(l, top, stack_bytes, prot, auxv, words, &sp);
	if (err)
		return err;
	vma_merge(mm, 0, PL_GUEST_END);
	set_registers(ex->pl, interp_file ? interp_bias + interp->entry : bias + img->entry, sp);
	return 0;
}

int exec_load_elf(struct exec *ex)
{
	struct elf_image img = { 0 }, interp = { 0 };
	AUTO(file_put) struct file *interp_file = NULL;
	int err = parse(ex->file, false, &img);
	if (!err && !ex->file->ops->mmap)
		err = -ENOEXEC;
	if (!err && img.interp)
		err = open_interp(ex, img.interp, &interp, &interp_file);
	bool keep = !err && exec_may_keep(ex);
	if (!err && !keep)
		err = pl_as_new(&ex->pl);
	timeline_mark(TIMELINE_STUB);
	if (!err && !keep && ex->t->pl)
		pl_will_wait(ex->t->pl);
	if (!err) {
		struct loader *l = NEW(struct loader);
		if (keep)
			l->n = exec_keep(ex, l->calls);
		err = mm_new(ex->pl->as, &ex->mm);
		CHECK(!err);
		l->ex = ex;
		l->mm = ex->mm;
		err = build(l, &img, &interp, interp_file);
		if (!err)
			err = time_ns_prepare(ex->t->time_ns_children, ex->mm, ex->pl);
		vma_free_list(l->dead);
		free(l);
		if (err == -ESRCH)      /* the new stub died: memory, for all we know */
			err = -ENOMEM;
		if (!err)
			ex->mm->exe = file_get(ex->file);
	}
	elf_image_fini(&img);
	elf_image_fini(&interp);
	return err;
}
