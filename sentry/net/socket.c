/* socket.c - what all sockets share: the file, and the verbs that may wait.
 *
 * LINUX    net/socket.c, net/core/sock.c. Same: a call that waits with a time-out (SO_RCVTIMEO, SO_SNDTIMEO) is not restarted
 *          after a signal (sock_intr_errno()). */
#include "sentry/net/socket.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "platform/base/live.h"
#include "sentry/net/filter.h"
#include "sentry/net/net.h"

static ssize_t socket_file_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)pos;
	struct socket *s = container_of(f, struct socket, file);
	struct socket_msg m = { .data = dst };
	ssize_t n = s->ops->recv(dst->t, s, &m);
	scm_files_put(m.scm.files);
	return n;
}

static ssize_t socket_file_write(struct file *f, struct uio *src, off_t *pos)
{
	(void)pos;
	struct socket *s = container_of(f, struct socket, file);
	struct socket_msg m = { .data = src };
	return s->ops->send(src->t, s, &m);
}

static uint32_t socket_file_poll(struct file *f)
{
	struct socket *s = container_of(f, struct socket, file);
	return s->ops->poll(s);
}

static long socket_file_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	struct socket *s = container_of(f, struct socket, file);
	int err = s->ops->ioctl ? s->ops->ioctl(t, s, cmd, arg) : -ENOTTY;
	return err == -ENOTTY ? net_ioctl(t, t->net, s->family, cmd, arg) : err;
}

static int socket_file_mmap(struct file *f, uint64_t off, uint64_t len, int prot, int flags, struct mmap_source *out)
{
	(void)prot;
	(void)flags;
	struct socket *s = container_of(f, struct socket, file);
	return s->ops->mmap ? s->ops->mmap(s, off, len, out) : -ENODEV;
}

static void socket_file_mapped(struct file *f, int change)
{
	struct socket *s = container_of(f, struct socket, file);
	if (s->ops->mapped)
		s->ops->mapped(s, change);
}

static int socket_file_flush(struct task *t, struct file *f)
{
	struct socket *s = container_of(f, struct socket, file);
	if (f->refs == 1 && s->linger.l_onoff && s->ops->linger && !t->exiting && !t->tg->exiting)
		s->ops->linger(t, s);
	return 0;
}

static void socket_file_release(struct file *f)
{
	struct socket *s = container_of(f, struct socket, file);
	file_fini(f);
	filter_free(s);
	s->ops->release(s);
}

static const struct file_ops socket_file_ops = {
	.name = "socket",
	.read = socket_file_read,
	.write = socket_file_write,
	.poll = socket_file_poll,
	.ioctl = socket_file_ioctl,
	.mmap = socket_file_mmap,
	.mapped = socket_file_mapped,
	.flush = socket_file_flush,
	.release = socket_file_release,
};

struct socket *socket_of(struct file *f)
{
	return f->ops == &socket_file_ops ? container_of(f, struct socket, file) : NULL;
}

void socket_learn_empty(struct task *t, struct file *f, int fd, ssize_t n)
{
	struct socket *s = container_of(f, struct socket, file);
	if ((n != -EAGAIN && !f->empties) || s->type != SOCK_STREAM || s->rcvlowat != 1 || !(f->flags & O_NONBLOCK))
		return;
	const uint32_t something = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
	empties_learn(t, f, fd, n == -EAGAIN, !(s->ops->poll(s) & something));
}

int socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol)
{
	int err = file_init_anon(&s->file, &socket_file_ops, S_IFSOCK | 0777, O_RDWR);
	if (err)
		return err;
	live_born(SOCKET);
	waitq_init(&s->wq);
	s->file.wq = &s->wq;
	s->file.mode |= FMODE_STREAM;
	s->ops = ops;
	s->family = family;
	s->type = type;
	s->protocol = protocol;
	s->sndbuf = s->rcvbuf = 212992;
	s->rcvlowat = 1;
	s->peek_off = -1;
	s->incoming_cpu = -1;
	s->txrehash = 1;
	s->max_pacing = UINT64_MAX;
	return 0;
}

int socket_take_error(struct socket *s)
{
	int error = s->error;
	s->error = 0;
	return -error;
}

void socket_peeked(struct socket *s, const struct socket_msg *m, size_t bytes)
{
	int n = (int)MIN(bytes, (size_t)INT_MAX), to;
	if (s->peek_off < 0)
		return;
	if (!(m->flags & MSG_PEEK))
		s->peek_off = MAX(s->peek_off - n, 0);
	else if (!__builtin_add_overflow(s->peek_off, n, &to))
		s->peek_off = to;
}

void socket_cmsg_add(struct socket_msg *m, int level, int type, const void *data, size_t bytes)
{
	struct socket_cmsgs *c = m->cmsgs;
	struct cmsghdr h = { .cmsg_len = CMSG_LEN(bytes), .cmsg_level = level, .cmsg_type = type };
	if (!c || CMSG_SPACE(bytes) > sizeof(c->bytes) - c->used)
		return;
	memset(c->bytes + c->used, 0, CMSG_SPACE(bytes));
	memcpy(c->bytes + c->used, &h, sizeof(h));
	memcpy(c->bytes + c->used + CMSG_LEN(0), data, bytes);
	c->used += CMSG_SPACE(bytes);
}

bool socket_cmsg_next(const struct socket_msg *m, size_t *at, int *level, int *type, const void **data, size_t *bytes)
{
	struct cmsghdr h;
	if (*at > m->control_len || m->control_len - *at < sizeof(h))
		return false;
	memcpy(&h, m->control + *at, sizeof(h));
	if (h.cmsg_len < sizeof(h) || h.cmsg_len > m->control_len - *at)
		return false;
	*level = h.cmsg_level;
	*type = h.cmsg_type;
	*data = m->control + *at + CMSG_LEN(0);
	*bytes = h.cmsg_len - CMSG_LEN(0);
	*at += CMSG_ALIGN(h.cmsg_len);
	return true;
}

/* A call of an op with all the arguments any of them has. */
struct call {
	struct task *t;
	struct socket *s;
	struct socket_msg *m;
	const struct sockaddr_storage *addr;
	socklen_t len;
	struct socket **out;
};

static ssize_t try_accept(struct call *c)
{
	return c->s->ops->accept(c->s, c->out);
}

static ssize_t try_connect(struct call *c)
{
	return c->s->ops->connect(c->t, c->s, c->addr, c->len);
}

static ssize_t try_send(struct call *c)
{
	return c->s->ops->send(c->t, c->s, c->m);
}

static ssize_t try_recv(struct call *c)
{
	return c->s->ops->recv(c->t, c->s, c->m);
}

static bool not_now(ssize_t n)
{
	return n == -EAGAIN || n == -EINPROGRESS || n == -EALREADY;
}

/* Calls until it is something other than "not now", or the wait ends: with what the first call said if by time. */
static ssize_t wait_for(struct call *c, ssize_t (*try)(struct call *c), bool nonblock, uint64_t timeout_ns,
			uint64_t deadline_ns)
{
	ssize_t first = try(c), n;
	if (!not_now(first) || nonblock)
		return first;
	struct sleeper sl;
	sleeper_begin(&sl, c->t, &c->s->wq, deadline_ns);
	while (not_now(n = try(c))) {
		if (task_interrupted(c->t)) {
			n = timeout_ns ? -EINTR : -ERESTARTSYS;
			break;
		}
		if (sl.timed_out) {
			n = first;
			break;
		}
		c->t->sleeping = true;    /* an op that slept inside has cleared it */
		co_sleep();
	}
	sleeper_end(&sl, c->t);
	return n;
}

static uint64_t deadline_of(uint64_t timeout_ns)
{
	return timeout_ns ? now_mono_ns() + timeout_ns : UINT64_MAX;
}

int socket_accept(struct task *t, struct socket *s, struct socket **out)
{
	struct call c = { .t = t, .s = s, .out = out };
	uint64_t timeout_ns = s->file.rcv_timeout_ns;
	if (!s->ops->accept)
		return -EOPNOTSUPP;
	return (int)wait_for(&c, try_accept, s->file.flags & O_NONBLOCK, timeout_ns, deadline_of(timeout_ns));
}

int socket_connect(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len)
{
	struct call c = { .t = t, .s = s, .addr = addr, .len = len };
	uint64_t timeout_ns = s->file.snd_timeout_ns;
	return (int)wait_for(&c, try_connect, s->file.flags & O_NONBLOCK, timeout_ns, deadline_of(timeout_ns));
}

static bool dont_wait(const struct socket *s, const struct socket_msg *m)
{
	return (s->file.flags & O_NONBLOCK) || (m->flags & (MSG_DONTWAIT | MSG_ERRQUEUE));
}

ssize_t socket_send(struct task *t, struct socket *s, struct socket_msg *m)
{
	struct call c = { .t = t, .s = s, .m = m };
	uint64_t timeout_ns = s->file.snd_timeout_ns, deadline_ns = deadline_of(timeout_ns);
	ssize_t done = 0, n;
	do {
		n = wait_for(&c, try_send, dont_wait(s, m), timeout_ns, deadline_ns);
		done += n > 0 ? n : 0;
	} while (n > 0 && s->type == SOCK_STREAM && m->data->resid > 0);
	if (n == -EPIPE && !done && s->type == SOCK_STREAM && !(m->flags & MSG_NOSIGNAL))
		signal_send_task(t, SIGPIPE, NULL);
	return done ? done : n;
}

ssize_t socket_recv(struct task *t, struct socket *s, struct socket_msg *m)
{
	struct call c = { .t = t, .s = s, .m = m };
	uint64_t timeout_ns = s->file.rcv_timeout_ns, deadline_ns = deadline_of(timeout_ns);
	size_t target = m->flags & MSG_WAITALL ? m->data->resid : MIN((size_t)s->rcvlowat, m->data->resid);
	bool all = !(m->flags & (MSG_PEEK | MSG_OOB)) && s->type == SOCK_STREAM;
	ssize_t done = 0, n;
	do {
		m->got = (size_t)done;
		n = wait_for(&c, try_recv, dont_wait(s, m), timeout_ns, deadline_ns);
		done += n > 0 ? n : 0;
	} while (n > 0 && all && !m->stop && (size_t)done < target);
	return done ? done : n;
}
