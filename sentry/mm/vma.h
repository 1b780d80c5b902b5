/* vma.h - the tree of mappings: pure bookkeeping, no host calls, nothing sleeps but vma_free_list().
 *
 * For sentry/mm and exec only; everybody else looks through mm.h's lookups. */
#pragma once

#include "sentry/mm/mm.h"

/* A mapping that is on no tree yet. file (may be NULL): takes a reference. */
struct vma *vma_new(uint64_t start, uint64_t end, int prot, int flags, struct file *file, uint64_t pgoff);
struct vma *vma_copy(const struct vma *v);
void vma_set_name(struct vma *v, const char *name);               /* NULL: none */
void vma_free(struct vma *v);                                     /* may sleep: the file's last reference */
void vma_free_list(struct vma *dead);                             /* by dead_next; may sleep */

/* All of these keep the accounts and the count of the mm. */
void vma_insert(struct mm *mm, struct vma *v);                    /* over nothing else; takes v over */
void vma_remove(struct mm *mm, struct vma *v);                    /* v is the caller's again */
void vma_set_range(struct mm *mm, struct vma *v, uint64_t start, uint64_t end);   /* pgoff follows start */
void vma_set_prot(struct mm *mm, struct vma *v, int prot);
void vma_set_vm_flags(struct mm *mm, struct vma *v, unsigned vm_flags);
struct vma *vma_split(struct mm *mm, struct vma *v, uint64_t addr);   /* v keeps what is below addr; returns the rest */
/* Cuts at addr if a mapping spans it. Returns the first mapping at or above addr. */
struct vma *vma_split_at(struct mm *mm, uint64_t addr);
void vma_merge(struct mm *mm, uint64_t start, uint64_t end);      /* all mergeable neighbours that touch the range */
void vma_cut(struct mm *mm, uint64_t start, uint64_t end, struct vma **dead);     /* prepends what was there to dead */

struct vma *vma_prev(struct vma *v);
struct vma *vma_at(struct mm *mm, uint64_t addr);                 /* that contains addr, or NULL */
bool vma_any(struct mm *mm, uint64_t start, uint64_t end);        /* something mapped in the range */
bool vma_all(struct mm *mm, uint64_t start, uint64_t end);        /* no hole in the range */
bool vma_any_flag(struct mm *mm, uint64_t start, uint64_t end, unsigned vm_flag);
bool vma_is_data(const struct vma *v, int prot);                  /* counts for RLIMIT_DATA with that protection */

/* A gap of len bytes in [lo, hi), keeping the guard gaps below stacks: the highest, the lowest. 0: none. */
uint64_t vma_gap_down(struct mm *mm, uint64_t len, uint64_t lo, uint64_t hi);
uint64_t vma_gap_up(struct mm *mm, uint64_t len, uint64_t lo, uint64_t hi);
