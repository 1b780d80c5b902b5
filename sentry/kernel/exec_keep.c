/* exec_keep.c - a program that takes the stub of the one before: after a fork, where nobody else has it.
 *
 * WHY      A stub for every program costs a process's birth and death on the host; two programs of a pipeline that start at once
 *          wait for each other's.
 * HOW      What fails later than this ends the process, as on Linux after its point of no return: the old program is unmapped by the
 *          same batch that maps the new one.
 * SECURITY A guest owns its stub, and may have left more in it than its memory: host threads of its own making that go on. So the new
 *          program must be nothing that the old one could not have done: the same ids, no capability more, readable, untraced. */
#include "sentry/kernel/exec.h"

#include <linux/rseq.h>
#include <sys/syscall.h>

#include "sentry/kernel/process.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/mm/mm.h"
#include "sentry/vfs/file.h"

static bool gains_nothing(const struct cred *new, const struct cred *old)
{
	return new->uid == old->uid && new->euid == old->euid && new->suid == old->suid && new->fsuid == old->fsuid &&
	       new->gid == old->gid && new->egid == old->egid && new->sgid == old->sgid && new->fsgid == old->fsgid &&
	       new->user_ns == old->user_ns && !(new->cap_permitted & ~old->cap_permitted);
}

bool exec_may_keep(const struct exec *ex)
{
	const struct task *t = ex->t;
	return t->mm && t->mm->refs == 1 && process_is_alone(t->tg, t) && t->tg->leader == t && !t->exiting && !t->tg->exiting &&
	       !t->tg->exec_task && !t->tg->dumper && !t->ptrace.tracer && pl_is_plain(t->pl) &&
	       !ex->secure && gains_nothing(ex->cred, t->cred) && t->mm->dumpable == 1 &&
	       inode_permission(ex->file->inode, t->cred, MAY_READ) == 0 &&
	       t->time_ns == time_ns_first() && t->time_ns_children == t->time_ns;
}

int exec_keep(struct exec *ex, struct pl_call *out)
{
	struct task *t = ex->t;
	int n = 0;
	/* Before its memory goes: the host would write there. */
	if (!uptr_null(t->rseq.area))
		out[n++] = PL_CALL(SYS_rseq, t->rseq.area.addr, t->rseq.len, RSEQ_FLAG_UNREGISTER, t->rseq.sig);
	out[n++] = PL_CALL(SYS_munmap, 0, PL_GUEST_END);
	task_mm_release(t);
	if (t->mm->aio)
		t->mm->aio_free(t->mm);
	t->mm->aio = NULL;
	t->pl->nwindows = 0;              /* bytes of a memory that goes */
	ex->pl = t->pl;
	ex->kept = true;
	return n;
}
