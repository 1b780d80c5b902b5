/* coredump.c - core files (core(5)): when, where, and the memory in them.
 *
 * HOW      An ELF file of notes (coredump_notes.c) and one segment a mapping. Pages of zeroes become holes, so that reserved
 *          memory costs nothing.
 *          The other threads have been told to exit, and wait with that until the file is written.
 * LINUX    fs/coredump.c, fs/binfmt_elf.c: vma_dump_size(), with /proc/PID/coredump_filter. A private file mapping counts as
 *          written to if it can have been. The file is made with the process's own rights, and only an ordinary
 *          file of its user with one name is overwritten.
 * MISSING  core_pattern's pipes; the vDSO; other processes that share the memory (CLONE_VM) go on. */
#include "sentry/kernel/coredump.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sentry/kernel/coredump_notes.h"
#include "sentry/kernel/process.h"
#include "sentry/mm/rewrite.h"
#include "sentry/vfs/path.h"
#include "sentry/vfs/permission.h"

char core_pattern[CORE_PATTERN_BYTES] = "core";
int core_uses_pid;

#define SIG_SET_CORE (SIGBIT(SIGQUIT) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGABRT) | SIGBIT(SIGFPE) | SIGBIT(SIGSEGV) | \
		      SIGBIT(SIGBUS) | SIGBIT(SIGSYS) | SIGBIT(SIGXCPU) | SIGBIT(SIGXFSZ))
#define CHUNK_BYTES (64 * 1024UL)
#define RELRO_MAX_BYTES (1UL << 20)

struct core {
	struct task *t;
	struct file *file;
	uint64_t limit, pos;
	Elf64_Phdr *segments;             /* after the notes' */
	size_t nsegments;
};

/* core_pattern with its % sequences filled in. false: it does not fit. */
static bool core_name(const struct task *t, int sig, char *out, size_t bytes)
{
	size_t len = 0;
	char pattern[CORE_PATTERN_BYTES + 4];
	snprintf(pattern, sizeof(pattern), "%s%s", core_pattern, core_uses_pid && !strstr(core_pattern, "%p") ? ".%p" : "");
	for (const char *p = pattern; *p; p++) {
		char part[CORE_PATTERN_BYTES] = { *p };
		if (*p == '%') {
			p++;
			switch (*p) {
			case 'p': case 'P': case 'i': case 'I':
				snprintf(part, sizeof(part), "%d", t->tg->tgid);
				break;
			case 'u':
				snprintf(part, sizeof(part), "%u", t->cred->uid);
				break;
			case 'g':
				snprintf(part, sizeof(part), "%u", t->cred->gid);
				break;
			case 's':
				snprintf(part, sizeof(part), "%d", sig);
				break;
			case 't':
				snprintf(part, sizeof(part), "%llu", (unsigned long long)(now_real_ns() / NS_PER_SEC));
				break;
			case 'e':
				snprintf(part, sizeof(part), "%.15s", t->comm);
				for (char *c = part; *c; c++)
					*c = *c == '/' ? '!' : *c;
				break;
			case 'h':
				snprintf(part, sizeof(part), "%.64s", t->uts->hostname);
				break;
			case '%':
				break;
			default:
				part[0] = '\0';   /* unknown: left out */
			}
			if (!*p)
				break;
		}
		size_t n = strlen(part);
		if (len + n >= bytes)
			return false;
		memcpy(out + len, part, n);
		len += n;
	}
	out[len] = '\0';
	return len > 0;
}

static int core_open(struct task *t, int sig, struct file **out)
{
	char name[2 * CORE_PATTERN_BYTES];
	if (!core_name(t, sig, name, sizeof(name)))
		return -ENAMETOOLONG;
	AUTO(file_put) struct file *f = NULL;
	int err = vfs_open(t, AT_FDCWD, name, O_CREAT | O_RDWR | O_NOFOLLOW, 0600, 0, &f);
	if (err)
		return err;
	const struct inode *i = f->inode;
	if (!S_ISREG(i->mode) || i->nlink > 1 || i->uid != t->cred->fsuid)
		return -EPERM;
	err = inode_truncate(t, f->inode, 0);
	if (!err)
		*out = TAKE(f);
	return err;
}

/* How much of a mapping is kept, as far as it can be told from the books. */
static uint64_t kept_bytes(struct mm *mm, const struct vma *v)
{
	char magic[SELFMAG];
	uint64_t all = v->end - v->start;
	unsigned filter = mm->dump_filter;
	if ((v->vm_flags & VM_DONTDUMP) || v->prot == PROT_NONE)
		return 0;
	if ((v->flags & MAP_TYPE) != MAP_PRIVATE)
		return filter & (v->file && v->file->inode->nlink ? DUMP_FILE_SHARED : DUMP_ANON_SHARED) ? all : 0;
	if ((!v->file || (v->prot & PROT_WRITE)) && (filter & DUMP_ANON_PRIVATE))
		return all;
	if (!v->file)
		return 0;
	if (filter & DUMP_FILE_PRIVATE)
		return all;
	if (!(filter & DUMP_ELF_HEADERS))
		return 0;
	bool is_elf = v->pgoff == 0 && mm_read(mm, v->start, magic, SELFMAG) == SELFMAG && memcmp(magic, ELFMAG, SELFMAG) == 0;
	return is_elf ? PAGE_SIZE : 0;
}

/* Data that was written to before it became read-only, as dynamic linkers do: the debugger's way to the libraries. */
static bool may_be_relro(const struct mm *mm, const struct vma *v)
{
	return v->file && (mm->dump_filter & DUMP_ANON_PRIVATE) && !(v->vm_flags & VM_DONTDUMP) &&
	       (v->flags & MAP_TYPE) == MAP_PRIVATE && v->prot == PROT_READ && v->end - v->start <= RELRO_MAX_BYTES;
}

static bool differs(struct task *t, struct file *f, uint64_t off, uint64_t start, uint64_t bytes)
{
	char mem[1024], disk[1024];
	for (uint64_t at = 0; at < bytes; at += sizeof(mem)) {
		ssize_t n = file_read_kernel(f, disk, sizeof(disk), (off_t)(off + at));
		if (n <= 0 || mm_read(t->mm, start + at, mem, (size_t)n) != n)
			return false;
		if (memcmp(mem, disk, (size_t)n) != 0)
			return true;
	}
	return false;
}

/* The list first, what has to be looked at after it: that sleeps, and mappings that are shared with another process change. */
static int list_segments(struct core *c)
{
	struct mm *mm = c->t->mm;
	size_t max = (size_t)mm->nvmas;
	struct { struct file *f; uint64_t off; } *look = calloc(max + 1, sizeof(*look));
	c->segments = calloc(max + 1, sizeof(*c->segments));
	if (!c->segments || !look) {
		free(look);
		return -ENOMEM;
	}
	for (struct vma *v = mm_first(mm); v && c->nsegments < max; v = mm_next(v)) {
		if (may_be_relro(mm, v)) {
			look[c->nsegments].f = file_get(v->file);
			look[c->nsegments].off = v->pgoff;
		}
		c->segments[c->nsegments++] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_vaddr = v->start, .p_memsz = v->end - v->start, .p_filesz = kept_bytes(mm, v),
			.p_align = PAGE_SIZE,
			.p_flags = (v->prot & PROT_READ ? PF_R : 0) | (v->prot & PROT_WRITE ? PF_W : 0) | (v->prot & PROT_EXEC ? PF_X : 0),
		};
	}
	for (size_t n = 0; n < c->nsegments; n++) {
		Elf64_Phdr *p = &c->segments[n];
		if (look[n].f && differs(c->t, look[n].f, look[n].off, p->p_vaddr, p->p_memsz))
			p->p_filesz = p->p_memsz;
		file_put(look[n].f);
	}
	free(look);
	return 0;
}

static int put(struct core *c, const void *data, size_t bytes)
{
	if (bytes > c->limit || c->pos > c->limit - bytes)
		return -EFBIG;
	struct uio u;
	off_t pos = (off_t)c->pos;
	uio_init_kernel(&u, (void *)data, bytes);
	ssize_t n = file_write(c->t, c->file, &u, &pos);
	if (n != (ssize_t)bytes)
		return n < 0 ? (int)n : -ENOSPC;
	c->pos += bytes;
	return 0;
}

static bool is_zero(const char *p, size_t bytes)
{
	return p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0;
}

static int put_memory(struct core *c, uint64_t start, uint64_t bytes, char *buf)
{
	for (uint64_t at = start, end = start + bytes; at < end;) {
		if (c->t->exiting)
			return -EINTR;            /* SIGKILL */
		size_t want = MIN(end - at, CHUNK_BYTES);
		ssize_t n = mm_read(c->t->mm, at, buf, want);
		n = n < (ssize_t)PAGE_SIZE ? 0 : n & ~(ssize_t)(PAGE_SIZE - 1);
		for (ssize_t off = 0; off < n; off += PAGE_SIZE) {
			if (is_zero(buf + off, PAGE_SIZE)) {
				c->pos += PAGE_SIZE;
				continue;
			}
			int err = put(c, buf + off, PAGE_SIZE);
			if (err)
				return err;
		}
		if (n == 0) {             /* not readable: a hole, and on with the next page */
			c->pos += PAGE_SIZE;
			n = PAGE_SIZE;
		}
		at += (uint64_t)n;
		co_yield();
	}
	return 0;
}

static int put_all(struct core *c, const struct seq *notes)
{
	AUTO(free) char *buf = malloc(CHUNK_BYTES);
	if (!buf || notes->failed)
		return -ENOMEM;
	Elf64_Ehdr head = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(head),
		.e_ehsize = sizeof(head), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = (Elf64_Half)(c->nsegments + 1),
	};
	uint64_t off = sizeof(head) + (c->nsegments + 1) * sizeof(Elf64_Phdr);
	Elf64_Phdr note = { .p_type = PT_NOTE, .p_offset = off, .p_filesz = notes->len, .p_align = 4 };
	uint64_t data = PAGE_ALIGN_UP(off + notes->len), end = data;
	for (size_t n = 0; n < c->nsegments; n++) {
		c->segments[n].p_offset = end;
		end += c->segments[n].p_filesz;
	}
	int err = put(c, &head, sizeof(head));
	if (!err)
		err = put(c, &note, sizeof(note));
	if (!err)
		err = put(c, c->segments, c->nsegments * sizeof(*c->segments));
	if (!err)
		err = put(c, notes->buf, notes->len);
	c->pos = data;
	for (size_t n = 0; !err && n < c->nsegments; n++)
		err = put_memory(c, c->segments[n].p_vaddr, c->segments[n].p_filesz, buf);
	return err ? err : inode_truncate(c->t, c->file->inode, (off_t)MIN(end, c->limit));
}

/* Registers as if no call site had been changed. */
static void undo_rewriting(struct task *t)
{
	struct task *other;
	rewrite_stop(t);
	TAILQ_FOREACH(other, &t->tg->threads, thread_link)
		if (other->live)
			rewrite_leave(other);
}

static bool dump(struct task *t, int sig, const siginfo_t *info)
{
	struct core c = { .t = t, .limit = t->tg->rlimits[RLIMIT_CORE].rlim_cur };
	if (core_open(t, sig, &c.file))
		return false;
	undo_rewriting(t);
	struct seq notes = { 0 };
	coredump_notes(t, sig, info, &notes);
	/* What stands in the file when space or limit end is a core file all the same. */
	int err = list_segments(&c);
	if (!err && put_all(&c, &notes))
		debugf("sbx: %d: the core file is not complete\n", t->tg->tgid);
	seq_fini(&notes);
	free(c.segments);
	file_put(c.file);
	return !err;
}

bool coredump(struct task *t, int sig, const siginfo_t *info)
{
	rlim_t limit = t->tg->rlimits[RLIMIT_CORE].rlim_cur;
	if (!(SIGBIT(sig) & SIG_SET_CORE) || limit < PAGE_SIZE || t->mm->dumpable != 1)
		return false;
	if (tg_park_others(t))
		return false;
	bool dumped = dump(t, sig, info);
	/* The process's end is known before they go on: it is theirs, too. */
	tg_exit_mark(t->tg, sig | (dumped ? WCOREFLAG : 0));
	tg_unpark_others(t->tg);
	return dumped;
}
