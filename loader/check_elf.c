/* check_elf.c - an ELF file as the dynamic loader sees it: by its program headers and its dynamic section.
 *
 * LINUX    ld.so(8): where libraries are looked for. MISSING: /etc/ld.so.cache and ld.so.conf, LD_LIBRARY_PATH. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/check.h"

static const char *const library_dirs[] = {
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
};

static bool in_range(uint64_t offset, uint64_t bytes, uint64_t size)
{
	return offset <= size && bytes <= size - offset;
}

uint64_t elf_room(const struct elf_file *f, uint64_t addr, bool *out_executable)
{
	for (int i = 0; i < f->nsegments; i++) {
		const struct segment *s = &f->segments[i];
		if (addr < s->addr || addr - s->addr >= s->bytes)
			continue;
		if (out_executable)
			*out_executable = s->executable;
		return s->bytes - (addr - s->addr);
	}
	return 0;
}

const void *elf_at(const struct elf_file *f, uint64_t addr, uint64_t bytes)
{
	for (int i = 0; i < f->nsegments; i++) {
		const struct segment *s = &f->segments[i];
		if (addr >= s->addr && in_range(addr - s->addr, bytes, s->bytes))
			return f->data + s->offset + (addr - s->addr);
	}
	return NULL;
}

const char *elf_string(const struct elf_file *f, uint64_t offset)
{
	const char *s = f->strtab && offset < f->strsz ? elf_at(f, f->strtab, f->strsz) : NULL;
	return s && memchr(s + offset, '\0', f->strsz - offset) ? s + offset : "";
}

bool elf_symbol(const struct elf_file *f, uint64_t i, struct elf_symbol *out)
{
	Elf64_Sym s;
	const void *p = i < f->nsyms ? elf_at(f, f->symtab + i * sizeof(s), sizeof(s)) : NULL;
	if (!p)
		return false;
	memcpy(&s, p, sizeof(s));
	int type = ELF64_ST_TYPE(s.st_info);
	*out = (struct elf_symbol){
		.name = elf_string(f, s.st_name), .addr = s.st_value, .bytes = s.st_size, .undefined = s.st_shndx == SHN_UNDEF,
		.function = type == STT_FUNC || type == STT_GNU_IFUNC,
	};
	return true;
}

uint64_t elf_find_function(const struct elf_file *f, const char *name)
{
	struct elf_symbol s;
	for (uint64_t i = 1; elf_symbol(f, i, &s); i++)
		if (!s.undefined && s.function && strcmp(s.name, name) == 0)
			return s.addr;
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	const struct function *x = a, *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void list_functions(struct elf_file *f)
{
	struct elf_symbol s;
	f->functions = xzalloc((f->nsyms + 1) * sizeof(*f->functions));
	for (uint64_t i = 1; elf_symbol(f, i, &s); i++)
		if (!s.undefined && s.function)
			f->functions[f->nfunctions++] = (struct function){ s.addr, s.bytes };
	qsort(f->functions, f->nfunctions, sizeof(*f->functions), by_addr);
}

uint64_t elf_function_end(struct elf_file *f, uint64_t addr)
{
	if (!f->functions)
		list_functions(f);
	size_t low = 0, high = f->nfunctions;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (f->functions[mid].addr > addr)
			high = mid;
		else
			low = mid + 1;
	}
	const struct function *before = low ? &f->functions[low - 1] : NULL;
	if (before && addr - before->addr < before->bytes)
		return before->addr + before->bytes;
	return low < f->nfunctions ? f->functions[low].addr : UINT64_MAX;
}

static uint32_t word_at(const struct elf_file *f, uint64_t addr)
{
	uint32_t w = 0;
	const void *p = elf_at(f, addr, sizeof(w));
	if (p)
		memcpy(&w, p, sizeof(w));
	return w;
}

/* The dynamic section does not say how many symbols there are; the hash tables imply it. */
static uint64_t count_symbols(const struct elf_file *f, uint64_t hash, uint64_t gnu_hash)
{
	if (hash)
		return word_at(f, hash + 4);
	if (!gnu_hash)
		return 0;
	uint32_t nbuckets = word_at(f, gnu_hash), offset = word_at(f, gnu_hash + 4), bloom = word_at(f, gnu_hash + 8), last = 0;
	uint64_t buckets = gnu_hash + 16 + 8ULL * bloom, chains = buckets + 4ULL * nbuckets;
	if (nbuckets > f->size / 4)
		return 0;
	for (uint32_t i = 0; i < nbuckets; i++)
		last = MAX(last, word_at(f, buckets + 4ULL * i));
	if (last < offset)
		return offset;            /* exports nothing: the imports are what comes before */
	while (elf_at(f, chains + 4ULL * (last - offset), 4) && !(word_at(f, chains + 4ULL * (last - offset)) & 1))
		last++;
	return last + 1ULL;
}

static void read_dynamic(struct elf_file *f, uint64_t addr, uint64_t bytes)
{
	uint64_t hash = 0, gnu_hash = 0, n = bytes / sizeof(Elf64_Dyn);
	const void *p = elf_at(f, addr, n * sizeof(Elf64_Dyn));
	if (!p)
		return;
	f->needed = xzalloc((n + 1) * sizeof(*f->needed));
	for (uint64_t i = 0; i < n; i++) {
		Elf64_Dyn d;
		memcpy(&d, (const Elf64_Dyn *)p + i, sizeof(d));
		switch (d.d_tag) {
		case DT_NULL: i = n - 1; break;
		case DT_SYMTAB: f->symtab = d.d_un.d_ptr; break;
		case DT_STRTAB: f->strtab = d.d_un.d_ptr; break;
		case DT_STRSZ: f->strsz = d.d_un.d_val; break;
		case DT_HASH: hash = d.d_un.d_ptr; break;
		case DT_GNU_HASH: gnu_hash = d.d_un.d_ptr; break;
		case DT_RUNPATH: case DT_RPATH: f->runpath = d.d_un.d_val; break;
		case DT_NEEDED: f->needed[f->nneeded++] = d.d_un.d_val; break;
		}
	}
	f->nsyms = f->symtab ? MIN(count_symbols(f, hash, gnu_hash), (uint64_t)f->size / sizeof(Elf64_Sym)) : 0;
}

static struct err *read_headers(struct elf_file *f)
{
	Elf64_Ehdr h;
	if (f->size < sizeof(h))
		return err_new("%s: is no ELF file", f->path);
	memcpy(&h, f->data, sizeof(h));
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		return err_new("%s: is no ELF file%s", f->path, memcmp(f->data, "#!", 2) == 0 ? " but a script: check its interpreter" : "");
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_X86_64)
		return err_new("%s: is for another processor", f->path);
	if (h.e_phentsize != sizeof(Elf64_Phdr) || !in_range(h.e_phoff, h.e_phnum * sizeof(Elf64_Phdr), f->size))
		return err_new("%s: its program headers are damaged", f->path);
	uint64_t dynamic = 0, dynamic_bytes = 0;
	f->segments = xzalloc((h.e_phnum + 1U) * sizeof(*f->segments));
	for (unsigned i = 0; i < h.e_phnum; i++) {
		Elf64_Phdr p;
		memcpy(&p, f->data + h.e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_LOAD && !in_range(p.p_offset, p.p_filesz, f->size))
			return err_new("%s: is cut off", f->path);
		if (p.p_type == PT_LOAD)
			f->segments[f->nsegments++] = (struct segment){ p.p_vaddr, p.p_filesz, p.p_offset, p.p_flags & PF_X };
		if (p.p_type == PT_DYNAMIC) {
			dynamic = p.p_vaddr;
			dynamic_bytes = p.p_filesz;
		}
	}
	if (dynamic)
		read_dynamic(f, dynamic, dynamic_bytes);
	return NULL;
}

struct err *elf_file_open(const char *path, struct elf_file *f)
{
	*f = (struct elf_file){ .path = xstrdup(path) };
	f->name = strrchr(f->path, '/') ? strrchr(f->path, '/') + 1 : f->path;
	struct err *e = NULL;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		e = err_errno(errno, "%s", path);
	} else if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		e = err_new("%s: is no ELF file", path);
	} else {
		f->size = (size_t)st.st_size;
		f->data = mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (f->data == MAP_FAILED) {
			f->data = NULL;
			e = err_errno(errno, "%s", path);
		}
	}
	if (fd >= 0)
		close(fd);
	if (!e)
		e = read_headers(f);
	if (e)
		elf_file_close(f);
	return e;
}

void elf_file_close(struct elf_file *f)
{
	if (f->data)
		munmap((void *)f->data, f->size);
	free(f->functions);
	free(f->needed);
	free(f->segments);
	free(f->path);
	*f = (struct elf_file){ 0 };
}

static char *try_library(const char *dir, size_t dir_len, const char *name)
{
	char *path;
	CHECK(asprintf(&path, "%.*s/%s", (int)dir_len, dir, name) >= 0);
	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return NULL;
}

static char *try_runpath(const struct elf_file *f, const char *name)
{
	static const char *const origins[] = { "$ORIGIN", "${ORIGIN}" };
	const char *own_dir = f->path;
	int own_len = (int)(f->name - f->path);
	char *found = NULL;
	for (const char *p = elf_string(f, f->runpath); *p && !found; p += strspn(p, ":")) {
		size_t len = strcspn(p, ":");
		char *dir = NULL;
		for (size_t i = 0; i < ARRAY_SIZE(origins) && !dir; i++) {
			size_t n = strlen(origins[i]);
			if (len >= n && strncmp(p, origins[i], n) == 0)
				CHECK(asprintf(&dir, "%.*s.%.*s", own_len, own_dir, (int)(len - n), p + n) >= 0);
		}
		found = dir ? try_library(dir, strlen(dir), name) : try_library(p, len, name);
		free(dir);
		p += len;
	}
	return found;
}

char *elf_find_library(const struct elf_file *f, const char *name)
{
	if (strchr(name, '/'))
		return access(name, R_OK) == 0 ? xstrdup(name) : NULL;
	char *found = f->runpath ? try_runpath(f, name) : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(library_dirs) && !found; i++)
		found = try_library(library_dirs[i], strlen(library_dirs[i]), name);
	return found;
}
