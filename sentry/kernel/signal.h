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
	struct posix_timer *timer;        /* a timer's one entry; else NULL */
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

/* Is there something task_run must act on before more guest code: an unblocked signal, a stop, a kill? */
bool signal_pending(const struct task *t);
ksigset_t signal_pending_set(const struct task *t);                    /* task's and group's, blocked or not */
/* Takes the next pending signal in `set` off the queues: its number, or 0. */
int signal_dequeue(struct task *t, ksigset_t set, siginfo_t *out);

void signal_set_mask(struct task *t, ksigset_t mask);                  /* KILL and STOP never blocked */
/* sigsuspend-like calls: install mask now; the old one is back after the handler's frame was made (or at return, if none). */
void signal_set_temporary_mask(struct task *t, ksigset_t mask);

/* Delivers what is pending, before guest code runs: handlers' frames, default actions, stops, syscall restart. Sleeps
 * (stops). Does not return to the guest if the task is exiting: check t->exiting afterwards. */
void signal_deliver(struct task *t);
long signal_return(struct task *t);                                    /* rt_sigreturn(2) */
