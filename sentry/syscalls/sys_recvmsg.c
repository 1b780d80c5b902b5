/* sys_recvmsg.c - recvfrom(2), recvmsg(2), recvmmsg(2).
 *
 * LINUX    net/socket.c, net/core/scm.c. Same: descriptors there is no room for are closed (MSG_CTRUNC); recvmmsg looks at
 *          its time-out only between messages. */
#include <linux/net_tstamp.h>
#include <string.h>

#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/msghdr.h"
#include "sentry/syscalls/poll_set.h"
#include "sentry/syscalls/sockaddr.h"
#include "sentry/syscalls/table.h"

long sys_recvfrom(struct task *t, int sockfd, uptr_t buf, uint64_t len, int flags, uptr_t src_addr, uptr_t addrlen)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	int err = fd_socket(t, sockfd, &f, &s);
	if (err)
		return err;
	struct uio u;
	uio_init_user(&u, t, buf, MIN(len, MAX_RW_COUNT));
	struct socket_msg m = { .flags = flags, .data = &u };
	ssize_t n = socket_recv(t, s, &m);
	scm_files_put(m.scm.files);
	socket_learn_empty(t, f, sockfd, n);
	if (n >= 0 && !uptr_null(src_addr)) {
		err = sockaddr_put(t, &m.name, m.name_len, src_addr, addrlen);
		if (err)
			return err;
	}
	return n;
}

/* Room for control messages in the guest, and how much of it is used. */
struct control {
	uptr_t at;
	size_t room, used;
	bool truncated;
};

static int control_put(struct task *t, struct control *c, int level, int type, const void *data, size_t bytes)
{
	struct kcmsghdr h = { .len = sizeof(h) + bytes, .level = level, .type = type };
	size_t left = c->room - c->used;
	if (left < sizeof(h)) {
		c->truncated = true;
		return 0;
	}
	if (left < h.len) {
		c->truncated = true;
		h.len = left;
	}
	uptr_t at = uptr_add(c->at, c->used);
	if (put_user(t, at, &h) || copy_to_user(t, uptr_add(at, sizeof(h)), data, h.len - sizeof(h)))
		return -EFAULT;
	c->used += MIN(CMSG_ALIGNED(h.len), left);
	return 0;
}

/* Installs as many files as there is room for and tells their numbers. */
static int rights_put(struct task *t, struct control *c, const struct scm_files *sf, bool cloexec)
{
	int fds[SCM_MAX_FILES], n = 0, err = 0;
	size_t left = c->room - c->used;
	size_t fit = left > sizeof(struct kcmsghdr) ? (left - sizeof(struct kcmsghdr)) / sizeof(int) : 0;
	int want = (int)MIN(fit, (size_t)sf->count);
	while (n < want && (fds[n] = fd_reserve(t, 0)) >= 0)
		n++;
	if (n < sf->count)
		c->truncated = true;
	if (n)
		err = control_put(t, c, SOL_SOCKET, SCM_RIGHTS, fds, (size_t)n * sizeof(int));
	for (int i = 0; i < n; i++) {
		if (err)
			fd_abort(t, fds[i]);
		else
			fd_commit(t, fds[i], file_get(sf->file[i]), cloexec);
	}
	return err;
}

/* A descriptor of the sender's process (SO_PASSPIDFD). */
static int pidfd_put(struct task *t, struct control *c, struct thread_group *tg)
{
	if (c->room - c->used < CMSG_LEN(sizeof(int))) {
		c->truncated = true;
		return 0;
	}
	struct file *f;
	int err = pidfd_new(tg, 0, &f);
	int fd = err ? err : fd_reserve(t, 0);
	int shown = fd;                   /* Linux tells the error there */
	int bad = control_put(t, c, SOL_SOCKET, SCM_PIDFD, &shown, sizeof(shown));
	if (fd >= 0 && bad)
		fd_abort(t, fd);
	else if (fd >= 0)
		fd_commit(t, fd, file_get(f), true);
	if (!err)
		file_put(f);
	return bad;
}

static int stamp_put(struct task *t, const struct socket *s, uint64_t ns, struct control *c)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_nsec = (long)(ns % NS_PER_SEC) };
	struct timeval tv = { .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	int err = 0;
	if (s->stamp == STAMP_US)
		err = control_put(t, c, SOL_SOCKET, s->stamp_new ? SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD, &tv, sizeof(tv));
	else if (s->stamp == STAMP_NS)
		err = control_put(t, c, SOL_SOCKET, s->stamp_new ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD, &ts, sizeof(ts));
	if (!err && (s->stamping & SOF_TIMESTAMPING_SOFTWARE) && (s->stamping & SOF_TIMESTAMPING_RX_SOFTWARE)) {
		struct timespec three[3] = { ts };       /* software, and two of hardware */
		err = control_put(t, c, SOL_SOCKET, SO_TIMESTAMPING_OLD, three, sizeof(three));
	}
	return err;
}

/* What the family has to say. */
static int cmsgs_put(struct task *t, const struct socket_cmsgs *cmsgs, struct control *c)
{
	int err = 0;
	for (size_t at = 0; !err && at < cmsgs->used;) {
		struct kcmsghdr h;
		memcpy(&h, cmsgs->bytes + at, sizeof(h));
		err = control_put(t, c, h.level, h.type, cmsgs->bytes + at + sizeof(h), h.len - sizeof(h));
		at += CMSG_ALIGNED(h.len);
	}
	return err;
}

static int control_finish(struct task *t, struct socket *s, struct socket_msg *m, struct control *c)
{
	int err = 0;
	if ((s->stamp || s->stamping) && s->type != SOCK_STREAM)
		err = stamp_put(t, s, m->stamp_ns ? m->stamp_ns : now_real_ns(), c);
	if (!err && m->cmsgs->used && s->family != AF_UNIX)
		err = cmsgs_put(t, m->cmsgs, c);
	if (err)
		return err;
	if (s->passcred && m->scm.has_creds) {
		struct ucred u = {
			.pid = pid_shown(t, m->scm.creds.pid),
			.uid = uid_shown(t->cred, m->scm.creds.uid),
			.gid = gid_shown(t->cred, m->scm.creds.gid),
		};
		err = control_put(t, c, SOL_SOCKET, SCM_CREDENTIALS, &u, sizeof(u));
	}
	if (!err && m->scm.files)
		err = rights_put(t, c, m->scm.files, m->flags & MSG_CMSG_CLOEXEC);
	if (!err && s->passpidfd && m->scm.tg)
		err = pidfd_put(t, c, m->scm.tg);
	if (!err && m->cmsgs->used && s->family == AF_UNIX)
		err = cmsgs_put(t, m->cmsgs, c);
	return err;
}

/* The fields that recvmsg writes back. */
static int header_put(struct task *t, uptr_t msg, const struct kmsghdr *h, const struct socket_msg *m, const struct control *c)
{
	uint32_t flags = (uint32_t)(m->out_flags | (m->flags & MSG_CMSG_CLOEXEC) | (c->truncated ? MSG_CTRUNC : 0));
	uint64_t used = c->used;
	if (h->name && sockaddr_put(t, &m->name, m->name_len, UPTR(h->name), uptr_add(msg, offsetof(struct kmsghdr, namelen))))
		return -EFAULT;
	if (put_user(t, uptr_add(msg, offsetof(struct kmsghdr, flags)), &flags) ||
	    put_user(t, uptr_add(msg, offsetof(struct kmsghdr, controllen)), &used))
		return -EFAULT;
	return 0;
}

static ssize_t recv_one(struct task *t, struct socket *s, uptr_t msg, int flags)
{
	struct kmsghdr h;
	if (get_user(t, &h, msg))
		return -EFAULT;
	if (h.iovlen > MSG_IOV_MAX)
		return -EMSGSIZE;
	if (h.namelen < 0)
		return -EINVAL;
	struct uio u;
	int err = uio_init_iov(&u, t, UPTR(h.iov), h.iovlen);
	if (err)
		return err;
	struct socket_cmsgs cmsgs;
	cmsgs.used = 0;
	struct socket_msg m = { .flags = flags, .data = &u, .cmsgs = &cmsgs };
	struct control c = { .at = UPTR(h.control), .room = h.control ? h.controllen : 0 };
	ssize_t n = socket_recv(t, s, &m);
	if (n >= 0) {
		err = control_finish(t, s, &m, &c);
		if (!err)
			err = header_put(t, msg, &h, &m, &c);
		n = err ? err : n;
	}
	scm_files_put(m.scm.files);
	tg_put(m.scm.tg);
	uio_fini(&u);
	return n;
}

long sys_recvmsg(struct task *t, int sockfd, uptr_t msg, int flags)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	int err = fd_socket(t, sockfd, &f, &s);
	return err ? err : recv_one(t, s, msg, flags);
}

long sys_recvmmsg(struct task *t, int sockfd, uptr_t msgvec, unsigned vlen, unsigned flags, uptr_t timeout)
{
	struct timespec ts;
	bool timed = !uptr_null(timeout);
	if (timed && get_user(t, &ts, timeout))
		return -EFAULT;
	uint64_t deadline_ns;
	int err = deadline_after(timed ? &ts : NULL, &deadline_ns);
	if (err)
		return err;
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	err = fd_socket(t, sockfd, &f, &s);
	if (err)
		return err;

	unsigned count = 0;
	while (count < MIN(vlen, (unsigned)MSG_IOV_MAX)) {
		uptr_t at = uptr_add(msgvec, count * sizeof(struct kmmsghdr));
		ssize_t n = recv_one(t, s, at, (int)(flags & ~MSG_WAITFORONE));
		uint32_t len = (uint32_t)n;
		err = n < 0 ? (int)n : put_user(t, uptr_add(at, offsetof(struct kmmsghdr, len)), &len);
		if (err)
			break;
		count++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (timed && now_mono_ns() >= deadline_ns)
			break;
	}
	if (timed && count && deadline_ns != UINT64_MAX) {
		ts = time_left(deadline_ns);
		if (put_user(t, timeout, &ts))
			return -EFAULT;
	}
	return count ? (long)count : err;
}
