/* task.h - a guest thread, its thread group (process), process group and session.
 *
 * A task runs as one coroutine (task_run.c): run guest code → system call or fault → signals → again. Its
 * struct outlives it as a zombie until waited for. Fields are the task's own unless the line says otherwise;
 * everything runs on one thread, so others may read them whenever they don't sleep in between. */
#pragma once

#include <sys/queue.h>
#include <sys/resource.h>

#include "platform/base/loop.h"
#include "platform/platform.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/signal.h"
#include "sentry/mm/mm.h"
#include "sentry/mm/uaccess.h"
#include "sentry/vfs/fdtable.h"

#define TASK_COMM_LEN 16

struct session {
	int refs, sid;
	struct tty *tty;                  /* controlling terminal; the tty layer's */
};
struct pgrp {
	int refs, pgid;
	struct session *session;          /* a reference */
	TAILQ_HEAD(, thread_group) members;
};

enum stop_state { RUNNING, STOPPED, TRACED };

struct thread_group {                     /* a process */
	int refs;
	int tgid;
	struct task *leader;              /* stays as a zombie while other threads live */
	TAILQ_HEAD(, task) threads;       /* living ones, and the zombie leader */
	int nthreads;                     /* living */
	struct thread_group *parent;      /* NULL: init */
	struct task *parent_task;         /* who made it (PDEATHSIG; wait's __WNOTHREAD); may be NULL */
	TAILQ_HEAD(, thread_group) children;
	TAILQ_ENTRY(thread_group) sibling, pgrp_link, all_link;
	struct pgrp *pgrp;
	struct sigpending pending;        /* to the process */
	struct sighand *sighand;
	bool exiting;                     /* exit_group or a fatal signal; exit_code is set */
	bool zombie;                      /* all threads are gone; waits for its parent */
	int exit_code;                    /* as wait(2)'s status */
	int exit_signal;                  /* to the parent at exit; SIGCHLD mostly; 0: none */
	int stop_sig;                     /* group stop in force: the signal */
	bool stop_reported, cont_pending; /* for wait4(WUNTRACED, WCONTINUED) */
	struct task *exec_task;           /* the thread that execs and waits for the others to go */
	struct waitq wait_children;       /* woken when a child changes state; and threads at exec */
	struct waitq exited;              /* woken when this becomes a zombie (pidfd) */
	struct rlimit rlimits[RLIM_NLIMITS];
	bool child_subreaper, did_exec;
	int oom_score_adj;
	struct itimer { struct ktimer timer; uint64_t interval_ns; struct thread_group *tg; } itimer_real;
	struct posix_timers *timers;      /* timer_create; kernel/posix_timers.c */
	struct rusage rusage_dead, rusage_children;   /* of its dead threads; of waited-for children */
	uint64_t start_time_ns;           /* CLOCK_MONOTONIC */
	struct cpu_limits *cpu;           /* ITIMER_VIRTUAL/PROF, RLIMIT_CPU */
};

struct task {
	int refs;
	int tid;
	struct thread_group *tg;
	TAILQ_ENTRY(task) thread_link;
	struct co *co;
	struct pl_thread *pl;             /* the host thread that runs it; changes at exec */
	struct mm *mm;                    /* NULL once it has exited */
	struct fdtable *files;
	struct fs_context *fs;
	struct cred *cred;
	char comm[TASK_COMM_LEN];

	ksigset_t blocked, saved_mask;    /* saved_mask: while a temporary mask is in force */
	bool restore_mask;
	struct sigpending pending;
	stack_t altstack;                 /* ss_sp is a guest address */
	long (*restart)(struct task *t);  /* restart_syscall after ERESTART_RESTARTBLOCK */
	struct { uint64_t a[6]; } restart_args;

	bool in_syscall;                  /* regs.orig_rax is a number that may have to be restarted */
	bool exiting;                     /* leaves at the next chance */
	bool exited;
	bool sleeping;                    /* interruptibly; for /proc and signal_wake */
	enum stop_state stop_state;
	struct waitq stop_q;              /* stopped tasks wait here */
	int exit_code;

	uptr_t clear_child_tid, robust_list;
	size_t robust_list_len;
	int pdeath_signal;
	uint64_t start_time_ns;
	struct task *vfork_parent;        /* waits until this one execs or exits */
	struct waitq vfork_q;
	struct uts_ns *uts;
	struct mount_ns *mnt_ns;
	struct { int policy, priority, nice; } sched;
	uint64_t cpu_mask[16];
	unsigned personality;
	int timer_slack_ns;
	uint64_t utime_ns, stime_ns, nvcsw, nivcsw;
};

struct task *task_get(struct task *t);
void task_put(struct task *t);
struct task *task_find(int tid);                    /* borrowed, NULL; in the one PID namespace */
struct thread_group *tg_find(int tgid);             /* borrowed, NULL; zombies too */
struct pgrp *pgrp_find(int pgid);                   /* borrowed, NULL */
struct thread_group *tg_first(void);                /* all processes, by tgid: for /proc */
struct thread_group *tg_next(struct thread_group *tg);

/* Makes a runnable task for t's own clone/fork (kernel/task_clone.c), or the sandbox's first (task_init). */
struct task *task_alloc(struct thread_group *tg /* NULL: a new process */);
void task_start(struct task *t);                    /* its coroutine goes; pl, mm, files, … are set */
int task_count(void);

/* The coroutine's body: kernel/task_run.c. */
void task_main(void *task);
long syscall_dispatch(struct task *t, uint64_t nr, const uint64_t args[6]);

/* Ends a thread, a process. From any task's context: marks and wakes; the task leaves by itself. Never sleep. */
void task_exit_mark(struct task *t, int code);      /* exit(2): this thread */
void tg_exit_mark(struct thread_group *tg, int status);   /* exit_group, fatal signals: wait(2) status */
void task_do_exit(struct task *t);                  /* t itself, at the end of task_main; sleeps */

/* --- sleeping in a system call --- */

/* Should an interruptible sleep end? */
bool task_interrupted(const struct task *t);
/* Wakes t if it sleeps interruptibly, or stops its guest code (pl_interrupt). */
void task_kick(struct task *t);

struct sleeper { struct waiter w; struct ktimer timer; bool timed_out; struct co *co; };
void sleeper_begin(struct sleeper *s, struct task *t, struct waitq *q, uint64_t deadline_ns);
void sleeper_end(struct sleeper *s, struct task *t);

/* wait_event(t, queue, cond): sleeps until cond. 0, -ERESTARTSYS (a signal), -ETIMEDOUT. deadline_ns: CLOCK_MONOTONIC,
 * UINT64_MAX for ever. queue may be NULL (only time and signals). */
#define wait_event_deadline(t, queue, cond, deadline_ns_)                                  \
	({                                                                                 \
		int err_ = 0;                                                              \
		struct sleeper s_;                                                         \
		sleeper_begin(&s_, (t), (queue), (deadline_ns_));                          \
		while (!(cond)) {                                                          \
			if (task_interrupted(t)) { err_ = -ERESTARTSYS; break; }           \
			if (s_.timed_out) { err_ = -ETIMEDOUT; break; }                    \
			co_sleep();                                                        \
		}                                                                          \
		sleeper_end(&s_, (t));                                                     \
		err_;                                                                      \
	})
#define wait_event(t, queue, cond) wait_event_deadline((t), (queue), (cond), UINT64_MAX)

/* Linux's kernel-internal results; signal_deliver() turns them into EINTR or a restart. */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

struct uts_ns { int refs; char hostname[65], domainname[65]; };
