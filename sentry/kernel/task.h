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
#include "sentry/kernel/ns.h"
#include "sentry/kernel/ptrace.h"
#include "sentry/kernel/seccomp.h"
#include "sentry/kernel/signal.h"
#include "sentry/mm/mm.h"
#include "sentry/mm/uaccess.h"
#include "sentry/vfs/fdtable.h"

#define TASK_COMM_LEN 16

struct session {
	int refs, sid;
	struct tty *tty;                  /* controlling terminal; the tty layer's */
	void (*hangup)(struct session *s);   /* the tty layer's, set with tty: the leader exits. May be NULL; never sleeps */
	int tty_old_pgid;                 /* in the foreground when the terminal hung up; 0: none */
};
struct pgrp {
	int refs, pgid;
	struct session *session;          /* a reference */
	TAILQ_HEAD(, thread_group) members;
};

enum stop_state { RUNNING, STOPPED, TRACED };

struct thread_group {                     /* a process */
	int refs;
	int tgid, vtgid;                  /* see struct task */
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
	bool stop_done;                   /* all threads have stopped, the parent knows */
	bool stop_reported, cont_pending; /* for wait4(WUNTRACED, WCONTINUED) */
	TAILQ_HEAD(, fork_signals) forks; /* clone calls in progress: signals to the whole pgrp reach the child too */
	struct task *exec_task;           /* the thread that execs and waits for the others to go */
	struct task *dumper;              /* the thread that writes a core file; the others wait for that to be done */
	struct waitq wait_children;       /* woken when a child changes state; and threads at exec */
	struct waitq exited;              /* woken when this becomes a zombie (pidfd) */
	struct rlimit rlimits[RLIM_NLIMITS];
	bool init_faulted;                /* of a pid namespace's init: not even it survives its own faults */
	bool child_subreaper, did_exec, thp_disabled;
	bool tty_left;                    /* gave up the session's terminal (TIOCNOTTY); children inherit it */
	int oom_score_adj;
	struct itimer { struct ktimer timer; uint64_t interval_ns; struct thread_group *tg; } itimer_real;
	struct posix_timers *timers;      /* timer_create; kernel/posix_timers.c */
	struct rusage rusage_dead, rusage_children;   /* of its dead threads; of waited-for children */
	uint64_t start_time_ns;           /* CLOCK_MONOTONIC */
	struct cpu_limits *cpu;           /* ITIMER_VIRTUAL/PROF, RLIMIT_CPU */
};
struct fork_signals { TAILQ_ENTRY(fork_signals) link; ksigset_t set; };

struct task {
	int refs;
	int tid;                          /* in the sandbox's first pid namespace, as all ids in here */
	int vtid;                         /* in its own: what gettid(2) says */
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
	bool mask_lent;                   /* guest code runs, and blocked is what it was before: sigmask.c */
	bool restore_mask;
	ksigset_t real_blocked;           /* sigtimedwait: what is blocked really, while blocked lets the awaited ones wake us */
	struct sigpending pending;
	stack_t altstack;                 /* ss_sp is a guest address */
	long (*restart)(struct task *t);  /* restart_syscall after ERESTART_RESTARTBLOCK */
	struct { uint64_t a[6]; } restart_args;

	struct { uint64_t error_code, trapno, cr2; } fault;   /* of the last fault, for signal frames; task_run sets it */

	enum { ANSWERS_STALE, ANSWERS_GIVEN, ANSWERS_REFUSED } answers;   /* what pl has of answers.c */
	unsigned slow_path;               /* TASK_SLOW_*; 0 mostly */
	struct {                          /* the epoll set whose changes pl answers (fs/epoll/epoll_post.c) */
		struct file *set;         /* borrowed from files, as long as that has this version; NULL: none */
		uint64_t version;
		struct pl_thread *pl;
		int fd;
	} post;
	struct empty *empties;            /* kernel/empties.c */
	struct seccomp_state seccomp;
	bool defer_next;                  /* mm_defer_next() was called, in this system call */
	bool in_syscall;                  /* regs.orig_rax is a number that may have to be restarted */
	bool exiting;                     /* leaves at the next chance */
	unsigned kills;                   /* how often it was told to */
	bool exited;
	bool parked;                      /* exits, but not before tg->dumper has seen its registers */
	bool sleeping;                    /* interruptibly; for /proc and signal_wake */
	enum stop_state stop_state;
	struct waitq stop_q;              /* stopped tasks wait here */
	struct task_job *job;             /* for a stopped task to do meanwhile; ptrace.h */
	struct ptrace_state ptrace;
	int exit_code;

	uptr_t clear_child_tid, robust_list;
	size_t robust_list_len;
	struct { uptr_t area; unsigned len, sig; } rseq;   /* registered with the host; area NULL: not */
	int pdeath_signal;
	uint64_t start_time_ns;
	struct task *vfork_parent;        /* waits until this one execs or exits */
	struct waitq vfork_q;
	struct sem_undo_list *sem_undo;   /* SEM_UNDO; NULL: nothing to undo yet */
	/* Namespaces: references, NULL once it has exited; the user namespace is cred's. */
	struct uts_ns *uts;
	struct mount_ns *mnt_ns;
	struct ipc_ns *ipc_ns;
	struct cgroup_ns *cgroup_ns;
	struct pid_ns *pid_ns;            /* its id's: borrowed from that, stays to the end */
	struct pid_ns *pid_ns_children;   /* where its children get their numbers */
	struct time_ns *time_ns, *time_ns_children;   /* where it is; where its children, or its next program, will be */
	struct net *net;                  /* a reference */
	struct task_keys *keys;           /* sentry/keys; NULL: none */
	struct {
		int policy, priority, nice, ioprio;
		bool reset_on_fork;
		uint64_t runtime_ns, deadline_ns, period_ns;   /* SCHED_DEADLINE */
	} sched;
	uint64_t cpu_mask[16];
	bool pinned;                      /* cpu_mask has been set, by it or by who made it */
	bool pin_stale;                   /* its host thread does not know of that yet */
	unsigned personality;
	int timer_slack_ns, default_timer_slack_ns;   /* default: what it was when the task was made */
	struct trace *trace;              /* --strace: the line of the call under way; trace.c's own */
	uint64_t utime_ns, stime_ns, nvcsw, nivcsw;
	uint32_t nproc_uid;               /* the user it counts for (RLIMIT_NPROC) */
	bool published, live;             /* findable by its id; counted in tg->nthreads */
	bool id_given_back;               /* it has been reaped: tid may be another's; pid_ns is a reference */
	TAILQ_HEAD(, futex_pi) pi_owned;  /* priority-inheritance futexes that others wait for */
};

struct task *task_get(struct task *t);
void task_put(struct task *t);
DEFINE_AUTO(task_put, struct task *)
struct thread_group *tg_get(struct thread_group *tg);
void tg_put(struct thread_group *tg);
DEFINE_AUTO(tg_put, struct thread_group *)
struct task *task_find(int tid);                    /* borrowed, NULL; in the one PID namespace */
struct thread_group *tg_find(int tgid);             /* borrowed, NULL; zombies too */
struct pgrp *pgrp_find(int pgid);                   /* borrowed, NULL */
struct thread_group *tg_first(void);                /* all processes, by tgid: for /proc */
struct thread_group *tg_next(struct thread_group *tg);

/* A task that nobody sees yet, with an id; not limited by RLIMIT_NPROC. tg NULL: a new process, without a process group
 * and a sighand unless it is the sandbox's first, which gets id 1, a session and Linux's initial limits. NULL: no id is
 * free. The caller sets pl, mm, files, fs, cred, … (references) and starts it, or puts it. */
struct task *task_alloc(struct thread_group *tg);
void task_start(struct task *t);                    /* publishes it; its coroutine goes */
int task_count(void);                               /* ids of tasks in use: threads, and zombies */

/* Process groups and sessions. */
struct session *tg_session(const struct thread_group *tg);
bool pgrp_is_orphaned(const struct pgrp *pg);       /* no member has a parent elsewhere in the session */
int tg_set_pgrp(struct thread_group *tg, int pgid); /* joins or founds it; checks are setpgid(2)'s */

/* Calls of such a task meet more than their handler: syscall_slow(). What takes calls before the sentry sees them must
 * leave those alone. */
enum { TASK_SLOW_SECCOMP = 1, TASK_SLOW_PTRACE = 2 };
static inline bool task_wants_slow_path(const struct task *t) { return t->slow_path; }
long syscall_slow(struct task *t);                  /* kernel/syscall_slow.c: regs' call with all that; its result. Sleeps */

/* kernel/empties.c: of t's descriptor fd, f, a read has just said EAGAIN (again), or what it would say now (empty). Or all that t's
 * stub knows of its descriptors is to be forgotten. Never sleep. */
void empties_learn(struct task *t, struct file *f, int fd, bool again, bool empty);
void empties_forget(struct task *t);
/* kernel/answers.c: what t's stub may answer by itself, brought up to date; or taken away, because it is about to change or
 * because the calls must be seen from now on. Never sleep. */
void answers_update(struct task *t);
void answers_forget(struct task *t);
void answers_forget_group(struct thread_group *tg);

/* The coroutine's body: kernel/task_run.c. */
void task_main(void *task);
long syscall_dispatch(struct task *t, uint64_t nr, const uint64_t args[6]);
/* --strace's lines that are no calls; nothing when it is off. status is wait(2)'s. Never sleep. */
void trace_signal_delivery(struct task *t, int sig, const siginfo_t *info);
void trace_task_end(struct task *t, int status);

/* Ends a thread, a process. From any task's context: marks and wakes; the task leaves by itself. Never sleep. */
void task_exit_mark(struct task *t, int code);      /* exit(2): this thread */
void tg_exit_mark(struct thread_group *tg, int status);   /* exit_group, fatal signals: wait(2) status */
void task_do_exit(struct task *t);                  /* t itself, the last act of task_main: t may be freed. Sleeps */

/* For exec. Order: tg_kill_others, point of no return, task_mm_release (old memory still there), task_become_leader,
 * signal_exec. */
int tg_kill_others(struct task *t) MUST_CHECK;      /* ends t's other threads. -EAGAIN: another is at it, or all must die. Sleeps */
int tg_park_others(struct task *t) MUST_CHECK;      /* ends them, but for now they stay as they are, for a core file. As above. Sleeps */
void tg_unpark_others(struct thread_group *tg);
void task_park_for_dump(struct task *t);            /* t is about to exit. Sleeps */
void task_become_leader(struct task *t);            /* t takes the process's id over from its dead leader */
void task_mm_release(struct task *t);               /* t leaves its memory: robust list, clear_child_tid, vfork parent. Sleeps */

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
#define wait_event_killable(t, queue, cond)      /* 0; -EINTR: the task is to exit */          \
	({                                                                                 \
		int err_ = 0;                                                              \
		struct sleeper s_;                                                         \
		sleeper_begin(&s_, (t), (queue), UINT64_MAX);                              \
		while (!(cond)) {                                                          \
			if ((t)->exiting) { err_ = -EINTR; break; }                        \
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

