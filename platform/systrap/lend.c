/* lend.c - vfork(2): the child runs on its parent's host thread, which has nothing to do until the child execs or exits.
 *
 * WHY      A thread of its own costs two wake-ups and a hand-over for the state to copy; programs start programs this way.
 * HOW      The child is a thread with the same area. Its last event's frame or registers are where the parent goes on from, with
 *          the parent's registers and extended state put in. Whichever of the two ends first, the other has the host thread.
 * DIFFERS  rseq(2) stays the parent's: a child that registers an area of its own gets the host's EINVAL or EBUSY. */
#include <string.h>

#include "platform/base/live.h"
#include "platform/systrap/systrap.h"

/* Where the host thread stands. */
static void copy_position(struct systrap_thread *to, const struct systrap_thread *from)
{
	to->fast = from->fast;
	to->fast_regs = from->fast_regs;
	to->xstate_saved = from->xstate_saved;
	to->xstate_new = from->xstate_new;
	to->frame_off = from->frame_off;
	to->frame = from->frame;
	to->fs_base = from->fs_base;
	to->gs_base = from->gs_base;
	to->long_yields = from->long_yields;
	to->usual_turns = from->usual_turns;
}

int systrap_thread_lend(struct pl_thread *pt, struct pl_thread **out)
{
	struct systrap_thread *parent = to_systrap(pt);
	struct systrap_as *as = to_systrap_as(pt->as);
	if (pt->as->pinned)               /* the child may be pinned elsewhere */
		return systrap_thread_clone(pt, out);
	if (pt->as->dead)
		return -ESRCH;
	char *state = xzalloc(pl_fpstate_bytes());
	size_t bytes = systrap_fpstate_get(pt, state);
	if (pt->as->dead || !bytes) {
		free(state);
		return -ESRCH;
	}
	parent->lent_state = state;
	parent->lent_bytes = bytes;
	pl_stats_.answered += parent->slot->answered;
	struct systrap_thread *t = systrap_thread_new(as, parent->index);
	copy_position(t, parent);
	t->base.regs = pt->regs;
	t->lender = parent;
	parent->borrower = t;
	pt->as->cloned = true;
	pl_stats_.threads++;
	*out = &t->base;
	return 0;
}

bool systrap_lend_ends(struct systrap_thread *t)
{
	struct systrap_thread *borrower = t->borrower, *lender = t->lender;
	if (borrower) {                   /* the parent was killed */
		borrower->lender = lender;
		if (lender)
			lender->borrower = borrower;
		free(TAKE(t->lent_state));
		return true;
	}
	if (!lender)
		return false;
	lender->borrower = NULL;
	copy_position(lender, t);
	lender->base.moved = lender->base.as->pinned;
	t->slot->answered = 0;
	systrap_posts_init(t);
	if (lender->co)
		co_wake(lender->co);
	return true;
}

int systrap_await_return(struct systrap_thread *t)
{
	if (!t->lent_state)
		return 0;
	while (t->borrower) {
		if (t->expiry.armed)
			return -ESRCH;
		t->co = co_current();
		co_sleep();
		t->co = NULL;
	}
	char *state = TAKE(t->lent_state);
	if (!t->base.as->dead)
		systrap_fpstate_set(&t->base, state, t->lent_bytes);
	free(state);
	return 0;
}
