/* sys_select.c - select(2), pselect6(2).
 *
 * LINUX    fs/select.c core_sys_select(). Same: numbers beyond the descriptor table are ignored, closed ones within it are
 *          EBADF; the sets are written only on success; the time-out is written back always, as what is left of it. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "sentry/syscalls/poll_set.h"
#include "sentry/syscalls/table.h"

#define SELECT_IN (EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR)
#define SELECT_OUT (EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR)
#define SELECT_EX EPOLLPRI

/* Three sets in, three out, each `words` long, in one block. */
struct sets {
	int nfds;
	size_t words;
	uint64_t *bits;
};
enum { SET_IN, SET_OUT, SET_EX, SET_COUNT };
static const uint32_t set_events[SET_COUNT] = { SELECT_IN, SELECT_OUT, SELECT_EX };

static bool set_has(const struct sets *s, int set, int fd)
{
	return s->bits[set * s->words + fd / 64] >> (fd % 64) & 1;
}

static void set_add(struct sets *s, int set, int fd)
{
	s->bits[(SET_COUNT + set) * s->words + fd / 64] |= 1ULL << (fd % 64);
}

static int sets_in(struct task *t, struct sets *s, const uptr_t *user)
{
	s->words = ((size_t)s->nfds + 63) / 64;
	s->bits = calloc(2 * SET_COUNT * s->words + 1, sizeof(uint64_t));
	if (!s->bits)
		return -ENOMEM;
	for (int i = 0; i < SET_COUNT; i++) {
		if (uptr_null(user[i]))
			continue;
		int err = copy_from_user(t, &s->bits[i * s->words], user[i], s->words * 8);
		if (err)
			return err;
	}
	return 0;
}

static int sets_out(struct task *t, struct sets *s, const uptr_t *user)
{
	for (int i = 0; i < SET_COUNT; i++) {
		if (uptr_null(user[i]))
			continue;
		int err = copy_to_user(t, user[i], &s->bits[(SET_COUNT + i) * s->words], s->words * 8);
		if (err)
			return err;
	}
	return 0;
}

/* One entry a descriptor that is in any set. */
static int entries_make(struct task *t, const struct sets *s, struct poll_entry **out, int *fds, size_t *out_n)
{
	struct poll_entry *v = calloc((size_t)s->nfds + 1, sizeof(*v));
	size_t n = 0;
	if (!v)
		return -ENOMEM;
	for (int fd = 0; fd < s->nfds; fd++) {
		uint32_t events = 0;
		for (int set = 0; set < SET_COUNT; set++)
			events |= set_has(s, set, fd) ? set_events[set] : 0;
		if (!events)
			continue;
		v[n].events = events;
		v[n].file = fd_get(t, fd);
		if (!v[n].file) {
			poll_entries_free(v, n);
			return -EBADF;
		}
		fds[n++] = fd;
	}
	*out = v;
	*out_n = n;
	return 0;
}

static int entries_result(struct sets *s, const struct poll_entry *v, const int *fds, size_t n)
{
	int count = 0;
	for (size_t i = 0; i < n; i++) {
		for (int set = 0; set < SET_COUNT; set++) {
			if (!set_has(s, set, fds[i]) || !(v[i].revents & set_events[set]))
				continue;
			set_add(s, set, fds[i]);
			count++;
		}
	}
	return count;
}

static int do_select(struct task *t, int nfds, const uptr_t *user, uint64_t deadline_ns)
{
	if (nfds < 0)
		return -EINVAL;
	int table = MAX(ALIGN_UP(t->files->size, 64), 64);
	struct sets s = { .nfds = MIN(nfds, table) };
	AUTO(free) int *fds = calloc((size_t)s.nfds + 1, sizeof(int));
	struct poll_entry *v = NULL;
	size_t n = 0;
	int ret = fds ? sets_in(t, &s, user) : -ENOMEM;
	if (!ret)
		ret = entries_make(t, &s, &v, fds, &n);
	if (!ret)
		ret = poll_entries_wait(t, v, n, deadline_ns);
	if (ret >= 0) {
		ret = entries_result(&s, v, fds, n);
		int err = sets_out(t, &s, user);
		if (err)
			ret = err;
	}
	poll_entries_free(v, n);
	free(s.bits);
	return ret;
}

long sys_select(struct task *t, int nfds, uptr_t readfds, uptr_t writefds, uptr_t exceptfds, uptr_t timeout)
{
	const uptr_t user[SET_COUNT] = { readfds, writefds, exceptfds };
	struct timeval tv;
	struct timespec ts;
	bool timed = !uptr_null(timeout);
	if (timed) {
		if (get_user(t, &tv, timeout))
			return -EFAULT;
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return -EINVAL;
		/* More than a second of microseconds is allowed here. */
		if (__builtin_add_overflow(tv.tv_sec, tv.tv_usec / 1000000, &ts.tv_sec))
			ts.tv_sec = INT64_MAX;
		ts.tv_nsec = tv.tv_usec % 1000000 * 1000;
	}
	uint64_t deadline_ns;
	int err = deadline_after(timed ? &ts : NULL, &deadline_ns);
	if (err)
		return err;

	int ret = do_select(t, nfds, user, deadline_ns);
	return timed ? time_out_end(t, timeout, true, deadline_ns, ret) : ret;
}

long sys_pselect6(struct task *t, int nfds, uptr_t readfds, uptr_t writefds, uptr_t exceptfds, uptr_t timeout,
		  uptr_t sigmask)
{
	const uptr_t user[SET_COUNT] = { readfds, writefds, exceptfds };
	struct { uint64_t set, bytes; } mask = { 0 };
	struct timespec ts;
	bool timed = !uptr_null(timeout);
	if (!uptr_null(sigmask) && get_user(t, &mask, sigmask))
		return -EFAULT;
	if (timed && get_user(t, &ts, timeout))
		return -EFAULT;
	uint64_t deadline_ns;
	int err = deadline_after(timed ? &ts : NULL, &deadline_ns);
	if (err)
		return err;
	err = sigmask_arg_begin(t, UPTR(mask.set), mask.bytes);
	if (err)
		return err;

	int ret = do_select(t, nfds, user, deadline_ns);
	sigmask_arg_end(t, ret == -ERESTARTNOHAND);
	return timed ? time_out_end(t, timeout, false, deadline_ns, ret) : ret;
}
