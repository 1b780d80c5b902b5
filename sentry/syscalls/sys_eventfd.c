/* sys_eventfd.c - eventfd(2). */
#include <sys/eventfd.h>

#include "sentry/fs/eventfd/eventfd.h"
#include "sentry/syscalls/table.h"

long sys_eventfd2(struct task *t, unsigned initval, int flags)
{
	if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;

	AUTO(file_put) struct file *f = NULL;
	int err = eventfd_new(initval, flags & EFD_SEMAPHORE, flags & EFD_NONBLOCK, &f);
	if (err)
		return err;
	int fd = fd_install(t, f, 0, flags & EFD_CLOEXEC);
	if (fd >= 0)
		f = NULL;
	return fd;
}

long sys_eventfd(struct task *t, unsigned initval)
{
	return sys_eventfd2(t, initval, 0);
}
