/* as.c - address spaces and threads: made by forks and clones that stubs do for us, ended by SIGKILL and exit(2).
 *
 * HOW   A new stub says hello on its control socket; the message carries its process id by the kernel's word. A stub's own
 *       claim is never used to reach a process: a guest could name somebody else. Deaths are told by init. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "platform/systrap/systrap.h"

static struct pl_as *by_pid;
static TAILQ_HEAD(, pl_as) starting = TAILQ_HEAD_INITIALIZER(starting);
static struct systrap_thread *template;
static bool template_ready;
static struct sleep_lock template_lock;
static void (*template_died)(int status);
static struct loop_fd init_watch;

struct systrap_thread *systrap_thread_new(struct pl_as *as, unsigned index)
{
	struct systrap_thread *t = NEW(struct systrap_thread);
	t->base.as = pl_as_get(as);
	t->index = index;
	t->slot = (struct slot *)thread_area(t);
	as->used[index / 64] |= 1ULL << (index % 64);
	as->threads++;
	TAILQ_INSERT_TAIL(&as->list, t, as_link);
	return t;
}

static void thread_free(struct systrap_thread *t)
{
	struct pl_as *as = t->base.as;
	systrap_thread_lost(t);
	TAILQ_REMOVE(&as->list, t, as_link);
	if (--as->threads == 0)
		pl_as_kill(as);
	free(t);
	pl_as_put(as);
}

/* Takes control and the mapping of areas_fd over, not areas_fd. */
static int as_alloc(int areas_fd, int control, struct pl_as **out)
{
	char *areas = mmap(NULL, STUB_AREAS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, areas_fd, 0);
	if (areas == MAP_FAILED)
		return -errno;
	struct pl_as *as = NEW(struct pl_as);
	as->refs = 1;
	as->control = control;
	as->areas = areas;
	sleep_lock_init(&as->fd_lock);
	TAILQ_INIT(&as->list);
	TAILQ_INSERT_TAIL(&starting, as, starting);
	*out = as;
	return 0;
}

struct pl_as *pl_as_get(struct pl_as *as)
{
	as->refs++;
	return as;
}

void pl_as_put(struct pl_as *as)
{
	if (!as || --as->refs > 0)
		return;
	pl_as_kill(as);
	if (as->pid)
		HASH_DEL(by_pid, as);
	else
		TAILQ_REMOVE(&starting, as, starting);
	close(as->control);
	munmap(as->areas, STUB_AREAS_BYTES);
	free(as);
}

int pl_as_pid(const struct pl_as *as)
{
	return as->pid;
}

static void as_lost(struct pl_as *as, int status)
{
	if (as->dead)
		return;
	as->dead = true;
	as->exit_status = status;
	struct systrap_thread *t;
	TAILQ_FOREACH(t, &as->list, as_link)
		systrap_thread_lost(t);
}

void pl_as_kill(struct pl_as *as)
{
	if (as->dead)
		return;
	if (as->pid)
		kill(as->pid, SIGKILL);
	as_lost(as, SIGKILL);
}

/* The first message of a new stub. False: none, or not from a process that is new to us. */
static bool read_hello(struct pl_as *as)
{
	uint64_t body;
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { &body, sizeof(body) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	if (recvmsg(as->control, &msg, MSG_DONTWAIT) < 0)
		return false;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
		return false;
	struct ucred who;
	memcpy(&who, CMSG_DATA(c), sizeof(who));
	struct pl_as *other;
	HASH_FIND_INT(by_pid, &who.pid, other);
	if (other || who.pid <= 2 || who.pid == getpid())
		return false;
	TAILQ_REMOVE(&starting, as, starting);
	as->pid = who.pid;
	HASH_ADD_INT(by_pid, pid, as);
	return true;
}

/* Sleeps until a stub's first thread is ready for commands. */
static int await_ready(struct systrap_thread *t)
{
	uint32_t event;
	t->co = co_current();
	int err = systrap_wait(t, &event);
	if (!err && (event != EVENT_READY || !systrap_find_frame(t)))
		err = -ESRCH;
	return err;
}

static int fork_as(struct systrap_thread *parent, struct systrap_thread **out)
{
	int areas_fd = systrap_areas_new(), control[2];
	if (areas_fd < 0)
		return areas_fd;
	int err = systrap_control_new(control);
	if (err) {
		close(areas_fd);
		return err;
	}
	struct pl_as *as;
	err = as_alloc(areas_fd, control[0], &as);
	if (err) {
		close(control[0]);
		goto out_fds;
	}
	/* The child goes on from the parent's frame, at the same place of its own area. */
	struct systrap_thread *t = systrap_thread_new(as, parent->index);
	memcpy(thread_area(t) + parent->frame_off, thread_area(parent) + parent->frame_off, AREA_BYTES - parent->frame_off);
	as->first_index = t->index;
	t->base.regs = parent->base.regs;
	t->frame_off = parent->frame_off;
	t->fs_base = parent->fs_base;
	t->gs_base = parent->gs_base;
	systrap_expect(t);

	struct pl_as *from = parent->base.as;
	sleep_lock_acquire(&from->fd_lock);
	err = from->dead ? -ESRCH : systrap_send_fds(from, (int[]){ areas_fd, control[1] }, 2);
	if (!err)
		err = systrap_command(parent, CMD_FORK);
	sleep_lock_release(&from->fd_lock);
	int64_t ret = err ? err : __atomic_load_n(&parent->slot->ret, __ATOMIC_RELAXED);
	if (ret > 0) {
		as->claimed_pid = (int)ret;
		err = await_ready(t);
		if (!err && !read_hello(as))
			err = -ESRCH;
		if (err)
			err = -EAGAIN;
	} else if (!err) {
		err = ret < 0 && ret > -4096 ? (int)ret : -EAGAIN;
	}
	if (err)
		thread_free(t);
	else
		*out = t;
	pl_as_put(as);                        /* the thread holds it */
out_fds:
	close(areas_fd);
	close(control[1]);
	return err;
}

int pl_as_fork(struct pl_thread *pt, struct pl_thread **out)
{
	struct systrap_thread *t;
	int err = fork_as(to_systrap(pt), &t);
	if (err)
		return err;
	systrap_stats.forks++;
	*out = &t->base;
	return 0;
}

int pl_as_new(struct pl_thread **out)
{
	struct systrap_thread *t;
	sleep_lock_acquire(&template_lock);
	int err = 0;
	if (!template_ready) {
		err = await_ready(template);
		template_ready = !err && read_hello(template->base.as);
	}
	err = template_ready ? fork_as(template, &t) : -ESRCH;
	sleep_lock_release(&template_lock);
	if (err)
		return err;
	systrap_stats.forks++;
	*out = &t->base;
	return 0;
}

/* An area is free again when the kernel has cleared its thread's id (CLONE_CHILD_CLEARTID): before that the thread may
 * still look at its slot. The first thread's area, which has no id, is never free again. */
static void reclaim_areas(struct pl_as *as)
{
	for (unsigned i = 0; i < ARRAY_SIZE(as->dying); i++)
		for (uint64_t bits = as->dying[i]; bits; bits &= bits - 1) {
			unsigned b = (unsigned)__builtin_ctzll(bits);
			struct slot *s = (struct slot *)(as->areas + (i * 64 + b) * AREA_BYTES);
			if (__atomic_load_n(&s->tid, __ATOMIC_ACQUIRE) != 0)
				continue;
			as->dying[i] &= ~(1ULL << b);
			as->used[i] &= ~(1ULL << b);
		}
}

static int free_index(struct pl_as *as)
{
	reclaim_areas(as);
	for (unsigned i = 0; i < ARRAY_SIZE(as->used); i++)
		if (~as->used[i])
			return (int)(i * 64 + (unsigned)__builtin_ctzll(~as->used[i]));
	return -EAGAIN;
}

int pl_thread_clone(struct pl_thread *pt, struct pl_thread **out)
{
	struct systrap_thread *parent = to_systrap(pt);
	int index = pt->as->dead ? -ESRCH : free_index(pt->as);
	if (index < 0)
		return index;
	struct systrap_thread *t = systrap_thread_new(pt->as, (unsigned)index);
	*t->slot = (struct slot){ 0 };
	pt->as->cloned = true;

	/* A copy of the parent's frame and state in the child's area, pointers moved along. */
	uint64_t area = STUB_AREAS + t->index * AREA_BYTES, parent_area = STUB_AREAS + parent->index * AREA_BYTES;
	t->frame_off = parent->frame_off;
	memcpy(thread_area(t) + t->frame_off, thread_area(parent) + parent->frame_off, AREA_BYTES - parent->frame_off);
	struct host_frame *f = (void *)(thread_area(t) + t->frame_off);
	f->fpstate = parent->frame.fpstate ? parent->frame.fpstate - parent_area + area : 0;
	f->ss_sp = area + AREA_SLOT_BYTES;
	f->ss_size = AREA_BYTES - AREA_SLOT_BYTES;
	f->ss_flags = 0;
	t->base.regs = pt->regs;
	t->fs_base = parent->fs_base;
	t->gs_base = parent->gs_base;
	systrap_expect(t);

	parent->slot->arg[0] = area + t->frame_off;
	parent->slot->arg[1] = area + offsetof(struct slot, tid);
	int err = systrap_command(parent, CMD_CLONE);
	int64_t ret = err ? err : __atomic_load_n(&parent->slot->ret, __ATOMIC_RELAXED);
	if (ret > 0)
		err = await_ready(t);
	else if (!err)
		err = ret < 0 && ret > -4096 ? (int)ret : -EAGAIN;
	if (err) {
		pt->as->dying[t->index / 64] |= 1ULL << (t->index % 64);
		thread_free(t);
		return err;
	}
	systrap_stats.threads++;
	*out = &t->base;
	return 0;
}

void pl_thread_exit(struct pl_thread *pt)
{
	if (!pt)
		return;
	struct systrap_thread *t = to_systrap(pt);
	if (!pt->as->dead && pt->as->threads > 1) {
		systrap_post(t, CMD_EXIT);
		t->co = NULL;
		if (t->index != pt->as->first_index)
			pt->as->dying[t->index / 64] |= 1ULL << (t->index % 64);
	}
	thread_free(t);
}

ssize_t pl_read(struct pl_as *as, uint64_t addr, void *buf, size_t bytes)
{
	struct iovec local = { buf, bytes }, remote = { (void *)addr, bytes };
	if (as->dead)
		return -ESRCH;
	ssize_t n = process_vm_readv(as->pid, &local, 1, &remote, 1, 0);
	return n < 0 ? -errno : n;
}

ssize_t pl_write(struct pl_as *as, uint64_t addr, const void *buf, size_t bytes)
{
	struct iovec local = { (void *)buf, bytes }, remote = { (void *)addr, bytes };
	if (as->dead)
		return -ESRCH;
	ssize_t n = process_vm_writev(as->pid, &local, 1, &remote, 1, 0);
	return n < 0 ? -errno : n;
}

/* --- deaths --- */

static void stub_died(const struct pl_death *d)
{
	if (template && d->pid == template->base.as->pid) {
		template_died(d->status);
		return;
	}
	int pid = d->pid;
	struct pl_as *as;
	HASH_FIND_INT(by_pid, &pid, as);
	if (as) {
		as_lost(as, d->status);
		return;
	}
	TAILQ_FOREACH(as, &starting, starting)
		if (as->claimed_pid == pid)
			as_lost(as, d->status);
}

static void init_news(struct loop_fd *lf, uint32_t events)
{
	(void)events;
	struct pl_death d;
	ssize_t n;
	while ((n = recv(lf->fd, &d, sizeof(d), MSG_DONTWAIT)) == sizeof(d))
		stub_died(&d);
	if (n == 0)
		template_died(SIGKILL);               /* init itself is gone; so will we be */
}

int systrap_init(const struct pl_config *cfg)
{
	template_died = cfg->template_died;
	sleep_lock_init(&template_lock);
	systrap_run_init(cfg->doorbell_fd);
	init_watch = (struct loop_fd){ .fd = cfg->init_fd, .events = EPOLLIN, .ready = init_news };
	int err = loop_fd_add(&init_watch);
	if (err)
		return err;

	struct pl_as *as;
	err = as_alloc(cfg->template_memfd, cfg->template_fd, &as);
	if (err)
		return err;
	close(cfg->template_memfd);
	template = systrap_thread_new(as, 0);
	systrap_expect(template);
	return 0;
}
