/* trace_flags.c - printers of flag words and constants. */
#include "sentry/syscalls/trace.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void trace_bits(struct trace *tr, uint64_t v, const struct flag_name *names, size_t n)
{
	const char *sep = "";
	for (size_t i = 0; i < n; i++) {
		if (names[i].value ? (v & names[i].value) != names[i].value : v != 0)
			continue;
		trace_printf(tr, "%s%s", sep, names[i].name);
		v &= ~names[i].value;
		sep = "|";
		if (!v)
			return;
	}
	if (v || !*sep)
		trace_printf(tr, v ? "%s%#" PRIx64 : "%s0", sep, v);
}

void trace_one_of(struct trace *tr, uint64_t v, const struct flag_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i].value == v) {
			trace_printf(tr, "%s", names[i].name);
			return;
		}
	}
	trace_printf(tr, v ? "%#" PRIx64 : "0", v);
}

void trace_set_of_signals(struct trace *tr, ksigset_t set)
{
	bool inverted = __builtin_popcountll(set) > NSIG64 / 2;
	const char *sep = "";
	trace_printf(tr, inverted ? "~[" : "[");
	for (int sig = 1; sig <= NSIG64; sig++) {
		if (!(set & SIGBIT(sig)) != inverted)
			continue;
		const char *name = sig < 32 ? sigabbrev_np(sig) : NULL;
		if (name)
			trace_printf(tr, "%s%s", sep, name);
		else
			trace_printf(tr, sig == 32 ? "%sRTMIN" : "%sRT_%d", sep, sig - 32);
		sep = " ";
	}
	trace_printf(tr, "]");
}

/* Most kinds are one table: BITS prints "A|B", ONE prints one name. */
#define BITS(printer, ...)                                                                            \
	void printer(struct trace *tr, uint64_t v)                                                    \
	{                                                                                             \
		static const struct flag_name names[] = { __VA_ARGS__ };                              \
		trace_bits(tr, (uint32_t)v, names, ARRAY_SIZE(names));                                \
	}
#define ONE(printer, ...)                                                                             \
	void printer(struct trace *tr, uint64_t v)                                                    \
	{                                                                                             \
		static const struct flag_name names[] = { __VA_ARGS__ };                              \
		trace_one_of(tr, (uint32_t)v, names, ARRAY_SIZE(names));                              \
	}

BITS(trace_prot, FLAG(PROT_NONE), FLAG(PROT_READ), FLAG(PROT_WRITE), FLAG(PROT_EXEC), FLAG(PROT_GROWSDOWN), FLAG(PROT_GROWSUP))
BITS(trace_mremap_flags, FLAG(MREMAP_MAYMOVE), FLAG(MREMAP_FIXED), FLAG(MREMAP_DONTUNMAP))
BITS(trace_access, FLAG(F_OK), FLAG(R_OK), FLAG(W_OK), FLAG(X_OK))
BITS(trace_fd_flags, FLAG(O_NONBLOCK), FLAG(O_CLOEXEC))
BITS(trace_wait_options, FLAG(WNOHANG), FLAG(WUNTRACED), FLAG(WEXITED), FLAG(WCONTINUED), FLAG(WNOWAIT), FLAG(__WCLONE),
	FLAG(__WALL), FLAG(__WNOTHREAD))
ONE(trace_whence, FLAG(SEEK_SET), FLAG(SEEK_CUR), FLAG(SEEK_END), FLAG(SEEK_DATA), FLAG(SEEK_HOLE))
ONE(trace_sig_how, FLAG(SIG_BLOCK), FLAG(SIG_UNBLOCK), FLAG(SIG_SETMASK))
ONE(trace_madvice, FLAG(MADV_NORMAL), FLAG(MADV_RANDOM), FLAG(MADV_SEQUENTIAL), FLAG(MADV_WILLNEED), FLAG(MADV_DONTNEED),
	FLAG(MADV_FREE), FLAG(MADV_REMOVE), FLAG(MADV_DONTFORK), FLAG(MADV_DOFORK), FLAG(MADV_MERGEABLE),
	FLAG(MADV_UNMERGEABLE), FLAG(MADV_HUGEPAGE), FLAG(MADV_NOHUGEPAGE), FLAG(MADV_DONTDUMP), FLAG(MADV_DODUMP),
	FLAG(MADV_WIPEONFORK), FLAG(MADV_KEEPONFORK), FLAG(MADV_COLD), FLAG(MADV_PAGEOUT))
ONE(trace_clockid, FLAG(CLOCK_REALTIME), FLAG(CLOCK_MONOTONIC), FLAG(CLOCK_PROCESS_CPUTIME_ID), FLAG(CLOCK_THREAD_CPUTIME_ID),
	FLAG(CLOCK_MONOTONIC_RAW), FLAG(CLOCK_REALTIME_COARSE), FLAG(CLOCK_MONOTONIC_COARSE), FLAG(CLOCK_BOOTTIME),
	FLAG(CLOCK_REALTIME_ALARM), FLAG(CLOCK_BOOTTIME_ALARM), FLAG(CLOCK_TAI))
ONE(trace_resource, FLAG(RLIMIT_CPU), FLAG(RLIMIT_FSIZE), FLAG(RLIMIT_DATA), FLAG(RLIMIT_STACK), FLAG(RLIMIT_CORE),
	FLAG(RLIMIT_RSS), FLAG(RLIMIT_NPROC), FLAG(RLIMIT_NOFILE), FLAG(RLIMIT_MEMLOCK), FLAG(RLIMIT_AS), FLAG(RLIMIT_LOCKS),
	FLAG(RLIMIT_SIGPENDING), FLAG(RLIMIT_MSGQUEUE), FLAG(RLIMIT_NICE), FLAG(RLIMIT_RTPRIO), FLAG(RLIMIT_RTTIME))
ONE(trace_arch_prctl, FLAG(ARCH_SET_GS), FLAG(ARCH_SET_FS), FLAG(ARCH_GET_FS), FLAG(ARCH_GET_GS), FLAG(ARCH_GET_CPUID),
	FLAG(ARCH_SET_CPUID))
ONE(trace_epoll_op, FLAG(EPOLL_CTL_ADD), FLAG(EPOLL_CTL_DEL), FLAG(EPOLL_CTL_MOD))
ONE(trace_prctl, FLAG(PR_SET_PDEATHSIG), FLAG(PR_GET_PDEATHSIG), FLAG(PR_GET_DUMPABLE), FLAG(PR_SET_DUMPABLE),
	FLAG(PR_GET_KEEPCAPS), FLAG(PR_SET_KEEPCAPS), FLAG(PR_SET_NAME), FLAG(PR_GET_NAME), FLAG(PR_GET_SECCOMP),
	FLAG(PR_SET_SECCOMP), FLAG(PR_CAPBSET_READ), FLAG(PR_CAPBSET_DROP), FLAG(PR_GET_SECUREBITS), FLAG(PR_SET_SECUREBITS),
	FLAG(PR_SET_TIMERSLACK), FLAG(PR_GET_TIMERSLACK), FLAG(PR_SET_MM), FLAG(PR_SET_PTRACER), FLAG(PR_SET_CHILD_SUBREAPER),
	FLAG(PR_GET_CHILD_SUBREAPER), FLAG(PR_SET_NO_NEW_PRIVS), FLAG(PR_GET_NO_NEW_PRIVS), FLAG(PR_SET_THP_DISABLE),
	FLAG(PR_GET_THP_DISABLE), FLAG(PR_CAP_AMBIENT), FLAG(PR_SET_VMA), FLAG(PR_GET_TSC), FLAG(PR_SET_TSC))
ONE(trace_ioctl, FLAG(TCGETS), FLAG(TCSETS), FLAG(TCSETSW), FLAG(TCSETSF), FLAG(TIOCGWINSZ), FLAG(TIOCSWINSZ), FLAG(TIOCGPGRP),
	FLAG(TIOCSPGRP), FLAG(TIOCGSID), FLAG(TIOCSCTTY), FLAG(TIOCNOTTY), FLAG(TIOCGPTN), FLAG(TIOCSPTLCK), FLAG(TIOCGPTPEER),
	FLAG(TCSBRK), FLAG(TCFLSH), FLAG(TCXONC), FLAG(TIOCOUTQ), FLAG(FIONREAD), FLAG(FIONBIO), FLAG(FIOASYNC), FLAG(FIOCLEX),
	FLAG(FIONCLEX), FLAG(TIOCSTI), FLAG(TIOCEXCL), FLAG(TIOCNXCL), FLAG(SIOCGIFCONF), FLAG(SIOCGIFFLAGS),
	{ 0x40049409, "FICLONE" }, { 0xc020660b, "FS_IOC_FIEMAP" }, { 0x80086601, "FS_IOC_GETFLAGS" },
	{ 0x40086602, "FS_IOC_SETFLAGS" })

void trace_open_flags(struct trace *tr, uint64_t v)
{
	static const struct flag_name access[] = { FLAG(O_RDONLY), FLAG(O_WRONLY), FLAG(O_RDWR), FLAG(O_ACCMODE) };
	static const struct flag_name names[] = {
		FLAG(O_CREAT), FLAG(O_EXCL), FLAG(O_NOCTTY), FLAG(O_TRUNC), FLAG(O_APPEND), FLAG(O_NONBLOCK), FLAG(O_SYNC),
		FLAG(O_DSYNC), FLAG(O_DIRECT), { 0100000, "O_LARGEFILE" }, FLAG(O_NOFOLLOW), FLAG(O_NOATIME), FLAG(O_CLOEXEC),
		FLAG(O_PATH), FLAG(O_TMPFILE), FLAG(O_DIRECTORY), FLAG(O_ASYNC),
	};
	trace_one_of(tr, v & O_ACCMODE, access, ARRAY_SIZE(access));
	if ((uint32_t)v & ~O_ACCMODE) {
		trace_printf(tr, "|");
		trace_bits(tr, (uint32_t)v & ~O_ACCMODE, names, ARRAY_SIZE(names));
	}
}

void trace_map_flags(struct trace *tr, uint64_t v)
{
	static const struct flag_name types[] = {
		{ 0, "MAP_FILE" }, FLAG(MAP_SHARED), FLAG(MAP_PRIVATE), FLAG(MAP_SHARED_VALIDATE),
	};
	static const struct flag_name names[] = {
		FLAG(MAP_FIXED), FLAG(MAP_ANONYMOUS), FLAG(MAP_GROWSDOWN), FLAG(MAP_DENYWRITE), FLAG(MAP_EXECUTABLE), FLAG(MAP_LOCKED),
		FLAG(MAP_NORESERVE), FLAG(MAP_POPULATE), FLAG(MAP_NONBLOCK), FLAG(MAP_STACK), FLAG(MAP_HUGETLB), FLAG(MAP_SYNC),
		FLAG(MAP_FIXED_NOREPLACE), FLAG(MAP_32BIT),
	};
	trace_one_of(tr, v & MAP_TYPE, types, ARRAY_SIZE(types));
	if ((uint32_t)v & ~MAP_TYPE) {
		trace_printf(tr, "|");
		trace_bits(tr, (uint32_t)v & ~MAP_TYPE, names, ARRAY_SIZE(names));
	}
}

/* One bit has two meanings: AT_EACCESS of faccessat, AT_REMOVEDIR of unlinkat. */
void trace_at_flags(struct trace *tr, uint64_t v)
{
	static const struct flag_name names[] = {
		FLAG(AT_SYMLINK_NOFOLLOW), FLAG(AT_SYMLINK_FOLLOW), FLAG(AT_NO_AUTOMOUNT), FLAG(AT_EMPTY_PATH),
		FLAG(AT_STATX_FORCE_SYNC), FLAG(AT_STATX_DONT_SYNC), FLAG(AT_RECURSIVE),
	};
	static const struct flag_name unlink_names[] = { FLAG(AT_REMOVEDIR) }, access_names[] = {
		FLAG(AT_EACCESS), FLAG(AT_SYMLINK_NOFOLLOW), FLAG(AT_EMPTY_PATH),
	};
	if (tr->nr == 263)
		trace_bits(tr, (uint32_t)v, unlink_names, ARRAY_SIZE(unlink_names));
	else if (tr->nr == 439)
		trace_bits(tr, (uint32_t)v, access_names, ARRAY_SIZE(access_names));
	else
		trace_bits(tr, (uint32_t)v, names, ARRAY_SIZE(names));
}

void trace_clone_flags(struct trace *tr, uint64_t v)
{
	static const struct flag_name names[] = {
		FLAG(CLONE_VM), FLAG(CLONE_FS), FLAG(CLONE_FILES), FLAG(CLONE_SIGHAND), FLAG(CLONE_PIDFD), FLAG(CLONE_PTRACE),
		FLAG(CLONE_VFORK), FLAG(CLONE_PARENT), FLAG(CLONE_THREAD), FLAG(CLONE_NEWNS), FLAG(CLONE_SYSVSEM),
		FLAG(CLONE_SETTLS), FLAG(CLONE_PARENT_SETTID), FLAG(CLONE_CHILD_CLEARTID), FLAG(CLONE_DETACHED),
		FLAG(CLONE_UNTRACED), FLAG(CLONE_CHILD_SETTID), FLAG(CLONE_NEWCGROUP), FLAG(CLONE_NEWUTS), FLAG(CLONE_NEWIPC),
		FLAG(CLONE_NEWUSER), FLAG(CLONE_NEWPID), FLAG(CLONE_NEWNET), FLAG(CLONE_IO),
		{ 0x100000000, "CLONE_CLEAR_SIGHAND" }, { 0x200000000, "CLONE_INTO_CGROUP" },
	};
	bool has_signal = tr->nr == 56;           /* clone(2): the low byte */
	uint64_t flags = has_signal ? v & ~0xffULL : v;
	if (flags || !(v & 0xff))
		trace_bits(tr, flags, names, ARRAY_SIZE(names));
	if (has_signal && (v & 0xff)) {
		trace_printf(tr, flags ? "|" : "");
		trace_signal(tr, v & 0xff);
	}
}

void trace_futex_op(struct trace *tr, uint64_t v)
{
	static const struct flag_name names[] = {
		FLAG(FUTEX_WAIT), FLAG(FUTEX_WAKE), FLAG(FUTEX_FD), FLAG(FUTEX_REQUEUE), FLAG(FUTEX_CMP_REQUEUE), FLAG(FUTEX_WAKE_OP),
		FLAG(FUTEX_LOCK_PI), FLAG(FUTEX_UNLOCK_PI), FLAG(FUTEX_TRYLOCK_PI), FLAG(FUTEX_WAIT_BITSET),
		FLAG(FUTEX_WAKE_BITSET), FLAG(FUTEX_WAIT_REQUEUE_PI), FLAG(FUTEX_CMP_REQUEUE_PI), FLAG(FUTEX_LOCK_PI2),
	};
	trace_one_of(tr, (uint32_t)v & FUTEX_CMD_MASK, names, ARRAY_SIZE(names));
	if (v & FUTEX_PRIVATE_FLAG)
		trace_printf(tr, "_PRIVATE");
	if (v & FUTEX_CLOCK_REALTIME)
		trace_printf(tr, "|FUTEX_CLOCK_REALTIME");
}

void trace_fcntl(struct trace *tr, uint64_t v)
{
	static const struct flag_name names[] = {
		FLAG(F_DUPFD), FLAG(F_GETFD), FLAG(F_SETFD), FLAG(F_GETFL), FLAG(F_SETFL), FLAG(F_GETLK), FLAG(F_SETLK), FLAG(F_SETLKW),
		FLAG(F_SETOWN), FLAG(F_GETOWN), FLAG(F_SETSIG), FLAG(F_GETSIG), FLAG(F_SETOWN_EX), FLAG(F_GETOWN_EX),
		FLAG(F_OFD_GETLK), FLAG(F_OFD_SETLK), FLAG(F_OFD_SETLKW), FLAG(F_SETLEASE), FLAG(F_GETLEASE), FLAG(F_NOTIFY),
		FLAG(F_DUPFD_CLOEXEC), FLAG(F_SETPIPE_SZ), FLAG(F_GETPIPE_SZ), FLAG(F_ADD_SEALS), FLAG(F_GET_SEALS),
	};
	trace_one_of(tr, (uint32_t)v, names, ARRAY_SIZE(names));
}

void trace_fcntl_arg(struct trace *tr, uint64_t v)
{
	static const struct flag_name fd_flags[] = { FLAG(FD_CLOEXEC) };
	static const struct flag_name types[] = { FLAG(F_RDLCK), FLAG(F_WRLCK), FLAG(F_UNLCK) };
	struct flock l;
	switch ((int)tr->args[1]) {
	case F_SETFD:
		trace_bits(tr, (uint32_t)v, fd_flags, ARRAY_SIZE(fd_flags));
		return;
	case F_SETFL:
		trace_open_flags(tr, v);
		return;
	case F_GETLK: case F_SETLK: case F_SETLKW: case F_OFD_GETLK: case F_OFD_SETLK: case F_OFD_SETLKW:
		if (!TRACE_FETCH(tr, v, &l))
			return;
		trace_printf(tr, "{l_type=");
		trace_one_of(tr, (uint16_t)l.l_type, types, ARRAY_SIZE(types));
		trace_printf(tr, ", l_whence=");
		trace_whence(tr, (uint16_t)l.l_whence);
		trace_printf(tr, ", l_start=%" PRId64 ", l_len=%" PRId64 "}", (int64_t)l.l_start, (int64_t)l.l_len);
		return;
	case F_GETOWN_EX: case F_SETOWN_EX:
		trace_ptr(tr, v);
		return;
	}
	trace_int(tr, v);
}
