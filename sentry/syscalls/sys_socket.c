/* sys_socket.c - making, naming and connecting sockets.
 *
 * LINUX    net/socket.c. Same: a family nobody implements is EAFNOSUPPORT, as in a kernel built without it. */
#include <fcntl.h>
#include <linux/if_packet.h>
#include <string.h>

#include "sentry/net/filter.h"
#include "sentry/syscalls/fd_pair.h"
#include "sentry/syscalls/sockaddr.h"
#include "sentry/syscalls/table.h"

#define TYPE_MASK 0xf
#define TYPE_MAX 11
#define FAMILY_MAX 46

int fd_socket(struct task *t, int fd, struct file **out_file, struct socket **out)
{
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!f)
		return -EBADF;
	*out = socket_of(f);
	if (!*out)
		return -ENOTSOCK;
	*out_file = TAKE(f);
	return 0;
}

int sockaddr_get(struct task *t, struct sockaddr_storage *out, uptr_t from, int len)
{
	if (len < 0 || len > (int)sizeof(*out))
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	return len ? copy_from_user(t, out, from, (size_t)len) : 0;
}

int sockaddr_put(struct task *t, const struct sockaddr_storage *addr, socklen_t len, uptr_t to, uptr_t user_len)
{
	int room;
	if (get_user(t, &room, user_len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	size_t n = MIN((size_t)room, (size_t)len);
	if (n && copy_to_user(t, to, addr, n))
		return -EFAULT;
	return put_user(t, user_len, &len);
}

static int check_type(int family, int type)
{
	int flags = type & ~TYPE_MASK;
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (family < 0 || family >= FAMILY_MAX)
		return -EAFNOSUPPORT;
	return (type & TYPE_MASK) >= TYPE_MAX ? -EINVAL : 0;
}

long sys_socket(struct task *t, int domain, int type, int protocol)
{
	int err = check_type(domain, type);
	if (err)
		return err;
	struct socket *s;
	err = socket_new(t, domain, type, protocol, &s);
	if (err)
		return err;
	int fd = fd_install(t, &s->file, 0, type & SOCK_CLOEXEC);
	if (fd < 0)
		file_put(&s->file);
	return fd;
}

long sys_socketpair(struct task *t, int domain, int type, int protocol, uptr_t sv)
{
	int err = check_type(domain, type);
	if (err)
		return err;
	struct socket *pair[2];
	err = socket_pair(t, domain, type, protocol, pair);
	if (err)
		return err;
	AUTO(file_put) struct file *a = &pair[0]->file;
	AUTO(file_put) struct file *b = &pair[1]->file;
	return fd_publish_pair(t, sv, a, b, type & SOCK_CLOEXEC);
}

long sys_bind(struct task *t, int sockfd, uptr_t addr, int addrlen)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	struct sockaddr_storage sa;
	int err = fd_socket(t, sockfd, &f, &s);
	if (!err)
		err = sockaddr_get(t, &sa, addr, addrlen);
	return err ? err : s->ops->bind(t, s, &sa, (socklen_t)addrlen);
}

long sys_listen(struct task *t, int sockfd, int backlog)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	int err = fd_socket(t, sockfd, &f, &s);
	return err ? err : s->ops->listen(t, s, backlog);
}

static int publish_accepted(struct task *t, struct socket *s, uptr_t addr, uptr_t addrlen, int flags)
{
	int fd = fd_reserve(t, 0);
	if (fd < 0)
		return fd;
	int err = 0;
	if (!uptr_null(addr)) {
		struct sockaddr_storage sa;
		socklen_t len;
		err = s->ops->getname(s, SOCKET_ACCEPTED, &sa, &len);
		err = err ? -ECONNABORTED : sockaddr_put(t, &sa, len, addr, addrlen);
	}
	if (err) {
		fd_abort(t, fd);
		return err;
	}
	if (flags & SOCK_NONBLOCK)
		s->file.flags |= O_NONBLOCK;
	s->file.inode->uid = t->cred->fsuid;
	s->file.inode->gid = t->cred->fsgid;
	fd_commit(t, fd, file_get(&s->file), flags & SOCK_CLOEXEC);
	return fd;
}

long sys_accept4(struct task *t, int sockfd, uptr_t addr, uptr_t addrlen, int flags)
{
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	AUTO(file_put) struct file *f = NULL;
	struct socket *s, *conn;
	int err = fd_socket(t, sockfd, &f, &s);
	if (err)
		return err;
	err = socket_accept(t, s, &conn);
	if (err)
		return err;
	int fd = publish_accepted(t, conn, addr, addrlen, flags);
	file_put(&conn->file);
	return fd;
}

long sys_accept(struct task *t, int sockfd, uptr_t addr, uptr_t addrlen)
{
	return sys_accept4(t, sockfd, addr, addrlen, 0);
}

long sys_connect(struct task *t, int sockfd, uptr_t addr, int addrlen)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	struct sockaddr_storage sa;
	int err = fd_socket(t, sockfd, &f, &s);
	if (!err)
		err = sockaddr_get(t, &sa, addr, addrlen);
	if (!err)
		empties_drop_file(f);
	return err ? err : socket_connect(t, s, &sa, (socklen_t)addrlen);
}

static long getname(struct task *t, int sockfd, enum socket_end end, uptr_t addr, uptr_t addrlen)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	struct sockaddr_storage sa;
	socklen_t len;
	int err = fd_socket(t, sockfd, &f, &s);
	if (!err)
		err = s->ops->getname(s, end, &sa, &len);
	return err ? err : sockaddr_put(t, &sa, len, addr, addrlen);
}

long sys_getsockname(struct task *t, int sockfd, uptr_t addr, uptr_t addrlen)
{
	return getname(t, sockfd, SOCKET_SELF, addr, addrlen);
}

long sys_getpeername(struct task *t, int sockfd, uptr_t addr, uptr_t addrlen)
{
	return getname(t, sockfd, SOCKET_PEER, addr, addrlen);
}

long sys_shutdown(struct task *t, int sockfd, int how)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	int err = fd_socket(t, sockfd, &f, &s);
	if (err)
		return err;
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	empties_drop_file(f);
	return s->ops->shutdown(s, how);
}

long sys_setsockopt(struct task *t, int sockfd, int level, int optname, uptr_t optval, int optlen)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	char value[SOCKOPT_MAX] = { 0 };
	int err = fd_socket(t, sockfd, &f, &s);
	if (err)
		return err;
	if (optlen < 0)
		return -EINVAL;
	size_t n = MIN((size_t)optlen, sizeof(value));
	if (n && copy_from_user(t, value, optval, n))
		return -EFAULT;
	return socket_setsockopt(t, s, level, optname, value, (socklen_t)n);
}

long sys_getsockopt(struct task *t, int sockfd, int level, int optname, uptr_t optval, uptr_t optlen)
{
	AUTO(file_put) struct file *f = NULL;
	struct socket *s;
	char value[SOCKOPT_MAX] = { 0 };
	int room;
	int err = fd_socket(t, sockfd, &f, &s);
	if (err)
		return err;
	if (get_user(t, &room, optlen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (level == SOL_SOCKET && optname == SO_GET_FILTER) {
		socklen_t count = (socklen_t)room;
		err = filter_get(t, s, optval, &count);
		return err ? err : put_user(t, optlen, &count);
	}
	socklen_t len = MIN((socklen_t)room, (socklen_t)sizeof(value)), had = len;
	if (level == SOL_PACKET && optname == PACKET_HDRLEN && copy_from_user(t, value, optval, len))      /* the one that is a question */
		return -EFAULT;
	err = socket_getsockopt(t, s, level, optname, value, &len);
	if (err == -ERANGE && put_user(t, optlen, &len))      /* SO_PEERGROUPS tells what it takes */
		return -EFAULT;
	if (err)
		return err;
	/* Some options tell how long they would be. */
	if (len && had && copy_to_user(t, optval, value, MIN(len, had)))
		return -EFAULT;
	return put_user(t, optlen, &len);
}
