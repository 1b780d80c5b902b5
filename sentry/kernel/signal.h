/* signal.h - signals of tasks and thread groups (signal(7)). */
#pragma once

#include <signal.h>
#include <sys/queue.h>

#include "platform/base/wait.h"

struct task;
struct thread_group;

typedef uint64_t ksigset_t;               /* bit n-1: signal n; the guest's sigset_t */
#define SIGBIT(sig) (1ULL << ((sig) - 1))
#define NSIG64 64

struct ksigaction {                       /* the guest's struct kernel_sigaction (x86-64) */
	uint64_t handler;                 /* 0: SIG_DFL, 1: SIG_IGN */
	uint64_t flags;                   /* SA_* */
	uint64_t restorer;
	ksigset_t mask;
};
struct sighand {                          /* CLONE_SIGHAND */
	int refs;
	struct ksigaction action[NSIG64];
};
struct sigqueue_entry {
	TAILQ_ENTRY(sigqueue_entry) link;
	siginfo_t info;
	struct sigpending *queue;         /* on whose list it is; NULL: on none */
	uint32_t uid;                     /* whose RLIMIT_SIGPENDING it is charged to; not a timer's */
	struct posix_timer *timer;        /* a timer's one entry; else NULL */
	void (*taken)(struct sigqueue_entry *e, siginfo_t *info);   /* a timer's: delivered or dropped (info NULL); off the list */
};
struct sigpending {
	ksigset_t set;
	TAILQ_HEAD(, sigqueue_entry) list;
};

/* Sends sig to a task, or to a group (any thread that takes it). info NULL: SI_KERNEL. No permission check. Never sleeps.
 * 0, or -EAGAIN (RLIMIT_SIGPENDING, real-time only). */
int signal_send_task(struct task *t, int sig, const siginfo_t *info);
int signal_send_group(struct thread_group *tg, int sig, const siginfo_t *info);
int signal_send_pgrp(int pgid, int sig, const siginfo_t *info);        /* -ESRCH */
void signal_force_fault(struct task *t, int sig, const siginfo_t *info);   /* a fault: can't be blocked or ignored */

/* kill(2)'s rules; sig 0 too. -EPERM. */
int signal_may_send(const struct task *t, const struct task *target, int sig) MUST_CHECK;

/* A timer's own entry (timer set, info filled in), to t if not NULL, else to tg. 0: queued, and taken() will be called;
 * 1: not, because it is still queued (an overrun) or the signal is ignored. Never sleeps. */
int signal_send_entry(struct sigqueue_entry *e, struct thread_group *tg, struct task *t);
void signal_cancel_entry(struct sigqueue_entry *e);                    /* timer_delete: off the list, taken() not called */

/* --- kernel/ only, and exec --- */

void sigpending_init(struct sigpending *p);
void sigpending_flush(struct sigpending *p, ksigset_t set);            /* drops what is in set */
struct sighand *sighand_new(void);
struct sighand *sighand_get(struct sighand *sh);
void sighand_put(struct sighand *sh);
struct sighand *sighand_copy(const struct sighand *sh);
bool signal_is_ignored(const struct task *t, int sig);                 /* by its action now, explicitly or by default */
void signal_flush_ignored(struct thread_group *tg, int sig);           /* sigaction(2) made it ignored */
void signal_exec(struct task *t);         /* execve: handlers to default, no altstack, a private sighand, SIGCHLD at exit */
void signal_stop_group(struct task *t, int sig);                       /* begins a group stop */
void signal_stop_check(struct thread_group *tg);                       /* have all stopped? then tell the parent */
void signal_stop_wait(struct task *t);                                 /* t's part in it; sleeps */
void signal_group_continue(struct thread_group *tg);                   /* SIGCONT's side effect, even when blocked */
bool signal_init_is_immune(const struct task *t, int sig, const siginfo_t *info);   /* init does not take it from another guest */
void signal_note_forks(struct thread_group *tg, int sig);              /* sent to several processes: children being made get it too */
bool signal_on_altstack(const struct task *t, uint64_t sp);            /* for sigaltstack(2): false with SS_AUTODISARM */
int signal_set_altstack(struct task *t, const stack_t *ss);            /* -EPERM -EINVAL -ENOMEM */
int signal_frame_push(struct task *t, int sig, const siginfo_t *info, const struct ksigaction *ka, ksigset_t mask) MUST_CHECK;

#define SIG_SET_STOP (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define SIG_SET_KERNEL_ONLY (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define SIG_SET_DEFAULT_IGNORE (SIGBIT(SIGCONT) | SIGBIT(SIGCHLD) | SIGBIT(SIGWINCH) | SIGBIT(SIGURG))
#define SIG_SET_FAULT (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) | SIGBIT(SIGSYS))

/* Is there something task_run must act on before more guest code: an unblocked signal, a stop, a kill? */
bool signal_pending(const struct task *t);
ksigset_t signal_pending_set(const struct task *t);                    /* task's and group's, blocked or not */
/* Takes the next pending signal in `set` off the queues: its number, or 0. */
int signal_dequeue(struct task *t, ksigset_t set, siginfo_t *out);

/* sigmask.c: around pl_run(); who sends, before it looks at masks; and the mask, whether guest code runs or not. */
void sigmask_lend(struct task *t);
void sigmask_return(struct task *t);
void sigmask_ask(struct task *t, bool group, int sig);
ksigset_t sigmask_now(const struct task *t);
void signal_set_mask(struct task *t, ksigset_t mask);                  /* KILL and STOP never blocked */
/* sigsuspend-like calls: install mask now; the old one is back after the handler's frame was made (or at return, if none). */
void signal_set_temporary_mask(struct task *t, ksigset_t mask);

/* Delivers what is pending, before guest code runs: handlers' frames, default actions, stops, syscall restart. Sleeps
 * (stops). Does not return to the guest if the task is exiting: check t->exiting afterwards. */
void signal_deliver(struct task *t);
long signal_return(struct task *t);                                    /* rt_sigreturn(2) */
