/* unix_gc.c - sockets that nobody can reach any more, because only messages hold them that lie in their own queues.
 *
 * HOW      A socket may be garbage if all references to its file are those of messages in queues. Of these we take away the
 *          ones that come from such sockets' own queues; who has some left is reachable, and with it what its queue holds. The
 *          rest is garbage: its messages with files are dropped, and the sockets end by themselves.
 *          It is looked for when a socket ends, but not more often than their number allows, and when it has doubled.
 * LINUX    net/unix/garbage.c, as it was until 6.9. Same: an idle cycle may stay until any other socket ends. */
#include "sentry/net/unix/unix_impl.h"

#define SOCKETS_AN_END 16U                /* how many may be looked at when one ends */

TAILQ_HEAD(gc_list, unix_sock);
static struct gc_list flying = TAILQ_HEAD_INITIALIZER(flying);
static unsigned nflying, ended, most = SOCKETS_AN_END;

static struct unix_sock *unix_of(struct file *f)
{
	struct socket *s = socket_of(f);
	return s && s->family == AF_UNIX ? to_unix(s) : NULL;
}

void unix_fly(const struct scm_files *files)
{
	for (int i = 0; files && i < files->count; i++) {
		struct unix_sock *u = unix_of(files->file[i]);
		if (!u || u->flying++)
			continue;
		TAILQ_INSERT_TAIL(&flying, u, flying_link);
		nflying++;
	}
	if (nflying > 2 * most)
		ended = nflying;                 /* at the next end of any socket */
}

void unix_land(const struct scm_files *files)
{
	for (int i = 0; files && i < files->count; i++) {
		struct unix_sock *u = unix_of(files->file[i]);
		if (!u || --u->flying)
			continue;
		TAILQ_REMOVE(&flying, u, flying_link);
		nflying--;
	}
}

typedef void (*child_fn)(struct unix_sock *child, struct gc_list *list);

static void each_in_queue(struct unix_sock *u, child_fn fn, struct gc_list *list)
{
	struct unix_buf *b;
	TAILQ_FOREACH(b, &u->recvq, link) {
		const struct scm_files *files = b->scm.files;
		/* What somebody is just peeking at counts as reachable: these references are not taken away. */
		for (int i = 0; files && files->refs == 1 && i < files->count; i++) {
			struct unix_sock *child = unix_of(files->file[i]);
			if (child && child->gc_candidate)
				fn(child, list);
		}
	}
}

/* What u's queue holds, and the queues of those who wait to be accepted. */
static void each_child(struct unix_sock *u, child_fn fn, struct gc_list *list)
{
	struct unix_sock *embryo;
	each_in_queue(u, fn, list);
	TAILQ_FOREACH(embryo, &u->acceptq, accept_link)
		each_in_queue(embryo, fn, list);
}

static void take_away(struct unix_sock *child, struct gc_list *list)
{
	(void)list;
	child->gc_refs--;
}

static void found(struct unix_sock *child, struct gc_list *live)
{
	child->gc_candidate = false;
	TAILQ_INSERT_TAIL(live, child, gc_link);
}

static void take_files(struct unix_sock *u, struct scm_files **all)
{
	struct unix_buf *b;
	TAILQ_FOREACH(b, &u->recvq, link) {
		struct scm_files *files = TAKE(b->scm.files);
		if (!files)
			continue;
		unix_land(files);
		files->next_dead = *all;
		*all = files;
	}
}

static void mark(void)
{
	struct gc_list live = TAILQ_HEAD_INITIALIZER(live);
	struct unix_sock *u, *next;
	TAILQ_FOREACH(u, &flying, flying_link) {
		u->gc_refs = u->flying;
		u->gc_candidate = u->sock.file.refs == (int)u->flying;
	}
	TAILQ_FOREACH(u, &flying, flying_link)
		if (u->gc_candidate)
			each_child(u, take_away, NULL);
	for (u = TAILQ_FIRST(&flying); u; u = next) {
		next = TAILQ_NEXT(u, flying_link);
		if (u->gc_candidate && u->gc_refs > 0)
			found(u, &live);
	}
	while ((u = TAILQ_FIRST(&live))) {
		TAILQ_REMOVE(&live, u, gc_link);
		each_child(u, found, &live);
	}
}

/* Takes the messages' files of what is still a candidate. They are the caller's. */
static struct scm_files *sweep(void)
{
	struct gc_list garbage = TAILQ_HEAD_INITIALIZER(garbage);
	struct scm_files *all = NULL;
	struct unix_sock *u, *embryo;
	TAILQ_FOREACH(u, &flying, flying_link)
		if (u->gc_candidate)
			TAILQ_INSERT_TAIL(&garbage, u, gc_link);
	TAILQ_FOREACH(u, &garbage, gc_link) {
		take_files(u, &all);
		TAILQ_FOREACH(embryo, &u->acceptq, accept_link)
			take_files(embryo, &all);
	}
	return all;
}

void unix_gc(void)
{
	static bool running;
	if (running || !nflying || ++ended * SOCKETS_AN_END < nflying)
		return;
	ended = 0;
	running = true;
	mark();
	struct scm_files *files = sweep(), *next;
	for (; files; files = next) {
		next = files->next_dead;
		scm_files_put(files);            /* sleeps; with the last of them its sockets end */
	}
	most = MAX(nflying, SOCKETS_AN_END);
	running = false;
}
