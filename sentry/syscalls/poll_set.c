/* poll_set.c - see poll_set.h.
 *
 * HOW      Files are asked once before anything else, for most calls find something ready. Only then a waiter is put on each file's
 *          queue; nothing can have changed in between, for there is one thread.
 * LINUX    fs/select.c. Same: a signal counts before a deadline that has passed, even with a time-out of zero. */
#include "sentry/syscalls/poll_set.h"

#include <sys/epoll.h>
#include <sys/personality.h>
#include <sys/time.h>

#include "sentry/fs/signalfd/signalfd.h"

static int poll_scan(struct task *t, struct poll_entry *v, size_t n)
{
	int ready = 0;
	signalfd_reader = t;
	for (size_t i = 0; i < n; i++) {
		if (v[i].file)
			v[i].revents = file_poll(v[i].file) & (v[i].events | EPOLLERR | EPOLLHUP);
		ready += v[i].revents != 0;
	}
	signalfd_reader = NULL;
	return ready;
}

static void poll_wake(struct waiter *w, uint32_t events)
{
	struct poll_entry *e = container_of(w, struct poll_entry, w);
	if (!events || (events & (e->events | EPOLLERR | EPOLLHUP)))
		co_wake(e->co);
}

int poll_entries_wait(struct task *t, struct poll_entry *v, size_t n, uint64_t deadline_ns)
{
	int ready = poll_scan(t, v, n);
	if (ready)
		return ready;
	if (task_interrupted(t))
		return -ERESTARTNOHAND;
	if (deadline_ns == 0)
		return 0;

	for (size_t i = 0; i < n; i++) {
		v[i].w = (struct waiter){ .wake = poll_wake };
		v[i].co = t->co;
		if (v[i].file && v[i].file->wq)
			waiter_add(&v[i].w, v[i].file->wq);
	}
	struct sleeper s;
	sleeper_begin(&s, t, NULL, deadline_ns);
	for (;;) {
		co_sleep();
		ready = poll_scan(t, v, n);
		if (ready || s.timed_out)
			break;
		if (task_interrupted(t)) {
			ready = -ERESTARTNOHAND;
			break;
		}
	}
	sleeper_end(&s, t);
	for (size_t i = 0; i < n; i++)
		waiter_del(&v[i].w);
	return ready;
}

void poll_entries_free(struct poll_entry *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++)
		file_put(v[i].file);
	free(v);
}

int deadline_after(const struct timespec *ts, uint64_t *out_deadline_ns)
{
	*out_deadline_ns = UINT64_MAX;
	if (!ts)
		return 0;
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (long)NS_PER_SEC)
		return -EINVAL;
	if (ts->tv_sec == 0 && ts->tv_nsec == 0) {
		*out_deadline_ns = 0;
		return 0;
	}
	uint64_t ns;
	if (__builtin_mul_overflow((uint64_t)ts->tv_sec, NS_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, (uint64_t)ts->tv_nsec, &ns) ||
	    __builtin_add_overflow(ns, now_mono_ns(), &ns))
		return 0;
	*out_deadline_ns = ns;
	return 0;
}

struct timespec time_left(uint64_t deadline_ns)
{
	uint64_t now = now_mono_ns();
	uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
	return (struct timespec){ .tv_sec = (time_t)(left / NS_PER_SEC), .tv_nsec = (long)(left % NS_PER_SEC) };
}

int time_out_end(struct task *t, uptr_t where, bool timeval, uint64_t deadline_ns, int ret)
{
	bool written = false;
	if (deadline_ns == UINT64_MAX)
		return ret;
	if (!(t->personality & STICKY_TIMEOUTS)) {
		struct timespec ts = time_left(deadline_ns);
		struct timeval tv = { .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
		written = (timeval ? put_user(t, where, &tv) : put_user(t, where, &ts)) == 0;
	}
	return ret == -ERESTARTNOHAND && !written ? -EINTR : ret;
}

int sigmask_arg_begin(struct task *t, uptr_t set, uint64_t bytes)
{
	ksigset_t mask;
	if (uptr_null(set))
		return 0;
	if (bytes != sizeof(mask))
		return -EINVAL;
	int err = get_user(t, &mask, set);
	if (err)
		return err;
	signal_set_temporary_mask(t, mask);
	return 0;
}

void sigmask_arg_end(struct task *t, bool interrupted)
{
	if (interrupted || !t->restore_mask)
		return;
	t->restore_mask = false;
	signal_set_mask(t, t->saved_mask);
}
