/* place.c - where a new mapping goes.
 *
 * LINUX    mm/mmap.c (get_unmapped_area, arch_get_unmapped_area_topdown), arch/x86/kernel/sys_x86_64.c. Same: a hint is
 *          taken if the place is free; else the highest gap below mmap_base, else the lowest above the bottom; MAP_32BIT
 *          looks in the second gigabyte, upwards. mmap_min_addr is 64 KB, for root, too. */
#include "sentry/mm/internal.h"

#define BITS32_START 0x40000000ULL
#define BITS32_END 0x80000000ULL
#define UNMAPPED_BASE PAGE_ALIGN_UP(PL_GUEST_END / 3)

static bool is_free(struct mm *mm, uint64_t addr, uint64_t len)
{
	if (addr < PL_GUEST_MIN || len > PL_GUEST_END || addr > PL_GUEST_END - len)
		return false;
	return vma_gap_up(mm, len, addr, addr + len) == addr;
}

int64_t mm_place(struct mm *mm, uint64_t addr, uint64_t len, int flags)
{
	if (len > PL_GUEST_END)
		return -ENOMEM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (addr > PL_GUEST_END - len)
			return -ENOMEM;
		if (addr & (PAGE_SIZE - 1))
			return -EINVAL;
		if (addr < PL_GUEST_MIN)
			return -EPERM;
		if ((flags & MAP_FIXED_NOREPLACE) && vma_any(mm, addr, addr + len))
			return -EEXIST;
		return (int64_t)addr;
	}
	uint64_t hint = PAGE_ALIGN_UP(addr), at;
	if (flags & MAP_32BIT) {
		if (hint >= BITS32_START && hint + len <= BITS32_END && is_free(mm, hint, len))
			return (int64_t)hint;
		at = vma_gap_up(mm, len, BITS32_START, BITS32_END);
		return at ? (int64_t)at : -ENOMEM;
	}
	if (hint && is_free(mm, hint, len))
		return (int64_t)hint;
	at = vma_gap_down(mm, len, PL_GUEST_MIN, mm->mmap_base);
	if (!at)
		at = vma_gap_up(mm, len, UNMAPPED_BASE, PL_GUEST_END);
	if (!at)
		at = vma_gap_up(mm, len, PL_GUEST_MIN, PL_GUEST_END);
	return at ? (int64_t)at : -ENOMEM;
}
