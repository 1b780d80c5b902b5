/* futex_robust.c - a thread that dies holding robust mutexes marks them, so that others can take over.
 *
 * LINUX   kernel/futex/core.c: exit_robust_list(), handle_futex_death(); Documentation/locking/robust-futex-ABI.rst.
 *         The list is guest memory: it may be anything, circular too. */
#include <linux/futex.h>

#include "sentry/kernel/futex.h"
#include "sentry/kernel/process.h"

#define LIST_LIMIT 2048                  /* ROBUST_LIST_LIMIT */

static int mark_dead(struct task *t, uptr_t word, bool pi, bool pending)
{
	uint32_t val;
	if (word.addr % sizeof(val) || get_user(t, &val, word) < 0)
		return -EFAULT;
	for (;;) {
		/* It died between releasing the lock and waking the next. */
		if (pending && !pi && val == 0) {
			futex_wake_addr(t, word, 1);
			return 0;
		}
		if ((val & FUTEX_TID_MASK) != (uint32_t)t->vtid)
			return 0;
		int err = pl_cmpxchg32(t->pl, word.addr, &val, (val & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
		if (err == 0)
			break;
		if (err != -EAGAIN)
			return err;
	}
	if (!pi && (val & FUTEX_WAITERS))
		futex_wake_addr(t, word, 1);
	return 0;
}

void futex_exit_robust(struct task *t)
{
	struct robust_list_head head;        /* the pointers in it are the guest's: only their values count */
	uptr_t head_addr = t->robust_list;
	t->robust_list = UPTR(0);
	if (uptr_null(head_addr) || get_user(t, &head, head_addr) < 0)
		return;
	uint64_t entry = (uint64_t)head.list.next, pending = (uint64_t)head.list_op_pending;
	uint64_t offset = (uint64_t)head.futex_offset, seen = 0;
	for (int i = 0; i < LIST_LIMIT && (entry & ~1ULL) != head_addr.addr; i++) {
		uint64_t here = entry & ~1ULL, next;
		/* Who goes round in circles has been everywhere: each turn would find the same, at two host calls an entry. */
		if (here == seen)
			break;
		if ((i & (i - 1)) == 0)
			seen = here;
		/* The next one first: marking this one lets others reuse it. */
		bool more = get_user(t, &next, UPTR(here)) == 0;
		if (here != (pending & ~1ULL) && mark_dead(t, UPTR(here + offset), entry & 1, false) < 0)
			return;
		if (!more)
			return;
		entry = next;
	}
	if (pending & ~1ULL)
		(void)mark_dead(t, UPTR((pending & ~1ULL) + offset), pending & 1, true);
}
