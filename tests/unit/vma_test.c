/* vma_test.c - the tree of mappings against a model: an array with one element a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "sentry/mm/vma.h"

#define PAGES 400
#define BASE 0x100000ULL
#define ADDR(page) (BASE + (uint64_t)(page) * PAGE_SIZE)

struct page { int mapped, prot, flags; unsigned vm_flags; uint64_t pgoff, shm_id; };
static struct page model[PAGES];
static uint64_t seed;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

static struct mm *mm_bare(void)
{
	struct mm *mm = NEW(struct mm);
	RB_INIT(&mm->vmas);
	return mm;
}

static void mm_bare_free(struct mm *mm)
{
	struct vma *dead = NULL;
	vma_cut(mm, 0, UINT64_MAX, &dead);
	vma_free_list(dead);
	assert_null(mm_first(mm));
	assert_int_equal(mm->nvmas, 0);
	assert_int_equal(mm->total_bytes, 0);
	assert_int_equal(mm->data_bytes, 0);
	assert_int_equal(mm->stack_bytes, 0);
	assert_int_equal(mm->locked_bytes, 0);
	free(mm);
}

static uint64_t guarded(const struct vma *v)
{
	return v->flags & MAP_GROWSDOWN ? v->start - MM_STACK_GUARD_GAP : v->start;
}

/* What every node claims about its subtree, computed anew. */
static void check_subtree(struct vma *v, uint64_t *start, uint64_t *end, uint64_t *gap)
{
	uint64_t s, e, g;
	*start = guarded(v);
	*end = v->end;
	*gap = 0;
	if (RB_LEFT(v, link)) {
		check_subtree(RB_LEFT(v, link), &s, &e, &g);
		*start = s;
		*gap = g;
		if (guarded(v) > e && guarded(v) - e > *gap)
			*gap = guarded(v) - e;
	}
	if (RB_RIGHT(v, link)) {
		check_subtree(RB_RIGHT(v, link), &s, &e, &g);
		*end = e;
		*gap = g > *gap ? g : *gap;
		if (s > v->end && s - v->end > *gap)
			*gap = s - v->end;
	}
	assert_int_equal(v->sub_start, *start);
	assert_int_equal(v->sub_end, *end);
	assert_int_equal(v->sub_gap, *gap);
}

static void check_model(struct mm *mm)
{
	uint64_t total = 0, data = 0, locked = 0;
	int count = 0;
	struct vma *v = mm_first(mm), *last = NULL;
	for (int i = 0; i < PAGES;) {
		if (!model[i].mapped) {
			assert_null(vma_at(mm, ADDR(i)));
			i++;
			continue;
		}
		assert_non_null(v);
		assert_int_equal(v->start, ADDR(i));
		assert_ptr_equal(vma_prev(v), last);
		for (uint64_t at = v->start; at < v->end; at += PAGE_SIZE, i++) {
			assert_true(i < PAGES && model[i].mapped);
			assert_int_equal(model[i].prot, v->prot);
			assert_int_equal(model[i].flags, v->flags);
			assert_int_equal(model[i].vm_flags, v->vm_flags);
			assert_int_equal(model[i].shm_id, v->shm_id);
			if (v->shm_id)
				assert_int_equal(model[i].pgoff, v->pgoff + (at - v->start));
			assert_ptr_equal(mm_find(mm, at), v);
			total += PAGE_SIZE;
			data += (v->prot & PROT_WRITE) && !(v->flags & MAP_SHARED) ? PAGE_SIZE : 0;
			locked += v->vm_flags & VM_LOCKED ? PAGE_SIZE : 0;
		}
		count++;
		last = v;
		v = mm_next(v);
	}
	assert_null(v);
	assert_int_equal(mm->nvmas, count);
	assert_int_equal(mm->total_bytes, total);
	assert_int_equal(mm->data_bytes, data);
	assert_int_equal(mm->locked_bytes, locked);
	if (RB_ROOT(&mm->vmas)) {
		uint64_t s, e, g;
		check_subtree(RB_ROOT(&mm->vmas), &s, &e, &g);
	}
}

static uint64_t model_gap(int len, int lo, int hi, bool down)
{
	for (int n = 0; n <= hi - lo - len; n++) {
		int at = down ? hi - len - n : lo + n, i = 0;
		while (i < len && !model[at + i].mapped)
			i++;
		if (i == len)
			return ADDR(at);
	}
	return 0;
}

static void one_operation(struct mm *mm)
{
	int from = (int)rnd(PAGES), to = from + 1 + (int)rnd(rnd(8) ? 12 : 120);
	if (to > PAGES)
		to = PAGES;
	uint64_t start = ADDR(from), end = ADDR(to);
	struct vma *dead = NULL, *v;
	static uint64_t next_shm = 1;
	switch (rnd(5)) {
	case 0:
	case 1: {       /* map */
		int prot = (int)rnd(4), flags = rnd(4) ? MAP_PRIVATE : MAP_SHARED;
		v = vma_new(start, end, prot, flags | MAP_ANONYMOUS, NULL, 0);
		if (flags == MAP_SHARED)
			v->shm_id = next_shm++;
		for (int i = from; i < to; i++)
			model[i] = (struct page){ 1, prot, flags | MAP_ANONYMOUS, 0, (uint64_t)(i - from) * PAGE_SIZE, v->shm_id };
		vma_cut(mm, start, end, &dead);
		vma_insert(mm, v);
		vma_merge(mm, start, end);
		break;
	}
	case 2:         /* unmap */
		vma_cut(mm, start, end, &dead);
		memset(model + from, 0, sizeof(*model) * (size_t)(to - from));
		break;
	case 3: {       /* protect */
		int prot = (int)rnd(4);
		v = vma_split_at(mm, start);
		vma_split_at(mm, end);
		for (; v && v->start < end; v = mm_next(v))
			vma_set_prot(mm, v, prot);
		vma_merge(mm, start, end);
		for (int i = from; i < to; i++)
			model[i].prot = model[i].mapped ? prot : 0;
		break;
	}
	case 4: {       /* lock */
		unsigned f = rnd(2) ? VM_LOCKED : 0;
		v = vma_split_at(mm, start);
		vma_split_at(mm, end);
		for (; v && v->start < end; v = mm_next(v))
			vma_set_vm_flags(mm, v, f);
		vma_merge(mm, start, end);
		for (int i = from; i < to; i++)
			model[i].vm_flags = model[i].mapped ? f : 0;
		break;
	}
	}
	vma_free_list(dead);
}

static void random_operations_agree_with_a_page_array(void **state)
{
	for (unsigned round = 0; round < 40; round++) {
		seed = round + 1;
		memset(model, 0, sizeof(model));
		struct mm *mm = mm_bare();
		for (int i = 0; i < 250; i++) {
			one_operation(mm);
			check_model(mm);
			int lo = (int)rnd(PAGES), hi = lo + (int)rnd((unsigned)(PAGES - lo)), len = 1 + (int)rnd(20);
			uint64_t bytes = (uint64_t)len * PAGE_SIZE;
			assert_int_equal(vma_gap_down(mm, bytes, ADDR(lo), ADDR(hi)), model_gap(len, lo, hi, true));
			assert_int_equal(vma_gap_up(mm, bytes, ADDR(lo), ADDR(hi)), model_gap(len, lo, hi, false));
			bool any = false, all = true;
			for (int p = lo; p < hi; p++) {
				any |= model[p].mapped;
				all &= model[p].mapped;
			}
			assert_int_equal(vma_any(mm, ADDR(lo), ADDR(hi)), any);
			assert_int_equal(vma_all(mm, ADDR(lo), ADDR(hi)), all);
		}
		mm_bare_free(mm);
	}
}

static struct vma *add(struct mm *mm, int from, int to, int flags)
{
	struct vma *v = vma_new(ADDR(from), ADDR(to), PROT_READ, flags, NULL, 0);
	vma_insert(mm, v);
	return v;
}

static void neighbours_merge_only_when_alike(void **state)
{
	struct mm *mm = mm_bare();
	add(mm, 0, 1, MAP_PRIVATE);
	add(mm, 1, 2, MAP_PRIVATE);
	vma_set_name(add(mm, 2, 3, MAP_PRIVATE), "pool");
	vma_set_name(add(mm, 3, 4, MAP_PRIVATE), "pool");
	add(mm, 4, 5, MAP_SHARED)->shm_id = 7;
	add(mm, 5, 6, MAP_SHARED)->shm_id = 7;  /* the same offset again: not the continuation */
	struct vma *v = add(mm, 6, 7, MAP_SHARED);
	v->shm_id = 7;
	v->pgoff = PAGE_SIZE;                   /* continues the one before */
	vma_merge(mm, 0, ADDR(PAGES));
	assert_int_equal(mm->nvmas, 4);
	assert_int_equal(vma_at(mm, ADDR(5))->end, ADDR(7));
	mm_bare_free(mm);
}

static void guard_gap_below_stacks_stays_free(void **state)
{
	struct mm *mm = mm_bare();
	add(mm, 300, 310, MAP_PRIVATE | MAP_GROWSDOWN);
	assert_int_equal(vma_gap_down(mm, PAGE_SIZE, ADDR(0), ADDR(310)), ADDR(300 - 256 - 1));
	assert_int_equal(vma_gap_up(mm, 44 * PAGE_SIZE, ADDR(0), ADDR(310)), ADDR(0));
	assert_int_equal(vma_gap_up(mm, 45 * PAGE_SIZE, ADDR(0), ADDR(310)), 0);
	assert_int_equal(mm->stack_bytes, 10 * PAGE_SIZE);
	mm_bare_free(mm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_agree_with_a_page_array),
		cmocka_unit_test(neighbours_merge_only_when_alike),
		cmocka_unit_test(guard_gap_below_stacks_stays_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
