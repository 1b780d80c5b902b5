/* check.h - `sbx check`: reading programs without running them.
 *
 *	check_elf.c    an ELF file: segments, dynamic symbols, libraries it needs
 *	check_scan.c   its code: places that make system calls, by disassembly
 *	cmd_check.c    what is contained, against the table */
#pragma once

#include "loader/err.h"

#define CHECK_FILES_MAX 256
#define CHECK_CALLS 512                   /* SYSCALL_MAX; table.h and elf.h do not go together */

struct segment {
	uint64_t addr, bytes, offset;     /* offset, bytes: inside of the file, checked */
	bool executable;
};

struct function {
	uint64_t addr, bytes;
};

/* A file of the outside: nothing in it is believed. */
struct elf_file {
	char *path;                       /* as opened */
	const char *name;                 /* its last part */
	const uint8_t *data;
	size_t size;
	struct segment *segments;         /* what is loaded from it */
	int nsegments;
	uint64_t symtab, strtab, strsz, nsyms;    /* virtual addresses; 0: no dynamic symbols */
	uint64_t *needed;                 /* offsets in strtab */
	int nneeded;
	uint64_t runpath;                 /* offset in strtab, 0: none */
	struct function *functions;       /* exported ones, by address; made when first needed */
	size_t nfunctions;
};

struct err *elf_file_open(const char *path, struct elf_file *out) MUST_CHECK;
void elf_file_close(struct elf_file *f);
/* `bytes` bytes of the loaded image at addr, or NULL. */
const void *elf_at(const struct elf_file *f, uint64_t addr, uint64_t bytes);
/* How many bytes of the file are loaded from addr on, executable or not; 0: none. */
uint64_t elf_room(const struct elf_file *f, uint64_t addr, bool *out_executable);
const char *elf_string(const struct elf_file *f, uint64_t offset);        /* never NULL */
struct elf_symbol {
	const char *name;                 /* "": none */
	uint64_t addr, bytes;
	bool undefined, function;
};
/* The i-th dynamic symbol, from 1; false: no more, or damaged. */
bool elf_symbol(const struct elf_file *f, uint64_t i, struct elf_symbol *out);
/* Address of an exported function, or 0. */
uint64_t elf_find_function(const struct elf_file *f, const char *name);
/* Where the function at addr ends at the latest, as far as exported functions tell. */
uint64_t elf_function_end(struct elf_file *f, uint64_t addr);
/* The file of a library that f needs, or NULL; the caller frees. */
char *elf_find_library(const struct elf_file *f, const char *name);

struct call_set {
	bool has[CHECK_CALLS];
	unsigned unknown;                 /* places whose number can't be told */
};

/* All of the file's code. */
struct err *scan_file(const struct elf_file *f, struct call_set *out) MUST_CHECK;
/* What the function at addr can reach: its own code and, `depth` levels deep, that of the functions it calls directly. */
struct err *scan_function(struct elf_file *f, uint64_t addr, int depth, struct call_set *out) MUST_CHECK;
