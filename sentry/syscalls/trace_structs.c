/* trace_structs.c - printers of the structs that calls read and write: times, stat, signals, wait, limits, poll. */
#include "sentry/syscalls/trace.h"

#include <inttypes.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static bool failed(const struct trace *tr)
{
	return tr->ret < 0 && tr->ret > -4096;
}

void trace_timespec(struct trace *tr, uint64_t v)
{
	struct { int64_t sec, nsec; } ts;
	if (TRACE_FETCH(tr, v, &ts))
		trace_printf(tr, "{tv_sec=%" PRId64 ", tv_nsec=%" PRId64 "}", ts.sec, ts.nsec);
}

void trace_timeval(struct trace *tr, uint64_t v)
{
	struct { int64_t sec, usec; } tv;
	if (TRACE_FETCH(tr, v, &tv))
		trace_printf(tr, "{tv_sec=%" PRId64 ", tv_usec=%" PRId64 "}", tv.sec, tv.usec);
}

void trace_out_timespec(struct trace *tr, uint64_t v) { failed(tr) ? trace_ptr(tr, v) : trace_timespec(tr, v); }
void trace_out_timeval(struct trace *tr, uint64_t v) { failed(tr) ? trace_ptr(tr, v) : trace_timeval(tr, v); }

/* The 4th argument of futex(2): a time for the waits, a count for the requeues. */
void trace_futex_timeout(struct trace *tr, uint64_t v)
{
	switch (tr->args[1] & FUTEX_CMD_MASK) {
	case FUTEX_REQUEUE: case FUTEX_CMP_REQUEUE: case FUTEX_WAKE_OP: case FUTEX_CMP_REQUEUE_PI:
		trace_uint(tr, v);
		return;
	}
	trace_timespec(tr, v);
}

static void trace_stat_mode(struct trace *tr, uint32_t mode)
{
	static const struct flag_name types[] = {
		FLAG(S_IFREG), FLAG(S_IFDIR), FLAG(S_IFLNK), FLAG(S_IFCHR), FLAG(S_IFBLK), FLAG(S_IFIFO), FLAG(S_IFSOCK),
	};
	trace_one_of(tr, mode & S_IFMT, types, ARRAY_SIZE(types));
	trace_printf(tr, "|%#o", mode & ~S_IFMT);
}

void trace_statbuf(struct trace *tr, uint64_t v)
{
	struct stat st;
	if (failed(tr)) {
		trace_ptr(tr, v);
		return;
	}
	if (!TRACE_FETCH(tr, v, &st))
		return;
	trace_printf(tr, "{st_mode=");
	trace_stat_mode(tr, st.st_mode);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		trace_printf(tr, ", st_rdev=makedev(%#x, %#x), ...}", major(st.st_rdev), minor(st.st_rdev));
	else
		trace_printf(tr, ", st_size=%" PRId64 ", ...}", (int64_t)st.st_size);
}

void trace_statx(struct trace *tr, uint64_t v)
{
	struct statx st;
	if (failed(tr)) {
		trace_ptr(tr, v);
		return;
	}
	if (!TRACE_FETCH(tr, v, &st))
		return;
	trace_printf(tr, "{stx_mask=%#x, stx_mode=", st.stx_mask);
	trace_stat_mode(tr, st.stx_mode);
	trace_printf(tr, ", stx_size=%" PRIu64 ", ...}", (uint64_t)st.stx_size);
}

void trace_sigset(struct trace *tr, uint64_t v)
{
	ksigset_t set;
	if (TRACE_FETCH(tr, v, &set))
		trace_set_of_signals(tr, set);
}

void trace_out_sigset(struct trace *tr, uint64_t v) { failed(tr) ? trace_ptr(tr, v) : trace_sigset(tr, v); }

void trace_sigaction(struct trace *tr, uint64_t v)
{
	static const struct flag_name flags[] = {
		FLAG(SA_NOCLDSTOP), FLAG(SA_NOCLDWAIT), FLAG(SA_SIGINFO), FLAG(SA_ONSTACK), FLAG(SA_RESTART),
		FLAG(SA_NODEFER), FLAG(SA_RESETHAND), { 0x04000000, "SA_RESTORER" },
	};
	struct ksigaction sa;
	if (!TRACE_FETCH(tr, v, &sa))
		return;
	trace_printf(tr, "{sa_handler=");
	if (sa.handler < 2)
		trace_printf(tr, sa.handler ? "SIG_IGN" : "SIG_DFL");
	else
		trace_ptr(tr, sa.handler);
	trace_printf(tr, ", sa_mask=");
	trace_set_of_signals(tr, sa.mask);
	trace_printf(tr, ", sa_flags=");
	trace_bits(tr, sa.flags, flags, ARRAY_SIZE(flags));
	if (sa.flags & 0x04000000)
		trace_printf(tr, ", sa_restorer=%#" PRIx64, sa.restorer);
	trace_printf(tr, "}");
}

void trace_out_sigaction(struct trace *tr, uint64_t v) { failed(tr) ? trace_ptr(tr, v) : trace_sigaction(tr, v); }

void trace_wstatus(struct trace *tr, uint64_t v)
{
	int st;
	if (failed(tr) || !tr->ret) {
		trace_ptr(tr, v);
		return;
	}
	if (!TRACE_FETCH(tr, v, &st))
		return;
	if (WIFEXITED(st))
		trace_printf(tr, "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]", WEXITSTATUS(st));
	else if (WIFCONTINUED(st))
		trace_printf(tr, "[{WIFCONTINUED(s)}]");
	else {
		trace_printf(tr, WIFSTOPPED(st) ? "[{WIFSTOPPED(s) && WSTOPSIG(s) == " : "[{WIFSIGNALED(s) && WTERMSIG(s) == ");
		trace_signal(tr, WIFSTOPPED(st) ? WSTOPSIG(st) : WTERMSIG(st));
		trace_printf(tr, !WIFSTOPPED(st) && WCOREDUMP(st) ? " && WCOREDUMP(s)}]" : "}]");
	}
}

static void trace_limit(struct trace *tr, const char *name, uint64_t n)
{
	if (n == UINT64_MAX)
		trace_printf(tr, "%s=RLIM64_INFINITY", name);
	else if (n && n % 1024 == 0)
		trace_printf(tr, "%s=%" PRIu64 "*1024", name, n / 1024);
	else
		trace_printf(tr, "%s=%" PRIu64, name, n);
}

void trace_rlimit(struct trace *tr, uint64_t v)
{
	struct { uint64_t cur, max; } rl;
	if (!TRACE_FETCH(tr, v, &rl))
		return;
	trace_limit(tr, "{rlim_cur", rl.cur);
	trace_limit(tr, ", rlim_max", rl.max);
	trace_printf(tr, "}");
}

void trace_out_rlimit(struct trace *tr, uint64_t v) { failed(tr) ? trace_ptr(tr, v) : trace_rlimit(tr, v); }

void trace_clone_args(struct trace *tr, uint64_t v)
{
	struct clone_args a = { 0 };
	if (!trace_fetch(tr, v, &a, MIN(tr->args[1], (uint64_t)sizeof(a))))
		return;
	trace_printf(tr, "{flags=");
	trace_clone_flags(tr, a.flags);
	trace_printf(tr, ", exit_signal=");
	if (a.exit_signal)
		trace_signal(tr, a.exit_signal);
	else
		trace_printf(tr, "0");
	trace_printf(tr, ", stack=");
	trace_ptr(tr, a.stack);
	trace_printf(tr, ", stack_size=%#" PRIx64 "}", (uint64_t)a.stack_size);
}

static const struct flag_name poll_events[] = {
	FLAG(POLLIN), FLAG(POLLPRI), FLAG(POLLOUT), FLAG(POLLERR), FLAG(POLLHUP), FLAG(POLLNVAL),
	FLAG(POLLRDNORM), FLAG(POLLRDBAND), FLAG(POLLWRNORM), FLAG(POLLWRBAND), FLAG(POLLRDHUP),
};

/* poll: what is asked for. What came is only in the result. */
void trace_pollfds(struct trace *tr, uint64_t v)
{
	struct pollfd p;
	uint64_t n = (unsigned)tr->args[tr->arg + 1];
	if (!n || !TRACE_FETCH(tr, v, &p)) {
		if (!n)
			trace_ptr(tr, v);
		return;
	}
	trace_printf(tr, "[");
	for (uint64_t i = 0; i < n; i++) {
		trace_printf(tr, i ? ", " : "");
		if (i == TRACE_ARRAY || copy_from_user(tr->t, &p, UPTR(v + i * sizeof(p)), sizeof(p))) {
			trace_printf(tr, "...");
			break;
		}
		trace_printf(tr, "{fd=%d, events=", p.fd);
		trace_bits(tr, (uint16_t)p.events, poll_events, ARRAY_SIZE(poll_events));
		trace_printf(tr, "}");
	}
	trace_printf(tr, "]");
}

struct kernel_epoll_event { uint32_t events; uint64_t data; } __attribute__((packed));

static void trace_one_epoll_event(struct trace *tr, const struct kernel_epoll_event *e)
{
	static const struct flag_name names[] = {
		FLAG(EPOLLIN), FLAG(EPOLLPRI), FLAG(EPOLLOUT), FLAG(EPOLLERR), FLAG(EPOLLHUP), FLAG(EPOLLRDNORM),
		FLAG(EPOLLRDBAND), FLAG(EPOLLWRNORM), FLAG(EPOLLWRBAND), FLAG(EPOLLMSG), FLAG(EPOLLRDHUP),
		FLAG(EPOLLEXCLUSIVE), FLAG(EPOLLWAKEUP), FLAG(EPOLLONESHOT), FLAG(EPOLLET),
	};
	trace_printf(tr, "{events=");
	trace_bits(tr, e->events, names, ARRAY_SIZE(names));
	trace_printf(tr, ", data=%#" PRIx64 "}", e->data);
}

void trace_epoll_event(struct trace *tr, uint64_t v)
{
	struct kernel_epoll_event e;
	if (TRACE_FETCH(tr, v, &e))
		trace_one_epoll_event(tr, &e);
}

void trace_epoll_events(struct trace *tr, uint64_t v)
{
	struct kernel_epoll_event e;
	if (failed(tr)) {
		trace_ptr(tr, v);
		return;
	}
	trace_printf(tr, "[");
	for (long i = 0; i < tr->ret; i++) {
		trace_printf(tr, i ? ", " : "");
		if (i == TRACE_ARRAY || copy_from_user(tr->t, &e, UPTR(v + i * sizeof(e)), sizeof(e))) {
			trace_printf(tr, "...");
			break;
		}
		trace_one_epoll_event(tr, &e);
	}
	trace_printf(tr, "]");
}
