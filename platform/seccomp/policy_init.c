/* policy_init.c - what PID 1 may ask of the host once it has started the others: wait, say who
 * died, end. */
#include <signal.h>

#include "platform/seccomp/policy.h"

static const struct policy_rule rules[] = {
	ALLOW(wait4), ALLOW(sendto), ALLOW(exit_group), ALLOW(restart_syscall), ALLOW(rt_sigreturn),
	ALLOW_IF(kill, IS32(0, -1), IS32(1, SIGKILL)),
	/* abort() says why and raises its own signal. */
	ALLOW(write), ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(getpid), ALLOW(gettid),
	ALLOW_IF(tgkill, IS32(2, SIGABRT)), SANITIZER_RULES};
POLICY(init);
