/* as.c - address spaces and threads: made by clones that stubs do for us, ended by exit(2) and SIGKILL.
 *
 * HOW   Children of tracees are tracees from their first instruction on (PTRACE_O_TRACEFORK, _TRACECLONE), and the host tells
 *       their ids. The template, which says hello, is the only process that is attached to. EXITKILL: all die with the sentry.
 *       The host tells us of a tracee's end before its parent, init; init's own news comes second and changes nothing. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/base/live.h"
#include "platform/ptrace/ptrace.h"
#include "platform/stub.h"

#define TRACE_OPTIONS (PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK)
#define SCRATCH_TID (STUB_AREAS + 0x800)  /* the host writes thread ids there; nobody reads them */

static struct ptrace_as *template_as;
static struct tracee *template;           /* NULL until it has said hello */
static struct co *template_waiter;
static bool template_ready;
static struct sleep_lock template_lock;
static struct loop_fd hello_watch;
static void (*template_died)(int status);

/* Takes control over. The caller has a reference. */
static struct ptrace_as *as_alloc(int control)
{
	struct ptrace_as *as = NEW(struct ptrace_as);
	live_born(STUB);
	as->base.refs = 1;
	as->control = control;
	sleep_lock_init(&as->fd_lock);
	sleep_lock_init(&as->frame_lock);
	TAILQ_INIT(&as->list);
	return as;
}

void ptrace_as_free(struct pl_as *base)
{
	struct ptrace_as *as = to_ptrace_as(base);
	close(as->control);
	live_died(STUB);
	free(as);
}

void ptrace_as_lost(struct pl_as *base)
{
	if (template_as && base == &template_as->base) {
		template_died(base->exit_status);
		return;
	}
	struct tracee *t;
	TAILQ_FOREACH(t, &to_ptrace_as(base)->list, as_link)
		if (t->co)
			co_wake(t->co);
}

/* A new tracee in as, cloned off parent; it has not stopped yet. -ESRCH, or why clone(2) failed. Sleeps. */
static int give_birth(struct tracee *parent, struct ptrace_as *as, uint64_t flags, struct tracee **out)
{
	struct pl_call c = PL_CALL(SYS_clone, flags, 0, SCRATCH_TID, SCRATCH_TID, 0);
	int tid = 0;
	tracee_birth_begin();
	int err = inject_call(parent, &c, &tid);
	/* If the parent was killed meanwhile, its child is a stranger to be killed. */
	if (!err && tid <= 0)
		err = c.ret < 0 && c.ret > -4096 ? (int)c.ret : -EAGAIN;
	if (!err)
		*out = tracee_new(as, tid);
	tracee_birth_end();
	return err;
}

/* Sleeps until a new thread has its first stop; makes it the copy of parent that the contract promises. */
static int grow_up(struct tracee *t, const struct tracee *parent)
{
	struct user_regs_struct host;
	int err = tracee_await_stop(t);
	if (!err)
		err = tracee_get_regs(t, &host);
	if (!err)
		t->base.regs = parent->base.regs;
	return err;
}

static int fork_as(struct tracee *parent, struct tracee **out)
{
	int control[2];
	int err = stub_control_new(control);
	if (err)
		return err;
	struct ptrace_as *from = to_ptrace_as(parent->base.as), *as = as_alloc(control[0]);
	struct tracee *t = NULL;

	/* The child needs a control socket of its own. */
	sleep_lock_acquire(&from->fd_lock);
	err = inject_receive(parent, control[1]);
	if (!err) {
		err = give_birth(parent, as, STUB_CLONE_FORK, &t);
		if (t && pl_as_by_pid(t->tid))
			err = -EAGAIN;    /* somebody still holds on to a dead one of that number */
		else if (t)
			pl_as_set_pid(&as->base, t->tid);
		struct pl_call c = PL_CALL(SYS_close, INJECTED_FD);
		if (inject_call(parent, &c, NULL) < 0)
			err = -ESRCH;
	}
	sleep_lock_release(&from->fd_lock);
	close(control[1]);

	if (!err)
		err = grow_up(t, parent);
	struct pl_call v[] = { PL_CALL(SYS_dup3, INJECTED_FD, STUB_CONTROL_FD, O_CLOEXEC), PL_CALL(SYS_close, INJECTED_FD) };
	for (size_t i = 0; !err && i < ARRAY_SIZE(v); i++) {
		err = inject_call(t, &v[i], NULL);
		if (!err && v[i].ret < 0)
			err = (int)v[i].ret;
	}
	if (!err)
		*out = t;
	else if (t) {
		kill(t->tid, SIGKILL);
		tracee_release(t);
	}
	pl_as_put(&as->base);                 /* the thread holds it */
	return err == -ESRCH && !from->base.dead ? -EAGAIN : err;
}

int ptrace_as_fork(struct pl_thread *pt, struct pl_thread **out)
{
	struct tracee *t;
	int err = fork_as(to_tracee(pt), &t);
	if (err)
		return err;
	pl_stats_.forks++;
	*out = &t->base;
	return 0;
}

int ptrace_thread_clone(struct pl_thread *pt, struct pl_thread **out)
{
	struct tracee *parent = to_tracee(pt), *t = NULL;
	int err = give_birth(parent, to_ptrace_as(pt->as), STUB_CLONE_THREAD, &t);
	if (err)
		return err;
	pt->as->cloned = true;
	err = grow_up(t, parent);
	if (err) {
		tracee_release(t);
		return err;
	}
	pl_stats_.threads++;
	*out = &t->base;
	return 0;
}

void ptrace_thread_exit(struct pl_thread *pt)
{
	struct tracee *t = to_tracee(pt);
	struct ptrace_as *as = to_ptrace_as(pt->as);
	if (t->tid == pt->as->pid) {
		/* A process whose first thread has exited has no memory to be read any more, as far as the host's calls go. */
		t->parked = true;
	} else if (!pt->as->dead && as->threads > 1) {
		struct user_regs_struct r = { .rip = ptrace_syscall_insn, .rax = SYS_exit, .eflags = 0x202,
					      .fs_base = t->fs_base, .gs_base = t->gs_base };
		if (tracee_set_regs(t, &r) < 0 || tracee_resume(t, PTRACE_CONT) < 0)
			debugf("sbx: %d: ended before it was told to\n", t->tid);
	}
	tracee_release(t);
}

/* --- the template --- */

static int template_prepare(void)
{
	struct user_regs_struct host;
	uint64_t ranges[8];
	int err = tracee_await_stop(template);
	if (!err)
		err = tracee_get_regs(template, &host);
	stub_ranges_to_unmap(ranges);
	for (const uint64_t *r = ranges; !err && r[1]; r += 2) {
		struct pl_call c = PL_CALL(SYS_munmap, r[0], r[1]);
		err = inject_call(template, &c, NULL);
	}
	return err ? err : fpstate_init(template);
}

int ptrace_as_new(struct pl_thread **out)
{
	struct tracee *t;
	int err = 0;
	sleep_lock_acquire(&template_lock);
	template_waiter = co_current();
	while (!template)
		co_sleep();
	template_waiter = NULL;
	if (!template_ready)
		err = template_prepare();
	template_ready |= !err;
	if (!err)
		err = fork_as(template, &t);
	sleep_lock_release(&template_lock);
	if (err)
		return err;
	pl_stats_.forks++;
	*out = &t->base;
	return 0;
}

static void template_hello(struct loop_fd *lf, uint32_t events)
{
	(void)events;
	int pid = stub_read_hello(lf->fd);
	if (pid == -EAGAIN || pid == -EINTR)
		return;
	loop_fd_del(lf);
	if (pid > 0 && ptrace(PTRACE_SEIZE, pid, 0L, (long)TRACE_OPTIONS) < 0) {
		debugf("sbx: the template stub can't be traced: %s\n", strerror(errno));
		pid = -1;
	}
	char go = 0;
	if (pid <= 0 || send(lf->fd, &go, 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1) {
		template_died(SIGKILL);
		return;
	}
	pl_as_set_pid(&template_as->base, pid);
	template = tracee_new(template_as, pid);
	stub_counts(false);
	if (template_waiter)
		co_wake(template_waiter);
}

/* --- init --- */

static void stranger_died(const struct pl_death *d)
{
	(void)d;
}

static void init_gone(void)
{
	template_died(SIGKILL);
}

int ptrace_init(const struct pl_config *cfg)
{
	template_died = cfg->template_died;
	sleep_lock_init(&template_lock);
	template_as = as_alloc(cfg->template_fd);
	int err = tracee_init();
	if (!err)
		err = pl_deaths_init(cfg->init_fd, stranger_died, init_gone);
	if (err)
		return err;
	hello_watch = (struct loop_fd){ .fd = cfg->template_fd, .events = EPOLLIN, .ready = template_hello };
	return loop_fd_add(&hello_watch);
}
