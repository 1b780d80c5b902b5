/* sys_signalfd.c - signalfd(2). */
#include <sys/signalfd.h>

#include "sentry/fs/signalfd/signalfd.h"
#include "sentry/syscalls/table.h"

long sys_signalfd4(struct task *t, int fd, uptr_t user_mask, uint64_t sizemask, int flags)
{
	ksigset_t mask;
	if (sizemask != sizeof(mask))
		return -EINVAL;
	if (get_user(t, &mask, user_mask))
		return -EFAULT;
	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
		return -EINVAL;
	mask &= ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP));

	AUTO(file_put) struct file *f = NULL;
	if (fd != -1) {
		f = fd_get(t, fd);
		if (!f)
			return -EBADF;
		if (!is_signalfd(f))
			return -EINVAL;
		signalfd_set_mask(f, mask);
		return fd;
	}
	int err = signalfd_new(mask, flags & SFD_NONBLOCK, &f);
	if (err)
		return err;
	fd = fd_install(t, f, 0, flags & SFD_CLOEXEC);
	if (fd >= 0)
		f = NULL;
	return fd;
}

long sys_signalfd(struct task *t, int fd, uptr_t mask, uint64_t sizemask)
{
	return sys_signalfd4(t, fd, mask, sizemask, 0);
}
