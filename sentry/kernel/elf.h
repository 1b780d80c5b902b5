/* elf.h - ELF programs: reading and checking their headers (the System V ABI, elf(5)).
 *
 * Pure: the file is read through a function, nothing is mapped. Everything in a file is hostile until checked here; what
 * elf_parse() accepts can be mapped by simple additions that do not overflow. */
#pragma once

#include "platform/base/base.h"

/* Reads at off; returns bytes, short only at the end of the file, or -errno. */
typedef ssize_t (*elf_read_fn)(void *src, void *buf, size_t bytes, uint64_t off);

struct elf_segment {                      /* a PT_LOAD */
	uint64_t vaddr, off, file_bytes, mem_bytes;
	int prot;                         /* PROT_* */
};
struct elf_image {
	bool relocatable;                 /* ET_DYN: goes anywhere */
	uint64_t entry;                   /* this and the other addresses: as in the file, without the load bias */
	uint64_t start, end;              /* pages of all segments: [start, end) */
	uint64_t align;                   /* of a relocatable image's start: a power of two, at least a page */
	uint64_t phdr;                    /* address of the program headers in memory; 0: not mapped */
	unsigned phnum;
	bool exec_stack;                  /* PT_GNU_STACK asks for it */
	uint64_t start_code, end_code, start_data, end_data, brk;
	struct elf_segment *segments;
	unsigned nsegments;
	char *interp;                     /* PT_INTERP, or NULL */
};

/* -ENOEXEC: not one of ours, or malformed; -EIO: cut short; -ENOMEM. as_interp: -ELIBBAD instead of -ENOEXEC, and its own
 * PT_INTERP means nothing. elf_image_fini() frees; harmless on a zeroed one. */
int elf_parse(elf_read_fn read, void *src, bool as_interp, struct elf_image *out) MUST_CHECK;
void elf_image_fini(struct elf_image *img);
