/* epoll_post.c - epoll_ctl(2), and changes of sets that tasks make without asking (platform/post.h).
 *
 * HOW      What succeeds can be told as long as nobody else can change the set, or see that it has not changed yet: the task has
 *          its descriptors for itself, the set is open once, in no other set, and no call of the task has to be seen. All that is
 *          looked at before guest code goes on; only the task's own calls change it. A descriptor that is closed makes
 *          everything known of the others stale, too.
 *          What could not be told any more is never posted: an exclusive item, a set in the set, too many items.
 * MISSING  Who gets at the set by pidfd_getfd(2), or reads of it in /proc/PID/fdinfo, sees it as of the last event. */
#include "sentry/fs/epoll/epoll_impl.h"
#include "sentry/fs/signalfd/signalfd.h"
#include "sentry/kernel/task.h"
#include "sentry/sentry.h"

static int do_ctl(struct file *epf, int op, struct file *f, int fd, const struct epoll_event *ev)
{
	switch (op) {
	case EPOLL_CTL_ADD:
		return epoll_ctl_add(epf, f, fd, ev);
	case EPOLL_CTL_MOD:
		return epoll_ctl_mod(epf, f, fd, ev);
	case EPOLL_CTL_DEL:
		return epoll_ctl_del(epf, f, fd);
	default:
		return -EINVAL;
	}
}

long epoll_ctl_fd(struct task *t, int epfd, int op, int fd, const struct epoll_event *ev)
{
	AUTO(file_put) struct file *epf = fd_get(t, epfd);
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!epf || !f)
		return -EBADF;
	if (!f->ops->poll || (f->mode & FMODE_NOWAIT_POLL))
		return -EPERM;
	if (f == epf || !is_epoll(epf))
		return -EINVAL;
	const uint32_t exclusive_ok = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
	if ((ev->events & EPOLLEXCLUSIVE) && (op == EPOLL_CTL_MOD || (ev->events & ~exclusive_ok)))
		return -EINVAL;
	signalfd_reader = t;
	int err = do_ctl(epf, op, f, fd, ev);
	signalfd_reader = NULL;
	return err;
}

static void stop(struct task *t)
{
	t->post.set = NULL;
	if (t->pl)
		pl_post_set(t->pl, -1);
}

/* Whether it stays as it is until the task's next call. refs: of the set. */
static bool is_alone(struct task *t, const struct file *epf, int refs)
{
	return t->files->refs == 1 && epf->refs == refs && !epf->epitems && !task_wants_slow_path(t);
}

void epoll_posts_learn(struct task *t, int epfd, int op, int fd)
{
	AUTO(file_put) struct file *epf = fd_get(t, epfd);
	AUTO(file_put) struct file *f = fd_get(t, fd);
	if (!epf || !f || !is_alone(t, epf, 2) || sentry_config->strace_fd >= 0)
		return;
	struct epitem *it = epitem_find(to_epoll(epf), f, fd);
	if (is_epoll(f) || (it && (it->events & EPOLLEXCLUSIVE)) || !it != (op == EPOLL_CTL_DEL) || epoll_nearly_full())
		return;
	if (t->post.set != epf || t->post.fd != epfd || t->post.version != t->files->version || t->post.pl != t->pl) {
		t->post.set = epf;
		t->post.fd = epfd;
		t->post.version = t->files->version;
		t->post.pl = t->pl;
		pl_post_set(t->pl, epfd);
	}
	pl_post_fd(t->pl, fd, it != NULL);
}

void epoll_posts_check(struct task *t)
{
	if (t->post.version != t->files->version || !is_alone(t, t->post.set, 1))
		stop(t);
}

void epoll_posts_make(struct task *t)
{
	unsigned n = t->pl->nposts;
	t->pl->nposts = 0;
	for (unsigned i = 0; i < n && t->post.set && t->files; i++) {
		const struct pl_post *p = &t->pl->posts[i];
		struct epoll_event ev = { .events = p->events, .data.u64 = p->data };
		if (epoll_ctl_fd(t, t->post.fd, p->op, p->fd, &ev))
			debugf("sbx: %d: a posted change of an epoll set failed\n", t->tid);
	}
}
