/* policy_gofer.c - what the gofer may ask of the host: files beneath the descriptors of its
 * exports, one socket.
 *
 * Its root is an empty directory and its exports are all it holds, so that every path here is
 * relative to one of them. No new process, no program text, no other socket, no way to change
 * namespaces, mounts or its own rights. */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/stat.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "platform/seccomp/policy.h"

static const struct policy_rule rules[] = {
	/* Requests and answers. */
	ALLOW(recvmsg), ALLOW(sendmsg), ALLOW(recvfrom), ALLOW(sendto), ALLOW(poll), ALLOW(ppoll),
	ALLOW(epoll_wait), ALLOW(epoll_pwait), ALLOW(epoll_ctl), ALLOW(epoll_create1),
	ALLOW(shutdown),

	/* Files. open(2) and friends without a directory descriptor are left out on purpose. */
	ALLOW(openat2), ALLOW(openat), ALLOW(close), ALLOW(close_range), ALLOW(read),
	ALLOW(pread64), ALLOW(lseek), ALLOW(getdents64), ALLOW(fstat), ALLOW(newfstatat),
	ALLOW(statx), ALLOW(fstatfs), ALLOW(readlinkat), ALLOW(faccessat), ALLOW(faccessat2),
	ALLOW(name_to_handle_at), ALLOW(mkdirat), ALLOW(unlinkat), ALLOW(renameat),
	ALLOW(renameat2), ALLOW(linkat), ALLOW(symlinkat), ALLOW(fchmod), ALLOW(fchmodat),
	ALLOW(fchown), ALLOW(fchownat), ALLOW(ftruncate), ALLOW(fallocate), ALLOW(utimensat),
	ALLOW(fsync), ALLOW(fdatasync), ALLOW(syncfs), ALLOW(fadvise64), ALLOW(readahead),
	ALLOW(flock),
	/* No devices: regular files, FIFOs and sockets. */
	ALLOW_IF(mknodat, HAS_IN(2, S_IFMT, S_IFREG)),
	ALLOW_IF(mknodat, HAS_IN(2, S_IFMT, S_IFIFO)),
	ALLOW_IF(mknodat, HAS_IN(2, S_IFMT, S_IFSOCK)),
	/* Extended attributes go by /proc/self/fd/N where they have no call on a descriptor that is
	   O_PATH. */
	ALLOW(fgetxattr), ALLOW(fsetxattr), ALLOW(flistxattr), ALLOW(fremovexattr), ALLOW(getxattr),
	ALLOW(setxattr), ALLOW(listxattr), ALLOW(removexattr), ALLOW(lgetxattr), ALLOW(lsetxattr),
	ALLOW(llistxattr), ALLOW(lremovexattr), ALLOW(fchdir), ALLOW(truncate),
	ALLOW_IF(fcntl, IS32(1, F_GETFL)), ALLOW_IF(fcntl, IS32(1, F_SETFL)),
	ALLOW_IF(fcntl, IS32(1, F_GETFD)), ALLOW_IF(fcntl, IS32(1, F_SETFD)),
	ALLOW_IF(fcntl, IS32(1, F_DUPFD_CLOEXEC)), ALLOW(dup), ALLOW(dup3),

	/* Itself. */
	ALLOW_IF(mmap, HAS_NONE_OF(2, PROT_EXEC)), ALLOW_IF(mprotect, HAS_NONE_OF(2, PROT_EXEC)),
	ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(brk), ALLOW(write), ALLOW(writev),
	ALLOW(clock_gettime), ALLOW(getrandom), ALLOW(getpid), ALLOW(gettid), ALLOW(getuid),
	ALLOW(geteuid), ALLOW(getrusage), ALLOW(umask), ALLOW(restart_syscall), ALLOW(sched_yield),
	ALLOW_IF(futex, IS32(1, FUTEX_WAKE_PRIVATE)), ALLOW_IF(futex, IS32(1, FUTEX_WAIT_PRIVATE)),
	ALLOW_IF(prlimit64, IS(2, 0)), ALLOW(rt_sigreturn), ALLOW(rt_sigaction),
	ALLOW(rt_sigprocmask), ALLOW(sigaltstack), ALLOW_IF(tgkill, IS32(2, SIGABRT)), ALLOW(exit),
	ALLOW(exit_group), SANITIZER_RULES};
POLICY(gofer);
