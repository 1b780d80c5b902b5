/* vma.c - the tree of mappings (vma.h, mm.h).
 *
 * HOW      A red-black tree by address. Each node also knows the range and the widest gap of its subtree, so that a place
 *          for a new mapping is found in O(log n): programs with ten thousands of mappings exist.
 * LINUX    mm/vma.c, mm/mmap.c. Same: which neighbours merge; 1 MB kept free below a stack; what counts as data.
 *          Different: anonymous private neighbours merge whatever their history (Linux looks at anon_vma, too). */
#include "sentry/mm/vma.h"

#include <string.h>
#include <sys/mman.h>

#include "platform/base/live.h"
#include "sentry/vfs/file.h"

#define STACK_COUNTED_BYTES (33 * PAGE_SIZE)

static int vma_cmp(const struct vma *a, const struct vma *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}

/* Where a new mapping below v has to end. */
static uint64_t guarded_start(const struct vma *v)
{
	if (!(v->flags & MAP_GROWSDOWN))
		return v->start;
	return v->start > MM_STACK_GUARD_GAP ? v->start - MM_STACK_GUARD_GAP : 0;
}

static uint64_t gap_between(uint64_t end, uint64_t start)
{
	return start > end ? start - end : 0;
}

static void augment(struct vma *v)
{
	struct vma *l = RB_LEFT(v, link), *r = RB_RIGHT(v, link);
	v->sub_start = l ? l->sub_start : guarded_start(v);
	v->sub_end = r ? r->sub_end : v->end;
	v->sub_gap = 0;
	if (l)
		v->sub_gap = MAX(l->sub_gap, gap_between(l->sub_end, guarded_start(v)));
	if (r) {
		uint64_t right = MAX(r->sub_gap, gap_between(v->end, r->sub_start));
		v->sub_gap = MAX(v->sub_gap, right);
	}
}

#undef RB_AUGMENT
#define RB_AUGMENT(v) augment(v)
RB_GENERATE_INTERNAL(vma_tree, vma, link, vma_cmp, static __attribute__((unused)))

/* The tree macros augment around rotations only; whatever they left stale lies on the way from the change to the root. */
static void augment_up(struct vma *v)
{
	for (; v; v = RB_PARENT(v, link))
		augment(v);
}

/* --- one mapping --- */

static void hold_file(struct vma *v, struct file *f)
{
	v->file = file_get(f);
	if (f->ops->mapped)
		f->ops->mapped(f, 1);
}

struct vma *vma_new(uint64_t start, uint64_t end, int prot, int flags, struct file *file, uint64_t pgoff)
{
	struct vma *v = NEW(struct vma);
	live_born(VMA);
	v->start = start;
	v->end = end;
	v->prot = prot;
	v->max_prot = PROT_READ | PROT_WRITE | PROT_EXEC;
	v->flags = flags;
	v->pgoff = pgoff;
	if (file)
		hold_file(v, file);
	return v;
}

struct vma *vma_copy(const struct vma *v)
{
	struct vma *n = NEW(struct vma);
	live_born(VMA);
	*n = *v;
	n->dead_next = NULL;
	if (v->file)
		hold_file(n, v->file);
	if (v->name)
		n->name = xstrdup(v->name);
	return n;
}

void vma_set_name(struct vma *v, const char *name)
{
	char *copy = name ? xstrdup(name) : NULL;
	free(v->name);
	v->name = copy;
}

void vma_free(struct vma *v)
{
	if (!v)
		return;
	if (v->file) {
		if (v->file->ops->mapped)
			v->file->ops->mapped(v->file, -1);
		file_put(v->file);
	}
	free(v->name);
	live_died(VMA);
	free(v);
}

void vma_free_list(struct vma *dead)
{
	while (dead) {
		struct vma *next = dead->dead_next;
		vma_free(dead);
		dead = next;
	}
}

/* --- accounts --- */

uint64_t vma_counted_bytes(const struct vma *v)
{
	uint64_t bytes = v->end - v->start;
	if (v->vm_flags & VM_TRAMPOLINES)
		return 0;
	return v->flags & MAP_GROWSDOWN ? MIN(bytes, STACK_COUNTED_BYTES) : bytes;
}

bool vma_is_data(const struct vma *v, int prot)
{
	return (prot & PROT_WRITE) && !(v->flags & (MAP_SHARED | MAP_GROWSDOWN));
}

/* sign: 1 or -1 (unsigned arithmetic wraps as needed). */
static void account(struct mm *mm, const struct vma *v, uint64_t sign)
{
	uint64_t bytes = vma_counted_bytes(v) * sign;
	mm->total_bytes += bytes;
	if (vma_is_data(v, v->prot))
		mm->data_bytes += bytes;
	if (v->flags & MAP_GROWSDOWN)
		mm->stack_bytes += bytes;
	if (v->vm_flags & VM_LOCKED)
		mm->locked_bytes += bytes;
}

/* --- the tree --- */

void vma_insert(struct mm *mm, struct vma *v)
{
	RB_LEFT(v, link) = RB_RIGHT(v, link) = NULL;
	augment(v);
	CHECK(RB_INSERT(vma_tree, &mm->vmas, v) == NULL);
	augment_up(v);
	mm->nvmas++;
	account(mm, v, 1);
}

void vma_remove(struct mm *mm, struct vma *v)
{
	/* The deepest node whose subtree changes: v's successor takes v's place if v has two children. */
	struct vma *deepest = RB_PARENT(v, link);
	if (RB_LEFT(v, link) && RB_RIGHT(v, link)) {
		struct vma *next = RB_NEXT(vma_tree, &mm->vmas, v);
		deepest = RB_PARENT(next, link) == v ? next : RB_PARENT(next, link);
	}
	RB_REMOVE(vma_tree, &mm->vmas, v);
	augment_up(deepest);
	mm->nvmas--;
	account(mm, v, -1ULL);
}

void vma_set_range(struct mm *mm, struct vma *v, uint64_t start, uint64_t end)
{
	account(mm, v, -1ULL);
	v->pgoff += start - v->start;
	v->start = start;
	v->end = end;
	augment_up(v);
	account(mm, v, 1);
}

void vma_set_prot(struct mm *mm, struct vma *v, int prot)
{
	account(mm, v, -1ULL);
	v->prot = prot;
	account(mm, v, 1);
}

void vma_set_vm_flags(struct mm *mm, struct vma *v, unsigned vm_flags)
{
	account(mm, v, -1ULL);
	v->vm_flags = vm_flags;
	account(mm, v, 1);
}

struct vma *mm_find(struct mm *mm, uint64_t addr)
{
	struct vma *v = RB_ROOT(&mm->vmas), *best = NULL;
	while (v) {
		if (v->end > addr) {
			best = v;
			v = RB_LEFT(v, link);
		} else {
			v = RB_RIGHT(v, link);
		}
	}
	return best;
}

struct vma *mm_next(struct vma *v)
{
	return RB_NEXT(vma_tree, NULL, v);
}

struct vma *vma_prev(struct vma *v)
{
	return RB_PREV(vma_tree, NULL, v);
}

struct vma *mm_first(struct mm *mm)
{
	return RB_MIN(vma_tree, &mm->vmas);
}

struct vma *vma_at(struct mm *mm, uint64_t addr)
{
	struct vma *v = mm_find(mm, addr);
	return v && v->start <= addr ? v : NULL;
}

bool vma_any(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = mm_find(mm, start);
	return start < end && v && v->start < end;
}

bool vma_all(struct mm *mm, uint64_t start, uint64_t end)
{
	for (struct vma *v = mm_find(mm, start); start < end; v = mm_next(v)) {
		if (!v || v->start > start)
			return false;
		start = v->end;
	}
	return true;
}

bool vma_any_flag(struct mm *mm, uint64_t start, uint64_t end, unsigned vm_flag)
{
	for (struct vma *v = mm_find(mm, start); v && v->start < end; v = mm_next(v)) {
		if (v->vm_flags & vm_flag)
			return true;
	}
	return false;
}

/* --- split, merge, cut --- */

struct vma *vma_split(struct mm *mm, struct vma *v, uint64_t addr)
{
	CHECK(addr > v->start && addr < v->end);
	struct vma *upper = vma_copy(v);
	upper->pgoff += addr - v->start;
	upper->start = addr;
	vma_set_range(mm, v, v->start, addr);
	vma_insert(mm, upper);
	return upper;
}

struct vma *vma_split_at(struct mm *mm, uint64_t addr)
{
	struct vma *v = mm_find(mm, addr);
	return v && v->start < addr ? vma_split(mm, v, addr) : v;
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool can_merge(const struct vma *a, const struct vma *b)
{
	if (a->end != b->start || a->prot != b->prot || a->max_prot != b->max_prot ||
	    a->flags != b->flags || a->vm_flags != b->vm_flags || a->file != b->file ||
	    a->shm_id != b->shm_id || !same_name(a->name, b->name))
		return false;
	return (!a->file && !a->shm_id) || a->pgoff + (a->end - a->start) == b->pgoff;
}

void vma_merge(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = mm_find(mm, start ? start - 1 : 0);
	while (v && v->start <= end) {
		struct vma *next = mm_next(v);
		if (!next || !can_merge(v, next)) {
			v = next;
			continue;
		}
		uint64_t new_end = next->end;
		vma_remove(mm, next);
		vma_set_range(mm, v, v->start, new_end);
		vma_free(next);         /* does not sleep: v holds the file, too */
	}
}

void vma_cut(struct mm *mm, uint64_t start, uint64_t end, struct vma **dead)
{
	if (!vma_any(mm, start, end))
		return;
	struct vma *v = vma_split_at(mm, start);
	vma_split_at(mm, end);
	while (v && v->start < end) {
		struct vma *next = mm_next(v);
		vma_remove(mm, v);
		v->dead_next = *dead;
		*dead = v;
		v = next;
	}
}

/* --- gaps --- */

/* In [lo, hi) less the mappings of v's subtree: no other mapping is in that range. */
static uint64_t gap_down(const struct vma *v, uint64_t len, uint64_t lo, uint64_t hi)
{
	if (hi < lo || hi - lo < len)
		return 0;
	if (!v)
		return hi - len;
	if (v->sub_gap < len && gap_between(v->sub_end, hi) < len && gap_between(lo, v->sub_start) < len)
		return 0;
	uint64_t at = gap_down(RB_RIGHT(v, link), len, MAX(lo, v->end), hi);
	return at ? at : gap_down(RB_LEFT(v, link), len, lo, MIN(hi, guarded_start(v)));
}

static uint64_t gap_up(const struct vma *v, uint64_t len, uint64_t lo, uint64_t hi)
{
	if (hi < lo || hi - lo < len)
		return 0;
	if (!v)
		return lo;
	if (v->sub_gap < len && gap_between(v->sub_end, hi) < len && gap_between(lo, v->sub_start) < len)
		return 0;
	uint64_t at = gap_up(RB_LEFT(v, link), len, lo, MIN(hi, guarded_start(v)));
	return at ? at : gap_up(RB_RIGHT(v, link), len, MAX(lo, v->end), hi);
}

uint64_t vma_gap_down(struct mm *mm, uint64_t len, uint64_t lo, uint64_t hi)
{
	return gap_down(RB_ROOT(&mm->vmas), len, lo, hi);
}

uint64_t vma_gap_up(struct mm *mm, uint64_t len, uint64_t lo, uint64_t hi)
{
	return gap_up(RB_ROOT(&mm->vmas), len, lo, hi);
}
