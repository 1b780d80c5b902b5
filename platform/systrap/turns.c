/* turns.c - who computes lets those run at once who are woken.
 *
 * WHY      Where processors are short every call is a sleep and a wake-up, and who is woken waits until whoever computes there is
 *          told to stop: that is at the next tick, up to 4 ms later, however short turns are. Natively a call is no reason to wait.
 * HOW      Linux lets who is woken take the processor from a thread whose turns are longer than its own. So a thread that has not
 *          called for a while gets turns of the host's usual length, until it calls again. Its share stays the same.
 * TRUST    The thread id is the guest's word, as in placement.c: whoever it names is of this sandbox, and keeps its share. */
#include "platform/systrap/turns.h"

#include "platform/base/turns.h"
#include "platform/systrap/systrap.h"

static void set(struct systrap_thread *t, bool usual)
{
	int tid = (int)__atomic_load_n(&t->slot->tid, __ATOMIC_RELAXED);
	tid = tid > 0 ? tid : t->base.as->pid;
	if (tid > 0)
		turns_of(tid, usual);
	t->usual_turns = usual;
}

void turns_lengthen(struct systrap_thread *t)
{
	if (!t->usual_turns)
		set(t, true);
}

void turns_shorten(struct systrap_thread *t)
{
	if (t->usual_turns)
		set(t, false);
}
