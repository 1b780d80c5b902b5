/* timerfd.c - a timer read from a descriptor (timerfd_create(2)).
 *
 * HOW      A clock_timer that fires once; the expiries of an interval since then are counted when somebody reads or asks.
 * LINUX    fs/timerfd.c. Same.
 * MISSING  TFD_TIMER_CANCEL_ON_SET never cancels: no guest can set the clock, and the host's settings are not noticed. */
#include "sentry/fs/timerfd/timerfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>

struct timerfd {
	struct file file;
	struct waitq wq;
	struct clock_timer ct;
	uint64_t ticks;                   /* expiries not read yet */
};
#define to_timerfd(f) container_of(f, struct timerfd, file)

static void timerfd_expired(struct clock_timer *ct)
{
	struct timerfd *tf = container_of(ct, struct timerfd, ct);
	tf->ticks++;
	waitq_wake(&tf->wq, EPOLLIN);
}

static ssize_t timerfd_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)pos;
	struct timerfd *tf = to_timerfd(f);
	if (dst->resid < sizeof(uint64_t))
		return -EINVAL;
	if (tf->ticks == 0)
		return -EAGAIN;
	uint64_t ticks = tf->ticks + clock_timer_forward(&tf->ct);
	tf->ticks = 0;
	ssize_t n = uio_fill(dst, &ticks, sizeof(ticks));
	return n == sizeof(ticks) ? n : -EFAULT;
}

static uint32_t timerfd_poll(struct file *f)
{
	return to_timerfd(f)->ticks ? EPOLLIN : 0;
}

void timerfd_get(struct file *f, struct timer_spec *out)
{
	struct timerfd *tf = to_timerfd(f);
	tf->ticks += clock_timer_forward(&tf->ct);
	out->value_ns = clock_timer_left(&tf->ct);
	out->interval_ns = tf->ct.interval_ns;
}

void timerfd_set(struct file *f, bool absolute, const struct timer_spec *spec, struct timer_spec *old)
{
	struct timerfd *tf = to_timerfd(f);
	timerfd_get(f, old);
	tf->ticks = 0;
	clock_timer_set(&tf->ct, spec->value_ns, spec->interval_ns, absolute);
}

static int timerfd_show_fdinfo(struct file *f, char *buf, size_t bytes)
{
	struct timerfd *tf = to_timerfd(f);
	struct timespec value = ns_to_timespec(clock_timer_left(&tf->ct)), interval = ns_to_timespec(tf->ct.interval_ns);
	return snprintf(buf, bytes, "clockid: %d\nticks: %llu\nsettime flags: 00\nit_value: (%lld, %ld)\nit_interval: (%lld, %ld)\n",
			tf->ct.clock.host, (unsigned long long)tf->ticks, (long long)value.tv_sec, value.tv_nsec,
			(long long)interval.tv_sec, interval.tv_nsec);
}

static void timerfd_release(struct file *f)
{
	struct timerfd *tf = to_timerfd(f);
	clock_timer_cancel(&tf->ct);
	file_fini(f);
	free(tf);
}

static const struct file_ops timerfd_ops = {
	.name = "anon_inode:[timerfd]",
	.read = timerfd_read,
	.poll = timerfd_poll,
	.show_fdinfo = timerfd_show_fdinfo,
	.release = timerfd_release,
};

bool is_timerfd(const struct file *f)
{
	return f->ops == &timerfd_ops;
}

int timerfd_new(const struct clock *c, int flags, struct file **out)
{
	struct timerfd *tf = NEW(struct timerfd);
	int err = file_init_anon(&tf->file, &timerfd_ops, 0600, O_RDWR | (flags & O_NONBLOCK));
	if (err) {
		free(tf);
		return err;
	}
	waitq_init(&tf->wq);
	tf->file.wq = &tf->wq;
	tf->file.mode |= FMODE_STREAM;
	clock_timer_init(&tf->ct, c, timerfd_expired);
	*out = &tf->file;
	return 0;
}
