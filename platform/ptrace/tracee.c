/* tracee.c - host threads as tracees: the ptrace(2) calls we make, and the stops that waitpid(2) tells of.
 *
 * HOW   The loop's hook collects stops; the coroutine that waits for a tracee goes on. SIGCHLD announces every stop and is
 *       blocked but while the loop sleeps, so that one that comes between the last look and the sleep ends the sleep.
 *
 *       A new thread's first stop and its parent's news of it come in any order. A stranger's stop is therefore
 *       kept while a clone is under way. When none is, a stranger is the child of a parent that was killed
 *       before it could tell: it is killed too. */
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <elf.h>

#include "platform/base/live.h"
#include "platform/ptrace/ptrace.h"

struct stranger {
	int tid, status;
	UT_hash_handle hh;
};
static struct tracee *tracees;            /* by tid, until they are gone */
static struct stranger *strangers;
static unsigned births;                   /* clones under way */

static struct tracee *tracee_find(int tid)
{
	struct tracee *t;
	HASH_FIND_INT(tracees, &tid, t);
	return t;
}

static void stranger_del(struct stranger *s)
{
	HASH_DEL(strangers, s);
	free(s);
}

static struct stranger *stranger_find(int tid)
{
	struct stranger *s;
	HASH_FIND_INT(strangers, &tid, s);
	return s;
}

static void stranger_stopped(int tid, int status)
{
	if (births == 0) {
		kill(tid, SIGKILL);
		return;
	}
	struct stranger *s = stranger_find(tid);
	if (!s) {
		s = NEW(struct stranger);
		s->tid = tid;
		HASH_ADD_INT(strangers, tid, s);
	}
	s->status = status;
}

void tracee_birth_begin(void)
{
	births++;
}

void tracee_birth_end(void)
{
	struct stranger *s, *next;
	if (--births > 0)
		return;
	HASH_ITER(hh, strangers, s, next) {
		kill(s->tid, SIGKILL);
		stranger_del(s);
	}
}

/* --- their life --- */

static void wake(struct tracee *t)
{
	if (t->co)
		co_wake(t->co);
}

struct tracee *tracee_new(struct ptrace_as *as, int tid)
{
	struct tracee *t = NEW(struct tracee);
	live_born(HOST_THREAD);
	t->base.as = pl_as_get(&as->base);
	t->tid = tid;
	as->threads++;
	TAILQ_INSERT_TAIL(&as->list, t, as_link);
	struct stranger *s = stranger_find(tid);
	if (s) {
		t->stopped = true;
		t->status = s->status;
		stranger_del(s);
	}
	/* A tid is the kernel's again only when we have reaped the thread, and then it is not in the table. */
	CHECK(!tracee_find(tid));
	HASH_ADD_INT(tracees, tid, t);
	return t;
}

static void tracee_free(struct tracee *t)
{
	live_died(HOST_THREAD);
	free(t);
}

void tracee_release(struct tracee *t)
{
	struct ptrace_as *as = to_ptrace_as(t->base.as);
	TAILQ_REMOVE(&as->list, t, as_link);
	t->base.as = NULL;
	t->co = NULL;
	if (--as->threads == 0)
		pl_as_kill(&as->base);
	pl_as_put(&as->base);
	if (t->gone)
		tracee_free(t);
}

static void ended(struct tracee *t, int status)
{
	HASH_DEL(tracees, t);
	t->gone = true;
	t->stopped = false;
	if (!t->base.as) {
		tracee_free(t);
		return;
	}
	/* Nobody told it to: its process was killed, or does not obey. */
	if (!t->base.as->dead && !WIFSIGNALED(status))
		pl_as_kill(t->base.as);
	pl_as_lost(t->base.as, status);
	wake(t);
}

static void stopped(struct tracee *t, int status)
{
	t->stopped = true;
	t->status = status;
	if (stop_event(t) == 0 && stop_signal(t) == STUB_SIG_INTERRUPT)
		t->interrupt_sent = false;
	if (t->base.as)
		wake(t);
	/* One that was told to exit has been stopped on its way by an interruption. */
	else if (!t->parked && tracee_resume(t, PTRACE_CONT) < 0)
		t->stopped = false;
}

static bool collect(struct loop_hook *h)
{
	(void)h;
	bool any = false;
	int tid, status;
	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		struct tracee *t = tracee_find(tid);
		any = true;
		if (t && WIFSTOPPED(status)) {
			stopped(t, status);
		} else if (t) {
			ended(t, status);
		} else if (WIFSTOPPED(status)) {
			stranger_stopped(tid, status);
		} else {
			struct stranger *s = stranger_find(tid);
			if (s)
				stranger_del(s);
		}
	}
	return any;
}

static bool before_sleep(struct loop_hook *h)
{
	(void)h;
	return true;
}

static void after_sleep(struct loop_hook *h)
{
	(void)h;
}

static void on_sigchld(int sig)
{
	(void)sig;
}

int tracee_init(void)
{
	static sigset_t asleep;
	static struct loop_hook hook = { .poll = collect, .before_sleep = before_sleep, .after_sleep = after_sleep,
					 .sleep_mask = &asleep };
	/* A handler, for a signal that is ignored by default would not end the sleep. */
	struct sigaction sa = { .sa_handler = on_sigchld };
	sigset_t block;
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	if (sigaction(SIGCHLD, &sa, NULL) < 0 || sigprocmask(SIG_BLOCK, &block, &asleep) < 0)
		return -errno;
	sigdelset(&asleep, SIGCHLD);
	loop_set_hook(&hook);
	return 0;
}

/* --- one stop after the other --- */

int tracee_await_stop(struct tracee *t)
{
	t->co = co_current();
	while (!t->stopped && !t->gone && !t->base.as->dead)
		co_sleep();
	t->co = NULL;
	return t->base.as->dead || t->gone ? -ESRCH : 0;
}

int tracee_resume(struct tracee *t, int request)
{
	return tracee_resume_with(t, request, 0);
}

int tracee_resume_with(struct tracee *t, int request, int sig)
{
	/* It was killed while it was stopped: its end will be told. */
	if (ptrace(request, t->tid, 0L, (long)sig) < 0)
		return -ESRCH;
	t->stopped = false;
	return 0;
}

int tracee_get_regs(struct tracee *t, struct user_regs_struct *out)
{
	struct iovec iov = { out, sizeof(*out) };
	if (ptrace(PTRACE_GETREGSET, t->tid, (long)NT_PRSTATUS, &iov) < 0)
		return -ESRCH;
	t->fs_base = out->fs_base;
	t->gs_base = out->gs_base;
	return 0;
}

int tracee_set_regs(struct tracee *t, const struct user_regs_struct *r)
{
	struct user_regs_struct copy = *r;
	copy.orig_rax = ~0ULL;            /* or else the host might restart a call of the guest's */
	copy.cs = 0x33;
	copy.ss = 0x2b;
	/* The bases only if they changed: a guest can load one that ptrace refuses to write back. */
	size_t bytes = offsetof(struct user_regs_struct, fs_base);
	if (r->fs_base != t->fs_base || r->gs_base != t->gs_base)
		bytes = offsetof(struct user_regs_struct, ds);
	struct iovec iov = { &copy, bytes };
	long err = ptrace(PTRACE_SETREGSET, t->tid, (long)NT_PRSTATUS, &iov);
	if (err < 0 && errno == EIO) {
		/* Bases that no thread can have: it keeps its own. */
		copy.fs_base = t->fs_base;
		copy.gs_base = t->gs_base;
		iov.iov_len = offsetof(struct user_regs_struct, fs_base);
		err = ptrace(PTRACE_SETREGSET, t->tid, (long)NT_PRSTATUS, &iov);
	}
	if (err < 0)
		return -ESRCH;
	t->fs_base = copy.fs_base;
	t->gs_base = copy.gs_base;
	return 0;
}
