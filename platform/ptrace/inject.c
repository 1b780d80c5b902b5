/* inject.c - host calls that a stopped thread makes for the sentry, and the locked cmpxchg on its memory.
 *
 * HOW   Registers are set, the thread runs from the stub's text to the breakpoint behind the instruction, registers are read.
 *       The guest's own registers are in pl_thread.regs and are loaded again by the next pl_run(). The stub's filter
 *       sees these calls as it would see systrap's: it compares the instruction pointer and the arguments.
 *
 *       A descriptor to map is sent over the stub's control socket and received by an injected call. The message header lies
 *       in the scratch page, where other threads of the guest may scribble on it; so nothing is read back from there: the
 *       new descriptor is the lowest that is free, and fd_lock makes that number 0. */
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "platform/ptrace/ptrace.h"
#include "platform/stub.h"

#define FLAG_ZF 0x40

/* Runs from r->rip to a breakpoint. The signal that stopped it then (SIGTRAP: as meant), or -ESRCH. Sleeps. */
static int run_text(struct tracee *t, struct user_regs_struct *r, int *new_tid)
{
	if (t->base.as->dead || tracee_set_regs(t, r) < 0)
		return -ESRCH;
	for (;;) {
		if (tracee_resume(t, PTRACE_CONT) < 0 || tracee_await_stop(t) < 0)
			return -ESRCH;
		int event = stop_event(t), sig = stop_signal(t);
		if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE) {
			unsigned long tid;
			if (ptrace(PTRACE_GETEVENTMSG, t->tid, 0L, &tid) < 0)
				return -ESRCH;
			if (new_tid)
				*new_tid = (int)tid;
		} else if (!event && (sig == SIGTRAP || sig == SIGSEGV || sig == SIGBUS || sig == SIGSYS)) {
			return tracee_get_regs(t, r) < 0 ? -ESRCH : sig;
		}
		/* All else is an interruption meant for guest code, or a signal from nobody: it goes on without. */
	}
}

static struct user_regs_struct text_regs(const struct tracee *t, uint64_t rip)
{
	return (struct user_regs_struct){
		.rip = rip, .rsp = t->base.regs.rsp, .eflags = 0x202, .fs_base = t->fs_base, .gs_base = t->gs_base,
	};
}

int inject_call(struct tracee *t, struct pl_call *c, int *new_tid)
{
	struct user_regs_struct r = text_regs(t, ptrace_syscall_insn);
	r.rax = (uint64_t)c->nr;
	r.rdi = c->args[0];
	r.rsi = c->args[1];
	r.rdx = c->args[2];
	r.r10 = c->args[3];
	r.r8 = c->args[4];
	r.r9 = c->args[5];
	int sig = run_text(t, &r, new_tid);
	if (sig < 0)
		return sig;
	/* SIGSYS: the stub's filter does not let it through. */
	c->ret = sig == SIGTRAP ? (long)r.rax : -EPERM;
	return 0;
}

int inject_receive(struct tracee *t, int fd)
{
	struct { struct msghdr msg; struct iovec iov; char control[CMSG_SPACE(sizeof(int))]; uint64_t byte; } m = { 0 };
	struct ptrace_as *as = to_ptrace_as(t->base.as);
	if (as->base.dead)
		return -ESRCH;
	m.msg = (struct msghdr){
		.msg_iov = (void *)(STUB_AREAS + offsetof(typeof(m), iov)), .msg_iovlen = 1,
		.msg_control = (void *)(STUB_AREAS + offsetof(typeof(m), control)), .msg_controllen = sizeof(m.control),
	};
	m.iov = (struct iovec){ (void *)(STUB_AREAS + offsetof(typeof(m), byte)), 1 };
	if (pl_write(&as->base, STUB_AREAS, &m, sizeof(m)) != sizeof(m))
		return -ESRCH;
	if (stub_send_fds(as->control, &fd, 1) < 0)
		return -EBADF;
	struct pl_call c = PL_CALL(SYS_recvmsg, STUB_CONTROL_FD, STUB_AREAS, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int err = inject_call(t, &c, NULL);
	if (err || c.ret == 1)
		return err;
	/* The message is still there, for the next call to take: the socket is out of step for good. */
	pl_as_kill(&as->base);
	return -ESRCH;
}

static int call_with_fd(struct tracee *t, struct pl_call *c)
{
	struct ptrace_as *as = to_ptrace_as(t->base.as);
	sleep_lock_acquire(&as->fd_lock);
	int err = inject_receive(t, c->fd);
	if (!err) {
		c->args[4] = INJECTED_FD;
		err = inject_call(t, c, NULL);
	}
	if (!err) {
		struct pl_call done = PL_CALL(SYS_close, INJECTED_FD);
		err = inject_call(t, &done, NULL);
	}
	sleep_lock_release(&as->fd_lock);
	if (err != -EBADF)
		return err;
	c->ret = err;
	return 0;
}

int ptrace_calls(struct pl_thread *pt, struct pl_call *v, int n)
{
	struct tracee *t = to_tracee(pt);
	for (int i = 0; i < n; i++) {
		int err = v[i].fd >= 0 ? call_with_fd(t, &v[i]) : inject_call(t, &v[i], NULL);
		if (err)
			return err;
	}
	pl_stats_.calls += (uint64_t)n;
	return 0;
}

int ptrace_cmpxchg32(struct pl_thread *pt, uint64_t addr, uint32_t *old, uint32_t val)
{
	struct tracee *t = to_tracee(pt);
	struct user_regs_struct r = text_regs(t, ptrace_cmpxchg_insn);
	r.rdi = addr;
	r.rax = *old;
	r.rdx = val;
	int sig = run_text(t, &r, NULL);
	if (sig != SIGTRAP)
		return sig < 0 ? sig : -EFAULT;
	*old = (uint32_t)r.rax;
	return r.eflags & FLAG_ZF ? 0 : -EAGAIN;
}

#define SCRATCH_BYTES (STUB_AREAS + 0x900)

int ptrace_call_with(struct pl_thread *pt, struct pl_call *c, int n, const void *in, void *out, size_t bytes)
{
	struct ptrace_as *as = to_ptrace_as(pt->as);
	c->args[n] = SCRATCH_BYTES;
	/* Another thread's would be written to the same place. */
	sleep_lock_acquire(&as->fd_lock);
	int err = in && pl_write(&as->base, SCRATCH_BYTES, in, bytes) != (ssize_t)bytes ? -ESRCH : ptrace_calls(pt, c, 1);
	if (!err && out && pl_read(&as->base, SCRATCH_BYTES, out, bytes) != (ssize_t)bytes)
		err = -ESRCH;
	sleep_lock_release(&as->fd_lock);
	return err;
}
