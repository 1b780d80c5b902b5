/* sys_mqueue.c - mq_open(2) and its like: POSIX message queues.
 *
 * LINUX    ipc/mqueue.c. A time-out is checked before anything else, and a queue's descriptor is always close-on-exec. */
#include <fcntl.h>

#include "sentry/ipc/mqueue.h"
#include "sentry/kernel/clock.h"
#include "sentry/net/netlink/netlink.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/namei.h"

static int copy_name(struct task *t, uptr_t from, char **out)
{
	int err = path_copy_user(t, from, out);
	return err ? err : **out ? 0 : -ENOENT;
}

long sys_mq_open(struct task *t, uptr_t name, int oflag, uint32_t mode, uptr_t attr)
{
	struct mq_attr a;
	if (!uptr_null(attr) && get_user(t, &a, attr))
		return -EFAULT;
	AUTO(free) char *kname = NULL;
	int err = copy_name(t, name, &kname);
	if (err)
		return err;
	int fd = fd_reserve(t, 0);
	if (fd < 0)
		return fd;
	struct file *f;
	err = mqueue_open(t, kname, oflag, mode, uptr_null(attr) ? NULL : &a, &f);
	if (err) {
		fd_abort(t, fd);
		return err;
	}
	fd_commit(t, fd, f, true);
	return fd;
}

long sys_mq_unlink(struct task *t, uptr_t name)
{
	AUTO(free) char *kname = NULL;
	int err = copy_name(t, name, &kname);
	return err ? err : mqueue_unlink(t, kname);
}

/* An absolute CLOCK_REALTIME as a deadline; none: never. */
static int get_deadline(struct task *t, uptr_t from, uint64_t *out_ns)
{
	*out_ns = UINT64_MAX;
	if (uptr_null(from))
		return 0;
	struct timespec ts;
	if (get_user(t, &ts, from))
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	uint64_t then = timespec_to_ns(&ts), real = now_real_ns(), now = now_mono_ns();
	*out_ns = then > real ? now + (then - real) : now;
	return 0;
}

/* The queue behind a descriptor that is open for `mode`; *out_file: a reference. */
static int get_queue(struct task *t, int fd, unsigned mode, struct file **out_file, struct mqueue **out)
{
	*out_file = fd_get(t, fd);
	if (!*out_file)
		return -EBADF;
	*out = mqueue_of(*out_file);
	return *out && ((*out_file)->mode & mode) == mode ? 0 : -EBADF;
}

long sys_mq_timedsend(struct task *t, int mqdes, uptr_t msg_ptr, uint64_t msg_len, unsigned msg_prio, uptr_t abs_timeout)
{
	uint64_t deadline;
	int err = get_deadline(t, abs_timeout, &deadline);
	if (err)
		return err;
	if (msg_prio >= MQ_PRIO_MAX)
		return -EINVAL;
	AUTO(file_put) struct file *f = NULL;
	struct mqueue *q;
	err = get_queue(t, mqdes, FMODE_WRITE, &f, &q);
	if (err)
		return err;
	struct mq_attr a;
	mqueue_attr(q, &a);
	if (msg_len > (uint64_t)a.mq_msgsize)
		return -EMSGSIZE;
	AUTO(mq_msg_free) struct mq_msg *m = mq_msg_new(msg_len, msg_prio);
	if (!m)
		return -ENOMEM;
	if (copy_from_user(t, mq_msg_data(m), msg_ptr, msg_len))
		return -EFAULT;
	err = mqueue_send(t, q, m, f->flags & O_NONBLOCK, deadline);
	if (!err)
		m = NULL;
	return err;
}

long sys_mq_timedreceive(struct task *t, int mqdes, uptr_t msg_ptr, uint64_t msg_len, uptr_t msg_prio, uptr_t abs_timeout)
{
	uint64_t deadline;
	int err = get_deadline(t, abs_timeout, &deadline);
	if (err)
		return err;
	AUTO(file_put) struct file *f = NULL;
	struct mqueue *q;
	err = get_queue(t, mqdes, FMODE_READ, &f, &q);
	if (err)
		return err;
	struct mq_attr a;
	mqueue_attr(q, &a);
	if (msg_len < (uint64_t)a.mq_msgsize)
		return -EMSGSIZE;
	AUTO(mq_msg_free) struct mq_msg *m = NULL;
	err = mqueue_receive(t, q, f->flags & O_NONBLOCK, deadline, &m);
	if (err)
		return err;
	unsigned prio = mq_msg_prio(m);
	if (!uptr_null(msg_prio) && put_user(t, msg_prio, &prio))
		return -EFAULT;
	if (copy_to_user(t, msg_ptr, mq_msg_data(m), mq_msg_bytes(m)))
		return -EFAULT;
	return (long)mq_msg_bytes(m);
}

/* The guest's struct sigevent. */
struct ksigevent {
	union sigval value;
	int signo, notify;
	int pad[12];
};

/* SIGEV_THREAD: signo is a netlink socket, value points to a cookie to send there. */
static int get_thread(struct task *t, const struct ksigevent *ev, struct mq_notify *out)
{
	if (get_user(t, &out->cookie, UPTR(ev->value.sival_ptr)))
		return -EFAULT;
	AUTO(file_put) struct file *f = fd_get(t, ev->signo);
	if (!f)
		return -EBADF;
	int err = netlink_check(f);
	if (!err)
		out->netlink = TAKE(f);
	return err;
}

long sys_mq_notify(struct task *t, int mqdes, uptr_t sevp)
{
	struct ksigevent ev = { 0 };
	bool given = !uptr_null(sevp);
	struct mq_notify n = { 0 };
	AUTO(file_put) struct file *netlink = NULL;
	if (given) {
		if (get_user(t, &ev, sevp))
			return -EFAULT;
		if (ev.notify != SIGEV_NONE && ev.notify != SIGEV_SIGNAL && ev.notify != SIGEV_THREAD)
			return -EINVAL;
		if (ev.notify == SIGEV_SIGNAL && (ev.signo < 0 || ev.signo > NSIG64))
			return -EINVAL;
		n.how = ev.notify;
		n.sig = ev.notify == SIGEV_SIGNAL ? ev.signo : 0;
		n.value = ev.value;
		int err = ev.notify == SIGEV_THREAD ? get_thread(t, &ev, &n) : 0;
		if (err)
			return err;
		netlink = n.netlink;
	}
	AUTO(file_put) struct file *f = NULL;
	struct mqueue *q;
	int err = get_queue(t, mqdes, 0, &f, &q);
	if (err)
		return err;
	if (!given) {
		mqueue_notify_clear(t, q);
		return 0;
	}
	err = mqueue_notify_set(t, q, &n);
	if (!err)
		(void)TAKE(netlink);
	return err;
}

long sys_mq_getsetattr(struct task *t, int mqdes, uptr_t newattr, uptr_t oldattr)
{
	struct mq_attr new, old;
	if (!uptr_null(newattr)) {
		if (get_user(t, &new, newattr))
			return -EFAULT;
		if (new.mq_flags & ~O_NONBLOCK)
			return -EINVAL;
	}
	AUTO(file_put) struct file *f = NULL;
	struct mqueue *q;
	int err = get_queue(t, mqdes, 0, &f, &q);
	if (err)
		return err;
	mqueue_attr(q, &old);
	old.mq_flags = f->flags & O_NONBLOCK;
	if (!uptr_null(newattr))
		f->flags = (f->flags & ~O_NONBLOCK) | (int)(new.mq_flags & O_NONBLOCK);
	return uptr_null(oldattr) ? 0 : put_user(t, oldattr, &old);
}
