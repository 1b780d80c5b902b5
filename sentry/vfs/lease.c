/* lease.c - leases (lease.h).
 *
 * HOW      A list of open files at the inode. Breaking a lease tells its holder and sets the time when it ends by itself; who
 *          breaks it sleeps until all that are in the way are gone.
 * LINUX    fs/locks.c: generic_add_lease(), __break_lease(), lease_modify(). Same: the holder is told once a break, even if it
 *          is the one who opens.
 * MISSING  Leases on directories; breaking by unlink, rename, link, chmod (only delegations, which NFS has, know these). */
#include "sentry/vfs/lease.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/async.h"

int lease_break_time_s = 45;

struct lease {
	TAILQ_ENTRY(lease) link;
	struct file *file;                /* it ends with the file */
	int fd, type;
	bool unlock_pending, downgrade_pending;
	uint64_t break_ns;                /* CLOCK_MONOTONIC, when pending; UINT64_MAX: never */
};
struct lease_list {
	TAILQ_HEAD(, lease) leases;
	struct waitq changed;
};

static struct lease *lease_of(const struct file *f)
{
	struct lease *l;
	if (!f->inode->leases)
		return NULL;
	TAILQ_FOREACH(l, &f->inode->leases->leases, link)
		if (l->file == f)
			return l;
	return NULL;
}

static void lease_end(struct inode *i, struct lease *l)
{
	TAILQ_REMOVE(&i->leases->leases, l, link);
	free(l);
	waitq_wake(&i->leases->changed, 0);
}

static int target(const struct lease *l)
{
	return l->unlock_pending ? F_UNLCK : l->downgrade_pending ? F_RDLCK : l->type;
}

/* Is it open in a way that the lease would have to be broken for? f itself does not count. */
static bool open_elsewhere(const struct file *f, int type)
{
	const struct inode *i = f->inode;
	int writers = f->mode & FMODE_WRITER ? 1 : 0, readers = f->mode & FMODE_READER ? 1 : 0;
	if (type == F_RDLCK)
		return i->writers > 0;
	return i->writers != writers || i->readers != readers;
}

static int lease_add(struct task *t, struct file *f, int fd, int type)
{
	struct lease *l, *mine = lease_of(f);
	if (open_elsewhere(f, type))
		return -EAGAIN;
	if (!f->inode->leases) {
		f->inode->leases = NEW(struct lease_list);
		TAILQ_INIT(&f->inode->leases->leases);
		waitq_init(&f->inode->leases->changed);
	}
	TAILQ_FOREACH(l, &f->inode->leases->leases, link)
		if (l != mine && (type == F_WRLCK || l->unlock_pending))
			return -EAGAIN;
	if (mine) {
		mine->type = type;
		mine->downgrade_pending &= type != F_RDLCK;
		waitq_wake(&f->inode->leases->changed, 0);
		return 0;
	}
	l = NEW(struct lease);
	l->file = f;
	l->fd = fd;
	l->type = type;
	TAILQ_INSERT_TAIL(&f->inode->leases->leases, l, link);
	file_default_owner(t, f);
	return 0;
}

int lease_set(struct task *t, struct file *f, int fd, int type)
{
	if (type == F_UNLCK) {
		struct lease *l = lease_of(f);
		if (!l)
			return -EAGAIN;
		lease_end(f->inode, l);
		return 0;
	}
	if (type != F_RDLCK && type != F_WRLCK)
		return -EINVAL;
	if (t->cred->fsuid != f->inode->uid && !cred_has_cap(t->cred, CAP_LEASE))
		return -EACCES;
	if (!S_ISREG(f->inode->mode))
		return -EINVAL;
	return lease_add(t, f, fd, type);
}

int lease_get(const struct file *f)
{
	const struct lease *l = lease_of(f);
	return l ? target(l) : F_UNLCK;
}

static bool in_the_way(const struct lease *l, bool write)
{
	return write || l->type == F_WRLCK;
}

/* Tells every holder in the way, once. */
static void start_break(struct inode *i, bool write)
{
	uint64_t ends = lease_break_time_s ? now_mono_ns() + (uint64_t)lease_break_time_s * NS_PER_SEC : UINT64_MAX;
	struct lease *l;
	TAILQ_FOREACH(l, &i->leases->leases, link) {
		if (!in_the_way(l, write) || l->unlock_pending || (!write && l->downgrade_pending))
			continue;
		if (write)
			l->unlock_pending = true;
		else
			l->downgrade_pending = true;
		l->break_ns = ends;
		file_signal_owner(l->file, l->fd, POLL_MSG, EPOLLMSG);
	}
}

/* Ends or downgrades what has had its time. The earliest end of what is still in the way; 0: nothing is. */
static uint64_t next_end(struct inode *i, bool write)
{
	uint64_t now = now_mono_ns(), first = 0;
	struct lease *l = TAILQ_FIRST(&i->leases->leases);
	while (l) {
		struct lease *next = TAILQ_NEXT(l, link);
		if ((l->unlock_pending || l->downgrade_pending) && l->break_ns <= now) {
			l->type = target(l);
			l->downgrade_pending = false;
			if (l->type == F_UNLCK)
				lease_end(i, TAKE(l));
		}
		if (l && in_the_way(l, write) && (!first || l->break_ns < first))
			first = l->break_ns;
		l = next;
	}
	return first;
}

int lease_break(struct task *t, struct inode *i, bool write, bool nonblock)
{
	if (!i->leases)
		return 0;
	for (;;) {
		start_break(i, write);
		uint64_t ends = next_end(i, write);
		if (!ends)
			return 0;
		if (nonblock)
			return -EWOULDBLOCK;
		int err = wait_event_deadline(t, &i->leases->changed, next_end(i, write) == 0, ends);
		if (err != -ETIMEDOUT)
			return err;
	}
}

void lease_file_released(struct file *f)
{
	struct lease *l = lease_of(f);
	if (l)
		lease_end(f->inode, l);
}

void lease_inode_free(struct inode *i)
{
	CHECK(!i->leases || TAILQ_EMPTY(&i->leases->leases));
	free(TAKE(i->leases));
}
