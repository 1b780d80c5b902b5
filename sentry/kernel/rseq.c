/* rseq.c - a dying thread's restartable sequences (rseq(2)).
 *
 * Registration is real: the host kernel writes the processor's number into the guest's memory whenever the host thread goes back to
 * user mode. Our thread does that once more to exit, after its joiner has been told and may have unmapped the memory; Linux's own
 * exit never returns. So the registration ends before anybody is told. */
#include <linux/rseq.h>
#include <sys/syscall.h>

#include "sentry/kernel/process.h"

void rseq_exit(struct task *t)
{
	if (uptr_null(t->rseq.area))
		return;
	struct pl_call call = PL_CALL(SYS_rseq, t->rseq.area.addr, t->rseq.len, RSEQ_FLAG_UNREGISTER, t->rseq.sig);
	t->rseq.area = UPTR(0);
	/* A stub that is gone has nothing registered any more. */
	if (pl_calls(t->pl, &call, 1) < 0)
		debugf("sbx: %d: rseq: its stub is gone\n", t->tid);
}
