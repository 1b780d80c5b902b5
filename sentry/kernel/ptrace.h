/* ptrace.h - one guest task traces another (ptrace(2)): the state in a task, and the hooks in the life of a tracee.
 *
 * A tracee stops by sleeping in its own coroutine (ptrace_stop.c); while it does, stop_state is TRACED, and its tracer
 * reads and changes it. The hooks do nothing, and don't sleep, for a task that nobody traces. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct task;
struct thread_group;
struct cred;
struct user_regs_struct;

/* What has to run in a stopped task's own coroutine, because it makes its stub do something. */
struct task_job {
	void (*fn)(struct task *t, void *arg);
	void *arg;
	bool done;
};

struct ptrace_debug {                     /* DR0-3, 6, 7; see ptrace_debug.c */
	uint64_t addr[4], status, control;
	uint64_t was[4];                  /* watched memory, before the step under way */
	unsigned expected;                /* watchpoints that its instruction hits */
};

struct ptrace_state {
	TAILQ_HEAD(ptrace_list, task) tracees;   /* whom this task traces */

	struct task *tracer;              /* NULL: nobody. Borrowed: a tracer lets go of its tracees before it goes */
	const struct cred *tracer_cred;   /* as it was when it began; a reference */
	TAILQ_ENTRY(task) link;
	bool seized;
	unsigned options;                 /* PTRACE_O_* */

	bool trace_calls, emulate_calls, step;   /* how the tracer let it go on */
	bool step_flag;                   /* the processor's trap flag is set, and not by the guest */
	struct ptrace_debug debug;

	bool want_stop;                   /* a trap that job control, PTRACE_INTERRUPT or a birth under PTRACE_SEIZE asks for */
	bool want_notice;                 /* seized: one that tells of SIGCONT */
	bool joining;                     /* the group stop in force still waits for this task */
	int stop_signal;                  /* that of the last group stop */

	/* While it is stopped: */
	bool listening;                   /* PTRACE_LISTEN */
	bool resumed;                     /* by the tracer: it may go on, with the signal `inject` */
	int inject;
	int code;                         /* for wait(2), without the 0x7f; 0: the tracer has waited */
	siginfo_t *info;                  /* NULL in a group stop */
	uint64_t message;                 /* PTRACE_GETEVENTMSG */
};

/* --- ptrace.c: who traces whom --- */

void task_ptrace_init(struct task *t);
void task_ptrace_fini(struct task *t);
int ptrace_traceme(struct task *t);                                        /* -EPERM */
int ptrace_attach(struct task *t, struct task *target, bool seize, uint64_t options);   /* sleeps */
int ptrace_check_options(const struct task *tracer, uint64_t options);     /* -EINVAL -EPERM */
void ptrace_detach(struct task *tracee, int sig);                          /* if it was stopped, it goes on with sig */
void ptrace_unlink(struct task *tracee);                                   /* detach, without any effect on tracee's running */
void ptrace_inherit(struct task *t, struct task *child, uint64_t clone_flags, int event);   /* a child not yet published */
void ptrace_tracer_exits(struct task *t);                                  /* lets all tracees go */
/* A traced task has exited: it stays as a zombie until its tracer has waited. */
void ptrace_tell_exit(struct task *t);
/* Its tracer's wait took it: it is gone, or now its parent's to wait for. */
void ptrace_reaped(struct task *t);
bool ptrace_by_stranger(const struct task *t);                             /* traced, and not by its parent's process */

/* --- ptrace_stop.c: the hooks --- */

/* A stop for one of the PTRACE_EVENT_*, if it was asked for. Sleeps. */
void ptrace_event(struct task *t, int event, uint64_t message);
int ptrace_clone_event(const struct task *t, uint64_t clone_flags, int exit_signal);    /* which one a clone is; 0: none */
/* Before a system call is made. false: it is not to be made, and its result stands in rax. Sleeps. */
bool ptrace_call_enter(struct task *t);
void ptrace_call_exit(struct task *t);                                     /* sleeps */
/* A signal was taken off the queue: the one to act on, with *info fitting; 0: none. Sleeps. */
int ptrace_signal(struct task *t, int sig, siginfo_t *info);
/* The stop that job control or the tracer asked for, if any: true, and things may have changed. Sleeps. */
bool ptrace_trap(struct task *t);
void ptrace_handler_entered(struct task *t);                               /* a signal handler's frame was made. Sleeps */
bool ptrace_wants_trap(const struct task *t);
void ptrace_watch_calls(struct task *t);                                   /* or no longer: the state has changed */
/* The tracer's requests. */
void ptrace_resume(struct task *t, int sig);                               /* t is stopped; sig 0: none */
void ptrace_ask_to_stop(struct task *t);
void ptrace_listen(struct task *t);
void ptrace_group_stop(struct task *t, int sig);                           /* a group stop begins: t takes its part in it */
void ptrace_group_continue(struct task *t);                                /* SIGCONT came */

bool ptrace_asked_for(const struct task *t, int event);

/* Around guest code, for single steps and debug registers. false: instead of running, it has had *ev. */
struct pl_event;
bool ptrace_guest_enter(struct task *t, struct pl_event *ev);
void ptrace_guest_leave(struct task *t, struct pl_event *ev);

/* Sleeps on t->stop_q, carrying out jobs, until cond. */
#define ptrace_park(t, cond)                                                                       \
	do {                                                                                       \
		wait_event_uninterruptible(&(t)->stop_q, (t)->job || (cond));                      \
	} while (task_job_run(t))
bool task_job_run(struct task *t);                                         /* false: there was none */
/* Has t, which is stopped, run fn. Sleeps. */
void task_job(struct task *t, void (*fn)(struct task *t, void *arg), void *arg);

/* --- ptrace_regs.c: registers of a stopped task --- */

int ptrace_set_regs(struct task *t, uint64_t off, const uint64_t *words, uint64_t bytes);   /* -EIO */
int64_t ptrace_xstate_get(struct task *t, void **out);                     /* its length; the caller frees. -ENODEV, -ENOMEM */
/* extended: the whole XSAVE area; else its first 512 bytes. -EINVAL, -EFAULT, -ENODEV, -ENOMEM */
int ptrace_xstate_set(struct task *t, const void *state, uint64_t bytes, bool extended);

/* --- ptrace_debug.c: debug registers --- */

uint64_t ptrace_debugreg_get(const struct task *t, unsigned n);
int ptrace_debugreg_set(struct task *t, unsigned n, uint64_t value);       /* -EINVAL, -EIO */
bool ptrace_debug_armed(const struct task *t);
bool ptrace_debug_before(struct task *t, struct pl_event *ev);             /* false: it is at a breakpoint, which is *ev */
void ptrace_debug_after(struct task *t, struct pl_event *ev);              /* after a step: what the tracer hears of it */

/* --- ptrace_mem.c --- */

struct mm;
/* Memory as a debugger sees it: protections don't count, and what it writes into private memory is the process's own
 * copy (Linux's FOLL_FORCE). Works on pages that their protection forbids only while a thread of the process is stopped, or by the
 * process itself (t). Bytes copied, possibly short, or -EFAULT. Sleeps. */
ssize_t ptrace_read_mem(struct task *t, struct mm *mm, uint64_t addr, void *buf, size_t bytes);
ssize_t ptrace_write_mem(struct task *t, struct mm *mm, uint64_t addr, const void *buf, size_t bytes);
