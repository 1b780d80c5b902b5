/* seccomp.c - modes and filters of tasks, and what becomes of a call.
 *
 * HOW     Filters are chained from the newest to the oldest and shared by all tasks that inherited them; a call meets all of
 *         them, and the least permissive verdict counts. Which calls a chain allows whatever their arguments is found out
 *         when a filter is added, so that those are a bit's test.
 * LINUX   kernel/seccomp.c: __secure_computing(), seccomp_run_filters(), seccomp_set_mode_filter().
 *         Same: of equal verdicts the newest filter's data counts; TRAP and KILL put back the call's number into rax.
 *         Differs: the limit for a chain counts instructions as given, not as translated; the log is --debug's.
 *         What RET_TRACE's tracer made of a call meets the filters once more. */
#include "sentry/kernel/seccomp.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/ptrace.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "sentry/fs/pseudo/seq.h"
#include "sentry/fs/seccomp/seccomp_notify.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/syscalls/table.h"

#define CHAIN_INSNS_MAX 32768
#define FILTER_COST 4                     /* in instructions, of each filter of a chain but the newest */
#define ERRNO_MAX 4095
#define TRAP_CODE 1                       /* SYS_SECCOMP */
#define FLAGS_ALL                                                                                                  \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |                    \
	 SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

struct seccomp_filter {
	int refs;                         /* tasks, and newer filters */
	struct seccomp_filter *prev;      /* the next older one: a reference */
	struct seccomp_listener *listener;
	bool log, wait_killable;
	unsigned len;
	uint64_t allowed[SYSCALL_MAX / 64];   /* by this one and all older ones, whatever the arguments */
	struct sock_filter prog[];
};

static const struct { const char *name; uint32_t ret; } actions[] = {
	{ "kill_process", SECCOMP_RET_KILL_PROCESS },
	{ "kill_thread", SECCOMP_RET_KILL_THREAD },
	{ "trap", SECCOMP_RET_TRAP },
	{ "errno", SECCOMP_RET_ERRNO },
	{ "user_notif", SECCOMP_RET_USER_NOTIF },
	{ "trace", SECCOMP_RET_TRACE },
	{ "log", SECCOMP_RET_LOG },
	{ "allow", SECCOMP_RET_ALLOW },
};
static unsigned actions_logged = 0x7f;    /* a bit an action: all but "allow" */

/* --- filters as objects --- */

static struct seccomp_filter *filter_get(struct seccomp_filter *f)
{
	if (f)
		f->refs++;
	return f;
}

static void filter_put(struct seccomp_filter *f)
{
	while (f && --f->refs == 0) {
		struct seccomp_filter *prev = f->prev;
		if (f->listener)
			seccomp_listener_orphan(f->listener);
		free(f);
		f = prev;
	}
}
DEFINE_AUTO(filter_put, struct seccomp_filter *)

static void find_allowed(struct seccomp_filter *f)
{
	for (unsigned nr = 0; nr < SYSCALL_MAX; nr++) {
		const struct seccomp_data sd = { .nr = (int)nr, .arch = AUDIT_ARCH_X86_64 };
		bool more;
		if (f->prev && !(f->prev->allowed[nr / 64] >> nr % 64 & 1))
			continue;
		if (seccomp_bpf_run(f->prog, &sd, &more) == SECCOMP_RET_ALLOW && !more)
			f->allowed[nr / 64] |= 1ULL << nr % 64;
	}
}

static int filter_new(struct task *t, uptr_t uprog, struct seccomp_filter **out)
{
	struct { uint16_t len; uint64_t insns; } prog;      /* struct sock_fprog */
	int err = get_user(t, &prog, uprog);
	if (err)
		return err;
	if (prog.len == 0 || prog.len > BPF_MAXINSNS)
		return -EINVAL;
	if (!t->cred->no_new_privs && !cred_has_own_cap(t->cred, CAP_SYS_ADMIN))
		return -EACCES;
	if (!prog.insns)
		return -EINVAL;
	size_t bytes = prog.len * sizeof(struct sock_filter);
	AUTO(filter_put) struct seccomp_filter *f = xzalloc(sizeof(*f) + bytes);
	f->refs = 1;
	f->len = prog.len;
	err = copy_from_user(t, f->prog, UPTR(prog.insns), bytes);
	if (!err)
		err = seccomp_bpf_check(f->prog, f->len);
	if (err)
		return err;
	*out = TAKE(f);
	return 0;
}

int seccomp_filters(const struct task *t)
{
	int n = 0;
	for (const struct seccomp_filter *f = t->seccomp.filter; f; f = f->prev)
		n++;
	return n;
}

void seccomp_fork(const struct task *t, struct task *child)
{
	child->seccomp.mode = t->seccomp.mode;
	child->seccomp.filter = filter_get(t->seccomp.filter);
	child->slow_path |= t->slow_path & TASK_SLOW_SECCOMP;
}

void seccomp_exit(struct task *t)
{
	filter_put(TAKE(t->seccomp.filter));
}

/* --- adding --- */

static void set_mode(struct task *t, int mode)
{
	t->seccomp.mode = mode;
	t->slow_path |= TASK_SLOW_SECCOMP;
	answers_forget(t);
}

static bool may_have_mode(const struct task *t, int mode)
{
	return t->seccomp.mode == SECCOMP_MODE_DISABLED || t->seccomp.mode == mode;
}

int seccomp_set_strict(struct task *t)
{
	if (!may_have_mode(t, SECCOMP_MODE_STRICT))
		return -EINVAL;
	set_mode(t, SECCOMP_MODE_STRICT);
	return 0;
}

static bool is_ancestor(const struct seccomp_filter *old, const struct seccomp_filter *f)
{
	while (f && f != old)
		f = f->prev;
	return !old || f;
}

/* 0, or the id of a thread that went ways of its own. */
static int find_unsyncable(const struct task *t)
{
	struct task *other;
	TAILQ_FOREACH(other, &t->tg->threads, thread_link) {
		if (!other->live || other->seccomp.mode == SECCOMP_MODE_DISABLED)
			continue;
		if (other->seccomp.mode != SECCOMP_MODE_FILTER || !is_ancestor(other->seccomp.filter, t->seccomp.filter))
			return pid_shown(t, other->tid);
	}
	return 0;
}

static void sync_threads(struct task *t)
{
	struct task *other;
	TAILQ_FOREACH(other, &t->tg->threads, thread_link) {
		if (other == t || !other->live)
			continue;
		struct seccomp_filter *old = other->seccomp.filter;
		other->seccomp.filter = filter_get(t->seccomp.filter);
		filter_put(old);
		if (t->cred->no_new_privs && !other->cred->no_new_privs) {
			struct cred *new = cred_copy(other->cred);
			new->no_new_privs = true;
			cred_install(other, new);
		}
		if (other->seccomp.mode == SECCOMP_MODE_DISABLED)
			set_mode(other, SECCOMP_MODE_FILTER);
	}
}

/* Takes f over when it returns 0. */
static int attach(struct task *t, struct seccomp_filter *f, unsigned flags)
{
	if (!may_have_mode(t, SECCOMP_MODE_FILTER))
		return -EINVAL;
	unsigned insns = f->len;
	for (const struct seccomp_filter *old = t->seccomp.filter; old; old = old->prev) {
		if (f->listener && old->listener)
			return -EBUSY;
		insns += old->len + FILTER_COST;
	}
	if (insns > CHAIN_INSNS_MAX)
		return -ENOMEM;
	if (flags & SECCOMP_FILTER_FLAG_TSYNC) {
		int tid = find_unsyncable(t);
		if (tid)
			return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : tid;
	}
	f->log = flags & SECCOMP_FILTER_FLAG_LOG;
	f->wait_killable = flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	f->prev = t->seccomp.filter;
	find_allowed(f);
	t->seccomp.filter = f;
	set_mode(t, SECCOMP_MODE_FILTER);
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		sync_threads(t);
	return 0;
}

static bool flags_valid(unsigned flags)
{
	if (flags & ~FLAGS_ALL)
		return false;
	bool listen = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* Both would be the result: a descriptor and a thread's id. */
	if (listen && (flags & SECCOMP_FILTER_FLAG_TSYNC) && !(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return false;
	return listen || !(flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
}

long seccomp_add_filter(struct task *t, unsigned flags, uptr_t fprog)
{
	if (!flags_valid(flags))
		return -EINVAL;
	AUTO(filter_put) struct seccomp_filter *f = NULL;
	int err = filter_new(t, fprog, &f);
	if (err)
		return err;
	if (!(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)) {
		err = attach(t, f, flags);
		if (!err)
			f = NULL;
		return err;
	}
	AUTO(file_put) struct file *file = NULL;
	err = seccomp_listener_new(&f->listener, &file);
	if (err)
		return err;
	int fd = fd_reserve(t, 0);
	if (fd < 0)
		return fd;
	err = attach(t, f, flags);
	if (err) {
		fd_abort(t, fd);
		return err;
	}
	f = NULL;
	fd_commit(t, fd, TAKE(file), true);
	return fd;
}

/* --- verdicts --- */

static void log_call(const struct seccomp_data *sd, const struct task *t, uint32_t action, bool wanted)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (actions[i].ret != action || !(actions_logged >> i & 1))
			continue;
		if (wanted)
			debugf("sbx: %d: seccomp: %s for system call %d\n", t->tid, actions[i].name, sd->nr);
	}
}

static siginfo_t sigsys(const struct seccomp_data *sd, uint32_t data)
{
	siginfo_t info = { .si_signo = SIGSYS, .si_errno = (int)data, .si_code = TRAP_CODE };
	info.si_call_addr = (void *)sd->instruction_pointer;   /* NOLINT: a guest address, only copied */
	info.si_syscall = sd->nr;
	info.si_arch = sd->arch;
	return info;
}

/* A process with one thread left dies of it as a whole, so that its core can be looked at. */
static void kill_task(struct task *t, const struct seccomp_data *sd, uint32_t action, uint32_t data)
{
	t->seccomp.mode = SECCOMP_MODE_DEAD;
	if (action == SECCOMP_RET_KILL_THREAD && t->tg->nthreads > 1) {
		task_exit_mark(t, SIGSYS);
		return;
	}
	siginfo_t info = sigsys(sd, data);
	t->tg->sighand->action[SIGSYS - 1].handler = (uint64_t)SIG_DFL;
	signal_force_fault(t, SIGSYS, &info);
}

/* The least permissive verdict, and whose. */
static uint32_t run_filters(const struct task *t, const struct seccomp_data *sd, struct seccomp_filter **out)
{
	uint32_t verdict = SECCOMP_RET_ALLOW;
	*out = t->seccomp.filter;
	for (struct seccomp_filter *f = t->seccomp.filter; f; f = f->prev) {
		bool more;
		uint32_t ret = seccomp_bpf_run(f->prog, sd, &more);
		if ((int32_t)(ret & SECCOMP_RET_ACTION_FULL) < (int32_t)(verdict & SECCOMP_RET_ACTION_FULL)) {
			verdict = ret;
			*out = f;
		}
	}
	return verdict;
}

static bool ask_listener(struct task *t, struct seccomp_filter *f, const struct seccomp_data *sd, long *ret)
{
	*ret = -ENOSYS;
	if (!f->listener)
		return false;
	return seccomp_listener_ask(f->listener, t, sd, f->wait_killable, ret);
}

static struct seccomp_data data_of(const struct task *t)
{
	const struct user_regs_struct *r = &t->pl->regs;
	return (struct seccomp_data){
		.nr = (int)r->orig_rax,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = r->rip,
		.args = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 },
	};
}

static bool apply_filters(struct task *t, const struct seccomp_data *sd, bool tracer_has_seen_it, long *ret);

static bool ask_tracer(struct task *t, uint32_t data, long *ret)
{
	*ret = -ENOSYS;
	if (!ptrace_asked_for(t, PTRACE_EVENT_SECCOMP))
		return false;
	ptrace_event(t, PTRACE_EVENT_SECCOMP, data);
	*ret = (long)t->pl->regs.rax;
	const struct seccomp_data sd = data_of(t);
	return !t->exiting && sd.nr != -1 && apply_filters(t, &sd, true, ret);
}

static bool apply_filters(struct task *t, const struct seccomp_data *sd, bool tracer_has_seen_it, long *ret)
{
	struct seccomp_filter *f;
	uint32_t nr = (uint32_t)sd->nr;
	if (nr < SYSCALL_MAX && (t->seccomp.filter->allowed[nr / 64] >> nr % 64 & 1))
		return true;
	uint32_t verdict = run_filters(t, sd, &f);
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL, data = verdict & SECCOMP_RET_DATA;
	switch (action) {
	case SECCOMP_RET_ALLOW:
		return true;
	case SECCOMP_RET_LOG:
		log_call(sd, t, action, true);
		return true;
	case SECCOMP_RET_ERRNO:
		log_call(sd, t, action, f->log);
		*ret = -(long)MIN(data, (uint32_t)ERRNO_MAX);
		return false;
	case SECCOMP_RET_TRAP: {
		siginfo_t info = sigsys(sd, data);
		log_call(sd, t, action, f->log);
		*ret = sd->nr;
		signal_force_fault(t, SIGSYS, &info);
		return false;
	}
	case SECCOMP_RET_TRACE:
		log_call(sd, t, action, f->log);
		return tracer_has_seen_it || ask_tracer(t, data, ret);
	case SECCOMP_RET_USER_NOTIF:
		log_call(sd, t, action, f->log);
		return ask_listener(t, f, sd, ret);
	default:                          /* what is unknown kills the process */
		log_call(sd, t, action, true);
		*ret = sd->nr;
		kill_task(t, sd, action, data);
		return false;
	}
}

static bool strict_allows(uint64_t nr)
{
	return nr == SYS_read || nr == SYS_write || nr == SYS_exit || nr == SYS_rt_sigreturn;
}

bool seccomp_enter(struct task *t, long *ret)
{
	const struct seccomp_data sd = data_of(t);
	if (seccomp_is_suspended(t))
		return true;
	switch (t->seccomp.mode) {
	case SECCOMP_MODE_DISABLED:
		return true;
	case SECCOMP_MODE_FILTER:
		return apply_filters(t, &sd, false, ret);
	case SECCOMP_MODE_STRICT:
		if (strict_allows(t->pl->regs.orig_rax))
			return true;
		log_call(&sd, t, SECCOMP_RET_KILL_THREAD, true);
		t->seccomp.mode = SECCOMP_MODE_DEAD;
		break;
	}
	*ret = -ENOSYS;
	task_exit_mark(t, SIGKILL);
	return false;
}

/* --- for tracers --- */

bool seccomp_is_suspended(const struct task *t)
{
	return t->ptrace.tracer && t->ptrace.options & PTRACE_O_SUSPEND_SECCOMP;
}

long seccomp_get_filter(struct task *t, const struct task *target, uint64_t n, uptr_t out)
{
	if (!cred_has_cap(t->cred, CAP_SYS_ADMIN) || t->seccomp.mode != SECCOMP_MODE_DISABLED)
		return -EACCES;
	if (target->seccomp.mode != SECCOMP_MODE_FILTER)
		return -EINVAL;
	uint64_t count = (uint64_t)seccomp_filters(target);
	if (n >= count)
		return -ENOENT;
	const struct seccomp_filter *f = target->seccomp.filter;
	for (uint64_t newer = count - 1 - n; newer; newer--)
		f = f->prev;
	if (!uptr_null(out) && copy_to_user(t, out, f->prog, f->len * sizeof(f->prog[0])))
		return -EFAULT;
	return f->len;
}

/* --- actions by name --- */

bool seccomp_action_known(uint32_t action)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (actions[i].ret == action)
			return true;
	return false;
}

void seccomp_show_actions(struct seq *s, bool only_logged)
{
	const char *gap = "";
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (only_logged && !(actions_logged >> i & 1))
			continue;
		seq_printf(s, "%s%s", gap, actions[i].name);
		gap = " ";
	}
	seq_puts(s, "\n");
}

int seccomp_set_logged(const char *names)
{
	unsigned logged = 0;
	while (*(names += strspn(names, " \n"))) {
		size_t len = strcspn(names, " \n"), i = 0;
		while (i < ARRAY_SIZE(actions) &&
		       (strlen(actions[i].name) != len || strncmp(actions[i].name, names, len) != 0))
			i++;
		if (i == ARRAY_SIZE(actions) || actions[i].ret == SECCOMP_RET_ALLOW)
			return -EINVAL;
		logged |= 1u << i;
		names += len;
	}
	actions_logged = logged;
	return 0;
}
