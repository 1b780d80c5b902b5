/* inotify.c - instances and their watches (inotify(7)).
 *
 * LINUX    fs/notify/inotify/. Same: numbers are not used again soon; an event equal to the last in the queue is dropped; a
 *          queue that is full ends in one IN_Q_OVERFLOW.
 * MISSING  max_user_watches counts those of the whole sandbox. */
#include "sentry/fs/inotify/inotify_impl.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "sentry/kernel/task.h"

int inotify_max_queued = 16384, inotify_max_instances = 128, inotify_max_watches = 65536;
static int watch_count;

static int watch_cmp(struct watch *a, struct watch *b)
{
	return a->wd < b->wd ? -1 : a->wd > b->wd;
}
RB_GENERATE_INTERNAL(watch_tree, watch, by_wd, watch_cmp, static __attribute__((unused)))

static size_t padded(const char *name)
{
	size_t len = name ? strlen(name) + 1 : 0;
	return ALIGN_UP(len, sizeof(struct inotify_event));
}

static bool same_event(const struct event *e, int wd, uint32_t mask, const char *name)
{
	if ((e->head.mask & IN_IGNORED) || e->head.wd != wd || e->head.mask != mask || !e->head.len != !name)
		return false;
	return !name || strcmp(e->name, name) == 0;
}

void inotify_queue(struct inotify *in, int wd, uint32_t mask, uint32_t cookie, const char *name)
{
	if (mask & (IN_DELETE_SELF | IN_MOVE_SELF))
		mask &= ~(uint32_t)IN_ISDIR;      /* as ever; fanotify would tell */
	struct event *last = TAILQ_LAST(&in->events, event_list);
	if (last && same_event(last, wd, mask, name))
		return;
	if (in->count >= (unsigned)inotify_max_queued) {
		if (last && (last->head.mask & IN_Q_OVERFLOW))
			return;
		wd = -1;
		mask = IN_Q_OVERFLOW;
		cookie = 0;
		name = NULL;
	}
	size_t len = padded(name);
	struct event *e = xzalloc(sizeof(*e) + len);
	e->head = (struct inotify_event){ .wd = wd, .mask = mask, .cookie = cookie, .len = (uint32_t)len };
	if (name)
		memcpy(e->name, name, strlen(name));
	TAILQ_INSERT_TAIL(&in->events, e, link);
	in->count++;
	in->bytes += sizeof(e->head) + len;
	waitq_wake(&in->wq, EPOLLIN | EPOLLRDNORM);
}

static void event_drop(struct inotify *in, struct event *e)
{
	TAILQ_REMOVE(&in->events, e, link);
	in->count--;
	in->bytes -= sizeof(e->head) + e->head.len;
	free(e);
}

static ssize_t inotify_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)pos;
	struct inotify *in = to_inotify(f);
	ssize_t total = 0;
	struct event *e;
	while ((e = TAILQ_FIRST(&in->events))) {
		size_t bytes = sizeof(e->head) + e->head.len;
		if (dst->resid < bytes)
			return total ? total : -EINVAL;
		if (uio_fill(dst, &e->head, sizeof(e->head)) != sizeof(e->head))
			return total ? total : -EFAULT;
		if (e->head.len && uio_fill(dst, e->name, e->head.len) != (ssize_t)e->head.len)
			return total ? total : -EFAULT;
		total += (ssize_t)bytes;
		event_drop(in, e);
	}
	return total ? total : -EAGAIN;
}

static uint32_t inotify_poll(struct file *f)
{
	return to_inotify(f)->count ? EPOLLIN | EPOLLRDNORM : 0;
}

static long inotify_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	int bytes = (int)to_inotify(f)->bytes;
	return cmd == FIONREAD ? put_user(t, UPTR(arg), &bytes) : -ENOTTY;
}

static int inotify_show_fdinfo(struct file *f, char *buf, size_t bytes)
{
	size_t len = 0;
	struct watch *w;
	RB_FOREACH(w, watch_tree, &to_inotify(f)->watches) {
		if (len >= bytes)
			break;
		struct inode *i = w->list->inode;
		len += (size_t)snprintf(buf + len, bytes - len, "inotify wd:%x ino:%llx sdev:%llx mask:%x ignored_mask:0\n", w->wd,
					(unsigned long long)i->ino, (unsigned long long)i->sb->dev, w->mask);
	}
	return (int)MIN(len, bytes);
}

void watch_list_free(struct notify_list *list)
{
	struct inode *i = list->inode;
	i->watches = NULL;
	free(list);
	inode_put(i);
}

bool watch_remove(struct watch *w)
{
	struct notify_list *list = w->list;
	inotify_queue(w->in, w->wd, IN_IGNORED, 0, NULL);
	RB_REMOVE(watch_tree, &w->in->watches, w);
	TAILQ_REMOVE(&list->watches, w, link);
	free(w);
	watch_count--;
	return TAILQ_EMPTY(&list->watches) && TAILQ_EMPTY(&list->marks);
}

static void inotify_release(struct file *f)
{
	struct inotify *in = to_inotify(f);
	struct watch *w;
	while ((w = RB_MIN(watch_tree, &in->watches))) {
		struct notify_list *list = w->list;
		if (watch_remove(w))
			watch_list_free(list);
	}
	struct event *e;
	while ((e = TAILQ_FIRST(&in->events)))
		event_drop(in, e);
	user_charge_inotify(in->uid, -1);
	file_fini(f);
	free(in);
}

static const struct file_ops inotify_ops = {
	.name = "anon_inode:inotify",
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.show_fdinfo = inotify_show_fdinfo,
	.release = inotify_release,
};

bool is_inotify(const struct file *f)
{
	return f->ops == &inotify_ops;
}

int inotify_new(struct task *t, int flags, struct file **out)
{
	if (user_counts(t->cred->euid).inotifies >= inotify_max_instances)
		return -EMFILE;
	struct inotify *in = NEW(struct inotify);
	int err = file_init_anon(&in->file, &inotify_ops, 0600, O_RDONLY | (flags & O_NONBLOCK));
	if (err) {
		free(in);
		return err;
	}
	in->uid = t->cred->euid;
	user_charge_inotify(in->uid, 1);
	waitq_init(&in->wq);
	RB_INIT(&in->watches);
	TAILQ_INIT(&in->events);
	in->next_wd = 1;
	in->file.wq = &in->wq;
	in->file.mode |= FMODE_STREAM;
	*out = &in->file;
	return 0;
}

static struct watch *watch_find(struct inotify *in, struct inode *i)
{
	struct watch *w;
	if (!i->watches)
		return NULL;
	TAILQ_FOREACH(w, &i->watches->watches, link)
		if (w->in == in)
			return w;
	return NULL;
}

static struct watch *watch_by_wd(struct inotify *in, int wd)
{
	struct watch key = { .wd = wd };
	return RB_FIND(watch_tree, &in->watches, &key);
}

struct notify_list *watch_list_of(struct inode *i)
{
	if (!i->watches) {
		i->watches = NEW(struct notify_list);
		i->watches->inode = inode_get(i);
		TAILQ_INIT(&i->watches->watches);
		TAILQ_INIT(&i->watches->marks);
	}
	return i->watches;
}

int inotify_watch(struct file *f, struct inode *i, uint32_t mask)
{
	struct inotify *in = to_inotify(f);
	uint32_t kept = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
	struct watch *w = watch_find(in, i);
	if (w) {
		if (mask & IN_MASK_CREATE)
			return -EEXIST;
		w->mask = mask & IN_MASK_ADD ? w->mask | kept : kept;
		return w->wd;
	}
	if (watch_count >= inotify_max_watches)
		return -ENOSPC;
	w = NEW(struct watch);
	w->in = in;
	w->list = watch_list_of(i);
	w->mask = kept;
	do {
		w->wd = in->next_wd;
		in->next_wd = in->next_wd == INT_MAX ? 1 : in->next_wd + 1;
	} while (RB_INSERT(watch_tree, &in->watches, w));
	TAILQ_INSERT_TAIL(&i->watches->watches, w, link);
	watch_count++;
	return w->wd;
}

int inotify_unwatch(struct file *f, int wd)
{
	struct watch *w = watch_by_wd(to_inotify(f), wd);
	if (!w)
		return -EINVAL;
	struct notify_list *list = w->list;
	if (watch_remove(w))
		watch_list_free(list);
	return 0;
}
