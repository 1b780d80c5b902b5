/* pidfd.c - a descriptor that stands for a process (pidfd_open(2)).
 *
 * LINUX    fs/pidfs.c. Same: readable once the process is a zombie, hung up once it has been waited for too.
 * MISSING  PIDFD_THREAD; setns and the ioctls. */
#include "sentry/fs/pidfd/pidfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "sentry/kernel/task.h"

struct pidfd {
	struct file file;
	struct thread_group *tg;
};
#define to_pidfd(f) container_of(f, struct pidfd, file)

static bool was_reaped(const struct thread_group *tg)
{
	return tg->zombie && tg_find(tg->tgid) != tg;
}

static uint32_t pidfd_poll(struct file *f)
{
	struct thread_group *tg = to_pidfd(f)->tg;
	if (!tg->zombie)
		return 0;
	return EPOLLIN | EPOLLRDNORM | (was_reaped(tg) ? EPOLLHUP : 0);
}

static int pidfd_show_fdinfo(struct file *f, char *buf, size_t bytes)
{
	struct thread_group *tg = to_pidfd(f)->tg;
	int pid = was_reaped(tg) ? -1 : tg->tgid;
	return snprintf(buf, bytes, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static void pidfd_release(struct file *f)
{
	tg_put(to_pidfd(f)->tg);
	file_fini(f);
	free(to_pidfd(f));
}

static const struct file_ops pidfd_ops = {
	.name = "anon_inode:[pidfd]",
	.poll = pidfd_poll,
	.show_fdinfo = pidfd_show_fdinfo,
	.release = pidfd_release,
};

int pidfd_new(struct thread_group *tg, int flags, struct file **out)
{
	struct pidfd *p = NEW(struct pidfd);
	int err = file_init_anon(&p->file, &pidfd_ops, 0600, O_RDWR | (flags & O_NONBLOCK));
	if (err) {
		free(p);
		return err;
	}
	p->tg = tg_get(tg);
	p->file.wq = &tg->exited;
	p->file.mode |= FMODE_STREAM;
	*out = &p->file;
	return 0;
}

struct thread_group *pidfd_tg(struct file *f)
{
	return f->ops == &pidfd_ops ? to_pidfd(f)->tg : NULL;
}
