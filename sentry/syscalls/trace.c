/* trace.c - the lines of --strace: "[pid    12] name(args) = ret", as strace(1) prints them.
 *
 * HOW      trace_enter() prints what the call reads, up to the first argument that shows what it writes;
 *          trace_exit() prints the rest and the result, and writes the line. Guest memory is copied with bounds
 *          like everywhere else; an unreadable pointer is printed as its number.
 *          The write to strace_fd blocks when its reader does not read, as strace itself would.
 * MISSING  "<unfinished ...>": a call that sleeps is shown when it ends. */
#include "sentry/syscalls/trace.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sentry/sentry.h"
#include "sentry/syscalls/names.h"
#include "sentry/syscalls/table.h"

static void (*const printers[])(struct trace *tr, uint64_t v) = {
#define ARG(kind, type, value, printer) [ARG_##kind] = printer,
#include "sentry/syscalls/args.def"
#undef ARG
};

static bool is_out(unsigned char kind)
{
#define ARG(k, type, value, printer) [ARG_##k] = #k,
	static const char *const names[] = {
#include "sentry/syscalls/args.def"
	};
#undef ARG
	return kind == ARG_STATBUF || kind == ARG_FDPAIR || (names[kind] && !strncmp(names[kind], "OUT_", 4));
}

void trace_printf(struct trace *tr, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(tr->buf + tr->len, sizeof(tr->buf) - tr->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		tr->len = MIN(tr->len + (size_t)n, sizeof(tr->buf) - 1);
}

void trace_quoted(struct trace *tr, const char *s, size_t len, bool more)
{
	static const char controls[] = "\n\t\r\v\f";
	trace_printf(tr, "\"");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = s[i];
		const char *at = c ? strchr(controls, c) : NULL;
		if (at)
			trace_printf(tr, "\\%c", "ntrvf"[at - controls]);
		else if (c == '"' || c == '\\')
			trace_printf(tr, "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			trace_printf(tr, "%c", c);
		else if (i + 1 < len && s[i + 1] >= '0' && s[i + 1] <= '9')
			trace_printf(tr, "\\%03o", c);     /* or the digit would join */
		else
			trace_printf(tr, "\\%o", c);
	}
	trace_printf(tr, more ? "\"..." : "\"");
}

bool trace_fetch(struct trace *tr, uint64_t addr, void *dst, size_t bytes)
{
	if (addr && !copy_from_user(tr->t, dst, UPTR(addr), bytes))
		return true;
	trace_ptr(tr, addr);
	return false;
}

/* How many arguments mean something: strace leaves the others out. */
static int shown_args(uint64_t nr, const uint64_t *args, int argc)
{
	switch (nr) {
	case SYS_open:
		return args[1] & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? 3 : 2;
	case SYS_openat:
		return args[2] & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? 4 : 3;
	case SYS_mremap:
		return args[3] & MREMAP_FIXED ? 5 : 4;
	case SYS_fcntl:
		return args[1] == F_GETFD || args[1] == F_GETFL || args[1] == F_GETOWN || args[1] == F_GETSIG ||
		       args[1] == F_GETPIPE_SZ || args[1] == F_GETLEASE || args[1] == F_GET_SEALS ? 2 : 3;
	case SYS_futex:
		switch (args[1] & FUTEX_CMD_MASK) {
		case FUTEX_WAKE: return 3;
		case FUTEX_WAIT: return 4;
		case FUTEX_REQUEUE: return 5;
		default: return 6;
		}
	case SYS_prctl:
		switch (args[0]) {
		case PR_GET_DUMPABLE: case PR_GET_KEEPCAPS: case PR_GET_SECCOMP: case PR_GET_TIMERSLACK:
		case PR_GET_SECUREBITS:
			return 1;
		case PR_SET_NAME: case PR_GET_NAME: case PR_SET_PDEATHSIG: case PR_GET_PDEATHSIG:
		case PR_SET_DUMPABLE: case PR_SET_KEEPCAPS: case PR_CAPBSET_READ: case PR_CAPBSET_DROP:
		case PR_SET_TIMERSLACK: case PR_SET_CHILD_SUBREAPER: case PR_GET_CHILD_SUBREAPER:
			return 2;
		}
		return argc;
	}
	return argc;
}

static bool returns_address(uint64_t nr)
{
	return nr == SYS_mmap || nr == SYS_brk || nr == SYS_mremap || nr == SYS_shmat;
}

static void trace_result(struct trace *tr)
{
	long ret = tr->ret;
	bool restart = ret == -ERESTARTSYS || ret == -ERESTARTNOINTR || ret == -ERESTARTNOHAND || ret == -ERESTART_RESTARTBLOCK;
	const char *name = ret < 0 && ret > -4096 ? errno_name((int)-ret) : NULL;

	if (tr->nr == SYS_exit || tr->nr == SYS_exit_group)
		trace_printf(tr, " = ?");
	else if (name)
		trace_printf(tr, " = %s %s (%s)", restart ? "?" : "-1", name, errno_text((int)-ret));
	else if (ret < 0 && ret > -4096)
		trace_printf(tr, " = %ld", ret);
	else if (returns_address(tr->nr))
		trace_printf(tr, " = %#lx", (unsigned long)ret);
	else if (tr->nr == SYS_umask)
		trace_printf(tr, " = %#lo", (unsigned long)ret);
	else
		trace_printf(tr, " = %ld", ret);
	if (tr->aux[0])
		trace_printf(tr, " (%s)", tr->aux);
}

static void trace_args(struct trace *tr, const struct syscall_entry *e)
{
	for (; tr->arg < tr->argc; tr->arg++) {
		unsigned char kind = e->kinds[tr->arg];
		if (!tr->after && is_out(kind))
			return;
		if (tr->arg)
			trace_printf(tr, ", ");
		printers[kind](tr, tr->args[tr->arg]);
	}
}

static void trace_write(struct trace *tr)
{
	tr->len = MIN(tr->len, sizeof(tr->buf) - 2);
	tr->buf[tr->len++] = '\n';
	for (size_t done = 0; done < tr->len;) {
		ssize_t n = write(sentry_config->strace_fd, tr->buf + done, tr->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		done += n;
	}
}

void trace_enter(struct task *t, uint64_t nr, const uint64_t args[6])
{
	const struct syscall_entry *e = &syscall_table[nr];
	free(t->trace);
	struct trace *tr = malloc(sizeof(*tr));
	t->trace = tr;
	if (!tr)
		return;
	tr->t = t;
	tr->nr = nr;
	tr->args = args;
	tr->arg = 0;
	tr->argc = shown_args(nr, args, e->argc);
	tr->after = false;
	tr->ret = 0;
	tr->len = 0;
	tr->buf[0] = tr->aux[0] = '\0';
	trace_printf(tr, "[pid %5d] %s(", t->tid, e->name);
	trace_args(tr, e);
}

void trace_exit(struct task *t, uint64_t nr, const uint64_t args[6], long ret)
{
	struct trace *tr = t->trace;
	if (!tr)
		return;
	t->trace = NULL;
	tr->args = args;
	tr->after = true;
	tr->ret = ret;
	trace_args(tr, &syscall_table[nr]);
	trace_printf(tr, ")");
	trace_result(tr);
	trace_write(tr);
	free(tr);
}

static void trace_si_code(struct trace *tr, int sig, int code)
{
	static const struct flag_name any[] = {
		FLAG(SI_USER), FLAG(SI_KERNEL), FLAG(SI_QUEUE), FLAG(SI_TIMER), FLAG(SI_MESGQ), FLAG(SI_ASYNCIO), FLAG(SI_SIGIO), FLAG(SI_TKILL),
	};
	static const struct flag_name child[] = {
		FLAG(CLD_EXITED), FLAG(CLD_KILLED), FLAG(CLD_DUMPED), FLAG(CLD_TRAPPED), FLAG(CLD_STOPPED), FLAG(CLD_CONTINUED),
	};
	static const struct flag_name segv[] = { FLAG(SEGV_MAPERR), FLAG(SEGV_ACCERR) };
	if (sig == SIGCHLD && code > 0)
		trace_one_of(tr, (uint32_t)code, child, ARRAY_SIZE(child));
	else if (sig == SIGSEGV && code > 0 && code != SI_KERNEL)
		trace_one_of(tr, (uint32_t)code, segv, ARRAY_SIZE(segv));
	else
		trace_one_of(tr, (uint32_t)code, any, ARRAY_SIZE(any));
}

void trace_signal_delivery(struct task *t, int sig, const siginfo_t *info)
{
	char name[24];
	if (!sentry_config || sentry_config->strace_fd < 0)
		return;
	static struct trace tr;               /* large for a coroutine's stack; nothing here sleeps */
	tr = (struct trace){ .t = t };
	trace_printf(&tr, "[pid %5d] --- %s {si_signo=%s", t->tid, signal_name(sig, name, sizeof(name)), name);
	trace_printf(&tr, ", si_code=");
	trace_si_code(&tr, sig, info->si_code);
	if (info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE || sig == SIGCHLD)
		trace_printf(&tr, ", si_pid=%d, si_uid=%u", info->si_pid, info->si_uid);
	else if (info->si_code > 0 && info->si_code != SI_KERNEL)
		trace_printf(&tr, ", si_addr=%#lx", (unsigned long)info->si_addr);
	trace_printf(&tr, "} ---");
	trace_write(&tr);
}

void trace_task_end(struct task *t, int status)
{
	char name[24];
	if (!sentry_config || sentry_config->strace_fd < 0)
		return;
	static struct trace tr;               /* large for a coroutine's stack; nothing here sleeps */
	tr = (struct trace){ .t = t };
	if (WIFSIGNALED(status))
		trace_printf(&tr, "[pid %5d] +++ killed by %s +++", t->tid, signal_name(WTERMSIG(status), name, sizeof(name)));
	else
		trace_printf(&tr, "[pid %5d] +++ exited with %d +++", t->tid, WEXITSTATUS(status));
	trace_write(&tr);
}
