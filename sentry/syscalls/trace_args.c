/* trace_args.c - printers of numbers, strings, buffers and descriptors' arguments. */
#include "sentry/syscalls/trace.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "sentry/syscalls/names.h"

static bool failed(const struct trace *tr)
{
	return tr->ret < 0 && tr->ret > -4096;
}

void trace_int(struct trace *tr, uint64_t v) { trace_printf(tr, "%d", (int)v); }
void trace_uint(struct trace *tr, uint64_t v) { trace_printf(tr, "%u", (unsigned)v); }
void trace_long(struct trace *tr, uint64_t v) { trace_printf(tr, "%" PRId64, (int64_t)v); }
void trace_ulong(struct trace *tr, uint64_t v) { trace_printf(tr, "%" PRIu64, v); }
void trace_hex(struct trace *tr, uint64_t v) { trace_printf(tr, v ? "0x%" PRIx64 : "0", v); }
void trace_mode(struct trace *tr, uint64_t v) { trace_printf(tr, v ? "0%o" : "000", (unsigned)v); }
void trace_ptr(struct trace *tr, uint64_t v) { trace_printf(tr, v ? "0x%" PRIx64 : "NULL", v); }

void trace_uid(struct trace *tr, uint64_t v)
{
	trace_printf(tr, (uint32_t)v == UINT32_MAX ? "-1" : "%u", (uint32_t)v);
}

void trace_dirfd(struct trace *tr, uint64_t v)
{
	if ((int)v == AT_FDCWD)
		trace_printf(tr, "AT_FDCWD");
	else
		trace_int(tr, v);
}

/* A NUL-terminated string, at most max bytes of it. */
static void trace_cstring(struct trace *tr, uint64_t v, size_t max)
{
	char s[4096];
	ssize_t n = v ? strncpy_from_user(tr->t, s, UPTR(v), max + 1) : -EFAULT;
	if (n >= 0)
		trace_quoted(tr, s, n, false);
	else if (n == -ENAMETOOLONG && !copy_from_user(tr->t, s, UPTR(v), max))
		trace_quoted(tr, s, max, true);
	else
		trace_ptr(tr, v);
}

/* Paths are shown whole, as strace does. */
void trace_path(struct trace *tr, uint64_t v) { trace_cstring(tr, v, 1023); }

void trace_str(struct trace *tr, uint64_t v)
{
	if (tr->after && failed(tr))
		trace_ptr(tr, v);
	else
		trace_cstring(tr, v, TRACE_STRING);
}

void trace_argv(struct trace *tr, uint64_t v)
{
	uint64_t p;
	if (!TRACE_FETCH(tr, v, &p))
		return;
	trace_printf(tr, "[");
	for (unsigned i = 0; p; i++) {
		trace_printf(tr, i ? ", " : "");
		if (i == TRACE_ARRAY) {
			trace_printf(tr, "...");
			break;
		}
		trace_cstring(tr, p, TRACE_STRING);
		if (copy_from_user(tr->t, &p, UPTR(v + 8 * (i + 1ULL)), sizeof(p)))
			break;
	}
	trace_printf(tr, "]");
}

void trace_envp(struct trace *tr, uint64_t v)
{
	unsigned n = 0;
	uint64_t p;
	while (v && n < 65536 && !copy_from_user(tr->t, &p, UPTR(v + 8ULL * n), sizeof(p)) && p)
		n++;
	trace_ptr(tr, v);
	if (v)
		trace_printf(tr, " /* %u var%s */", n, n == 1 ? "" : "s");
}

static void trace_bytes(struct trace *tr, uint64_t v, uint64_t len)
{
	char s[TRACE_STRING];
	size_t n = MIN(len, (uint64_t)sizeof(s));
	if (!v || copy_from_user(tr->t, s, UPTR(v), n))
		trace_ptr(tr, v);
	else
		trace_quoted(tr, s, n, len > n);
}

void trace_in_buf(struct trace *tr, uint64_t v) { trace_bytes(tr, v, tr->args[tr->arg + 1]); }

void trace_out_buf(struct trace *tr, uint64_t v)
{
	if (failed(tr))
		trace_ptr(tr, v);
	else
		trace_bytes(tr, v, tr->ret);
}

static void trace_iov(struct trace *tr, uint64_t v, uint64_t filled)
{
	struct iovec iov;
	uint64_t count = tr->args[tr->arg + 1];
	if (!v || !count || copy_from_user(tr->t, &iov, UPTR(v), sizeof(iov))) {
		trace_ptr(tr, v);
		return;
	}
	trace_printf(tr, "[");
	for (uint64_t i = 0; i < count; i++) {
		trace_printf(tr, i ? ", " : "");
		if (i == TRACE_ARRAY) {
			trace_printf(tr, "...");
			break;
		}
		if (copy_from_user(tr->t, &iov, UPTR(v + i * sizeof(iov)), sizeof(iov))) {
			trace_ptr(tr, v + i * sizeof(iov));
			break;
		}
		uint64_t shown = MIN((uint64_t)iov.iov_len, filled);
		filled -= shown;
		trace_printf(tr, "{iov_base=");
		trace_bytes(tr, (uintptr_t)iov.iov_base, shown);
		trace_printf(tr, ", iov_len=%zu}", iov.iov_len);
	}
	trace_printf(tr, "]");
}

void trace_iovec(struct trace *tr, uint64_t v) { trace_iov(tr, v, UINT64_MAX); }

void trace_out_iovec(struct trace *tr, uint64_t v)
{
	if (failed(tr))
		trace_ptr(tr, v);
	else
		trace_iov(tr, v, tr->ret);
}

void trace_signal(struct trace *tr, uint64_t v)
{
	char name[24];
	trace_printf(tr, "%s", signal_name((int)v, name, sizeof(name)));
}

void trace_fdpair(struct trace *tr, uint64_t v)
{
	int fd[2];
	if (failed(tr))
		trace_ptr(tr, v);
	else if (TRACE_FETCH(tr, v, &fd))
		trace_printf(tr, "[%d, %d]", fd[0], fd[1]);
}

void trace_out_int(struct trace *tr, uint64_t v)
{
	int n;
	if (failed(tr))
		trace_ptr(tr, v);
	else if (TRACE_FETCH(tr, v, &n))
		trace_printf(tr, "[%d]", n);
}

void trace_utsname(struct trace *tr, uint64_t v)
{
	struct utsname u;
	if (failed(tr)) {
		trace_ptr(tr, v);
		return;
	}
	if (!TRACE_FETCH(tr, v, &u))
		return;
	trace_printf(tr, "{sysname=");
	trace_quoted(tr, u.sysname, strnlen(u.sysname, sizeof(u.sysname)), false);
	trace_printf(tr, ", nodename=");
	trace_quoted(tr, u.nodename, strnlen(u.nodename, sizeof(u.nodename)), false);
	trace_printf(tr, ", ...}");
}

/* getdents, getdents64: strace's abbreviated form. */
void trace_dirents(struct trace *tr, uint64_t v)
{
	unsigned n = 0;
	struct dirent64 d;
	size_t head = offsetof(struct dirent64, d_type);
	trace_ptr(tr, v);
	if (failed(tr))
		return;
	for (uint64_t off = 0; off < (uint64_t)tr->ret; off += d.d_reclen, n++)
		if (copy_from_user(tr->t, &d, UPTR(v + off), head) || !d.d_reclen)
			break;
	trace_printf(tr, " /* %u entries */", n);
}
