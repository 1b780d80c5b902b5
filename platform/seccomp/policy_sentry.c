/* policy_sentry.c - what the sentry may ask of the host.
 *
 * No path, no new process, no socket but an unnamed pair, no program text: it works on descriptors
 * it was handed, on anonymous memory and memfds, and on the memory of its stubs. What is left to a
 * sentry that an attacker has taken over is what its stubs may do anyway, plus those descriptors.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/memfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "platform/seccomp/policy.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC 16U
#endif

static const struct policy_rule rules[] = {
	/* I/O on descriptors it has. */
	ALLOW(read), ALLOW(write), ALLOW(writev), ALLOW(pread64), ALLOW(pwrite64), ALLOW(preadv2),
	ALLOW(pwritev2), ALLOW(close), ALLOW(lseek), ALLOW(fstat), ALLOW(fsync), ALLOW(fdatasync),
	ALLOW(ftruncate), ALLOW(fallocate),
	/* fstat as glibc makes it: an empty path and AT_EMPTY_PATH; it has no directory in which a
	   path would mean anything. */
	ALLOW_IF(newfstatat, IS32(3, AT_EMPTY_PATH)), ALLOW_IF(fcntl, IS32(1, F_GETFL)),
	ALLOW_IF(fcntl, IS32(1, F_DUPFD_CLOEXEC)), ALLOW_IF(fcntl, IS32(1, F_ADD_SEALS)),
	/* A terminal that the user handed over, and how much a pipe or socket holds. No TIOCSTI: it
	   would type for the user. */
	ALLOW_IF(ioctl, IS32(1, FIONREAD)), ALLOW_IF(ioctl, IS32(1, TIOCOUTQ)),
	ALLOW_IF(ioctl, IS32(1, TCGETS)), ALLOW_IF(ioctl, IS32(1, TCSETS)),
	ALLOW_IF(ioctl, IS32(1, TCSETSW)), ALLOW_IF(ioctl, IS32(1, TCSETSF)),
	ALLOW_IF(ioctl, IS32(1, TCFLSH)), ALLOW_IF(ioctl, IS32(1, TIOCGWINSZ)),

	/* Waiting, and waking stubs. */
	ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_pwait2), ALLOW(poll), ALLOW(sched_yield),
	ALLOW_IF(futex, IS32(1, FUTEX_WAKE)), ALLOW_IF(futex, IS32(1, FUTEX_WAKE_PRIVATE)),

	/* To gofer, stubs, init and loader. */
	ALLOW_IF(sendmsg, HAS_NONE_OF(2, MSG_FASTOPEN)), ALLOW(recvmsg),
	ALLOW_IF(sendto, HAS_NONE_OF(3, MSG_FASTOPEN)), ALLOW(recvfrom),
	ALLOW_IF(socketpair, IS32(0, AF_UNIX), IS32(2, 0)),
	ALLOW_IF(setsockopt, IS32(1, SOL_SOCKET), IS32(2, SO_PASSCRED)),

	/* Its own memory, and files without a name. Never executable. */
	ALLOW_IF(mmap, HAS_NONE_OF(2, PROT_EXEC)), ALLOW_IF(mprotect, HAS_NONE_OF(2, PROT_EXEC)),
	ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(brk),
	ALLOW_IF(memfd_create, HAS_NONE_OF(1, ~(uint64_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING |
							  MFD_EXEC | MFD_NOEXEC_SEAL))),

	/* The stubs: their memory, their signals. */
	ALLOW(process_vm_readv), ALLOW(process_vm_writev), ALLOW_IF(tgkill, IS32(2, SIGURG)),
	ALLOW_IF(kill, IS32(1, SIGKILL)),
	/* And their processors, and turns there. Of what it can name nothing but the sandbox's own processes has our user. */
	ALLOW(sched_setaffinity), ALLOW(sched_setattr),
	/* Their tracing, for the platform of that name. */
	ALLOW_IF(ptrace, IS(0, PTRACE_SEIZE)), ALLOW_IF(ptrace, IS(0, PTRACE_SYSEMU)),
	ALLOW_IF(ptrace, IS(0, PTRACE_CONT)), ALLOW_IF(ptrace, IS(0, PTRACE_GETREGSET)),
	ALLOW_IF(ptrace, IS(0, PTRACE_SETREGSET)), ALLOW_IF(ptrace, IS(0, PTRACE_GETSIGINFO)),
	ALLOW_IF(ptrace, IS(0, PTRACE_GETEVENTMSG)),
	ALLOW_IF(ptrace, IS(0, PTRACE_GET_SYSCALL_INFO)),
	ALLOW_IF(wait4, IS32(0, -1), IS32(2, WNOHANG | __WALL)),

	/* Itself. */
	ALLOW(clock_gettime), ALLOW(clock_getres), ALLOW(getrandom), ALLOW(getpid), ALLOW(sysinfo),
	ALLOW(sched_getaffinity), ALLOW_IF(prlimit64, IS(2, 0)), ALLOW(restart_syscall),
	ALLOW(rt_sigreturn), ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(exit_group),
	/* abort() raises its own signal. */
	ALLOW(gettid), ALLOW_IF(tgkill, IS32(2, SIGABRT)), SANITIZER_RULES};
POLICY(sentry);

/* With --publish: accepting on the listening sockets it was handed, and ending what it accepted. Not
   SHUT_RD: it makes of a listening socket an unconnected one of the host's network. */
static const struct policy_rule publish_rules[] = {
	ALLOW_IF(accept4, IS32(3, SOCK_NONBLOCK | SOCK_CLOEXEC)),
	ALLOW_IF(shutdown, IS32(1, SHUT_WR)),
	ALLOW_IF(setsockopt, IS32(1, SOL_SOCKET), IS32(2, SO_LINGER)),
};
const struct policy policy_sentry_publish = {.name = "sentry_publish",
					     .rules = publish_rules,
					     .nrules = sizeof(publish_rules) /
						       sizeof(publish_rules[0]),
					     .base = &policy_sentry};
