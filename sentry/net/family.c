/* family.c - the families there are. */
#include <fcntl.h>

#include "sentry/net/inet/inet.h"
#include "sentry/net/netlink/netlink.h"
#include "sentry/net/packet/afpacket.h"
#include "sentry/net/socket.h"
#include "sentry/net/unix/unix.h"

static const struct socket_family *const families[] = { &unix_family, &inet_family, &inet6_family, &netlink_family,
							&packet_family };

static const struct socket_family *family_find(int family)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i]->family == family)
			return families[i];
	return NULL;
}

int socket_new(struct task *t, int family, int type, int protocol, struct socket **out)
{
	const struct socket_family *fam = family_find(family);
	if (!fam)
		return -EAFNOSUPPORT;
	int err = fam->create(t, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), protocol, out);
	if (err)
		return err;
	if (type & SOCK_NONBLOCK)
		(*out)->file.flags |= O_NONBLOCK;
	(*out)->file.inode->uid = t->cred->fsuid;
	(*out)->file.inode->gid = t->cred->fsgid;
	return 0;
}

int socket_pair(struct task *t, int family, int type, int protocol, struct socket *out[2])
{
	const struct socket_family *fam = family_find(family);
	if (!fam)
		return -EAFNOSUPPORT;
	struct socket *a, *b;
	int err = socket_new(t, family, type, protocol, &a);
	if (err)
		return err;
	err = socket_new(t, family, type, protocol, &b);
	if (!err) {
		err = fam->pair ? fam->pair(t, a, b) : -EOPNOTSUPP;
		a->peer = b->peer = scm_creds_of(t);
		if (!err) {
			out[0] = a;
			out[1] = b;
			return 0;
		}
		file_put(&b->file);
	}
	file_put(&a->file);
	return err;
}
