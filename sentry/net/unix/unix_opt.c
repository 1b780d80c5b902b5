/* unix_opt.c - options that only AF_UNIX sockets have (unix(7)), and who is at the other end.
 *
 * LINUX    net/unix/af_unix.c unix_setsockopt(); net/core/sock.c. Same: SO_INQ can be set, and not asked for. */
#include <string.h>

#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/unix/unix_impl.h"

void unix_set_peer_of(struct unix_sock *u, struct thread_group *tg, const struct cred *cred)
{
	tg_put(TAKE(u->peer_tg));
	cred_put(TAKE(u->peer_cred));
	u->peer_tg = tg ? tg_get(tg) : NULL;
	u->peer_cred = cred ? cred_get(cred) : NULL;
}

/* A descriptor of who is at the other end, installed in t. */
static int put_pidfd(struct task *t, const struct unix_sock *u, void *value, socklen_t *len)
{
	if (!u->peer_tg)
		return -ENODATA;
	AUTO(file_put) struct file *f = NULL;
	int err = pidfd_new(u->peer_tg, 0, &f);
	if (err)
		return err;
	int fd = fd_install(t, f, 0, true);
	if (fd < 0)
		return fd;
	f = NULL;
	return sockopt_put_int(value, len, fd);
}

static int put_groups(struct task *t, const struct cred *c, void *value, socklen_t *len)
{
	uint32_t groups[SOCKOPT_MAX / sizeof(uint32_t)];
	if (!c)
		return -ENODATA;
	socklen_t room = *len;
	*len = (socklen_t)((size_t)c->ngroups * sizeof(uint32_t));
	if (room < *len)
		return -ERANGE;
	for (int i = 0; i < c->ngroups; i++)
		groups[i] = gid_shown(t->cred, c->groups[i]);
	memcpy(value, groups, *len);
	return 0;
}

static int put_cred(struct task *t, const struct scm_creds *c, void *value, socklen_t *len)
{
	struct ucred cred = { .pid = pid_shown(t, c->pid), .uid = uid_shown(t->cred, c->uid), .gid = gid_shown(t->cred, c->gid) };
	if (!c->pid)
		cred.uid = cred.gid = (uint32_t)-1;
	return sockopt_put(value, len, &cred, sizeof(cred));
}

int unix_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len)
{
	struct unix_sock *u = to_unix(s);
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case SO_PEERCRED:
		return put_cred(t, &s->peer, value, len);
	case SO_PEERPIDFD:
		return put_pidfd(t, u, value, len);
	case SO_PEERGROUPS:
		return put_groups(t, u->peer_cred, value, len);
	case SO_PASSPIDFD:
		return sockopt_put_int(value, len, s->passpidfd);
	case SO_PASSRIGHTS:
		return sockopt_put_int(value, len, !u->no_rights);
	default:
		return -ENOPROTOOPT;
	}
}

int unix_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len)
{
	(void)t;
	struct unix_sock *u = to_unix(s);
	int v;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	switch (name) {
	case SO_PASSPIDFD:
		s->passpidfd = v != 0;
		return 0;
	case SO_PASSRIGHTS:
		u->no_rights = v == 0;
		return 0;
	case SO_INQ:
		if (s->type != SOCK_STREAM)
			return -ENOPROTOOPT;
		if (len != sizeof(v) || v < 0 || v > 1)
			return -EINVAL;
		u->inq = v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
