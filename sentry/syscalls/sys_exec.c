/* sys_exec.c - execve, execveat. */
#include <fcntl.h>

#include "sentry/kernel/exec.h"
#include "sentry/syscalls/table.h"

long sys_execve(struct task *t, uptr_t pathname, uptr_t argv, uptr_t envp)
{
	return exec_user(t, AT_FDCWD, pathname, argv, envp, 0);
}

long sys_execveat(struct task *t, int dirfd, uptr_t pathname, uptr_t argv, uptr_t envp, int flags)
{
	return exec_user(t, dirfd, pathname, argv, envp, flags);
}
