/* policy_gofer.c - what the gofer may ask of the host: files beneath the descriptors of its
 * exports, one socket.
 *
 * Its root is an empty directory and its exports are all it holds, so that every path here is
 * relative to one of them. No new process, no program text, no other socket, no way to change
 * namespaces, mounts or its own rights. */
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "platform/seccomp/policy.h"

static const struct policy_rule rules[] = {
	/* Requests and answers. */
	ALLOW(recvmsg), ALLOW(sendmsg), ALLOW(sched_yield),

	/* Files. open(2) and friends without a directory descriptor are left out on purpose; what has
	   no call on an O_PATH descriptor goes by the directory of its own descriptors. */
	ALLOW(openat2), ALLOW(openat), ALLOW(close), ALLOW(pread64), ALLOW(lseek), ALLOW(getdents64),
	ALLOW(statx), ALLOW(fstatfs), ALLOW(readlinkat), ALLOW(mkdirat), ALLOW(unlinkat),
	ALLOW(renameat), ALLOW(renameat2), ALLOW(linkat), ALLOW(symlinkat), ALLOW(fchmodat), ALLOW(fchownat),
	ALLOW(ftruncate), ALLOW(utimensat), ALLOW(fsync), ALLOW(fdatasync), ALLOW(syncfs),
	ALLOW(fgetxattr), ALLOW(fsetxattr), ALLOW(flistxattr), ALLOW(fremovexattr),
	/* No devices: regular files, FIFOs and sockets. */
	ALLOW_IF(mknodat, HAS_IN(2, S_IFMT, S_IFREG)),
	ALLOW_IF(mknodat, HAS_IN(2, S_IFMT, S_IFIFO)),
	ALLOW_IF(mknodat, HAS_IN(2, S_IFMT, S_IFSOCK)),

	/* Itself. */
	ALLOW_IF(mmap, HAS_NONE_OF(2, PROT_EXEC)), ALLOW_IF(mprotect, HAS_NONE_OF(2, PROT_EXEC)),
	ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(brk), ALLOW(write), ALLOW(writev),
	ALLOW(clock_gettime), ALLOW(getrandom), ALLOW(restart_syscall),
	ALLOW_IF(futex, IS32(1, FUTEX_WAKE_PRIVATE)), ALLOW_IF(prlimit64, IS(2, 0)),
	ALLOW(rt_sigreturn), ALLOW(exit_group),
	/* abort() raises its own signal. */
	ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(getpid), ALLOW(gettid),
	ALLOW_IF(tgkill, IS32(2, SIGABRT)), SANITIZER_RULES};
POLICY(gofer);
