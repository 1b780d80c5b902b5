/* rewrite_code.h - how a call site can be changed: pure functions on bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "platform/base/base.h"

#define TRAMPOLINE_BYTES 64
#define SITE_BEFORE 8                     /* bytes of code to look at before and after the system call instruction's address */
#define SITE_AFTER 20

struct site_code {
	uint64_t start;                   /* of the PATCH_BYTES that are replaced */
	bool over_syscall;                /* they begin with the system call instruction and go into the next one */
	uint8_t moved[16];                /* the instruction that goes to the trampoline: before the call, or after it */
	int moved_bytes;
};
#define PATCH_BYTES 5

/* Looks at code[0 .. bytes), which begins at ip - before; ip is the system call instruction, nr what it was called with.
 * False: there is no safe way. */
bool site_recognise(const uint8_t *code, size_t bytes, size_t before, uint64_t ip, uint64_t nr, struct site_code *out);

/* Does code[0 .. bytes) have instructions that begin at `start` and at `ip`, both within it, start <= ip? Decoded from every
 * place a little before, of which one is where an instruction begins: whoever names ip may mean harm. */
bool site_is_code(const uint8_t *code, size_t bytes, size_t start, size_t ip);

/* A trampoline at `at` for it, and the jump there. patch is what replaces the bytes at start. False: out of reach. */
bool site_trampoline(const struct site_code *s, uint64_t ip, uint64_t at, uint64_t entry, uint8_t out[TRAMPOLINE_BYTES],
		     uint8_t patch[PATCH_BYTES]);

/* May a trampoline for s be at `at`? Any that is in reach, or, over_syscall, one in 256: see rewrite.c. */
bool site_fits(const struct site_code *s, uint64_t at);

/* over_syscall: where in its trampoline the moved instruction is. */
#define TRAMPOLINE_TAIL 24
