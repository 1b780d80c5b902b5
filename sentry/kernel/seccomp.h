/* seccomp.h - which system calls a guest task lets itself make (seccomp(2)). */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "platform/base/base.h"
#include "sentry/mm/uaccess.h"

struct file;
struct seccomp_filter;
struct seq;
struct task;

#define SECCOMP_MODE_DEAD 3               /* a filter has killed it; nothing it asks for is done any more */

struct seccomp_state {                    /* of a task */
	int mode;                         /* SECCOMP_MODE_* */
	struct seccomp_filter *filter;    /* the newest of the chain: a reference, NULL in other modes than FILTER */
};

/* Before a call of a task whose mode is not DISABLED. True: it goes ahead. False: *ret is its result, or the task is to
 * die; regs may have changed. May sleep (USER_NOTIF). */
bool seccomp_enter(struct task *t, long *ret);

/* seccomp(2)'s operations. */
int seccomp_set_strict(struct task *t) MUST_CHECK;
/* Puts a filter over those there are. The listener's descriptor (NEW_LISTENER), the id of a thread that cannot be
 * synchronised (TSYNC), 0, or -errno. */
long seccomp_add_filter(struct task *t, unsigned flags, uptr_t fprog) MUST_CHECK;
bool seccomp_action_known(uint32_t action);

void seccomp_fork(const struct task *t, struct task *child);
void seccomp_exit(struct task *t);        /* gives up its filters; the mode stays, for /proc */
int seccomp_filters(const struct task *t);
/* Does a tracer of t's ask for it (PTRACE_O_SUSPEND_SECCOMP)? Then no filter is run. */
bool seccomp_is_suspended(const struct task *t);
/* PTRACE_SECCOMP_GET_FILTER: copies target's n-th program, the oldest first, to `out`, if that is not NULL. How many
 * instructions it has; -EACCES -EINVAL -ENOENT -EFAULT. */
long seccomp_get_filter(struct task *t, const struct task *target, uint64_t n, uptr_t out) MUST_CHECK;

/* /proc/sys/kernel/seccomp. Names separated by blanks; -EINVAL: one is unknown, or "allow". */
void seccomp_show_actions(struct seq *s, bool only_logged);
int seccomp_set_logged(const char *names) MUST_CHECK;

/* seccomp_bpf.c: is it a program that Linux's seccomp takes? -EINVAL. Then it ends for every input. */
int seccomp_bpf_check(const struct sock_filter *prog, unsigned len) MUST_CHECK;
/* *used_more: the result depends on more than number and architecture. */
uint32_t seccomp_bpf_run(const struct sock_filter *prog, const struct seccomp_data *sd, bool *used_more);
