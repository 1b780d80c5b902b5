/* elf.c - reading and checking ELF headers (elf.h).
 *
 * LINUX    fs/binfmt_elf.c. Same: which fields are looked at (EI_DATA, e_version and e_ehsize are not), 64 KB of program
 *          headers at most, the first PT_INTERP counts. Different: what Linux finds out only after the old program is gone,
 *          and answers with SIGKILL, is an error here.
 * MISSING  32-bit programs (ENOEXEC), PT_GNU_PROPERTY. */
#include "sentry/kernel/elf.h"

#include <elf.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "platform/platform.h"

#define PHDRS_MAX_BYTES 65536

static int read_exactly(elf_read_fn read, void *src, void *buf, size_t bytes, uint64_t off)
{
	if (off > INT64_MAX - bytes)
		return -EIO;
	ssize_t n = read(src, buf, bytes, off);
	if (n < 0)
		return (int)n;
	return (size_t)n == bytes ? 0 : -EIO;
}

static bool header_is_ours(const Elf64_Ehdr *h)
{
	return memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       (h->e_type == ET_EXEC || h->e_type == ET_DYN) && h->e_machine == EM_X86_64 &&
	       h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phnum > 0 &&
	       h->e_phnum * sizeof(Elf64_Phdr) <= PHDRS_MAX_BYTES;
}

static int read_interp(elf_read_fn read, void *src, const Elf64_Phdr *ph, struct elf_image *out)
{
	if (ph->p_filesz < 2 || ph->p_filesz > PATH_MAX)
		return -ENOEXEC;
	char *name = malloc(ph->p_filesz);
	if (!name)
		return -ENOMEM;
	int err = read_exactly(read, src, name, ph->p_filesz, ph->p_offset);
	if (!err && name[ph->p_filesz - 1] != '\0')
		err = -ENOEXEC;
	if (err) {
		free(name);
		return err;
	}
	out->interp = name;
	return 0;
}

static int prot_of(uint32_t p_flags)
{
	return (p_flags & PF_R ? PROT_READ : 0) | (p_flags & PF_W ? PROT_WRITE : 0) | (p_flags & PF_X ? PROT_EXEC : 0);
}

/* Notes the sizes and the addresses that a segment contributes. */
static int add_segment(const Elf64_Phdr *ph, const Elf64_Ehdr *h, struct elf_image *out)
{
	uint64_t skew = ph->p_vaddr & (PAGE_SIZE - 1), file_end;
	if (ph->p_memsz == 0)
		return 0;
	if (ph->p_filesz > ph->p_memsz)
		return -EINVAL;
	if (ph->p_vaddr >= PL_GUEST_END || ph->p_memsz > PL_GUEST_END - ph->p_vaddr)
		return -EINVAL;
	if (ph->p_filesz > 0 && (ph->p_offset & (PAGE_SIZE - 1)) != skew)
		return -EINVAL;
	if (__builtin_add_overflow(ph->p_offset, ph->p_filesz, &file_end) || file_end > INT64_MAX - PAGE_SIZE)
		return -EINVAL;
	out->segments[out->nsegments++] = (struct elf_segment){
		.vaddr = ph->p_vaddr, .off = ph->p_offset, .file_bytes = ph->p_filesz, .mem_bytes = ph->p_memsz,
		.prot = prot_of(ph->p_flags),
	};
	if (ph->p_align > out->align && (ph->p_align & (ph->p_align - 1)) == 0)
		out->align = ph->p_align;
	out->start = MIN(out->start, ph->p_vaddr - skew);
	out->end = MAX(out->end, PAGE_ALIGN_UP(ph->p_vaddr + ph->p_memsz));
	if (h->e_phoff >= ph->p_offset && h->e_phoff < file_end)
		out->phdr = h->e_phoff - ph->p_offset + ph->p_vaddr;

	if (ph->p_flags & PF_X) {
		out->start_code = MIN(out->start_code, ph->p_vaddr);
		out->end_code = MAX(out->end_code, ph->p_vaddr + ph->p_filesz);
	}
	out->start_data = MAX(out->start_data, ph->p_vaddr);
	out->end_data = MAX(out->end_data, ph->p_vaddr + ph->p_filesz);
	out->brk = MAX(out->brk, ph->p_vaddr + ph->p_memsz);
	return 0;
}

static int parse_phdrs(elf_read_fn read, void *src, const Elf64_Ehdr *h, const Elf64_Phdr *phdrs, bool as_interp,
		       struct elf_image *out)
{
	out->segments = calloc(h->e_phnum, sizeof(*out->segments));
	if (!out->segments)
		return -ENOMEM;
	for (unsigned i = 0; i < h->e_phnum; i++) {
		int err = 0;
		if (phdrs[i].p_type == PT_LOAD)
			err = add_segment(&phdrs[i], h, out);
		else if (phdrs[i].p_type == PT_INTERP && !as_interp && !out->interp)
			err = read_interp(read, src, &phdrs[i], out);
		else if (phdrs[i].p_type == PT_GNU_STACK)
			out->exec_stack = phdrs[i].p_flags & PF_X;
		if (err)
			return err;
	}
	if (out->nsegments == 0)
		return -EINVAL;
	/* A larger alignment than the image's own size would allow placing at all is nobody's real wish. */
	if (out->align > PL_GUEST_END / 4)
		return -EINVAL;
	if (out->start_code == UINT64_MAX)
		out->start_code = 0;
	if (!out->relocatable && (out->start < PL_GUEST_MIN || out->end > PL_GUEST_END))
		return -EINVAL;
	if (out->end - out->start > PL_GUEST_END / 2)
		return -ENOMEM;
	return 0;
}

int elf_parse(elf_read_fn read, void *src, bool as_interp, struct elf_image *out)
{
	int malformed = as_interp ? -ELIBBAD : -ENOEXEC;
	Elf64_Ehdr h;
	int err = read_exactly(read, src, &h, sizeof(h), 0);
	if (err)
		return err == -EIO && !as_interp ? -ENOEXEC : err;
	if (!header_is_ours(&h))
		return malformed;
	struct elf_image img = { .relocatable = h.e_type == ET_DYN, .entry = h.e_entry, .phnum = h.e_phnum,
				 .start = UINT64_MAX, .start_code = UINT64_MAX, .align = PAGE_SIZE };
	if (h.e_entry >= PL_GUEST_END)
		return -EINVAL;
	size_t bytes = h.e_phnum * sizeof(Elf64_Phdr);
	Elf64_Phdr *phdrs = malloc(bytes);
	if (!phdrs)
		return -ENOMEM;
	err = read_exactly(read, src, phdrs, bytes, h.e_phoff);
	if (err == -EIO)
		err = malformed;
	if (!err)
		err = parse_phdrs(read, src, &h, phdrs, as_interp, &img);
	free(phdrs);
	if (err) {
		elf_image_fini(&img);
		return err;
	}
	*out = img;
	return 0;
}

void elf_image_fini(struct elf_image *img)
{
	free(img->segments);
	free(img->interp);
	*img = (struct elf_image){ 0 };
}
