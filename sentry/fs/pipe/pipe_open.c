/* pipe_open.c - the ends of pipes: pipe(2), opening FIFOs, and what closing does to the other side.
 *
 * HOW      A FIFO's pipe hangs on its inode while somebody has it open or waits in open; it goes with the last of them, and
 *          what was in it is lost. An anonymous pipe is a FIFO whose inode has no name (so that opening
 *          /proc/self/fd/N works).
 * LINUX    fs/pipe.c fifo_open(), fifo(7). Same: who waits in open is satisfied by an open of the other side, even if that
 *          was closed again meanwhile. */
#include <fcntl.h>
#include <sys/epoll.h>

#include "sentry/fs/pipe/pipe.h"
#include "sentry/fs/pipe/pipe_impl.h"
#include "sentry/kernel/task.h"

static void pipe_release(struct file *f);

static const struct file_ops pipe_ops = {
	.name = "pipe",
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};

bool is_pipe(const struct file *f)
{
	return f->ops == &pipe_ops;
}

static void pipe_put(struct inode *i, struct pipe *p)
{
	if (--p->users > 0)
		return;
	if (i->pipe == p)
		i->pipe = NULL;
	pipe_free(p);
}

/* mode: FMODE_READ, FMODE_WRITE or both. */
static void end_opened(struct pipe *p, unsigned mode)
{
	if (mode & FMODE_READ) {
		p->readers++;
		p->r_count++;
	}
	if (mode & FMODE_WRITE) {
		p->writers++;
		p->w_count++;
	}
}

static void end_closed(struct pipe *p, unsigned mode)
{
	p->readers -= mode & FMODE_READ ? 1 : 0;
	p->writers -= mode & FMODE_WRITE ? 1 : 0;
	if (!p->readers != !p->writers)
		waitq_wake(&p->wq, EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | EPOLLERR | EPOLLHUP);
}

static void pipe_release(struct file *f)
{
	struct pipe_end *e = to_pipe_end(f);
	end_closed(e->pipe, f->mode & (FMODE_READ | FMODE_WRITE));
	pipe_put(f->inode, e->pipe);
	file_fini(f);
	free(e);
}

static void end_attach(struct pipe_end *e, struct pipe *p)
{
	e->file.mode |= FMODE_STREAM;
	e->file.wq = &p->wq;
	e->pipe = p;
	e->w_seen = p->w_count - 1;
	p->users++;
}

int pipe_new(int flags, struct file **out_rd, struct file **out_wr)
{
	flags &= O_NONBLOCK | O_DIRECT;
	struct pipe_end *rd = NEW(struct pipe_end);
	int err = file_init_anon(&rd->file, &pipe_ops, S_IFIFO | 0600, O_RDONLY | flags);
	if (err) {
		free(rd);
		return err;
	}
	struct pipe_end *wr = NEW(struct pipe_end);
	file_init(&wr->file, &pipe_ops, rd->file.inode, NULL, O_WRONLY | flags);

	struct pipe *p = pipe_alloc();
	rd->file.inode->pipe = p;
	p->unnamed = true;
	end_opened(p, FMODE_READ | FMODE_WRITE);
	end_attach(rd, p);
	end_attach(wr, p);
	*out_rd = &rd->file;
	*out_wr = &wr->file;
	return 0;
}

/* The other side has to come first, unless O_NONBLOCK or both sides are ours. Sleeps. */
static int wait_for_partner(struct task *t, struct pipe *p, unsigned mode, int flags, bool *out_alone)
{
	*out_alone = false;
	if (p->unnamed)
		return 0;
	if (mode == FMODE_READ && !p->writers) {
		unsigned seen = p->w_count;
		*out_alone = flags & O_NONBLOCK;
		return *out_alone ? 0 : wait_event(t, &p->wq, p->w_count != seen);
	}
	if (mode == FMODE_WRITE && !p->readers) {
		unsigned seen = p->r_count;
		return wait_event(t, &p->wq, p->r_count != seen);
	}
	return 0;
}

int fifo_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	static const unsigned modes[] = { FMODE_READ, FMODE_WRITE, FMODE_READ | FMODE_WRITE, 0 };
	unsigned mode = modes[flags & O_ACCMODE];
	if (!mode)
		return -EINVAL;
	bool unnamed = i->pipe && i->pipe->unnamed;
	if (mode == FMODE_WRITE && (flags & O_NONBLOCK) && !unnamed && !(i->pipe && i->pipe->readers))
		return -ENXIO;

	struct pipe *p = i->pipe ? i->pipe : (i->pipe = pipe_alloc());
	p->users++;
	end_opened(p, mode);
	waitq_wake(&p->wq, 0);

	bool alone;
	int err = wait_for_partner(t, p, mode, flags, &alone);
	if (err) {
		end_closed(p, mode);
		pipe_put(i, p);
		return err;
	}
	struct pipe_end *e = NEW(struct pipe_end);
	file_init(&e->file, &pipe_ops, i, path, flags);
	end_attach(e, p);
	if (alone)
		e->w_seen = p->w_count;
	p->users--;
	*out = &e->file;
	return 0;
}
