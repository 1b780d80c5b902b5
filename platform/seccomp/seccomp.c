/* seccomp.c - installs the filters that mkfilters made.
 *
 * HOW      With a report descriptor the kill action becomes a trap: the call is not made either, and SIGSYS' handler can say
 *          which it was. A process that an attacker controls could ignore that signal and go on, but not make the call. */
#include "platform/seccomp/seccomp.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filters.h"

#define FILTER(id) \
	const struct filter filter_##id = { filter_##id##_insns, ARRAY_SIZE(filter_##id##_insns) }
FILTER(gofer);
FILTER(sentry);
FILTER(sentry_publish);
FILTER(init);

static int trap_report_fd = -1;

static void on_forbidden_call(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	char line[128];
	int n = snprintf(line, sizeof(line), "sbx: the seccomp filter refused system call %d at %p\n", info->si_syscall,
			 info->si_call_addr);
	if (n > 0 && write(trap_report_fd, line, (size_t)n) < 0)
		_exit(127);
	signal(SIGSYS, SIG_DFL);
	/* The signal is blocked here: it is delivered, and kills, when the handler returns. */
	syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), SIGSYS);
}

static int install(const struct sock_filter *insns, unsigned short len)
{
	struct sock_fprog prog = { .len = len, .filter = (struct sock_filter *)insns };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}

static int install_reporting(const struct filter *f, int report_fd)
{
	struct sigaction sa = { .sa_sigaction = on_forbidden_call, .sa_flags = SA_SIGINFO };
	trap_report_fd = report_fd;
	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return -errno;
	AUTO(free) struct sock_filter *copy = calloc(f->len, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, f->insns, f->len * sizeof(*copy));
	for (unsigned i = 0; i < f->len; i++)
		if (copy[i].code == (BPF_RET | BPF_K) && copy[i].k == SECCOMP_RET_KILL_PROCESS)
			copy[i].k = SECCOMP_RET_TRAP;
	return install(copy, f->len);
}

int seccomp_install(const struct filter *f, int report_fd)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return report_fd < 0 ? install(f->insns, f->len) : install_reporting(f, report_fd);
}
