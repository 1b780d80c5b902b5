/* unix_addr.c - names of AF_UNIX sockets: files, abstract names, and names the kernel makes up (unix(7)).
 *
 * HOW      A file's inode points to the socket bound to it; abstract names are in a hash table, apart by type and network namespace.
 * LINUX    net/unix/af_unix.c. Same: a path need not be terminated; autobind takes five hexadecimal digits. */
#include "sentry/net/unix/unix_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sentry/vfs/entry.h"

#define NAME_OFFSET offsetof(struct sockaddr_un, sun_path)

static struct unix_sock *names;

struct unix_addr *unix_addr_get(struct unix_addr *a)
{
	if (a)
		a->refs++;
	return a;
}

void unix_addr_put(struct unix_addr *a)
{
	if (a && --a->refs == 0)
		free(a);
}

void unix_addr_copy(const struct unix_addr *a, struct sockaddr_storage *out, socklen_t *out_len)
{
	memset(out, 0, sizeof(*out));
	out->ss_family = AF_UNIX;
	*out_len = sizeof(sa_family_t);
	if (!a)
		return;
	memcpy(out, &a->name, MIN(sizeof(*out), (size_t)a->len));
	*out_len = a->len;
}

/* -EINVAL: no address of this family. An abstract name is all of the len bytes; a path ends at its NUL or at len. */
static int name_parse(const struct sockaddr_storage *addr, socklen_t len, struct unix_addr *out)
{
	if (len <= NAME_OFFSET || len > sizeof(struct sockaddr_un) || addr->ss_family != AF_UNIX)
		return -EINVAL;
	*out = (struct unix_addr){ .refs = 1, .len = len };
	memcpy(&out->name, addr, len);
	if (out->name.sun_path[0])
		out->len = NAME_OFFSET + strnlen(out->name.sun_path, len - NAME_OFFSET) + 1;
	return 0;
}

static struct unix_key key_of(const struct net *net, const struct unix_addr *a, int type)
{
	struct unix_key key;
	memset(&key, 0, sizeof(key));            /* padding is part of the key */
	key.net = net;
	key.type = type;
	key.len = a->len - NAME_OFFSET;
	memcpy(key.name, a->name.sun_path, key.len);
	return key;
}

static struct unix_sock *find_abstract(const struct net *net, const struct unix_addr *a, int type)
{
	struct unix_key key = key_of(net, a, type);
	struct unix_sock *u;
	HASH_FIND(hh, names, &key, sizeof(key), u);
	return u;
}

static void set_addr(struct unix_sock *u, const struct unix_addr *a)
{
	u->addr = NEW(struct unix_addr);
	*u->addr = *a;
	u->addr->refs = 1;
}

static int bind_abstract(struct unix_sock *u, const struct unix_addr *a)
{
	if (find_abstract(u->net, a, u->sock.type))
		return -EADDRINUSE;
	set_addr(u, a);
	u->key = key_of(u->net, a, u->sock.type);
	HASH_ADD(hh, names, key, sizeof(u->key), u);
	return 0;
}

int unix_autobind(struct unix_sock *u)
{
	static unsigned next;
	if (u->addr)
		return 0;
	for (unsigned tries = 0; tries <= 0xfffff; tries++) {
		char hex[16];
		snprintf(hex, sizeof(hex), "%05x", next++ & 0xfffff);
		struct unix_addr a = { .len = NAME_OFFSET + 6, .name.sun_family = AF_UNIX };
		memcpy(a.name.sun_path + 1, hex, 5);
		if (bind_abstract(u, &a) == 0)
			return 0;
	}
	return -ENOSPC;
}

/* The path of an address of the given length may fill sun_path without a NUL. */
static void path_of(const struct unix_addr *a, char path[sizeof(a->name.sun_path) + 1])
{
	memcpy(path, a->name.sun_path, sizeof(a->name.sun_path));
	path[sizeof(a->name.sun_path)] = 0;
}

static int bind_file(struct task *t, struct unix_sock *u, const struct unix_addr *a)
{
	char name[sizeof(a->name.sun_path) + 1];
	path_of(a, name);
	AUTO(inode_put) struct inode *i = NULL;
	mode_t mode = S_IFSOCK | (u->sock.file.inode->mode & 0777);
	int err = vfs_mknod(t, AT_FDCWD, name, mode, 0, &i);
	if (err)
		return err == -EEXIST ? -EADDRINUSE : err;
	AUTO_PATH path = { 0 };
	err = path_lookup(t, AT_FDCWD, name, 0, &path);
	/* As in Linux, a second name is refused only after its file was made. And both calls slept: the file may be another's. */
	if (!u->addr && !u->dead) {
		set_addr(u, a);
		if (!err) {
			u->path = path;
			path = (struct path){ 0 };
			if (u->path.dentry->inode && S_ISSOCK(u->path.dentry->inode->mode) && u->path.dentry->inode != i) {
				inode_put(i);
				i = inode_get(u->path.dentry->inode);
			}
		}
		i->sock = u;
		u->inode = TAKE(i);
		return 0;
	}
	(void)!vfs_unlink(t, AT_FDCWD, name);
	return -EINVAL;
}

int unix_bind(struct task *t, struct socket *s, const struct sockaddr_storage *addr, socklen_t len)
{
	struct unix_sock *u = to_unix(s);
	if (len == NAME_OFFSET && addr->ss_family == AF_UNIX)
		return u->addr ? -EINVAL : unix_autobind(u);
	struct unix_addr a;
	int err = name_parse(addr, len, &a);
	if (err)
		return err;
	if (a.name.sun_path[0])
		return bind_file(t, u, &a);
	return u->addr ? -EINVAL : bind_abstract(u, &a);
}

void unix_unbind(struct unix_sock *u)
{
	if (u->key.len) {
		HASH_DEL(names, u);
		u->key.len = 0;
	}
	if (!u->inode)
		return;
	struct inode *i = TAKE(u->inode);
	if (i->sock == u)
		i->sock = NULL;
	inode_put(i);
	path_put(&u->path);
}

static int find_file(struct task *t, const struct unix_addr *a, struct unix_sock **out)
{
	char name[sizeof(a->name.sun_path) + 1];
	path_of(a, name);
	AUTO_PATH path = { 0 };
	int err = path_lookup(t, AT_FDCWD, name, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	struct inode *i = path.dentry->inode;
	err = inode_permission(i, t->cred, MAY_WRITE);
	if (err)
		return err;
	if (!S_ISSOCK(i->mode) || !i->sock || i->sock->dead)
		return -ECONNREFUSED;
	*out = unix_get(i->sock);
	return 0;
}

int unix_find(struct task *t, const struct unix_sock *from, const struct sockaddr_storage *addr, socklen_t len,
	      struct unix_sock **out)
{
	int type = from->sock.type;
	struct unix_addr a;
	int err = name_parse(addr, len, &a);
	if (err)
		return err;
	if (!a.name.sun_path[0]) {
		struct unix_sock *u = find_abstract(from->net, &a, type);
		if (!u)
			return -ECONNREFUSED;
		*out = unix_get(u);
		return 0;
	}
	if (!t)
		return -EINVAL;
	AUTO(unix_put) struct unix_sock *u = NULL;
	err = find_file(t, &a, &u);
	if (err)
		return err;
	if (u->sock.type != type)
		return -EPROTOTYPE;
	*out = TAKE(u);
	return 0;
}
