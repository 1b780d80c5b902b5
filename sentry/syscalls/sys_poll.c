/* sys_poll.c - poll(2), ppoll(2).
 *
 * LINUX    fs/select.c do_sys_poll(). Same: only the revents are written back; poll goes on after a signal without handler
 *          (restart block: the deadline stays), ppoll has its time-out written back and starts anew with it. */
#include <poll.h>
#include <sys/epoll.h>

#include "sentry/syscalls/poll_set.h"
#include "sentry/syscalls/table.h"

_Static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLRDHUP == EPOLLRDHUP, "one set of bits");

static void entries_fill(struct task *t, struct poll_entry *v, const struct pollfd *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (fds[i].fd < 0)
			continue;
		v[i].file = fd_get(t, fds[i].fd);
		v[i].events = (uint16_t)fds[i].events;
		v[i].revents = v[i].file ? 0 : POLLNVAL;
	}
}

static int revents_put(struct task *t, uptr_t fds, const struct pollfd *old, const struct poll_entry *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		short revents = (short)v[i].revents;
		if (revents == old[i].revents)
			continue;
		uptr_t where = uptr_add(fds, i * sizeof(*old) + offsetof(struct pollfd, revents));
		int err = put_user(t, where, &revents);
		if (err)
			return err;
	}
	return 0;
}

static int do_poll(struct task *t, uptr_t fds, unsigned n, uint64_t deadline_ns)
{
	if (n > t->tg->rlimits[RLIMIT_NOFILE].rlim_cur)
		return -EINVAL;
	AUTO(free) struct pollfd *copy = calloc(n + 1UL, sizeof(*copy));
	struct poll_entry *v = calloc(n + 1UL, sizeof(*v));
	int ret = -ENOMEM;
	if (!copy || !v)
		goto out;
	ret = copy_from_user(t, copy, fds, n * sizeof(*copy));
	if (ret)
		goto out;
	entries_fill(t, v, copy, n);
	ret = poll_entries_wait(t, v, n, deadline_ns);
	int err = revents_put(t, fds, copy, v, n);
	if (err)
		ret = err;
out:
	poll_entries_free(v, n);
	return ret;
}

static long poll_restart(struct task *t);

static long poll_until(struct task *t, uptr_t fds, unsigned nfds, uint64_t deadline_ns)
{
	int ret = do_poll(t, fds, nfds, deadline_ns);
	if (ret != -ERESTARTNOHAND)
		return ret;
	t->restart = poll_restart;
	t->restart_args.a[0] = fds.addr;
	t->restart_args.a[1] = nfds;
	t->restart_args.a[2] = deadline_ns;
	return -ERESTART_RESTARTBLOCK;
}

static long poll_restart(struct task *t)
{
	return poll_until(t, UPTR(t->restart_args.a[0]), (unsigned)t->restart_args.a[1], t->restart_args.a[2]);
}

long sys_poll(struct task *t, uptr_t fds, unsigned nfds, int timeout)
{
	uint64_t deadline_ns = UINT64_MAX;
	if (timeout >= 0) {
		struct timespec ts = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L };
		int err = deadline_after(&ts, &deadline_ns);
		if (err)
			return err;
	}
	return poll_until(t, fds, nfds, deadline_ns);
}

long sys_ppoll(struct task *t, uptr_t fds, unsigned nfds, uptr_t tmo_p, uptr_t sigmask, uint64_t sigsetsize)
{
	struct timespec ts;
	bool timed = !uptr_null(tmo_p);
	if (timed && get_user(t, &ts, tmo_p))
		return -EFAULT;
	uint64_t deadline_ns;
	int err = deadline_after(timed ? &ts : NULL, &deadline_ns);
	if (err)
		return err;
	err = sigmask_arg_begin(t, sigmask, sigsetsize);
	if (err)
		return err;

	int ret = do_poll(t, fds, nfds, deadline_ns);
	sigmask_arg_end(t, ret == -ERESTARTNOHAND);
	return timed ? time_out_end(t, tmo_p, false, deadline_ns, ret) : ret;
}
