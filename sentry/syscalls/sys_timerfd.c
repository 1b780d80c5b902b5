/* sys_timerfd.c - timerfd_create(2), timerfd_settime, timerfd_gettime. */
#include <linux/capability.h>
#include <sys/timerfd.h>

#include "sentry/fs/timerfd/timerfd.h"
#include "sentry/syscalls/table.h"

long sys_timerfd_create(struct task *t, int clockid, int flags)
{
	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	bool alarm = clockid == CLOCK_REALTIME_ALARM || clockid == CLOCK_BOOTTIME_ALARM;
	if (clockid != CLOCK_MONOTONIC && clockid != CLOCK_REALTIME && clockid != CLOCK_BOOTTIME && !alarm)
		return -EINVAL;
	if (alarm && !cred_has_cap(t->cred, CAP_WAKE_ALARM))
		return -EPERM;

	struct clock c;
	int err = clock_find(t, clockid, &c);
	if (err)
		return err;
	AUTO(file_put) struct file *f = NULL;
	err = timerfd_new(&c, flags & TFD_NONBLOCK, &f);
	if (err)
		return err;
	int fd = fd_install(t, f, 0, flags & TFD_CLOEXEC);
	if (fd >= 0)
		f = NULL;
	return fd;
}

static int spec_put(struct task *t, uptr_t to, const struct timer_spec *spec)
{
	struct itimerspec its = { .it_value = ns_to_timespec(spec->value_ns), .it_interval = ns_to_timespec(spec->interval_ns) };
	return put_user(t, to, &its);
}

long sys_timerfd_settime(struct task *t, int fd, int flags, uptr_t new_value, uptr_t old_value)
{
	struct itimerspec its;
	if (get_user(t, &its, new_value))
		return -EFAULT;
	if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) || !timespec_valid(&its.it_value) ||
	    !timespec_valid(&its.it_interval))
		return -EINVAL;
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (!is_timerfd(f))
		return -EINVAL;
	struct timer_spec old, spec = { timespec_to_ns(&its.it_value), timespec_to_ns(&its.it_interval) };
	timerfd_set(f, flags & TFD_TIMER_ABSTIME, &spec, &old);
	return uptr_null(old_value) ? 0 : spec_put(t, old_value, &old);
}

long sys_timerfd_gettime(struct task *t, int fd, uptr_t curr_value)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	if (!is_timerfd(f))
		return -EINVAL;
	struct timer_spec spec;
	timerfd_get(f, &spec);
	return spec_put(t, curr_value, &spec);
}
