/* sys_epoll.c - epoll_create, epoll_ctl, epoll_wait and their variants.
 *
 * LINUX    fs/eventpoll.c. Same: a signal ends epoll_wait with EINTR whatever SA_RESTART says; a time-out of zero looks for
 *          events before signals. */
#include <limits.h>

#include "sentry/fs/epoll/epoll.h"
#include "sentry/fs/signalfd/signalfd.h"
#include "sentry/syscalls/poll_set.h"
#include "sentry/syscalls/table.h"

long sys_epoll_create1(struct task *t, int flags)
{
	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;

	AUTO(file_put) struct file *f = NULL;
	int err = epoll_new(&f);
	if (err)
		return err;
	int fd = fd_install(t, f, 0, flags & EPOLL_CLOEXEC);
	if (fd >= 0)
		f = NULL;
	return fd;
}

long sys_epoll_create(struct task *t, int size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(t, 0);
}

long sys_epoll_ctl(struct task *t, int epfd, int op, int fd, uptr_t event)
{
	struct epoll_event ev = { 0 };
	if (op != EPOLL_CTL_DEL && get_user(t, &ev, event))
		return -EFAULT;
	long ret = epoll_ctl_fd(t, epfd, op, fd, &ev);
	if (ret == 0)
		epoll_posts_learn(t, epfd, op, fd);
	return ret;
}

struct put_arg {
	struct task *t;
	uptr_t events;
};

static int put_events(void *arg, const struct epoll_event *ev, int n, int at)
{
	struct put_arg *p = arg;
	return copy_to_user(p->t, uptr_add(p->events, (uint64_t)at * sizeof(*ev)), ev, (size_t)n * sizeof(*ev));
}

static int collect(struct task *t, struct file *epf, uptr_t events, int maxevents)
{
	struct put_arg arg = { t, events };
	signalfd_reader = t;
	int n = epoll_collect(epf, maxevents, put_events, &arg);
	signalfd_reader = NULL;
	return n;
}

static long do_wait(struct task *t, int epfd, uptr_t events, int maxevents, uint64_t deadline_ns)
{
	if (maxevents <= 0 || maxevents > (int)(INT_MAX / sizeof(struct epoll_event)))
		return -EINVAL;
	AUTO(file_put) struct file *epf = fd_get(t, epfd);
	if (!epf)
		return -EBADF;
	if (!is_epoll(epf))
		return -EINVAL;
	for (;;) {
		int n = collect(t, epf, events, maxevents);
		if (n != 0 || deadline_ns == 0)
			return n;
		/* The list was only candidates: sleep again until there are new ones. */
		int err = wait_event_deadline(t, epf->wq, epoll_maybe_ready(epf), deadline_ns);
		if (err == -ERESTARTSYS)
			return -EINTR;
		if (err == -ETIMEDOUT)
			deadline_ns = 0;
	}
}

static long wait_masked(struct task *t, int epfd, uptr_t events, int maxevents, uint64_t deadline_ns, uptr_t sigmask,
			uint64_t sigsetsize)
{
	int err = sigmask_arg_begin(t, sigmask, sigsetsize);
	if (err)
		return err;
	long ret = do_wait(t, epfd, events, maxevents, deadline_ns);
	sigmask_arg_end(t, ret == -EINTR);
	return ret;
}

static uint64_t deadline_ms(int timeout)
{
	if (timeout <= 0)
		return timeout < 0 ? UINT64_MAX : 0;
	return now_mono_ns() + (uint64_t)timeout * 1000000;
}

long sys_epoll_wait(struct task *t, int epfd, uptr_t events, int maxevents, int timeout)
{
	return do_wait(t, epfd, events, maxevents, deadline_ms(timeout));
}

long sys_epoll_pwait(struct task *t, int epfd, uptr_t events, int maxevents, int timeout, uptr_t sigmask,
		     uint64_t sigsetsize)
{
	return wait_masked(t, epfd, events, maxevents, deadline_ms(timeout), sigmask, sigsetsize);
}

long sys_epoll_pwait2(struct task *t, int epfd, uptr_t events, int maxevents, uptr_t timeout, uptr_t sigmask,
		      uint64_t sigsetsize)
{
	struct timespec ts;
	bool timed = !uptr_null(timeout);
	if (timed && get_user(t, &ts, timeout))
		return -EFAULT;
	uint64_t deadline_ns;
	int err = deadline_after(timed ? &ts : NULL, &deadline_ns);
	if (err)
		return err;
	return wait_masked(t, epfd, events, maxevents, deadline_ns, sigmask, sigsetsize);
}
