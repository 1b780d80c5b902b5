/* process.h - what the files of kernel/ that make, link and end processes tell each other. */
#pragma once

#include "sentry/kernel/task.h"

/* task.c: like task_alloc(), with the id asked for (0: any). 0, -EAGAIN, -EEXIST, -EINVAL. */
int task_new(struct thread_group *tg, int want_tid, struct task **out) MUST_CHECK;
/* In another pid namespace (a thread: its process's), with the numbers asked for. -ENOMEM: its init has gone. */
int task_new_in(struct thread_group *tg, struct pid_ns *ns, const int *want, int nwant, struct task **out) MUST_CHECK;
void task_publish(struct task *t);                  /* task_start() without the coroutine: links it everywhere */
void task_unpublish(struct task *t);                /* reaped: unlinks it, gives up its reference. A leader: the whole process */
void task_set_tid(struct task *t, int tid);
struct thread_group *init_process(void);            /* NULL before it is, and after it has gone */

/* pgrp.c */
struct pgrp *pgrp_get(struct pgrp *pg);
void pgrp_put(struct pgrp *pg);
void tg_join_pgrp(struct thread_group *tg, struct pgrp *pg);
void tg_leave_pgrp(struct thread_group *tg);
void tg_new_session(struct thread_group *tg);       /* setsid(2) without its checks */
/* A process leaves pg's families by exit (parent NULL) or is handed on by its exiting parent: if that orphans a group
 * with stopped jobs, those get SIGHUP and SIGCONT. */
void pgrp_check_orphaned(struct thread_group *tg, struct thread_group *parent);

/* task_notify.c */
bool notify_parent_exit(struct thread_group *tg);   /* true: the parent does not want it, reap it */
void notify_parent_stopped(struct thread_group *tg, int code);   /* CLD_STOPPED, CLD_CONTINUED */
void notify_tracer_stopped(struct task *t, int code);   /* CLD_TRAPPED, CLD_STOPPED */
void exit_info(const struct task *t, int status, siginfo_t *out);   /* that t exited; si_signo is the caller's */
void children_reparent(struct task *dying);         /* its children go to another thread, a subreaper, init */

/* task_exit.c */
void process_check_zombie(struct thread_group *tg);   /* a thread was reaped: is the process now its parent's to wait for? */
bool process_is_alone(const struct thread_group *tg, const struct task *t);   /* no other threads, but for a zombie leader */
void vfork_done(struct task *child);                /* lets the vfork parent go on */
void rusage_add(struct rusage *sum, const struct rusage *add);
void task_rusage(struct task *t, struct rusage *out);   /* of a live thread; its time and switches */
/* t leaves its memory: the process keeps what the host counted for that, unless others use it on. Sleeps. */
void rusage_keep(struct task *t);

/* After init's end: takes what is left of processes whose parent it was away, and init. True: there is none any more. */
bool processes_gone(void);

/* rseq.c */
void rseq_exit(struct task *t);                     /* sleeps */
/* futex_robust.c */
void futex_exit_robust(struct task *t);             /* sleeps */
/* futex_pi.c */
void futex_exit_pi(struct task *t);                 /* sleeps */
