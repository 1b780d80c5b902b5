/* locks.c - advisory locks (locks.h).
 *
 * HOW      An inode that ever had a lock has two lists: ranges (fcntl), sorted by start, and whole files (flock). A range
 *          is owned by a descriptor table (POSIX) or an open file (OFD); an owner's own ranges never overlap. Who must
 *          wait sleeps on the inode's queue and looks again whenever a lock on it goes.
 * LINUX    fs/locks.c. Same: a chain of waiting processes that leads back to the caller is EDEADLK (POSIX only);
 *          a flock conversion gives the old lock up first.
 * MISSING  Mandatory locks (gone from Linux, too). Leases are in lease.c. */
#include "sentry/kernel/pid_ns.h"
#include "sentry/vfs/locks.h"

#include <sys/file.h>

#include "sentry/kernel/task.h"

struct lock {
	TAILQ_ENTRY(lock) link;
	const void *owner;
	const struct file *file;          /* by which it was asked for; may be gone */
	bool exclusive;
	int pid;                          /* -1: an open file's range */
	off_t start, end;                 /* inclusive */
};
TAILQ_HEAD(lock_list, lock);

struct flock_list {
	struct lock_list ranges, whole;
	struct waitq wq;
	const struct inode *inode;
	TAILQ_ENTRY(flock_list) link;     /* of every inode that ever had a lock, for /proc/locks */
};
static TAILQ_HEAD(, flock_list) lists = TAILQ_HEAD_INITIALIZER(lists);

/* A process that waits for a range: for the deadlock check. */
struct range_waiter {
	TAILQ_ENTRY(range_waiter) link;
	struct flock_list *on;
	const struct lock *want;
};
static TAILQ_HEAD(range_waiter_list, range_waiter) range_waiters = TAILQ_HEAD_INITIALIZER(range_waiters);

static struct flock_list *locks_of(struct inode *i)
{
	if (!i->flocks) {
		i->flocks = NEW(struct flock_list);
		TAILQ_INIT(&i->flocks->ranges);
		TAILQ_INIT(&i->flocks->whole);
		waitq_init(&i->flocks->wq);
		i->flocks->inode = i;
		TAILQ_INSERT_TAIL(&lists, i->flocks, link);
	}
	return i->flocks;
}

static bool in_the_way(const struct lock *l, const struct lock *want)
{
	return l->owner != want->owner && (l->exclusive || want->exclusive) && l->start <= want->end &&
	       want->start <= l->end;
}

static struct lock *conflict(const struct lock_list *list, const struct lock *want)
{
	struct lock *l;
	TAILQ_FOREACH(l, list, link) {
		if (in_the_way(l, want))
			return l;
	}
	return NULL;
}

static void list_drop(struct lock_list *list, struct lock *l)
{
	TAILQ_REMOVE(list, l, link);
	free(l);
}

static void list_drop_owner(struct lock_list *list, const void *owner)
{
	struct lock *l = TAILQ_FIRST(list);
	while (l) {
		struct lock *next = TAILQ_NEXT(l, link);
		if (l->owner == owner)
			list_drop(list, l);
		l = next;
	}
}

/* --- flock --- */

static bool try_flock(struct flock_list *fl, const struct lock *want)
{
	if (conflict(&fl->whole, want))
		return false;
	struct lock *l = NEW(struct lock);
	*l = *want;
	TAILQ_INSERT_TAIL(&fl->whole, l, link);
	return true;
}

int flock_set(struct task *t, struct file *f, int operation)
{
	int op = operation & ~LOCK_NB;
	if (op != LOCK_SH && op != LOCK_EX && op != LOCK_UN)
		return -EINVAL;
	struct flock_list *fl = locks_of(f->inode);
	struct lock want = { .owner = f, .file = f, .exclusive = op == LOCK_EX, .pid = t->tg->tgid, .end = INT64_MAX };
	struct lock *l;
	TAILQ_FOREACH(l, &fl->whole, link) {
		if (l->owner == f)
			break;
	}
	if (l && op != LOCK_UN && l->exclusive == want.exclusive)
		return 0;
	if (l) {
		list_drop(&fl->whole, l);
		waitq_wake(&fl->wq, 0);
	}
	if (op == LOCK_UN || try_flock(fl, &want))
		return 0;
	if (operation & LOCK_NB)
		return -EWOULDBLOCK;
	return wait_event(t, &fl->wq, try_flock(fl, &want));
}

/* --- ranges --- */

static int range_of(const struct file *f, const struct flock *fl, off_t *out_start, off_t *out_end)
{
	off_t base, start, end;
	switch (fl->l_whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = f->pos;
		break;
	case SEEK_END:
		base = f->inode->size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, fl->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	if (fl->l_len > 0) {
		if (__builtin_add_overflow(start, fl->l_len - 1, &end))
			return -EOVERFLOW;
	} else if (fl->l_len < 0) {
		end = start - 1;
		if (__builtin_add_overflow(start, fl->l_len, &start) || start < 0)
			return -EINVAL;
	} else {
		end = INT64_MAX;
	}
	*out_start = start;
	*out_end = end;
	return 0;
}

static void insert_sorted(struct lock_list *list, const struct lock *model, off_t start, off_t end)
{
	struct lock *l = NEW(struct lock), *at;
	*l = *model;
	l->start = start;
	l->end = end;
	TAILQ_FOREACH(at, list, link) {
		if (at->start > start) {
			TAILQ_INSERT_BEFORE(at, l, link);
			return;
		}
	}
	TAILQ_INSERT_TAIL(list, l, link);
}

/* Takes [start, end] out of the owner's ranges, splitting what sticks out. */
static void carve(struct lock_list *list, const void *owner, off_t start, off_t end)
{
	struct lock *l = TAILQ_FIRST(list);
	while (l) {
		struct lock *next = TAILQ_NEXT(l, link);
		if (l->owner == owner && l->start <= end && start <= l->end) {
			struct lock old = *l;
			list_drop(list, l);
			if (old.start < start)
				insert_sorted(list, &old, old.start, start - 1);
			if (old.end > end)
				insert_sorted(list, &old, end + 1, old.end);
		}
		l = next;
	}
}

/* Inserts, joined with the owner's neighbours of the same kind. */
static void insert_merged(struct lock_list *list, const struct lock *want)
{
	off_t start = want->start, end = want->end;
	struct lock *l = TAILQ_FIRST(list);
	while (l) {
		struct lock *next = TAILQ_NEXT(l, link);
		if (l->owner == want->owner && l->exclusive == want->exclusive) {
			bool left = l->end != INT64_MAX && l->end + 1 == start;
			bool right = end != INT64_MAX && l->start == end + 1;
			if (left)
				start = l->start;
			if (right)
				end = l->end;
			if (left || right)
				list_drop(list, l);
		}
		l = next;
	}
	insert_sorted(list, want, start, end);
}

static bool try_range(struct flock_list *fl, const struct lock *want)
{
	if (conflict(&fl->ranges, want))
		return false;
	carve(&fl->ranges, want->owner, want->start, want->end);
	insert_merged(&fl->ranges, want);
	waitq_wake(&fl->wq, 0);           /* an exclusive one may have become shared */
	return true;
}

static bool would_deadlock(struct flock_list *fl, const struct lock *want)
{
	const struct lock *l = conflict(&fl->ranges, want);
	for (int hops = 0; l && hops < 64; hops++) {
		struct range_waiter *w;
		TAILQ_FOREACH(w, &range_waiters, link) {
			if (w->want->owner == l->owner)
				break;
		}
		if (!w)
			return false;
		l = conflict(&w->on->ranges, w->want);
		if (l && l->owner == want->owner)
			return true;
	}
	return false;
}

static int wait_for_range(struct task *t, struct flock_list *fl, const struct lock *want, bool check_deadlock)
{
	struct range_waiter w = { .on = fl, .want = want };
	bool deadlock = false;
	if (check_deadlock)
		TAILQ_INSERT_TAIL(&range_waiters, &w, link);
	/* Looked at every time: when one lock goes, another may stand in the way, whose owner waits for us. */
	int err = wait_event(t, &fl->wq, try_range(fl, want) || (deadlock = check_deadlock && would_deadlock(fl, want)));
	if (check_deadlock)
		TAILQ_REMOVE(&range_waiters, &w, link);
	return deadlock ? -EDEADLK : err;
}

int posix_lock_set(struct task *t, struct file *f, const struct flock *fl, enum posix_owner owner, bool wait)
{
	struct lock want = { .pid = owner == OWNER_FILE ? -1 : t->tg->tgid, .exclusive = fl->l_type == F_WRLCK,
			     .owner = owner == OWNER_FILE ? (void *)f : (void *)t->files,
			     .file = f };
	int err = range_of(f, fl, &want.start, &want.end);
	if (err)
		return err;
	if (fl->l_type != F_RDLCK && fl->l_type != F_WRLCK && fl->l_type != F_UNLCK)
		return -EINVAL;
	if ((fl->l_type == F_RDLCK && !(f->mode & FMODE_READ)) || (fl->l_type == F_WRLCK && !(f->mode & FMODE_WRITE)))
		return -EBADF;
	struct flock_list *list = locks_of(f->inode);
	if (fl->l_type == F_UNLCK) {
		carve(&list->ranges, want.owner, want.start, want.end);
		waitq_wake(&list->wq, 0);
		return 0;
	}
	if (try_range(list, &want))
		return 0;
	return wait ? wait_for_range(t, list, &want, owner == OWNER_PROCESS) : -EAGAIN;
}

int posix_lock_test(struct task *t, struct file *f, struct flock *fl, enum posix_owner owner)
{
	if (fl->l_type != F_RDLCK && fl->l_type != F_WRLCK)
		return -EINVAL;
	struct lock want = { .exclusive = fl->l_type == F_WRLCK,
			     .owner = owner == OWNER_FILE ? (void *)f : (void *)t->files };
	int err = range_of(f, fl, &want.start, &want.end);
	if (err)
		return err;
	const struct lock *l = f->inode->flocks ? conflict(&f->inode->flocks->ranges, &want) : NULL;
	if (!l) {
		fl->l_type = F_UNLCK;
		return 0;
	}
	fl->l_type = l->exclusive ? F_WRLCK : F_RDLCK;
	fl->l_whence = SEEK_SET;
	fl->l_start = l->start;
	fl->l_len = l->end == INT64_MAX ? 0 : l->end - l->start + 1;
	fl->l_pid = pid_shown(t, l->pid);
	return 0;
}

/* --- the end of owners --- */

void locks_release_process(struct fdtable *owner, struct inode *i)
{
	if (!i->flocks)
		return;
	list_drop_owner(&i->flocks->ranges, owner);
	waitq_wake(&i->flocks->wq, 0);
}

void locks_release_file(struct file *f)
{
	struct flock_list *fl = f->inode->flocks;
	if (!fl)
		return;
	list_drop_owner(&fl->ranges, f);
	list_drop_owner(&fl->whole, f);
	waitq_wake(&fl->wq, 0);
}

void locks_inode_free(struct inode *i)
{
	if (!i->flocks)
		return;
	CHECK(TAILQ_EMPTY(&i->flocks->ranges) && TAILQ_EMPTY(&i->flocks->whole));
	TAILQ_REMOVE(&lists, i->flocks, link);
	free(i->flocks);
	i->flocks = NULL;
}

static void tell(const struct flock_list *list, const struct lock *l, const char *kind, lock_fn *fn, void *arg)
{
	fn(list->inode, &(struct lock_info){ kind, l->exclusive, l->pid, l->start, l->end, l->file, l->owner }, arg);
}

static void tell_all(const struct flock_list *list, lock_fn *fn, void *arg)
{
	const struct lock *l;
	TAILQ_FOREACH(l, &list->ranges, link)
		tell(list, l, l->pid < 0 ? "OFDLCK" : "POSIX", fn, arg);
	TAILQ_FOREACH(l, &list->whole, link)
		tell(list, l, "FLOCK", fn, arg);
}

void locks_each(const struct inode *i, lock_fn *fn, void *arg)
{
	const struct flock_list *list;
	if (i && i->flocks)
		tell_all(i->flocks, fn, arg);
	if (i)
		return;
	TAILQ_FOREACH(list, &lists, link)
		tell_all(list, fn, arg);
}
