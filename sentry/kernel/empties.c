/* empties.c - files that have nothing to read: what tasks' stubs say without asking (platform/post.h).
 *
 * WHY      Servers and clients read until there is nothing left, or look before they wait: every second read says EAGAIN.
 * HOW      Once a read of a descriptor has said so, each later one that leaves nothing behind tells the stub. The file's
 *          wake-up takes it back, before whoever caused it goes on; so does all that makes the number another
 *          file's, or the file another reader's: close, dup2, O_NONBLOCK, shutdown(2), connect(2).
 *          Not while each call of the task has to be seen. */
#include "sentry/kernel/task.h"
#include "sentry/sentry.h"

#define TASK_MAX 64

struct empty {
	struct waiter w;                  /* on file->wq */
	struct task *t;
	struct file *file;
	int fd;
	struct empty *file_next, **file_prev, *task_next, **task_prev;
};

static void empty_wake(struct waiter *w, uint32_t events)
{
	(void)events;
	struct empty *e = container_of(w, struct empty, w);
	if (e->t->pl)
		pl_empty_fd(e->t->pl, e->fd, false);
}

static void empty_free(struct empty *e)
{
	empty_wake(&e->w, 0);
	waiter_del(&e->w);
	*e->file_prev = e->file_next;
	if (e->file_next)
		e->file_next->file_prev = e->file_prev;
	*e->task_prev = e->task_next;
	if (e->task_next)
		e->task_next->task_prev = e->task_prev;
	free(e);
}

static struct empty *empty_new(struct task *t, struct file *f, int fd)
{
	struct empty *e = NEW(struct empty);
	e->t = t;
	e->file = f;
	e->fd = fd;
	e->file_next = f->empties;
	e->file_prev = &f->empties;
	if (e->file_next)
		e->file_next->file_prev = &e->file_next;
	f->empties = e;
	e->task_next = t->empties;
	e->task_prev = &t->empties;
	if (e->task_next)
		e->task_next->task_prev = &e->task_next;
	t->empties = e;
	e->w.wake = empty_wake;
	waiter_add(&e->w, f->wq);
	return e;
}

/* So that neither lists nor wake-ups grow with what a guest opens. */
static bool has_room(const struct task *t)
{
	int n = 0;
	for (const struct empty *e = t->empties; e && n < TASK_MAX; e = e->task_next)
		n++;
	return n < TASK_MAX;
}

void empties_learn(struct task *t, struct file *f, int fd, bool again, bool empty)
{
	struct empty *e;
	for (e = f->empties; e && (e->t != t || e->fd != fd); e = e->file_next)
		;
	if (!e && again && fd >= 0 && fd < PL_POST_FDS && !task_wants_slow_path(t) && sentry_config->strace_fd < 0 && has_room(t))
		e = empty_new(t, f, fd);
	if (e && t->pl)
		pl_empty_fd(t->pl, fd, empty);
}

void empties_forget(struct task *t)
{
	while (t->empties)
		empty_free(t->empties);
}

void empties_drop_file(struct file *f)
{
	while (f->empties)
		empty_free(f->empties);
}

void empties_drop_fd(struct fdtable *ft, struct file *f, int fd)
{
	struct empty *e, *next;
	for (e = f->empties; e; e = next) {
		next = e->file_next;
		if (e->t->files == ft && e->fd == fd)
			empty_free(e);
	}
}
