/* platform.h - how guest code runs. The whole contract between the sentry and a platform.
 *
 * A platform keeps guest address spaces (struct pl_as: one host process, a "stub") and the guest threads in
 * them (struct pl_thread: one host thread each). A thread is either running guest code or stopped. The sentry
 * acts only on stopped threads, but for pl_interrupt(). Every function that sleeps does so in the calling coroutine.
 *
 * Nothing that comes from a stub is trusted: not its registers, not the results of calls it ran for us, not its
 * memory. A stub that misbehaves is killed and its threads report PL_EXITED.
 *
 * Errors: negative errno; -ESRCH always means that the stub is gone. */
#pragma once

#include <signal.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "platform/base/base.h"
#include "platform/post.h"
#include "platform/window.h"

struct pl_as;                             /* guest address space; reference counted by its threads and holders */

enum pl_event_kind {
	PL_SYSCALL,                       /* regs.orig_rax: number (-1UL for a foreign ABI); regs.rax = -ENOSYS; the rest as passed */
	PL_FAULT,                         /* fault: SIGSEGV SIGBUS SIGFPE SIGILL SIGTRAP as the host raised it */
	PL_INTERRUPTED,                   /* pl_interrupt(), or for no reason at all */
	PL_DEFERRED,                      /* a deferred call, the first such, ended otherwise than expected: result; guest code has not gone on */
	PL_EXITED,                        /* the stub is gone; exit_status as from wait(2) */
};

struct pl_event {
	enum pl_event_kind kind;
	bool trapped;                     /* PL_SYSCALL: the slow way; its call site could be rewritten to use pl_fast_entry() */
	int64_t result;                   /* PL_DEFERRED; untrusted */
	siginfo_t fault;                  /* PL_FAULT; untrusted like everything */
	uint64_t error_code, trapno;      /* PL_FAULT: the processor's, for the guest's signal frame */
	int exit_status;                  /* PL_EXITED */
};

/* One host system call for a stub to run in its address space. */
struct pl_call {
	long nr;
	uint64_t args[6];
	int fd;                           /* a descriptor of ours to pass as args[4] (mmap), or -1; borrowed */
	long ret;                         /* untrusted. Of a deferred call: what it is to be */
};
#define PL_CALL(nr_, ...) ((struct pl_call){ .nr = (nr_), .args = { __VA_ARGS__ }, .fd = -1 })

/* Calls that are made when guest code goes on, in the same hand-over: for what a guest's own call does last. All are made; a
 * result other than .ret is PL_DEFERRED. Not with a descriptor where others run in the same address space. */
#define PL_DEFERRED_MAX 2
struct pl_deferred {
	int n;
	struct pl_call calls[PL_DEFERRED_MAX];
};

struct pl_thread {
	struct user_regs_struct regs;     /* the guest's; valid while stopped; changes take effect at the next pl_run */
	struct pl_as *as;
	struct pl_deferred deferred;      /* set while stopped, if pl_can_defer(); pl_calls() makes it first, should it come before */
	uint64_t first_brk;               /* what brk(0) returns if that is the next call, so that the platform may say it; 0: it must ask */
	int64_t cpu_before;               /* ns; what pl_thread_cpu_ns() adds where there have been several threads */
	bool moved;                       /* runs elsewhere than pl_pin() said */
	unsigned nwindows;                /* guest bytes that came along: window.h. 0 but after PL_SYSCALL */
	struct pl_window windows[PL_WINDOWS];
	unsigned nposts;                  /* what the guest changed in pl_post_set()'s set before the event: post.h; untrusted */
	struct pl_post posts[PL_POSTS];
};

/* --- address spaces --- */

/* A fresh, empty address space with one stopped thread; zeroed registers and a clean FPU. Sleeps. */
int pl_as_new(struct pl_thread **out) MUST_CHECK;

/* Begins to make what the next pl_as_new() will return, beside whatever else happens. Never sleeps. */
void pl_as_prepare(void);

/* A copy of t's address space with one stopped thread, a copy of t (registers, FPU, TLS). Sleeps. */
int pl_as_fork(struct pl_thread *t, struct pl_thread **out) MUST_CHECK;

/* Another stopped thread in t's address space, a copy of t. -EAGAIN: too many. Sleeps. */
int pl_thread_clone(struct pl_thread *t, struct pl_thread **out) MUST_CHECK;

/* The same for vfork(2): t doesn't run, nor is its memory changed through it, before the new one has ended. Sleeps. */
int pl_thread_lend(struct pl_thread *t, struct pl_thread **out) MUST_CHECK;

/* Ends a stopped thread (NULL: no-op). With the last thread, or pl_as_kill(), its stub ends. Never sleeps. */
void pl_thread_exit(struct pl_thread *t);
void pl_as_kill(struct pl_as *as);        /* at once, whatever runs; the threads report PL_EXITED */
struct pl_as *pl_as_get(struct pl_as *as);
void pl_as_put(struct pl_as *as);
struct pl_as *pl_as_none(void);           /* a reference on one that is dead */
bool pl_is_plain(const struct pl_thread *t);      /* never was more than one thread in t's address space, nor pl_pin() called for it */
int pl_as_pid(const struct pl_as *as);    /* the stub's host pid as the sentry sees it, for diagnostics */

/* --- running --- */

/* Runs guest code until something happens. Sleeps. */
void pl_run(struct pl_thread *t, struct pl_event *out);

/* What the host counted for t's address space, or for t alone: page faults, block operations, the largest resident set.
 * Zero where the stub is gone. As little to be trusted as anything that a stub says. Sleeps. */
struct rusage;
void pl_usage(struct pl_thread *t, bool thread_only, struct rusage *out);

/* Where t's host thread, and those cloned off it, may run: the processors whose bits are set, counted as the guest does, from the
 * first that the sandbox may use. Without effect where the host refuses. Sleeps. */
void pl_pin(struct pl_thread *t, const uint64_t *mask, unsigned ncpus);

/* Host CPU time used so far by a thread, by all threads an address space ever had; 0: not known. Never sleep. */
uint64_t pl_thread_cpu_ns(struct pl_thread *t);
uint64_t pl_as_cpu_ns(struct pl_as *as);

bool pl_can_defer(void);                  /* see struct pl_deferred */

/* Makes a running pl_run return soon; from any context, never sleeps. Nothing if it isn't running. */
void pl_interrupt(struct pl_thread *t);

/* A stopped thread won't go on for long: its processor is for others. A hint; never sleeps. */
void pl_will_wait(struct pl_thread *t);

/* The thread is to end: should its stub keep us waiting for it, for a few seconds, the stub is killed. Any context, never
 * sleeps. Without it a guest that writes into its platform's memory could make tasks that nothing ends. */
void pl_thread_expire(struct pl_thread *t);

/* Runs n calls in t's address space in order, all of them, and fills in their .ret. Sleeps.
 * Allowed: mmap munmap mprotect mremap madvise msync mincore arch_prctl rseq membarrier with the flags in platform/seccomp. */
int pl_calls(struct pl_thread *t, struct pl_call *v, int n) MUST_CHECK;

/* The same, and then guest memory gets bytes: -EFAULT if not all could be written. In one hand-over if there is room. Sleeps. */
struct pl_bytes {
	uint64_t addr;
	const void *from;                 /* NULL: zeroes */
	size_t bytes;
};
int pl_calls_store(struct pl_thread *t, struct pl_call *v, int n, const struct pl_bytes *b, int nb) MUST_CHECK;

/* lock cmpxchg on guest memory: *addr == *old ? *addr = new : (*old = *addr). 0, -EAGAIN (differed), -EFAULT. Sleeps. */
int pl_cmpxchg32(struct pl_thread *t, uint64_t addr, uint32_t *old, uint32_t val) MUST_CHECK;

/* The address, in every stub, of code that makes a system call in a fast way; 0: the platform has none. To be jumped to with
 * rax: the number, rcx: the address to go on at; all registers but rcx and r11 are as after a system call. Not while the
 * guest has a GS base of its own. */
uint64_t pl_fast_entry(void);
/* The value that nr (getpid(2) and the like, platform/answers.def) returns from now on, so that the platform may answer
 * it by itself; < 0: it must ask. For calls by pl_fast_entry() only. Never sleeps. */
void pl_answer(struct pl_thread *t, unsigned nr, int64_t value);

/* The guest's signal mask, lent until pl_run() returns: rt_sigprocmask(2) by pl_fast_entry() may change it in place, as long as no
 * signal of `ask` changes sides. False: this platform does not. pl_sigmask() says what it is by now, untrusted.
 * pl_sigmask_ask() adds to `ask` while guest code runs: what pl_sigmask() says afterwards holds for these until the thread asks.
 * pl_sigmask_keep(): each call asks from now on. Never sleep. */
bool pl_sigmask_lend(struct pl_thread *t, uint64_t mask, uint64_t ask);
uint64_t pl_sigmask(const struct pl_thread *t);
void pl_sigmask_ask(struct pl_thread *t, uint64_t signals);
void pl_sigmask_keep(struct pl_thread *t);

/* The epoll set whose changes the platform may answer by itself, by pl_fast_entry(): the thread's descriptor of it; -1: none. Begins
 * with nothing known of descriptors; pl_post_fd() tells of one, open, whether it is in the set. Never sleep. */
void pl_post_set(struct pl_thread *t, int epfd);
void pl_post_fd(struct pl_thread *t, int fd, bool in);
/* Whether read(2) and recvfrom(2) of fd return -EAGAIN from now on, so that the platform may say it by itself. Never sleeps. */
void pl_empty_fd(struct pl_thread *t, int fd, bool empty);

/* The guest's extended state in XSAVE format as in a signal frame, pl_fpstate_bytes() long at most.
 * They sleep. get returns the length; set takes what a guest wrote: a state the processor refuses costs the thread a SIGSEGV. */
size_t pl_fpstate_bytes(void);
size_t pl_fpstate_get(struct pl_thread *t, void *buf);
void pl_fpstate_set(struct pl_thread *t, const void *buf, size_t bytes);
void pl_fpstate_reset(struct pl_thread *t);

/* --- guest memory --- */

/* Copy between the sentry and guest memory, by pages' own protection. Return bytes copied (short where memory ends
 * or forbids), or -EFAULT when nothing could be, -ESRCH. Never sleep. Callers are in sentry/mm only. */
ssize_t pl_read(struct pl_as *as, uint64_t addr, void *buf, size_t bytes);
ssize_t pl_write(struct pl_as *as, uint64_t addr, const void *buf, size_t bytes);

/* --- layout --- */

/* Guest mappings lie in [PL_GUEST_MIN, PL_GUEST_END). The host's vDSO lies above and stays mapped in every stub. */
#define PL_GUEST_MIN 0x10000ULL
#define PL_GUEST_END 0x7ff000000000ULL
uint64_t pl_vdso(uint64_t *out_bytes);    /* address of [vdso], 0: none; out_bytes may be NULL */
uint64_t pl_vdso_clock(void);             /* address of the vDSO's clock_gettime; 0: it has none */
uint64_t pl_vvar(uint64_t *out_bytes);    /* of [vvar*], as one range */

/* --- start-up --- */

struct platform_ops;                      /* platform/<name>/ provides one; chosen by name */
struct pl_config {
	const char *name;                 /* "systrap", "ptrace" */
	int init_fd;                      /* SOCK_SEQPACKET to the stubs' init: brings news of dead children */
	int template_fd;                  /* control socket of the template stub, see platform/systrap/README.md */
	int template_memfd;               /* its slots */
	int ro_memfd;                     /* the page every stub can read */
	int doorbell_fd;                  /* eventfd that stubs ring */
	unsigned ncpus;                   /* how many processors the sandbox may use; 0: all */
	int load_fd;                      /* the host's /proc/loadavg, or -1: tells whether it has processors to spare */
	unsigned host_cpus;               /* how many processors that is about */
	void (*template_died)(int status);/* the sandbox cannot go on */
};
int pl_init(const struct pl_config *cfg) MUST_CHECK;

/* syscalls: as events; of these fast: by pl_fast_entry(). answered: by the platform itself, of threads that have ended. */
struct pl_stats {
	uint64_t syscalls, fast, answered, faults, interrupts, calls, forks, threads, reads, writes;
	uint64_t wakeups, doorbells;      /* threads woken, and the sentry by them */
	uint64_t moves;                   /* threads sent away from the sentry's processor */
};
const struct pl_stats *pl_stats(void);
