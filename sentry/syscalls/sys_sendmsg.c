/* sys_sendmsg.c - sendto(2), sendmsg(2), sendmmsg(2).
 *
 * LINUX    net/socket.c, net/core/scm.c. Same: nobody sends credentials that aren't theirs without the capability for it;
 *          control messages of other levels are ignored. */
#include <linux/capability.h>
#include <string.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/msghdr.h"
#include "sentry/syscalls/sockaddr.h"
#include "sentry/syscalls/table.h"

#define CONTROL_MAX 131072UL              /* net.core.optmem_max */

long sys_sendto(struct task *t, int sockfd, uptr_t buf, uint64_t len, int flags, uptr_t dest_addr, int addrlen)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	int err = fd_socket(t, sockfd, &f, &s);
	if (err)
		return err;
	struct socket_msg m = { .flags = flags };
	if (!uptr_null(dest_addr)) {
		err = sockaddr_get(t, &m.name, dest_addr, addrlen);
		if (err)
			return err;
		m.name_len = (socklen_t)addrlen;
	}
	struct uio u;
	uio_init_user(&u, t, buf, MIN(len, MAX_RW_COUNT));
	m.data = &u;
	return socket_send(t, s, &m);
}

static int take_fds(struct task *t, const int *fds, size_t n, struct file **files, int *count)
{
	if (*count + n > SCM_MAX_FILES)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int fd;
		memcpy(&fd, &fds[i], sizeof(fd));
		files[*count] = fd_get_raw(t, fd);
		if (!files[*count])
			return -EBADF;
		(*count)++;
	}
	return 0;
}

static bool uid_ok(const struct cred *c, uint32_t uid)
{
	return uid == c->uid || uid == c->euid || uid == c->suid || cred_has_own_cap(c, CAP_SETUID);
}

static bool gid_ok(const struct cred *c, uint32_t gid)
{
	return gid == c->gid || gid == c->egid || gid == c->sgid || cred_has_own_cap(c, CAP_SETGID);
}

static int take_creds(struct task *t, const void *data, size_t bytes, struct scm *scm)
{
	struct ucred u;
	if (bytes != sizeof(u))
		return -EINVAL;
	memcpy(&u, data, sizeof(u));
	if (u.pid != t->tg->vtgid && !cred_ns_cap(t->cred, t->pid_ns->id.owner, CAP_SYS_ADMIN))
		return -EPERM;
	u.uid = uid_given(t->cred, u.uid);
	u.gid = gid_given(t->cred, u.gid);
	if (u.uid == ID_NONE || u.gid == ID_NONE)
		return -EINVAL;
	if (!uid_ok(t->cred, u.uid) || !gid_ok(t->cred, u.gid))
		return -EPERM;
	if (u.pid != t->tg->vtgid && !tg_find_for(t, u.pid))
		return -ESRCH;
	scm->creds = (struct scm_creds){ pid_given(t, u.pid), u.uid, u.gid };
	scm->has_creds = true;
	return 0;
}

static int control_parse(struct task *t, const char *ctl, size_t bytes, struct scm *scm, struct file **files, int *count)
{
	size_t at = 0;
	while (bytes - at >= sizeof(struct kcmsghdr)) {
		struct kcmsghdr h;
		memcpy(&h, ctl + at, sizeof(h));
		if (h.len < sizeof(h) || h.len > bytes - at)
			return -EINVAL;
		const char *data = ctl + at + sizeof(h);
		size_t n = h.len - sizeof(h);
		int err = 0;
		if (h.level == SOL_SOCKET) {
			if (h.type == SCM_RIGHTS)
				err = take_fds(t, (const int *)data, n / sizeof(int), files, count);
			else if (h.type == SCM_CREDENTIALS)
				err = take_creds(t, data, n, scm);
			else if (h.type != SO_TIMESTAMPING_OLD && h.type != SO_TIMESTAMPING_NEW)
				err = -EINVAL;
		}
		if (err)
			return err;
		if (CMSG_ALIGNED(h.len) > bytes - at)
			break;
		at += CMSG_ALIGNED(h.len);
	}
	return 0;
}

/* *out: the control messages, the caller's. */
static int control_get(struct task *t, const struct kmsghdr *h, struct scm *scm, char **out)
{
	if (h->controllen == 0)
		return 0;
	if (h->controllen > CONTROL_MAX)
		return -ENOBUFS;
	AUTO(free) char *ctl = malloc(h->controllen);
	AUTO(free) struct file **files = calloc(SCM_MAX_FILES, sizeof(*files));
	if (!ctl || !files)
		return -ENOBUFS;
	if (copy_from_user(t, ctl, UPTR(h->control), h->controllen))
		return -EFAULT;
	int count = 0;
	int err = control_parse(t, ctl, h->controllen, scm, files, &count);
	if (!err && count)
		err = scm_files_new(t, files, count, &scm->files);
	for (int i = 0; err && i < count; i++)
		file_put(files[i]);
	if (!err)
		*out = TAKE(ctl);
	return err;
}

static ssize_t send_one(struct task *t, struct socket *s, const struct kmsghdr *h, int flags)
{
	struct socket_msg m = { .flags = flags };
	if (h->iovlen > MSG_IOV_MAX)
		return -EMSGSIZE;
	if (h->namelen < 0)
		return -EINVAL;
	int err;
	if (h->name && h->namelen) {
		int len = MIN(h->namelen, (int)sizeof(m.name));
		err = sockaddr_get(t, &m.name, UPTR(h->name), len);
		if (err)
			return err;
		m.name_len = (socklen_t)len;
	}
	struct uio u;
	err = uio_init_iov(&u, t, UPTR(h->iov), h->iovlen);
	if (err)
		return err;
	m.data = &u;
	AUTO(free) char *ctl = NULL;
	err = control_get(t, h, &m.scm, &ctl);
	m.control = ctl;
	m.control_len = ctl ? h->controllen : 0;
	ssize_t n = err ? err : socket_send(t, s, &m);
	scm_files_put(m.scm.files);
	uio_fini(&u);
	return n;
}

long sys_sendmsg(struct task *t, int sockfd, uptr_t msg, int flags)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	struct kmsghdr h;
	int err = fd_socket(t, sockfd, &f, &s);
	if (err)
		return err;
	if (get_user(t, &h, msg))
		return -EFAULT;
	return send_one(t, s, &h, flags);
}

long sys_sendmmsg(struct task *t, int sockfd, uptr_t msgvec, unsigned vlen, unsigned flags)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	int err = fd_socket(t, sockfd, &f, &s);
	if (err)
		return err;
	unsigned count = 0;
	for (; count < MIN(vlen, (unsigned)MSG_IOV_MAX); count++) {
		uptr_t at = uptr_add(msgvec, count * sizeof(struct kmmsghdr));
		struct kmsghdr h;
		if (get_user(t, &h, at)) {
			err = -EFAULT;
			break;
		}
		ssize_t n = send_one(t, s, &h, (int)flags);
		uint32_t len = (uint32_t)n;
		err = n < 0 ? (int)n : put_user(t, uptr_add(at, offsetof(struct kmmsghdr, len)), &len);
		if (err)
			break;
	}
	return count ? (long)count : err;
}
