/* unix_diag.c - see unix_diag.h. */
#include "sentry/net/unix/unix_diag.h"

#include <netinet/tcp.h>

#include "sentry/net/net.h"
#include "sentry/net/unix/unix_impl.h"

static uint64_t ino_of(const struct unix_sock *u)
{
	return u && !u->dead && !u->embryo && u->sock.file.inode ? u->sock.file.inode->ino : 0;
}

static struct unix_diag describe(const struct unix_sock *u)
{
	bool listens = u->state == UNIX_LISTEN;
	struct unix_diag d = { .sock = &u->sock, .ino = ino_of(u), .peer_ino = ino_of(u->peer), .shutdown = u->shutdown,
			       .refs = u->refs + 1, .uid = u->sock.file.inode ? u->sock.file.inode->uid : 0 };
	d.state = listens ? TCP_LISTEN : u->peer && !u->peer->dead ? TCP_ESTABLISHED : TCP_CLOSE;
	if (u->state == UNIX_CONNECTED)
		d.state = TCP_ESTABLISHED;
	if (u->addr) {
		d.name = &u->addr->name;
		d.name_len = u->addr->len;
	}
	if (u->inode) {
		d.file_ino = u->inode->ino;
		d.file_dev = u->inode->sb->dev;
	}
	d.rx = listens ? u->acceptq_count : u->recvq_bytes;
	d.tx = listens ? u->backlog : u->wmem;
	return d;
}

void unix_diag_each(struct net *net, bool (*fn)(void *arg, const struct unix_diag *d), void *arg)
{
	const struct unix_sock *u;
	TAILQ_FOREACH(u, &net->unixes, net_link) {
		struct unix_diag d = describe(u);
		if (!fn(arg, &d))
			return;
	}
}

unsigned unix_diag_waiting(const struct socket *s, uint32_t *inos, unsigned max)
{
	const struct unix_sock *u = to_unix(s), *embryo;
	unsigned n = 0;
	TAILQ_FOREACH(embryo, &u->acceptq, accept_link)
		if (n < max)
			inos[n++] = (uint32_t)ino_of(embryo->peer);
	return n;
}
