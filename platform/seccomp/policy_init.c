/* policy_init.c - what PID 1 may ask of the host once it has started the others: wait, say who
 * died, end. */
#include <signal.h>

#include "platform/seccomp/policy.h"

static const struct policy_rule rules[] = {ALLOW(wait4),
					   ALLOW(waitid),
					   ALLOW(sendto),
					   ALLOW(sendmsg),
					   ALLOW(write),
					   ALLOW(close),
					   ALLOW(close_range),
					   ALLOW(exit_group),
					   ALLOW(exit),
					   ALLOW(rt_sigreturn),
					   ALLOW(rt_sigaction),
					   ALLOW(rt_sigprocmask),
					   ALLOW(restart_syscall),
					   ALLOW(getpid),
					   ALLOW(gettid),
					   ALLOW(clock_gettime),
					   ALLOW_IF(tgkill, IS32(2, SIGABRT)),
					   ALLOW_IF(kill, IS32(0, -1), IS32(1, SIGKILL)),
					   ALLOW(munmap),
					   ALLOW(madvise),
					   ALLOW(brk),
					   SANITIZER_RULES};
POLICY(init);
