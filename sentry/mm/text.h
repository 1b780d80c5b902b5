/* text.h - the code of host files with its hot call sites rewritten once, for every process that maps it. See text.c.
 *
 * text.c knows files and versions, text_map.c what an address space has of them. */
#pragma once

#include <sys/queue.h>

#include "sentry/mm/rewrite_code.h"

struct file;
struct mm;
struct mmap_source;
struct pl_call;
struct task;

#define TEXT_ROOM 0x10000ULL              /* of trampolines, directly below a file's first mapping */

struct text_site {
	uint64_t ip, trampoline;          /* these and code.start: as if the text began at 0 */
	struct site_code code;
	uint8_t was[PATCH_BYTES], patch[PATCH_BYTES];
};

struct text_version {
	int refs;
	int fd;                           /* TEXT_ROOM of trampolines, then the text; sealed */
	unsigned nsites;
	struct text_site sites[];
};

/* One host file's executable part, off to off + bytes. below: from the start of its trampolines to where it is mapped. */
struct text {
	int refs;
	uint64_t off, bytes, below;       /* bytes 0: not mapped yet */
	struct text_version *version;     /* NULL: none yet */
};

/* --- files (text.c) --- */

/* What is known of the file behind a mapping, a reference; NULL: not a file of the host's, or, !create, nothing. */
struct text *text_get(const struct mmap_source *src, bool create);
struct text *text_hold(struct text *x);
void text_put(struct text *x);
/* The file is about to be mapped by one process more: what to map instead of its code, a reference; or NULL. Sleeps. */
struct text_version *text_current(struct text *x, struct file *f);
struct text_version *text_version_hold(struct text_version *v);
void text_version_put(struct text_version *v);
/* Has v, which may be NULL, a changed site there? ip as in struct text_site. */
bool text_is_changed(const struct text_version *v, uint64_t ip);
/* A system call with that number trapped at ip, counted from where the text begins. */
void text_trapped(struct text *x, uint64_t ip, uint64_t nr);

/* --- address spaces (text_map.c) --- */

struct text_map {
	SLIST_ENTRY(text_map) link;
	uint64_t base;                    /* of the file's first mapping */
	uint64_t start, end;              /* where its code is; equal: nowhere yet */
	struct text *text;
	struct text_version *version;     /* mapped, or to be mapped, in its place; NULL: none */
	bool known;                       /* its sites are on rewrite.c's books, too */
};
SLIST_HEAD(text_maps, text_map);

/* t is about to map f. Is that a library, from its beginning, with a version to be mapped for its code: references on both,
 * it wants TEXT_ROOM bytes below. Else NULL. Sleeps. */
struct text *text_wanted(struct task *t, const struct mmap_source *src, struct file *f, uint64_t addr, int flags, uint64_t off,
			 struct text_version **out);
/* exec is about to map f at base. Sleeps. */
void text_program(struct task *t, struct mm *mm, struct file *f, uint64_t base);
/* Keeps [base - TEXT_ROOM, base) for v. Takes both over. */
void text_reserve(struct mm *mm, struct text *x, struct text_version *v, uint64_t base);
/* calls[0] is a private, executable mapping of a file to be made; base: of its first mapping, 0: unknown. Notes it. If a
 * version waits for it, changes calls[0] to that, and adds its trampolines' mapping. Returns how many calls. */
int text_map(struct mm *mm, const struct mmap_source *src, uint64_t base, struct pl_call *calls);
/* Under mm_lock(): [start, end) goes. Trampolines go with their texts. Sleeps. */
void text_unmap(struct task *t, uint64_t start, uint64_t end);
/* The text that has ip, or NULL. */
struct text_map *text_at(struct mm *mm, uint64_t ip);
void text_maps_copy(struct text_maps *to, const struct text_maps *from);
void text_maps_free(struct text_maps *maps);
