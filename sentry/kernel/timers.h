/* timers.h - a process's timers: timer_create(2), setitimer(2), and what ends them. */
#pragma once

#include "sentry/kernel/clock.h"

/* execve: POSIX timers go, interval timers stay. Exit: all go. Fork inherits none. Never sleep. */
void timers_exec(struct thread_group *tg);
void timers_exit(struct thread_group *tg);

/* --- posix_timers.c --- */

struct timer_spec { uint64_t value_ns, interval_ns; };        /* value: until the next expiry, 0: disarmed */

/* notify: SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD_ID (to target, of tg). value NULL: the timer's id. -EAGAIN: too many. */
int posix_timer_create(struct thread_group *tg, const struct clock *c, int notify, int sig, const union sigval *value,
		       struct task *target, int *out_id) MUST_CHECK;
/* -EINVAL: no such timer. old may be NULL. */
int posix_timer_set(struct thread_group *tg, int id, bool absolute, const struct timer_spec *spec,
		    struct timer_spec *old) MUST_CHECK;
int posix_timer_get(struct thread_group *tg, int id, struct timer_spec *out) MUST_CHECK;
int posix_timer_overrun(struct thread_group *tg, int id) MUST_CHECK;
int posix_timer_delete(struct thread_group *tg, int id) MUST_CHECK;

/* --- itimer.c --- */

/* which: ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF. */
void itimer_get(struct thread_group *tg, int which, struct timer_spec *out);
void itimer_set(struct thread_group *tg, int which, const struct timer_spec *spec);

/* tg's RLIMIT_CPU was set, or inherited. */
void rlimit_cpu_changed(struct thread_group *tg);
