/* ptrace.h - the ptrace platform's own types, shared by its files. Reading order: README.md. */
#pragma once

#include <uthash.h>

#include "platform/base/wait.h"
#include "platform/impl.h"
#include "platform/systrap/layout.h"

struct ptrace_as {
	struct pl_as base;
	int control;                      /* our end of its control socket */
	int threads;                      /* tracees in it that have an owner */
	struct sleep_lock fd_lock;        /* while the stub holds a descriptor that is not the control socket */
	struct sleep_lock frame_lock;     /* while a signal frame lies in the scratch pages */
	TAILQ_HEAD(, tracee) list;        /* the same tracees */
};
static inline struct ptrace_as *to_ptrace_as(struct pl_as *as) { return container_of(as, struct ptrace_as, base); }

/* One host thread. It lives until the host has told us of its end and pl_thread_exit() was called, whichever is later. */
struct tracee {
	struct pl_thread base;            /* .as is NULL after pl_thread_exit() */
	int tid;
	bool stopped;                     /* ours to look at and change; status says why */
	bool gone;                        /* reaped */
	bool parked;                      /* has no owner any more, but stays: a process's first thread */
	bool in_guest;                    /* pl_run() is under way */
	bool interrupt_sent;              /* and the stop that it leads to has not come yet */
	bool bad_fpstate;                 /* pl_fpstate_set() was refused */
	int status;                       /* of the last stop, as from wait(2) */
	struct co *co;                    /* who waits for the next stop */
	uint64_t fs_base, gs_base;        /* as loaded in the host thread */
	uint64_t resumed_ns, run_ns;      /* when guest code went on last; how long it was away running until then */
	TAILQ_ENTRY(tracee) as_link;
	UT_hash_handle hh;
};
static inline struct tracee *to_tracee(struct pl_thread *t) { return container_of(t, struct tracee, base); }

/* template.c */
int ptrace_prepare(struct pl_launch *l) MUST_CHECK;
void ptrace_template_main(struct pl_launch *l);
/* Addresses in the stub's text; a breakpoint follows the first two and is the third. */
extern const uint64_t ptrace_syscall_insn, ptrace_cmpxchg_insn, ptrace_handler_insn;
/* At STUB_AREAS: a page for messages, then a stack for signal frames. Private to the stub, inherited by its children. */
#define PTRACE_SCRATCH_BYTES 0x10000ULL

/* as.c */
int ptrace_init(const struct pl_config *cfg) MUST_CHECK;
int ptrace_as_new(struct pl_thread **out);
int ptrace_as_fork(struct pl_thread *t, struct pl_thread **out);
int ptrace_thread_clone(struct pl_thread *t, struct pl_thread **out);
void ptrace_thread_exit(struct pl_thread *t);
void ptrace_as_lost(struct pl_as *as);
void ptrace_as_free(struct pl_as *as);

/* run.c */
void ptrace_run(struct pl_thread *t, struct pl_event *out);
void ptrace_interrupt(struct pl_thread *t);
uint64_t ptrace_thread_run_ns(struct pl_thread *t);

/* inject.c */
int ptrace_calls(struct pl_thread *t, struct pl_call *v, int n);
int ptrace_call_with(struct pl_thread *t, struct pl_call *c, int n, const void *in, void *out, size_t bytes);
int ptrace_cmpxchg32(struct pl_thread *t, uint64_t addr, uint32_t *old, uint32_t val);
/* One host call of a stopped thread. new_tid: for clone, the new thread's id; else NULL. -ESRCH; else 0 and *ret. Sleeps. */
int inject_call(struct tracee *t, struct pl_call *c, int *new_tid) MUST_CHECK;
/* Sends fd and has the stub receive it; fd_lock is held. There it is then INJECTED_FD. -ESRCH, -EBADF. Sleeps. */
#define INJECTED_FD 0                     /* the lowest: a stub holds only its control socket */
int inject_receive(struct tracee *t, int fd) MUST_CHECK;

/* frame.c: at the stop that announces sig, fills in error_code and trapno, and ends a restartable sequence. -ESRCH. Sleeps. */
int frame_look(struct tracee *t, int sig, struct pl_event *ev) MUST_CHECK;

/* fpstate.c */
int fpstate_init(struct tracee *template) MUST_CHECK;        /* learns the format, and makes the template's state clean */
size_t ptrace_fpstate_get(struct pl_thread *t, void *buf);
void ptrace_fpstate_set(struct pl_thread *t, const void *buf, size_t bytes);
void ptrace_fpstate_reset(struct pl_thread *t);
char *fpstate_save(struct tracee *t);                        /* NULL: it was killed */
void fpstate_restore(struct tracee *t, char *saved);         /* takes saved over */

/* tracee.c: the host's tracing calls, and the stops that it tells of. */
int tracee_init(void) MUST_CHECK;
struct tracee *tracee_new(struct ptrace_as *as, int tid);    /* not stopped yet, unless its stop came already */
void tracee_release(struct tracee *t);                       /* the owner is done with it; takes it out of its as */
int tracee_await_stop(struct tracee *t) MUST_CHECK;          /* -ESRCH: gone or as dead. Sleeps */
int tracee_resume(struct tracee *t, int request) MUST_CHECK; /* PTRACE_SYSEMU, PTRACE_CONT; -ESRCH */
int tracee_resume_with(struct tracee *t, int request, int sig) MUST_CHECK;
int tracee_get_regs(struct tracee *t, struct user_regs_struct *out) MUST_CHECK;      /* -ESRCH */
int tracee_set_regs(struct tracee *t, const struct user_regs_struct *r) MUST_CHECK;  /* orig_rax, segments: not taken. -ESRCH */
void tracee_birth_begin(void);                               /* brackets an injected clone: strangers' stops are kept meanwhile */
void tracee_birth_end(void);
static inline int stop_signal(const struct tracee *t) { return t->status >> 8 & 0xff; }
static inline int stop_event(const struct tracee *t) { return t->status >> 16; }
